"""Restarts, escalation, and what is kept of a child that ended, as OTP's supervisor_SUITE has them.

A docstring names the cases whose rule a test holds; what they say is in docs/conformance.md.
"""

from __future__ import annotations

import weakref
from typing import Any

import pytest

import otp
from otp import (
    AlreadyPresent,
    AlreadyStarted,
    ChildInfo,
    ChildSpec,
    Counts,
    GenServer,
    Ok,
    Registry,
    Shared,
    Stop,
    Supervisor,
    impl,
    process_flag,
)
from otp.testing import advance, wait_all_idle
from refused_starts import refusal
from scripted_workers import Worker, end, ended, pids, template, worker

which, count, start_child = Supervisor.which_children, Supervisor.count_children, Supervisor.start_child
start_tree = Supervisor.start_link_children
STRATEGIES: Any = ("one_for_one", "one_for_all", "rest_for_one")


# Who comes back


@pytest.mark.parametrize(
    ("restart", "reason", "what"),
    [
        ("permanent", "normal", "up"),
        ("permanent", "shutdown", "up"),
        ("permanent", ("shutdown", "some_info"), "up"),
        ("permanent", "abnormal", "up"),
        ("transient", "normal", "down"),
        ("transient", "shutdown", "down"),
        ("transient", ("shutdown", "some_info"), "down"),
        ("transient", "abnormal", "up"),
        ("temporary", "normal", "gone"),
        ("temporary", "shutdown", "gone"),
        ("temporary", ("shutdown", "some_info"), "gone"),
        ("temporary", "abnormal", "gone"),
    ],
)
def test_what_becomes_of_a_child_that_ended(run: Any, restart: Any, reason: Any, what: str) -> None:
    """permanent_normal … temporary_abnormal."""

    async def main() -> None:
        tree = await start_tree([])
        pid = await start_child(tree, worker("child1", restart=restart))
        await end(pid, reason)
        found = await pids(tree)
        if what == "up":
            assert otp.is_alive(found["child1"])
            assert pid != found["child1"]
            assert Counts(1, 1, 0, 1) == await count(tree)
        else:
            assert ({"child1": None} if what == "down" else {}) == found
            assert (Counts(1, 0, 0, 1) if what == "down" else Counts(0, 0, 0, 0)) == await count(tree)

    run(main)


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_a_temporary_bystander_of_a_restart_is_gone(run: Any, strategy: Any) -> None:
    """temporary_bystander."""

    async def main() -> None:
        tree = await start_tree([worker("child1"), worker("child2", restart="temporary")], strategy=strategy)
        await end((await pids(tree))["child1"], "normal")
        assert ["child1"] == list(await pids(tree))

    run(main)


def test_restarts_that_are_far_enough_apart_are_no_reason_to_give_up(run: Any) -> None:
    """multiple_restarts."""

    async def main() -> None:
        tree = await start_tree([worker("child1", shutdown="brutal_kill")], max_restarts=1, max_seconds=1)
        for _ in range(4):
            await end((await pids(tree))["child1"])
            await advance(2.1)
        await Supervisor.terminate_child(tree, "child1")
        await Supervisor.delete_child(tree, "child1")
        assert otp.is_alive(tree)

    run(main)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_strategy_says_who_is_started_again_until_it_is_too_much(run: Any, strategy: str) -> None:
    """one_for_one, one_for_all, rest_for_one."""
    kept = {"one_for_one": {"child1", "child3"}, "one_for_all": set[str](), "rest_for_one": {"child1"}}[strategy]

    async def main() -> None:
        process_flag("trap_exit", True)
        specs = [worker(f"child{n}") for n in (1, 2, 3)]
        tree = await start_tree(specs, strategy=strategy, max_restarts=2)  # type: ignore[arg-type]
        before = await pids(tree)
        await end(before["child2"])
        after = await pids(tree)
        assert kept == {id for id in after if after[id] == before[id]}
        assert {id for id in before if id not in kept} == {id for id in before if not otp.is_alive(before[id])}
        assert Counts(3, 3, 0, 3) == await count(tree)
        await end((await pids(tree))["child3"])
        await end((await pids(tree))["child2"])
        assert "shutdown" == await ended(tree)

    run(main)


@pytest.mark.parametrize("strategy", [*STRATEGIES, "simple_one_for_one"])
def test_a_child_that_cannot_be_started_again_takes_the_supervisor_and_the_others_with_it(
    run: Any, strategy: Any
) -> None:
    """one_for_one_escalation, one_for_all_escalation, rest_for_one_escalation, simple_one_for_one_escalation."""
    fails = [Stop("error")] * 9

    async def main() -> None:
        process_flag("trap_exit", True)
        if strategy == "simple_one_for_one":
            tree = await template(max_restarts=4)
            first = await start_child(tree, [Shared([None, *fails])])
            second = await start_child(tree, [])
        else:
            # The one that fails is the one that ended, or one that is started again because of it.
            script = {"one_for_one": ([None, *fails], []), "one_for_all": ([], [None, *fails])}
            one, two = script.get(strategy, ([], [None, *fails]))
            specs = [worker("child1", *one), worker("child2", *two)]
            tree = await start_tree(specs, strategy=strategy, max_restarts=4)
            first, second = (await pids(tree)).values()
        await end(first)
        assert "shutdown" == await ended(tree)
        assert not otp.is_alive(second)

    run(main)


@pytest.mark.parametrize(
    ("strategy", "log"),
    [
        ("one_for_all", ["+1", "+2", "-1 shutdown", "+1", "+2"]),
        ("rest_for_one", ["+1", "+2", "+2"]),
    ],
)
def test_when_one_of_several_fails_to_come_back(run: Any, strategy: Any, log: list[str]) -> None:
    """one_for_all_other_child_fails_restart, rest_for_one_other_child_fails_restart."""
    told: list[str] = []

    class ReportingWorker(Worker):
        @impl
        def init(self, arg: Any) -> Any:
            process_flag("trap_exit", True)
            told.append(f"+{arg[0]}")
            return arg[1].pop(0) if arg[1] else Ok(arg)

        @impl
        def terminate(self, reason: Any, state: Any) -> None:
            told.append(f"-{state[0]} {reason}")

    async def main() -> None:
        specs = [ReportingWorker.child_spec((n, Shared([])), id=n) for n in (1, 2)]
        script: list[Any] = []
        specs[1] = ReportingWorker.child_spec((2, Shared(script)), id=2)
        tree = await start_tree(specs, strategy=strategy)
        first = (await pids(tree))[1]
        if strategy == "one_for_all":
            otp.exit((await pids(tree))[2], "kill")
            await wait_all_idle()
            first = (await pids(tree))[1]
        told.clear()
        script.append(Stop("normal"))
        otp.exit(first, "kill")
        await wait_all_idle()
        assert all(otp.is_alive(pid) for pid in (await pids(tree)).values())
        assert log == [line for line in told if line != "-2 shutdown"]

    run(main)


def test_children_start_in_order_and_end_in_the_opposite_order(run: Any) -> None:
    """order_of_children."""
    ids = ["ch7", "ch3", "ch10", "ch2", "ch5"]

    async def main() -> None:
        process_flag("trap_exit", True)
        tree: Any = await start_tree([worker(id) for id in ids], strategy="rest_for_one", max_restarts=2)
        before = await pids(tree)
        assert ids == list(before) == sorted(before, key=before.__getitem__)
        refs = {otp.monitor(pid): id for id, pid in before.items()}
        await end(before["ch10"])
        assert ["ch10", "ch5", "ch2"] == [refs[(await otp.receive(otp.Is(otp.Down))).ref] for _ in range(3)]
        after = await pids(tree)
        assert ids == sorted(after, key=after.__getitem__)
        assert (before["ch7"], before["ch3"]) == (after["ch7"], after["ch3"])
        refs |= {otp.monitor(after[id]): id for id in ("ch10", "ch2", "ch5")}
        otp.exit(tree, "shutdown")
        assert ids[::-1] == [refs[(await otp.receive(otp.Is(otp.Down))).ref] for _ in range(5)]

    run(main)


def test_a_tree_comes_back_without_the_children_that_were_added(run: Any) -> None:
    """tree."""

    async def main() -> None:
        process_flag("trap_exit", True)
        inner = otp.Children([worker("child1"), worker("child2")], max_restarts=4)
        empty = otp.Children([], max_restarts=4)
        top = await start_tree([], strategy="one_for_all", max_restarts=4)
        one = await start_child(top, Supervisor.child_spec(inner, id="sup1"))
        two = await start_child(top, Supervisor.child_spec(empty, id="sup2"))
        await start_child(top, Supervisor.child_spec(empty, id="sup3", restart="transient"))
        await Supervisor.terminate_child(top, "sup3")
        assert Counts(3, 2, 3, 0) == await count(top)
        assert Counts(2, 2, 0, 2) == await count(one)
        fragile = await start_child(two, worker("child3", None, *[Stop("error")] * 9))
        other = await start_child(two, worker("child4"))
        before = await pids(one)
        await end(other)
        assert before == await pids(one)
        assert fragile == (await pids(two))["child3"] != (await pids(two))["child4"] != other
        await end(fragile)
        assert ["sup1", "sup2", "sup3"] == list(after := await pids(top))
        assert not {one, two} & set(after.values())
        assert Counts(3, 3, 3, 0) == await count(top)
        assert ["child1", "child2"] == list(await pids(after["sup1"]))
        assert [{}, {}] == [await pids(after[id]) for id in ("sup2", "sup3")]

    run(main)


def test_a_start_and_a_restart_that_went_well_are_no_news(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    """external_start_no_progress_log: no report of a start; a restart is reported once."""
    caplog.set_level("INFO", "otp.supervisor")

    async def main() -> None:
        tree = await start_tree([])
        pid = await start_child(tree, worker("child1"))
        assert [] == caplog.records
        await end(pid, "normal")
        (report,) = caplog.records
        assert "child1" in report.getMessage()
        caplog.clear()

    run(main)


# What is kept of a child


class Payload:
    """Something a start function is given; weakly known."""


@pytest.mark.parametrize("strategy", [*STRATEGIES, "simple_one_for_one"])
@pytest.mark.parametrize(("restart", "kept"), [("temporary", False), ("transient", True), ("permanent", True)])
def test_arguments_of_temporary_children_are_not_kept(run: Any, strategy: Any, restart: Any, kept: bool) -> None:
    """do_not_save_start_parameters_for_temporary_children, simple_one_for_one_corruption."""

    async def start(payload: Any) -> Any:
        return await Worker.start_link()

    async def main() -> None:
        payload = Payload()
        known = weakref.ref(payload)
        if strategy == "simple_one_for_one":
            spec = ChildSpec("child", (start,), restart=restart, modules=())
            tree = await start_tree([spec], strategy=strategy)
            earlier = await start_child(tree, [0])
            await end(earlier)
            pid = await start_child(tree, [payload])
        else:
            tree = await start_tree([], strategy=strategy)
            pid = await start_child(tree, ChildSpec("child", (start, payload), restart=restart, modules=()))
        del payload
        await wait_all_idle()
        assert otp.is_alive(pid)
        assert kept is (known() is not None)

    run(main)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("how", ["kill", "normal", "abnormal", "supervisor"])
def test_the_spec_of_a_temporary_child_goes_with_it_and_others_stay(run: Any, strategy: Any, how: str) -> None:
    """do_not_save_child_specs_for_temporary_children."""

    async def main() -> None:
        tree = await start_tree([], strategy=strategy, max_restarts="infinity")
        for restart in ("permanent", "transient", "temporary"):
            spec = worker(restart, restart=restart)
            pid = await start_child(tree, spec)
            if how == "supervisor":
                await Supervisor.terminate_child(tree, restart)
            else:
                await end(pid, how)
            if restart == "temporary":
                await start_child(tree, spec)
            elif how == "supervisor" or (restart, how) == ("transient", "normal"):
                with pytest.raises(AlreadyPresent):
                    await start_child(tree, spec)
                await Supervisor.restart_child(tree, restart)
            else:
                with pytest.raises(AlreadyStarted):
                    await start_child(tree, spec)

    run(main)


# Restarts that are tried again and again


class Switch(GenServer[Any]):
    """Does not start while its shared list says "off"."""

    @impl
    def init(self, arg: Any) -> Any:
        return Stop("off") if arg == ["off"] else Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return Stop(request, state)


async def crash(pid: Any) -> None:
    """After seeing the end, call the supervisor when it has seen it too and tried the restart."""
    GenServer.cast(pid, "error")
    await otp.wait_down(pid)


def test_restarting_children_are_counted_as_specs_only(run: Any) -> None:
    """count_restarting_children."""

    async def main() -> None:
        switch = ["on"]
        spec = ChildSpec("t", (Switch.start_link, Shared(switch)), shutdown="brutal_kill")
        tree = await start_tree([spec], strategy="simple_one_for_one", max_restarts="infinity")
        first, second, third = [await start_child(tree, []) for _ in range(3)]
        switch[0] = "off"

        async def ask() -> None:
            await crash(first)
            await crash(second)
            assert Counts(1, 1, 0, 3) == await count(tree)
            switch[0] = "on"

        assert "normal" == await otp.wait_down(otp.spawn(ask))
        await wait_all_idle()
        assert Counts(1, 3, 0, 3) == await count(tree)
        await Supervisor.terminate_child(tree, third)
        for n in (1, 0):
            assert n + 1 == (await count(tree)).active
            await Supervisor.terminate_child(tree, (await which(tree))[0].pid)
        assert Counts(1, 0, 0, 0) == await count(tree)

    run(main)


@pytest.mark.parametrize("strategy", ["one_for_one", "rest_for_one", "simple_one_for_one"])
def test_a_child_and_a_supervisor_can_be_stopped_while_a_restart_fails_again_and_again(run: Any, strategy: Any) -> None:
    """hanging_restart_loop, hanging_restart_loop_rest_for_one, hanging_restart_loop_simple."""
    simple = strategy == "simple_one_for_one"

    async def main() -> None:
        process_flag("trap_exit", True)
        switch = ["on"]
        child2 = ChildSpec("child2", (Switch.start_link, Shared(switch)), shutdown="brutal_kill")
        specs = [child2] if simple else [worker("child1"), child2, worker("child3")]
        tree = await start_tree(specs, strategy=strategy, max_restarts="infinity")
        pid = await start_child(tree, []) if simple else (await pids(tree))["child2"]

        async def ask() -> None:
            switch[0] = "off"
            await crash(pid)
            if simple:
                assert [ChildInfo(None, "restarting", "worker", (Switch,))] == await which(tree)
                assert Counts(1, 0, 0, 1) == await count(tree)
                await Supervisor.terminate_child(tree, pid)
                assert [] == await which(tree)
            else:
                rest = strategy == "rest_for_one"
                assert "already_present" == await refusal(start_child(tree, child2))
                assert "restarting" == await refusal(Supervisor.restart_child(tree, "child2"))
                assert "restarting" == await refusal(Supervisor.delete_child(tree, "child2"))
                assert (None if rest else (await pids(tree))["child3"]) == (await pids(tree))["child3"]
                assert Counts(3, 1 if rest else 2, 0, 3) == await count(tree)
                await Supervisor.terminate_child(tree, "child2")
                assert (await pids(tree))["child2"] is None
            switch[0] = "on"

        assert "normal" == await otp.wait_down(otp.spawn(ask))
        again = await start_child(tree, []) if simple else await Supervisor.restart_child(tree, "child2")

        async def stop() -> None:
            switch[0] = "off"
            await crash(again)
            await Supervisor.stop(tree, "shutdown")

        assert "normal" == await otp.wait_down(otp.spawn(stop))
        assert "shutdown" == await ended(tree)
        assert [otp.self()] == otp.processes()

    run(main)


# Names elsewhere


@pytest.mark.parametrize("how", ["kill_supervisor", "kill_worker", "exit_worker", "restart_worker"])
def test_a_supervisor_and_a_server_with_names_of_a_registry_come_back(run: Any, how: str) -> None:
    """simple_global_supervisor, with a Registry in the place of global names."""
    sup, server = Registry.via("names", "sup2"), Registry.via("names", "server")

    async def main() -> None:
        process_flag("trap_exit", True)
        await Registry.start_link(keys="unique", name="names")
        inner = otp.Children([Worker.child_spec(name=server, id="child")], strategy="one_for_all")
        top = await start_tree([Supervisor.child_spec(inner, name=sup)], strategy="one_for_all")
        before = otp.whereis(sup), otp.whereis(server)
        match how:
            case "kill_supervisor":
                await end(before[0], "kill")
            case "kill_worker":
                await end(before[1], "kill")
            case "exit_worker":
                await end(before[1], "normal")
            case _:
                await Supervisor.terminate_child(sup, "child")
                await Supervisor.restart_child(sup, "child")
        after = otp.whereis(sup), otp.whereis(server)
        assert None not in after
        assert before[1] != after[1]
        assert (how == "kill_supervisor") is (before[0] != after[0])
        otp.exit(top, "kill")
        await wait_all_idle()
        assert (None, None) == (otp.whereis(sup), otp.whereis(server))

    run(main)
