"""Names that must be granted, with each behaviour and under supervisors."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import otp
from granted_names import Answered, World
from otp import (
    Agent,
    AlreadyStarted,
    Children,
    DynamicSupervisor,
    GenServer,
    GenStateMachine,
    MachineOk,
    OsProcess,
    PartitionSupervisor,
    Registry,
    StartError,
    Supervisor,
    Task,
    TaskSupervisor,
    impl,
)
from otp.kernel.steps import grants
from otp.testing import Scheduler, advance, wait_all_idle


class Server(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return otp.Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return otp.Stop(request, state)


class Machine(GenStateMachine[str, Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return MachineOk("a", arg)

    @impl
    def handle_event(self, event: Any, content: Any, state: Any, data: Any) -> Any:
        return otp.KeepStateAndData()


class Tree(Supervisor):
    """arg: its children and flags."""

    @impl
    def init(self, arg: Any) -> Any:
        children, flags = arg
        return Children(children, **flags)


async def waits() -> None:
    await otp.receive()


STARTS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "GenServer": lambda name: Server.start_link(0, name=name),
    "Agent": lambda name: Agent.start_link(dict, name=name),
    "Agent.start": lambda name: Agent.start(dict, name=name),
    "GenStateMachine": lambda name: Machine.start_link(0, name=name),
    "Supervisor": lambda name: Tree.start_link(([], {}), name=name),
    "start_link_children": lambda name: Supervisor.start_link_children([], name=name),
    "DynamicSupervisor": lambda name: DynamicSupervisor.start_link(name=name),
    "PartitionSupervisor": lambda name: PartitionSupervisor.start_link((Agent, dict), name=name, partitions=2),
    "TaskSupervisor": lambda name: TaskSupervisor.start_link(name=name),
    "Registry": lambda name: Registry.start_link(keys="unique", name=name),
    "Task": lambda name: Task.start_link(waits, name=name),
    "Task.start": lambda name: Task.start(waits, name=name),
    "node.start": lambda name: otp.node().start(Server, 0, name=name),
    "node.start of a task": lambda name: otp.node().start(Task, waits, name=name),
}

each_start = pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)


async def outcome(start: Callable[[Any], Awaitable[Any]], name: Answered, answer: Any) -> Any:
    """Start in a process of its own; return the outcome, if it came before the answer, and the process that asked."""
    me = otp.self()

    async def work() -> None:
        otp.process_flag("trap_exit", True)
        try:
            got: Any = await start(name)
        except StartError as error:
            got = error
        otp.send(me, ("outcome", got))
        await otp.receive()

    otp.spawn(work)
    asked = await name.asked
    await wait_all_idle()
    early = otp.process_info(me).message_queue_len
    name.answer(answer)
    _tag, got = await otp.receive()
    return early, got, asked


@each_start
def test_every_start_waits_for_the_grant(run: Any, start: Callable[[Any], Awaitable[Any]]) -> None:
    async def main() -> Any:
        early, got, asked = await outcome(start, World().name(), True)
        return early, got == asked, otp.is_alive(asked)

    assert (0, True, True) == run(main)


@each_start
def test_every_start_fails_if_the_grant_is_refused(run: Any, start: Callable[[Any], Awaitable[Any]]) -> None:
    async def main() -> Any:
        world = World()
        early, got, asked = await outcome(start, world.name(), False)
        return early, type(got), otp.is_alive(asked), world.log

    assert (0, AlreadyStarted, False, ["register", "grant", "unregister"]) == run(main)


@each_start
def test_every_start_fails_with_the_error_of_the_grant(run: Any, start: Callable[[Any], Awaitable[Any]]) -> None:
    async def main() -> Any:
        world = World()
        early, got, asked = await outcome(start, world.name(), otp.Exit("nodown"))
        return early, type(got), got.reason, otp.is_alive(asked), world.log

    assert (0, StartError, "nodown", False, ["register", "grant", "unregister"]) == run(main)


@each_start
def test_every_start_is_given_up_after_five_seconds(start: Callable[[Any], Awaitable[Any]]) -> None:
    async def main() -> Any:
        world = World()
        name = world.name()
        with pytest.raises(StartError) as failed:
            await start(name)
        return failed.value.reason, otp.monotonic(), otp.is_alive(await name.asked), world.log

    assert ("timeout", 5.0, False, ["register", "grant", "cancelled", "unregister"]) == Scheduler().run(main)


def test_an_external_program_starts_after_the_grant() -> None:
    async def main() -> Any:
        world = World()
        with pytest.raises(AlreadyStarted):
            await OsProcess.start([sys.executable, "-c", "input()"], name=world.name().answer(False))
        pid = await OsProcess.start([sys.executable, "-c", "input()"], name=world.name().answer(True))
        return world.owners == {"it": pid}

    assert otp.run(main)


def test_a_task_that_was_refused_does_not_run(run: Any) -> None:
    async def main() -> Any:
        ran: list[int] = []
        with pytest.raises(AlreadyStarted):
            await Task.start_link(ran.append, 1, name=World().name().answer(False))
        await Task.start_link(ran.append, 2, name=World().name().answer(True))
        await wait_all_idle()
        return ran

    assert [2] == run(main)


def test_a_task_whose_plain_name_is_taken_ends_at_once(run: Any) -> None:
    class Taken:
        def whereis(self) -> None: ...

        def register(self, pid: otp.Pid) -> bool:
            return False

    async def main() -> Any:
        ran: list[int] = []
        with pytest.raises(AlreadyStarted):
            await Task.start_link(ran.append, 1, name=Taken())
        await wait_all_idle()
        return ran, len(otp.processes())

    assert ([], 1) == run(main)


# Under supervisors


def tree(name: Answered, **flags: Any) -> Any:
    return Tree.start_link(([Server.child_spec(0, name=name, id="it")], flags))


def test_a_supervisor_starts_its_children_one_grant_after_the_other(run: Any) -> None:
    async def main() -> Any:
        world = World()
        first, second = world.name("a"), world.name("b")
        children = [Server.child_spec(0, name=name, id=name.key) for name in (first, second)]
        otp.spawn(lambda: Tree.start_link((children, {})))
        a = await first.asked
        await wait_all_idle()
        early = second.asked.done()
        first.answer(True)
        b = await second.asked
        second.answer(True)
        await wait_all_idle()
        return early, world.owners == {"a": a, "b": b}

    assert (False, True) == run(main)


def test_a_child_whose_name_is_refused_fails_the_start_of_its_supervisor(run: Any) -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        world = World()
        world.owners["it"] = me = otp.self()
        name = world.name(first=(False,))
        world.owners.clear()
        grant = name.grant

        async def lose(pid: otp.Pid) -> Any:
            world.owners["it"] = me
            return await grant(pid)

        name.grant = lose  # type: ignore[method-assign]
        with pytest.raises(StartError) as failed:
            await tree(name)
        return failed.value.reason[1][2] == ("already_started", me), len(otp.processes())

    assert (True, 1) == run(main)


def test_a_dynamic_child_whose_name_is_refused_is_not_kept(run: Any) -> None:
    async def main() -> Any:
        sup = await DynamicSupervisor.start_link()
        world = World()
        with pytest.raises(StartError, match=r"taken|already_started"):
            await DynamicSupervisor.start_child(sup, Server.child_spec(0, name=world.name(first=(False,))))
        child = await DynamicSupervisor.start_child(sup, Server.child_spec(0, name=world.name(first=(True,))))
        return (await DynamicSupervisor.count_children(sup)).active, world.owners == {"it": child}

    assert (1, True) == run(main)


def end(name: Answered) -> None:
    """Let the holder of the name crash; the name is free when its supervisor restarts it."""
    GenServer.cast(name.world.owners.pop(name.key), "boom")


def test_a_refused_restart_is_a_failed_restart_that_is_tried_again(run: Any) -> None:
    async def main() -> Any:
        world = World()
        name = world.name(first=(True, False, False, True))
        sup = await tree(name, max_restarts=3)
        end(name)
        await wait_all_idle()
        (child,) = await Supervisor.which_children(sup)
        return child.pid == world.owners["it"], otp.is_alive(sup)

    assert (True, True) == run(main)


def test_refused_restarts_count_until_the_supervisor_gives_up(run: Any) -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        world = World()
        name = world.name(first=(True, *[False] * 3))
        sup = await tree(name, max_restarts=3)
        end(name)
        gone = await otp.receive(otp.ExitSignal)
        return gone == otp.ExitSignal(sup, "shutdown"), name.first, world.owners

    assert (True, [], {}) == run(main)


def test_a_restart_whose_grant_takes_too_long_is_a_failed_restart() -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        world = World()
        name = world.name(first=(True,))
        sup = await tree(name, max_restarts=1, max_seconds=60)
        end(name)
        gone = await otp.receive(otp.ExitSignal)
        return gone == otp.ExitSignal(sup, "shutdown"), otp.monotonic(), world.owners, world.log.count("cancelled")

    assert (True, 5.0, {}, 1) == Scheduler().run(main)


@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize("again", [False, True], ids=["start", "restart"])
def test_a_stop_during_a_pending_grant_ends_with_it(real: bool, again: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a slow `init`, a supervisor reads the order to stop when the start is over: after 5 s at the latest."""
    if real:
        monkeypatch.setattr(grants, "LIMIT", 50_000_000)

    async def main() -> Any:
        world = World()
        name = world.name(first=(True,) if again else ())
        top = await Tree.start_link(([DynamicSupervisor.child_spec(id="inner")], {}))
        (inner,) = await Supervisor.which_children(top)
        starter = otp.spawn(lambda: DynamicSupervisor.start_child(inner.pid, Server.child_spec(0, name=name)))
        if again:
            await otp.wait_down(starter)
            end(name)
        await name.asked
        await GenServer.stop(top)
        await otp.wait_down(starter)
        return len(otp.processes()), world.owners, world.log[-2:]

    scheduler: Any = otp if real else Scheduler()
    assert (1, {}, ["cancelled", "unregister"]) == scheduler.run(main)


def test_a_supervisor_that_is_killed_takes_its_pending_child_with_it(run: Any) -> None:
    async def main() -> Any:
        world = World()
        name = world.name()
        otp.spawn(lambda: tree(name))
        asked = await name.asked
        parent = otp.process_info(asked).parent
        assert parent is not None
        otp.exit(parent, "kill")
        return otp.is_alive(asked), world.owners, len(otp.processes()), world.log[-1]

    assert (False, {}, 1, "unregister") == run(main)


def test_the_starter_of_a_supervisor_that_ends_waits_for_no_grant() -> None:
    """The supervisor traps its exit and reads it when the start of its child is over."""

    async def main() -> Any:
        world = World()
        name = world.name()
        starter = otp.spawn(lambda: tree(name))
        asked = await name.asked
        otp.exit(starter, "shutdown")
        await advance(5)
        return otp.is_alive(asked), world.owners, len(otp.processes()), world.log[-1]

    assert (False, {}, 1, "unregister") == Scheduler().run(main)
