"""Starting, stopping and administrating children, as OTP's supervisor_SUITE has it.

A docstring names the cases whose rule a test holds; what they say is in docs/conformance.md.
"""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import (
    AlreadyPresent,
    AlreadyStarted,
    Application,
    ChildInfo,
    ChildSpec,
    Counts,
    Crash,
    Error,
    ExitSignal,
    GenServer,
    Ignore,
    NotFound,
    Ok,
    Pid,
    StartError,
    Stop,
    Supervisor,
    impl,
    process_flag,
)
from otp.testing import wait_all_idle
from refused_starts import refusal

which, count, start_child = Supervisor.which_children, Supervisor.count_children, Supervisor.start_child
start_tree = Supervisor.start_link_children


class Worker(GenServer[Any]):
    """Ends with the reason it is sent; a number as its argument is how many seconds it takes to stop."""

    @impl
    def init(self, arg: Any) -> Any:
        process_flag("trap_exit", True)
        return arg if isinstance(arg, Stop | Ignore) else Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return Stop(request, state)

    @impl
    async def terminate(self, reason: Any, state: Any) -> None:
        if isinstance(state, int):
            await otp.receive(otp.start_timer(state, otp.self(), None))


class Contrary(Worker):
    """Ends with the reason in its argument when it is asked to shut down."""

    @impl
    def terminate(self, reason: Any, state: Any) -> Any:
        return otp.exit(state)


class Tree(Supervisor):
    @impl
    def init(self, arg: Any) -> Any:
        if isinstance(arg, Exception):
            raise arg
        return arg


def worker(id: str, arg: Any = None, **options: Any) -> ChildSpec:
    return Worker.child_spec(arg, id=id, **options)


def template(cls: type[GenServer[Any]] = Worker, **options: Any) -> Any:
    spec = ChildSpec("t", (cls.start_link,), **options)
    return start_tree([spec], strategy="simple_one_for_one")


async def extra(arg: Any = "extra_return") -> Any:
    """A start function that answers with more than the pid."""
    return await Worker.start_link(), arg


async def listed(tree: Any) -> list[tuple[Any, bool]]:
    return [(info.id, info.pid is not None) for info in await which(tree)]


async def down(ref: Any) -> Any:
    return (await otp.receive(ref)).reason


# sup_start


def test_a_supervisor_starts_and_an_exit_of_its_parent_ends_it(run: Any) -> None:
    """sup_start_normal."""

    async def main() -> None:
        process_flag("trap_exit", True)
        tree: Any = await start_tree([], max_restarts=2, max_seconds=3600, name="sup_test")
        assert tree == otp.whereis("sup_test")
        otp.exit(tree, "shutdown")
        assert ExitSignal(tree, "shutdown") == await otp.receive()

    run(main)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Ignore(), "normal"),
        ("invalid", ("bad_return", (Tree, "init", "invalid"))),
        (Error("fail"), Crash("fail")),
    ],
    ids=["sup_start_ignore_init", "sup_start_error_return", "sup_start_fail"],
)
def test_a_supervisor_that_does_not_start_has_ended_with_its_reason(run: Any, answer: Any, reason: Any) -> None:
    """sup_start_ignore_init, sup_start_error_return, sup_start_fail."""

    async def main() -> None:
        process_flag("trap_exit", True)
        if isinstance(answer, Ignore):
            assert Ignore() == await Tree.start_link(answer)
        else:
            assert reason == await refusal(Tree.start_link(answer))
        assert reason == (await otp.receive()).reason
        assert [otp.self()] == otp.processes()

    run(main)


@pytest.mark.parametrize(
    ("restart", "ids", "counts"),
    [
        ("permanent", [("child2", True), ("child1", False)], Counts(2, 1, 0, 2)),
        ("temporary", [("child2", True)], Counts(1, 1, 0, 1)),
    ],
    ids=["sup_start_ignore_child", "sup_start_ignore_temporary_child_start_child"],
)
def test_an_ignored_child_counts_unless_it_is_temporary(run: Any, restart: Any, ids: Any, counts: Any) -> None:
    """sup_start_ignore_child, sup_start_ignore_temporary_child_start_child."""

    async def main() -> None:
        tree = await start_tree([])
        assert Ignore() == await start_child(tree, worker("child1", Ignore(), restart=restart))
        assert isinstance(await start_child(tree, worker("child2", restart=restart)), Pid)
        assert ids == await listed(tree)
        assert counts == await count(tree)

    run(main)


@pytest.mark.parametrize("restart", ["temporary", "permanent"])
def test_an_ignored_child_of_a_template_is_forgotten(run: Any, restart: Any) -> None:
    """sup_start_ignore_temporary_child_start_child_simple, sup_start_ignore_permanent_child_start_child_simple."""

    async def main() -> None:
        process_flag("trap_exit", True)
        tree = await template(restart=restart)
        assert Ignore() == await start_child(tree, [Ignore()])
        pid = await start_child(tree, [])
        assert [ChildInfo(None, pid, "worker", (Worker,))] == await which(tree)
        assert Counts(1, 1, 0, 1) == await count(tree)
        otp.exit(tree, "shutdown")
        assert ExitSignal(tree, "shutdown") == await otp.receive()

    run(main)


def test_a_child_whose_start_function_answers_anything_else_did_not_start(run: Any) -> None:
    """sup_start_child_returns_error, sup_start_child_returns_error_simple."""

    def answer(value: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    async def main() -> None:
        tree = await start_tree([])
        simple = await start_tree([ChildSpec("t", (answer,))], strategy="simple_one_for_one")
        for value, reason in ((StartError("reason"), "reason"), ("error_reason", "error_reason")):
            spec = ChildSpec("child", (answer, value), modules=())
            assert (reason, spec.replace(shutdown=5)) == await refusal(start_child(tree, spec))
            assert reason == await refusal(start_child(simple, [value]))
        assert [] == await which(tree) == await which(simple)

    run(main)


def test_a_child_that_cannot_be_started_again_by_hand_keeps_its_spec(run: Any) -> None:
    """sup_start_restart_child_returns_error."""

    async def start(once: list[Any]) -> Any:
        if not once:
            raise Error("function_clause")
        return await Worker.start_link(once.pop())

    async def main() -> None:
        tree = await start_tree([ChildSpec("child1", (start, otp.Shared([1])))])
        await Supervisor.terminate_child(tree, "child1")
        assert ("EXIT", Crash("function_clause")) == await refusal(Supervisor.restart_child(tree, "child1"))
        assert [("child1", False)] == await listed(tree)

    run(main)


# sup_stop


@pytest.mark.parametrize(
    ("type", "seconds", "shutdown", "reason"),
    [
        ("worker", 60, "infinity", "shutdown"),
        ("supervisor", 60, "infinity", "shutdown"),
        ("worker", 0, 1, "shutdown"),
        ("worker", 200, 1, "killed"),
        ("worker", 0, "brutal_kill", "killed"),
    ],
)
@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
def test_a_child_ends_as_its_shutdown_says(
    run: Any, dynamic: bool, type: Any, seconds: int, shutdown: Any, reason: str
) -> None:
    """sup_stop_infinity, sup_stop_timeout, sup_stop_brutal_kill and the two of dynamic children."""

    async def main() -> None:
        process_flag("trap_exit", True)
        if dynamic:
            tree = await template(restart="temporary", type=type, shutdown=shutdown)
            pids = [await start_child(tree, [seconds]) for _ in range(10)]
        else:
            tree = await start_tree([])
            specs = [worker("child1", seconds, type=type, shutdown=shutdown), worker("child2", shutdown=1)]
            pids = [await start_child(tree, spec) for spec in specs]
        refs = [otp.monitor(pid) for pid in pids]
        otp.exit(tree, "shutdown")
        assert ([reason] * 10 if dynamic else [reason, "shutdown"]) == [await down(ref) for ref in refs]
        assert ExitSignal(tree, "shutdown") == await otp.receive()

    run(main)


def test_children_that_end_by_themselves_while_the_supervisor_stops_are_not_started_again(run: Any) -> None:
    """sup_stop_race."""
    kinds = [
        (restart, reason)
        for restart in ("temporary", "transient", "permanent")
        for reason in ("normal", "shutdown", ("shutdown", "test"), "other")
    ]

    async def main() -> None:
        process_flag("trap_exit", True)
        tree: Any = await start_tree([worker("a", restart="temporary")])
        first = (await which(tree))[0].pid
        pids = [await start_child(tree, worker(str(kind), restart=kind[0])) for kind in kinds]
        last = await start_child(tree, worker("z", 1, restart="temporary", shutdown=2))
        refs = [otp.monitor(pid) for pid in (first, *pids, last)]
        otp.exit(tree, "shutdown")
        await wait_all_idle()
        for pid, (_, reason) in zip(pids, kinds, strict=True):
            GenServer.cast(pid, reason)
        assert ["shutdown", *(reason for _, reason in kinds), "shutdown"] == [await down(ref) for ref in refs]
        assert ExitSignal(tree, "shutdown") == await otp.receive()
        assert [otp.self()] == otp.processes()

    run(main)


@pytest.mark.parametrize("restart", ["temporary", "transient", "permanent"])
def test_a_supervisor_of_a_template_stops_children_that_end_otherwise(run: Any, restart: Any) -> None:
    """sup_stop_non_shutdown_exit_dynamic."""
    reasons = ["normal", "shutdown", ("shutdown", "test"), "other"]

    async def main() -> None:
        process_flag("trap_exit", True)
        tree = await template(Contrary, restart=restart)
        refs = [otp.monitor(await start_child(tree, [reason])) for reason in reasons]
        otp.exit(tree, "shutdown")
        assert reasons == [await down(ref) for ref in refs]
        assert ExitSignal(tree, "shutdown") == await otp.receive()

    run(main)


# Administration


def test_the_life_of_a_child_under_administration(run: Any) -> None:
    """child_adm."""

    async def main() -> None:
        child = worker("child1")
        tree = await start_tree([child])
        ((_, pid, _, _),) = await which(tree)
        with pytest.raises(AlreadyStarted) as failure:
            await start_child(tree, child)
        assert pid == failure.value.pid
        await Supervisor.terminate_child(tree, "child1")
        await Supervisor.terminate_child(tree, "child1")
        assert ([("child1", False)], Counts(1, 0, 0, 1)) == (await listed(tree), await count(tree))
        with pytest.raises(AlreadyPresent):
            await start_child(tree, child)
        again = await Supervisor.restart_child(tree, "child1")
        assert (again, Counts(1, 1, 0, 1)) == ((await which(tree))[0].pid, await count(tree))
        for operation in (Supervisor.restart_child, Supervisor.delete_child):
            assert "running" == await refusal(operation(tree, "child1"))
        await Supervisor.terminate_child(tree, "child1")
        await Supervisor.delete_child(tree, "child1")
        for operation in (Supervisor.restart_child, Supervisor.delete_child, Supervisor.terminate_child):
            with pytest.raises(NotFound):
                await operation(tree, "child1")
        assert ([], Counts(0, 0, 0, 0)) == (await which(tree), await count(tree))
        third = await start_child(tree, child)
        with pytest.raises(NotFound):
            await Supervisor.terminate_child(tree, third)
        assert ([("child1", True)], Counts(1, 1, 0, 1)) == (await listed(tree), await count(tree))

    run(main)


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        (Supervisor.which_children, "which_children"),
        (Supervisor.count_children, "count_children"),
        (lambda dest: Supervisor.terminate_child(dest, "a"), ("terminate_child", "a")),
        (lambda dest: Supervisor.delete_child(dest, "a"), ("delete_child", "a")),
        (lambda dest: Supervisor.restart_child(dest, "a"), ("restart_child", "a")),
        (lambda dest: Supervisor.start_child(dest, []), ("start_child", [])),
    ],
)
def test_an_operation_of_nobody_exits_with_noproc(run: Any, operation: Any, request_: Any) -> None:
    """child_adm, child_adm_simple."""

    async def main() -> None:
        with pytest.raises(otp.NoProcess) as failure:
            await operation("foo")
        assert ("noproc", ("gen_server", "call", ["foo", request_, "infinity"])) == failure.value.reason

    run(main)


def test_the_life_of_the_children_of_a_template_under_administration(run: Any) -> None:
    """child_adm_simple."""

    async def main() -> None:
        tree = await template()
        assert ([], Counts(1, 0, 0, 0)) == (await which(tree), await count(tree))
        first, second = [await start_child(tree, []) for _ in range(2)]
        assert {first, second} == {info.pid for info in await which(tree) if info.id is None}
        assert Counts(1, 2, 0, 2) == await count(tree)
        for operation in (Supervisor.terminate_child, Supervisor.restart_child, Supervisor.delete_child):
            assert "simple_one_for_one" == await refusal(operation(tree, "child1"))
        for _ in range(2):
            await Supervisor.terminate_child(tree, first)
            assert [second] == [info.pid for info in await which(tree)]
            assert Counts(1, 1, 0, 1) == await count(tree)
        assert not otp.is_alive(first)
        stranger = await Worker.start_link()
        with pytest.raises(NotFound):
            await Supervisor.terminate_child(tree, stranger)
        assert otp.is_alive(stranger)

    run(main)


def test_what_a_start_function_adds_to_the_pid_is_handed_on_and_forgotten(run: Any) -> None:
    """extra_return."""

    async def main() -> None:
        child = ChildSpec("child1", (extra,))
        tree = await start_tree([child])
        (info,) = await which(tree)
        assert isinstance(info.pid, Pid)
        await Supervisor.terminate_child(tree, "child1")
        pid, more = await Supervisor.restart_child(tree, "child1")
        assert (pid, "extra_return") == ((await which(tree))[0].pid, more)
        await Supervisor.terminate_child(tree, "child1")
        await Supervisor.delete_child(tree, "child1")
        pid, more = await start_child(tree, child)
        assert (pid, "extra_return") == ((await which(tree))[0].pid, more)
        GenServer.cast(pid, "abnormal")
        await wait_all_idle()
        (info,) = await which(tree)
        assert info.pid not in (pid, None)
        assert Counts(1, 1, 0, 1) == await count(tree)

    run(main)


def test_children_are_listed_through_their_life(run: Any) -> None:
    """which_children, which_children_simple_one_for_one."""

    async def main() -> None:
        tree = await start_tree([])
        assert [] == await which(tree)
        first = await start_child(tree, worker("child1"))
        second = await start_child(tree, worker("child2"))
        expected = [ChildInfo("child2", second, "worker", (Worker,)), ChildInfo("child1", first, "worker", (Worker,))]
        assert expected == await which(tree)
        await Supervisor.terminate_child(tree, "child1")
        assert [expected[0], expected[1]._replace(pid=None)] == await which(tree)
        await Supervisor.delete_child(tree, "child1")
        assert expected[:1] == await which(tree)
        simple = await template(restart="temporary")
        assert [] == await which(simple)
        pids = [await start_child(simple, []) for _ in range(2)]
        assert [ChildInfo(None, pid, "worker", (Worker,)) for pid in pids] == await which(simple)
        await Supervisor.terminate_child(simple, pids[0])
        assert [ChildInfo(None, pids[1], "worker", (Worker,))] == await which(simple)

    run(main)


# In an application


class Faulty(Application):
    """An application whose only server cannot start."""

    name = "app_faulty"

    @impl
    async def start(self, kind: str, args: Any) -> Any:
        return await start_tree([worker("app_faulty", Stop("undef"))])


def test_an_application_whose_tree_does_not_start_says_which_child_failed(run: Any) -> None:
    """faulty_application_shutdown."""

    async def main() -> None:
        reason, call = await refusal(Application.start(Faulty))
        assert ("shutdown", ("failed_to_start_child", "app_faulty", "undef")) == reason
        assert ("app_faulty", "start") == call[:2]
        assert [] == await Application.which_applications()

    run(main)
