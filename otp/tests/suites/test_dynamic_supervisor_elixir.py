"""Cases of Elixir's dynamic_supervisor_test.exs in Python; docs/conformance.md lists all of them."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import (
    Agent,
    AlreadyStarted,
    ChildSpec,
    Counts,
    Crash,
    DynamicSupervisor,
    Error,
    Exit,
    ExitSignal,
    Ignore,
    Registry,
    Shared,
    StartError,
    Supervisor,
    Throw,
    process_flag,
)
from otp.testing import wait_all_idle
from refused_starts import refusal

start_child, which, count = (
    DynamicSupervisor.start_child,
    DynamicSupervisor.which_children,
    DynamicSupervisor.count_children,
)


async def never() -> None:
    await otp.receive(otp.Is("never sent"))


async def leaving(reason: Any) -> None:
    """Traps exits; when asked to stop, it ends with another reason."""
    process_flag("trap_exit", True)
    await otp.receive()
    otp.exit(reason)


async def deaf() -> None:
    process_flag("trap_exit", True)
    await never()


def scripted(script: list[Any]) -> Any:
    """A start function; each start takes the next answer, and starts a process where there is none left."""
    answer = script.pop(0) if script else None
    if isinstance(answer, Exception):
        raise answer
    return otp.spawn_link(never) if answer is None else answer


def worker(*script: Any, **options: Any) -> ChildSpec:
    return ChildSpec("w", (scripted, Shared(list(script))), **options)


def task(fn: Any, *args: Any, **options: Any) -> ChildSpec:
    return ChildSpec("t", (otp.spawn_link, fn, *args), **options)


async def end(pid: Any, reason: Any) -> None:
    otp.exit(pid, reason)
    await wait_all_idle()


def test_several_stand_among_children_and_are_told_apart_by_their_names(run: Any) -> None:
    async def main() -> None:
        await Registry.start_link(keys="unique", name="names")
        via = Registry.via("names", "via_name")
        names: list[Any] = ["simple_name", via]
        top = await Supervisor.start_link_children([DynamicSupervisor.child_spec(name=name) for name in names])
        nameless = await Supervisor.start_child(top, DynamicSupervisor)
        assert [[], [], []] == [await which(dest) for dest in (*names, nameless)]
        with pytest.raises(AlreadyStarted) as failure:
            await Supervisor.start_child(top, DynamicSupervisor)
        assert nameless == failure.value.pid

    run(main)


def test_the_limits_have_the_defaults_of_elixir(run: Any) -> None:
    async def main() -> None:
        process_flag("trap_exit", True)
        sup: Any = await DynamicSupervisor.start_link()
        assert (3, 5, "never") == (sup.state.max_restarts, sup.state.max_seconds, sup.state.auto_shutdown)
        for _ in range(3):
            await end(await start_child(sup, worker()), "boom")
        assert Counts(3, 3, 0, 3) == await count(sup)
        await end((await which(sup))[0].pid, "boom")
        assert ExitSignal(sup, "shutdown") == await otp.receive()

    run(main)


def test_one_with_a_name_is_linked_is_found_and_stops(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link(name="rooms")
        assert sup in otp.process_info(otp.self(), "links")
        assert sup == otp.whereis("rooms")
        await DynamicSupervisor.stop("rooms")
        assert otp.whereis("rooms") is None

    run(main)


# Starting children


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({}, "missing_id"),
        ({"id": 1, "start": 2}, ("invalid_mfa", 2)),
        ({"id": 1, "start": ("not a function", "bar")}, ("invalid_mfa", ("not a function", "bar"))),
        ({"id": 1, "start": (never,), "shutdown": -1}, ("invalid_shutdown", -1)),
        ({"id": 1, "start": (never,), "significant": True, "restart": "transient"}, ("invalid_significant", True)),
    ],
)
def test_a_wrong_spec_is_refused(run: Any, spec: Any, reason: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link()
        assert reason == await refusal(start_child(sup, spec))
        assert Counts(0, 0, 0, 0) == await count(sup)

    run(main)


def test_what_a_start_function_returns_is_the_answer(run: Any) -> None:
    async def extra() -> Any:
        return otp.spawn_link(never), "extra"

    async def main() -> None:
        sup = await DynamicSupervisor.start_link()
        pid, more = await start_child(sup, ChildSpec("w", (extra,)))
        assert (True, "extra") == (otp.is_alive(pid), more)
        assert otp.is_alive(await start_child(sup, worker()))
        assert Ignore() == await start_child(sup, worker(Ignore()))
        assert "found" == await refusal(start_child(sup, worker(StartError("found"))))
        assert "unknown" == await refusal(start_child(sup, worker("unknown")))
        assert Counts(2, 2, 0, 2) == await count(sup)

    run(main)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(Throw("oops"), "oops"), (Error("oops"), ("EXIT", Crash("oops"))), (Exit("oops"), ("EXIT", "oops"))],
    ids=["throw", "error", "exit"],
)
def test_a_start_function_that_raises_has_failed_as_under_any_supervisor(run: Any, error: Any, reason: Any) -> None:
    """Elixir's answers {{:nocatch, :oops}, _}, {error, stack} and :oops."""

    async def main() -> None:
        sup = await DynamicSupervisor.start_link()
        tree = await Supervisor.start_link_children([ChildSpec("t", (scripted,))], strategy="simple_one_for_one")
        assert reason == await refusal(start_child(sup, worker(error)))
        assert reason == await refusal(Supervisor.start_child(tree, [Shared([error])]))
        assert otp.is_alive(sup)

    run(main)


def test_no_child_may_be_more_than_allowed(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link(max_children=0)
        assert "max_children" == await refusal(start_child(sup, worker()))

    run(main)


@pytest.mark.parametrize(
    ("restart", "back"),
    [
        ("temporary", ()),
        ("transient", ("boom",)),
        ("permanent", ("normal", "shutdown", ("shutdown", "signal"), "boom")),
    ],
)
def test_who_is_restarted_after_which_reason(run: Any, restart: Any, back: Any) -> None:
    async def leave(reason: Any) -> None:
        await otp.receive()
        otp.exit(reason)

    async def main() -> None:
        sup = await DynamicSupervisor.start_link(max_restarts=100_000)
        expected = 0
        for reason in ("normal", "shutdown", ("shutdown", "signal"), "boom"):
            pid = await start_child(sup, task(leave, reason, restart=restart))
            otp.send(pid, "leave")
            await wait_all_idle()
            assert not otp.is_alive(pid)
            expected += reason in back
            assert Counts(expected, expected, 0, expected) == await count(sup)

    run(main)


def test_each_answer_of_a_restart(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link(max_restarts="infinity")
        script = Shared([None])
        again = ChildSpec("w", (scripted, script))
        expected = Counts(0, 0, 0, 0)
        for answer, specs, active in ((None, 1, 1), (Ignore(), 1, 1)):
            pid = await start_child(sup, worker(None, answer))
            await end(pid, "shutdown")
            expected = Counts(specs, active, 0, specs)
            assert expected == await count(sup)
        pid = await start_child(sup, again)
        script.value.extend([StartError("found"), "unknown"])
        await end(pid, "shutdown")
        assert Counts(2, 2, 0, 2) == await count(sup)

    run(main)


def test_a_child_whose_restart_fails_counts_among_those_allowed(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link(max_children=1, max_restarts="infinity")
        switch: list[Any] = []

        def start() -> Any:
            if switch:
                raise StartError("found")
            return otp.spawn_link(never)

        pid = await start_child(sup, ChildSpec("w", (start,)))

        async def ask() -> None:
            switch.append("off")
            otp.exit(pid, "shutdown")
            await otp.wait_down(pid)
            assert Counts(1, 0, 0, 1) == await count(sup)
            assert "max_children" == await refusal(start_child(sup, worker()))
            switch.clear()

        assert "normal" == await otp.wait_down(otp.spawn(ask))
        await wait_all_idle()
        assert Counts(1, 1, 0, 1) == await count(sup)

    run(main)


def test_a_child_that_was_restarted_counts_among_those_allowed(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link(max_children=1)
        await end(await start_child(sup, worker()), "shutdown")
        assert Counts(1, 1, 0, 1) == await count(sup)
        assert "max_children" == await refusal(start_child(sup, worker()))

    run(main)


def test_a_restart_gets_the_extra_arguments_again(run: Any) -> None:
    async def main() -> None:
        me = otp.self()

        async def report() -> None:
            otp.send(me, "from_child")
            await never()

        sup = await DynamicSupervisor.start_link(extra_arguments=[report])
        pid = await start_child(sup, ChildSpec("t", (otp.spawn_link,), restart="transient"))
        assert "from_child" == await otp.receive()
        await end(pid, "oops")
        assert "from_child" == await otp.receive()
        assert Counts(1, 1, 0, 1) == await count(sup)

    run(main)


def test_a_restart_that_fails_once_is_tried_again(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link(max_restarts=2)
        await end(await start_child(sup, worker(None, StartError("try_again"))), "shutdown")
        assert Counts(1, 1, 0, 1) == await count(sup)

    run(main)


@pytest.mark.parametrize("max_restarts", [1, 10])
def test_a_restart_that_never_succeeds_is_too_much_in_the_end(run: Any, max_restarts: int) -> None:
    async def main() -> None:
        process_flag("trap_exit", True)
        sup: Any = await DynamicSupervisor.start_link(max_restarts=max_restarts)
        script = [None, *[StartError("found")] * 20]
        await end(await start_child(sup, worker(*script)), "shutdown")
        assert ExitSignal(sup, "shutdown") == await otp.receive()

    run(main)


# Stopping


@pytest.mark.parametrize(
    ("shutdown", "child", "seen"),
    [
        ("brutal_kill", (leaving, "shutdown"), "killed"),
        ("infinity", (leaving, "shutdown"), "shutdown"),
        ("infinity", (leaving, ("shutdown", "oops")), ("shutdown", "oops")),
        (1, (leaving, "shutdown"), "shutdown"),
        (1, (leaving, ("shutdown", "oops")), ("shutdown", "oops")),
        (1, (deaf,), "killed"),
        ("infinity", (leaving, "normal"), "normal"),
    ],
)
def test_children_end_as_their_shutdown_says(run: Any, shutdown: Any, child: Any, seen: Any) -> None:
    async def main() -> None:
        process_flag("trap_exit", True)
        sup: Any = await DynamicSupervisor.start_link()
        pids = [await start_child(sup, task(*child, shutdown=shutdown)) for _ in range(3)]
        other = await start_child(sup, task(never, shutdown="infinity"))
        await wait_all_idle()
        refs = [otp.monitor(pid) for pid in (*pids, other)]
        otp.exit(sup, "shutdown")
        assert [seen] * 3 + ["shutdown"] == [(await otp.receive(ref)).reason for ref in refs]
        assert ExitSignal(sup, "shutdown") == await otp.receive()

    run(main)


@pytest.mark.parametrize(("shutdown", "reason"), [("brutal_kill", "killed"), (1, "shutdown")])
def test_a_child_is_terminated_as_its_shutdown_says(run: Any, shutdown: Any, reason: str) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link()
        pid = await start_child(sup, task(never, shutdown=shutdown))
        ref = otp.monitor(pid)
        await DynamicSupervisor.terminate_child(sup, pid)
        assert reason == (await otp.receive(ref)).reason
        with pytest.raises(otp.NotFound):
            await DynamicSupervisor.terminate_child(sup, pid)
        assert Counts(0, 0, 0, 0) == await count(sup)

    run(main)


def test_seconds_to_stop_may_be_none_or_some(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link()
        for seconds in (0, 1):
            pid = await start_child(sup, task(never, shutdown=seconds))
            await end(pid, "shutdown")
            assert not otp.is_alive(pid)
        agent = await start_child(sup, Agent.child_spec(dict, shutdown=0))
        await DynamicSupervisor.terminate_child(sup, agent)
        assert not otp.is_alive(agent)

    run(main)
