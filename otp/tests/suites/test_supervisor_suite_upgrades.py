"""Significant children and upgrades of running supervisors, as OTP's supervisor_SUITE has them.

A docstring names the cases whose rule a test holds; what they say is in docs/conformance.md.
"""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import (
    Children,
    ChildSpec,
    Error,
    ExitSignal,
    GenServer,
    Ignore,
    Ok,
    StartError,
    Stop,
    Supervisor,
    impl,
    process_flag,
    sys,
)
from otp.testing import wait_all_idle
from scripted_workers import pids

which, start_child = Supervisor.which_children, Supervisor.start_child
MODES: Any = ("never", "any_significant", "all_significant")


class Worker(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return Stop(request, state)


class Tree(Supervisor):
    """Its argument is a list; `init` answers with what it holds, which an upgrade finds replaced."""

    @impl
    def init(self, arg: Any) -> Any:
        return arg[0]


def worker(id: str, **options: Any) -> ChildSpec:
    return Worker.child_spec(id=id, **options)


def significant(id: str, restart: Any = "transient") -> ChildSpec:
    return worker(id, restart=restart, significant=True)


async def end(pid: Any, reason: Any = "normal") -> None:
    if reason == "kill":
        otp.exit(pid, "kill")
    else:
        GenServer.cast(pid, reason)
    await wait_all_idle()


async def ended(tree: Any) -> Any:
    """The reason with which the linked supervisor ended; no child of it is left."""
    reason = (await otp.receive(otp.Is(ExitSignal, pid=tree))).reason
    assert [otp.self()] == otp.processes()
    return reason


async def upgrade(tree: Any, answers: list[Any], answer: Any) -> None:
    """The class of the supervisor now answers otherwise."""
    answers[0] = answer
    await sys.suspend(tree)
    try:
        await sys.change_code(tree, Tree, "1")
    finally:
        await sys.resume(tree)


async def refused(tree: Any, answers: list[Any], answer: Any) -> Any:
    with pytest.raises(Error) as failure:
        await upgrade(tree, answers, answer)
    return failure.value.reason


# Significant children


@pytest.mark.parametrize("auto", MODES)
@pytest.mark.parametrize("restart", ["temporary", "transient"])
def test_the_end_of_a_child_that_is_not_significant_stops_nobody(run: Any, auto: Any, restart: Any) -> None:
    """nonsignificant_temporary, nonsignificant_transient."""

    async def main() -> None:
        spec = worker("child1", restart=restart)
        tree = await Supervisor.start_link_children([spec], auto_shutdown=auto, max_restarts=5)
        await Supervisor.terminate_child(tree, "child1")
        for reason in ("kill", "abnormal", "normal"):
            found = (await pids(tree)).get("child1")
            if restart == "temporary":
                assert {} == await pids(tree)
                found = await start_child(tree, spec)
            elif found is None:
                found = await Supervisor.restart_child(tree, "child1")
            await end(found, reason)
            assert otp.is_alive(tree)

    run(main)


@pytest.mark.parametrize("reason", ["kill", "abnormal", "normal"])
@pytest.mark.parametrize("restart", ["temporary", "transient"])
def test_the_end_for_good_of_any_significant_child_stops_the_supervisor(run: Any, restart: Any, reason: str) -> None:
    """significant_temporary, significant_transient: any_significant."""

    async def main() -> None:
        process_flag("trap_exit", True)
        specs = [significant("child1", restart), significant("child2", restart), worker("child3", restart=restart)]
        tree = await Supervisor.start_link_children(specs, auto_shutdown="any_significant", max_restarts=5)
        await Supervisor.terminate_child(tree, "child1")
        assert otp.is_alive(tree)
        if restart == "temporary":
            pid = await start_child(tree, specs[0])
        else:
            pid = await Supervisor.restart_child(tree, "child1")
        await end(pid, reason)
        if restart == "transient" and reason != "normal":
            assert (await pids(tree))["child1"] not in (pid, None)
            await end((await pids(tree))["child1"], "normal")
        assert "shutdown" == await ended(tree)

    run(main)


@pytest.mark.parametrize("restart", ["temporary", "transient"])
def test_the_end_for_good_of_the_last_significant_child_stops_the_supervisor(run: Any, restart: Any) -> None:
    """significant_temporary, significant_transient: all_significant."""

    async def main() -> None:
        process_flag("trap_exit", True)
        specs = [significant("child1", restart), significant("child2", restart), worker("child3", restart=restart)]
        tree = await Supervisor.start_link_children(specs, auto_shutdown="all_significant")
        first, second, third = (await pids(tree)).values()
        await end(first)
        assert otp.is_alive(tree)
        assert otp.is_alive(third)
        await end(second)
        assert "shutdown" == await ended(tree)

    run(main)


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
@pytest.mark.parametrize("auto", MODES[1:])
def test_a_significant_child_that_is_stopped_for_a_sibling_stops_nobody(run: Any, strategy: Any, auto: Any) -> None:
    """significant_bystander."""
    kept = {"one_for_one": ["child1", "child3"], "one_for_all": [], "rest_for_one": ["child1"]}[strategy]

    async def main() -> None:
        specs = [significant("child1"), worker("child2", restart="transient"), significant("child3")]
        tree = await Supervisor.start_link_children(specs, strategy=strategy, auto_shutdown=auto)
        before = await pids(tree)
        await end(before["child2"], "kill")
        after = await pids(tree)
        assert kept == [id for id in after if after[id] == before[id]]
        assert all(otp.is_alive(pid) for pid in after.values())

    run(main)


@pytest.mark.parametrize("wanted", [True, False])
def test_the_shutdown_of_a_supervisor_is_the_end_of_a_child_for_the_next(run: Any, wanted: bool) -> None:
    """significant_escalation."""

    async def main() -> None:
        process_flag("trap_exit", True)
        flags = Children([significant("child1")], auto_shutdown="any_significant")
        inner = Supervisor.child_spec(flags, id="sup1", restart="transient", significant=wanted)
        tree = await Supervisor.start_link_children([inner], auto_shutdown="any_significant")
        sup = (await pids(tree))["sup1"]
        await end((await pids(sup))["child1"])
        assert not otp.is_alive(sup)
        if wanted:
            assert "shutdown" == await ended(tree)
        else:
            assert {"sup1": None} == await pids(tree)

    run(main)


# Upgrades


@pytest.mark.parametrize(
    ("before", "after"), [(before, after) for before in MODES for after in MODES if before != after]
)
def test_an_upgrade_changes_when_the_supervisor_stops_by_itself(run: Any, before: Any, after: Any) -> None:
    """significant_upgrade_never_any and the other five."""

    async def main() -> None:
        process_flag("trap_exit", True)
        answers = [Children([], auto_shutdown=before)]
        tree: Any = await Tree.start_link(answers)
        first, second = significant("child1"), significant("child2")
        if before == "never":
            with pytest.raises(StartError) as failure:
                await start_child(tree, first)
            assert "bad_combination" == failure.value.reason[0]
        else:
            await start_child(tree, first)
        await upgrade(tree, answers, Children([], auto_shutdown=after))
        assert otp.is_alive(tree)
        if before == "never":
            await start_child(tree, first)
        if after == "never":
            with pytest.raises(StartError) as failure:
                await start_child(tree, second)
            assert "bad_combination" == failure.value.reason[0]
            await end((await pids(tree))["child1"])
            await Supervisor.restart_child(tree, "child1")
            await Supervisor.stop(tree, "shutdown")
        else:
            other = await start_child(tree, second)
            await end((await pids(tree))["child1"])
            if after == "all_significant":
                assert otp.is_alive(tree)
                await end(other)
        assert "shutdown" == await ended(tree)

    run(main)


def test_an_upgrade_changes_whether_a_child_is_significant(run: Any) -> None:
    """significant_upgrade_child."""
    plain, special = worker("child", restart="transient"), significant("child")

    async def main() -> None:
        process_flag("trap_exit", True)
        for before, after, stops in ((plain, special, True), (special, plain, False)):
            answers = [Children([before], auto_shutdown="any_significant")]
            tree: Any = await Tree.start_link(answers)
            pid = (await pids(tree))["child"]
            await upgrade(tree, answers, Children([after], auto_shutdown="any_significant"))
            assert pid == (await pids(tree))["child"]
            await end(pid)
            assert stops is not otp.is_alive(tree)
            if not stops:
                await Supervisor.stop(tree, "shutdown")
            assert "shutdown" == await ended(tree)
        answers = [Children([plain])]
        tree = await Tree.start_link(answers)
        assert "bad_combination" == (await refused(tree, answers, Children([special])))[0]
        assert otp.is_alive((await pids(tree))["child"])
        assert (await Supervisor.get_childspec(tree, "child")).significant is False

    run(main)


def test_an_upgrade_takes_over_flags_and_specs_and_starts_and_stops_nobody(run: Any) -> None:
    """code_change, code_change_map."""
    one = worker("child1", shutdown=2)

    async def main() -> None:
        process_flag("trap_exit", True)
        answers: list[Any] = [Children([], max_restarts=0, max_seconds=1)]
        tree: Any = await Tree.start_link(answers)
        await upgrade(tree, answers, Children([], max_restarts=1, max_seconds=3))
        await upgrade(tree, answers, Children([one, worker("child2")]))
        assert {"child1": None, "child2": None} == await pids(tree)
        first = await Supervisor.restart_child(tree, "child1")
        second = await Supervisor.restart_child(tree, "child2")
        assert 2 == (await Supervisor.get_childspec(tree, "child1")).shutdown
        await upgrade(tree, answers, Children([one.replace(shutdown=1), worker("child3")]))
        assert [("child1", first), ("child3", None), ("child2", second)] == list((await pids(tree)).items())
        assert 1 == (await Supervisor.get_childspec(tree, "child1")).shutdown
        before = await pids(tree)
        await upgrade(tree, answers, Ignore())
        missing: Any = {"id": "child1"}
        for wrong, reason in (
            (Children([missing]), "missing_start"),
            (Children([], max_restarts="faulty"), ("invalid_intensity", "faulty")),  # type: ignore[arg-type]
            ("faulty_return", ("bad_return", (Tree, "init", "faulty_return"))),
        ):
            assert reason == await refused(tree, answers, wrong)
        assert before == await pids(tree)

    run(main)


def test_the_new_limits_of_an_upgrade_hold(run: Any) -> None:
    """code_change: what is changed is what decides."""

    async def main() -> None:
        process_flag("trap_exit", True)
        answers = [Children([worker("child1")], max_restarts=0)]
        tree: Any = await Tree.start_link(answers)
        await upgrade(tree, answers, Children([worker("child1")], max_restarts=1))
        await end((await pids(tree))["child1"])
        assert otp.is_alive(tree)
        await end((await pids(tree))["child1"])
        assert "shutdown" == await ended(tree)

    run(main)


def test_an_upgrade_changes_the_template_and_keeps_it_one(run: Any) -> None:
    """code_change_simple, code_change_simple_map."""

    def simple(*specs: ChildSpec) -> Children:
        return Children(specs, strategy="simple_one_for_one")

    async def main() -> None:
        spec = ChildSpec("child1", (Worker.start_link,), shutdown="brutal_kill")
        answers = [simple(spec)]
        tree: Any = await Tree.start_link(answers)
        await upgrade(tree, answers, simple(spec.replace(shutdown=1)))
        pid = await start_child(tree, [])
        assert 1 == (await Supervisor.get_childspec(tree, pid)).shutdown
        for specs in ([spec, spec.replace(id="child2")], []):
            reason = await refused(tree, answers, simple(*specs))
            assert ("bad_start_spec", specs) == (reason[0], list(reason[1]))
        assert otp.is_alive(pid)

    run(main)


def test_the_class_of_a_supervisor_can_be_asked_for(run: Any) -> None:
    """get_callback_module."""

    async def main() -> None:
        tree = await Tree.start_link([Children([])])
        assert Tree is (await sys.get_status(tree)).module

    run(main)
