"""Tasks under a supervisor that their owner awaits: linked or not, refused when there is no room or no owner.

The rules are those of Elixir's `Task.Supervisor`; "supervisor_test" is its test/elixir/task/supervisor_test.exs.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

import otp
from otp import (
    Crash,
    Down,
    Exit,
    ExitSignal,
    GenServer,
    NoProcess,
    NoReply,
    NotAProcess,
    Ok,
    Reply,
    StartError,
    Task,
    TaskExit,
    TaskOk,
    TaskReply,
    TaskSupervisor,
    Throw,
    impl,
    sys,
)
from otp.testing import wait_all_idle
from own_process import links, messages
from task_functions import fail, nap, never, on_go

BOTH = pytest.mark.parametrize(
    "async_", [TaskSupervisor.async_, TaskSupervisor.async_nolink], ids=["linked", "not linked"]
)


# async_ and async_nolink


def test_a_task_is_a_child_of_the_supervisor_and_linked_to_its_owner(run: Any) -> None:
    """supervisor_test, "async/1", "spawns tasks under the supervisor"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        task = await TaskSupervisor.async_(sup, on_go, "done")
        assert [task.pid] == await TaskSupervisor.children(sup)
        assert (sup, task.pid) == links()
        assert {sup, otp.self()} == set(links(task.pid))
        assert "on_go" == otp.process_info(task.pid, "initial_call")
        otp.send(task.pid, "go")
        assert TaskReply(task.ref, "done") == await otp.receive()
        assert Down(task.ref, task.pid, "normal") == await otp.receive()
        assert [] == await TaskSupervisor.children(sup)

    run(main)


def test_a_nolink_task_is_linked_to_the_supervisor_alone(run: Any) -> None:
    """supervisor_test, "async_nolink/1"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        task = await TaskSupervisor.async_nolink(sup, on_go, "done")
        assert [task.pid] == await TaskSupervisor.children(sup)
        assert (sup,) == links() == links(task.pid)
        otp.send(task.pid, "go")
        assert TaskReply(task.ref, "done") == await otp.receive()
        assert Down(task.ref, task.pid, "normal") == await otp.receive()

    run(main)


@BOTH
def test_a_supervised_task_is_awaited_as_any_other(run: Any, async_: Any) -> None:
    """supervisor_test, "async/3", "async_nolink/3"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link(name="tasks")
        assert 2 == await Task.await_(await async_("tasks", nap, 2))
        task = await async_(sup, functools.partial(sorted, reverse=True), [1, 2])
        assert ("builtins", "sorted", 1) == task.mfa
        assert TaskOk([2, 1]) == await Task.yield_(task)
        assert await Task.shutdown(await async_(sup, never)) is None
        await wait_all_idle()
        assert () == messages()
        assert (sup,) == links()

    run(main)


@BOTH
def test_a_late_reply_of_a_supervised_task_is_dropped(run: Any, async_: Any) -> None:
    """supervisor_test, "demonitors and unalias on timeout"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        task = await async_(sup, on_go, "done")
        with pytest.raises(Exit) as late:
            await Task.await_(task, 0)
        assert ("timeout", ("Task", "await", [task, 0])) == late.value.reason
        otp.send(task.pid, "go")
        assert "normal" == await otp.wait_down(task.pid)
        await wait_all_idle()
        assert () == messages()

    run(main)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(Throw("unknown"), Crash(("nocatch", "unknown"))), (otp.Error("oops"), Crash("oops")), (Exit("away"), "away")],
    ids=["throw", "error", "exit"],
)
def test_a_crash_of_a_linked_task_is_one_of_its_owner(run: Any, error: Exception, reason: Any) -> None:
    """supervisor_test, "exits on task throw", "… error", "… exit"."""

    async def owner(sup: Any) -> None:
        await Task.await_(await TaskSupervisor.async_(sup, fail, error))

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        assert reason == await otp.wait_down(otp.spawn(owner, sup))
        otp.process_flag("trap_exit", True)
        task = await TaskSupervisor.async_(sup, fail, error)
        with pytest.raises(Exit) as ended:
            await Task.await_(task)
        assert (reason, ("Task", "await", [task, 5])) == ended.value.reason
        assert (ExitSignal(task.pid, reason),) == messages()
        assert otp.is_alive(sup)

    run(main)


def test_a_crash_of_a_nolink_task_is_for_its_owner_to_look_at(run: Any) -> None:
    """Task.Supervisor.async_nolink/3."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        task = await TaskSupervisor.async_nolink(sup, otp.exit, "boom")
        assert TaskExit("boom") == await Task.yield_(task)
        task = await TaskSupervisor.async_nolink(sup, otp.exit, "boom")
        with pytest.raises(Exit) as ended:
            await Task.await_(task)
        assert ("boom", ("Task", "await", [task, 5])) == ended.value.reason
        assert () == messages()

    run(main)


def test_the_end_of_the_owner_ends_linked_tasks_only(run: Any) -> None:
    async def owner(sup: Any, who: Any) -> None:
        linked = await TaskSupervisor.async_(sup, never)
        alone = await TaskSupervisor.async_nolink(sup, never)
        otp.send(who, (linked.pid, alone.pid))
        otp.exit("boom")

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        pid = otp.spawn(owner, sup, otp.self())
        linked, alone = await otp.receive()
        await wait_all_idle()
        assert (False, False, True) == (otp.is_alive(pid), otp.is_alive(linked), otp.is_alive(alone))
        assert [alone] == await TaskSupervisor.children(sup)

    run(main)


def test_the_end_of_the_supervisor_ends_its_tasks(run: Any) -> None:
    """supervisor_test, "with custom shutdown"."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        sup = await TaskSupervisor.start_link()
        brutal = await TaskSupervisor.async_nolink(sup, never, shutdown="brutal_kill")
        orderly = await TaskSupervisor.async_nolink(sup, never)
        linked = await TaskSupervisor.async_(sup, never, shutdown="brutal_kill")
        child = await TaskSupervisor.start_child(sup, never, shutdown="brutal_kill")
        ref = otp.monitor(child)
        otp.exit(sup, "shutdown")
        assert "killed" == (await otp.receive(brutal.ref)).reason
        assert "shutdown" == (await otp.receive(orderly.ref)).reason
        assert "killed" == (await otp.receive(linked.ref)).reason
        assert "killed" == (await otp.receive(ref)).reason

    run(main)


@BOTH
def test_a_full_supervisor_refuses_tasks(run: Any, async_: Any) -> None:
    """supervisor_test, "raises when :max_children is reached"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link(max_children=1)
        task = await async_(sup, on_go, 1)
        for start in (async_, TaskSupervisor.start_child):
            with pytest.raises(StartError) as full:
                await start(sup, never)
            assert "max_children" == full.value.reason
            assert "max_concurrency= of streams" in full.value.__notes__[0]
        otp.send(task.pid, "go")
        assert 1 == await Task.await_(task)
        assert 0 == await Task.await_(await async_(sup, nap, 0))

    run(main)


@BOTH
def test_without_the_supervisor_there_is_no_task(run: Any, async_: Any) -> None:
    async def main() -> None:
        with pytest.raises(NoProcess):
            await async_("nobody", never)
        assert () == messages()

    run(main)


@BOTH
def test_outside_a_process_nobody_can_own_a_task(async_: Any) -> None:
    async def outside() -> None:
        async with otp.Node("shop") as node:
            await node.start(TaskSupervisor, name="tasks")
            with pytest.raises(NotAProcess, match=r"TaskSupervisor.start_child or async_stream_nolink"):
                await async_("tasks", never)

    with asyncio.Runner() as runner:
        runner.run(outside())


def test_a_supervised_task_knows_who_asked_for_it(run: Any) -> None:
    """supervisor_test, "with $callers"."""

    async def here() -> Any:
        info = otp.process_info(otp.self())
        assert info is not None
        return otp.self(), info.dictionary["$callers"], info.ancestors

    async def nested(sup: Any) -> Any:
        return (*await here(), await Task.await_(await TaskSupervisor.async_(sup, here)))

    async def main() -> None:
        me = otp.self()
        sup = await TaskSupervisor.start_link()
        parent, callers, ancestors, (_, inner_callers, inner_ancestors) = await Task.await_(
            await TaskSupervisor.async_nolink(sup, nested, sup)
        )
        assert (me,) == callers
        assert (parent, me) == inner_callers
        assert (sup, me) == ancestors == inner_ancestors

    run(main)


class Server(GenServer[Any]):
    """Starts a task for each request, goes on, and answers when the outcome is there."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok({})

    @impl
    async def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        if request == "pending":
            return Reply(len(state), state)
        task = await TaskSupervisor.async_nolink("tasks", request)
        return NoReply(state | {task.ref: caller})

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        match message:
            case TaskReply(ref, value):
                otp.demonitor(ref, flush=True)
                GenServer.reply(state.pop(ref), ("value", value))
            case Down(ref, _, reason):
                GenServer.reply(state.pop(ref), ("failed", reason))
        return NoReply(state)


def test_a_server_hears_the_reply_or_the_down_and_never_both(run: Any) -> None:
    """Task.Supervisor.async_nolink/3, "Compatibility with OTP behaviours"."""

    async def main() -> None:
        await TaskSupervisor.start_link(name="tasks")
        server = await Server.start_link()
        slow = asyncio.create_task(GenServer.call(server, functools.partial(nap, 1)))
        await wait_all_idle()  # a task of asyncio begins when the loop has its turn
        assert ("value", 42) == await GenServer.call(server, lambda: 42)
        assert ("failed", "boom") == await GenServer.call(server, lambda: otp.exit("boom"))
        assert 1 == await GenServer.call(server, "pending")
        assert ("value", 1) == await slow
        await wait_all_idle()
        assert 0 == await GenServer.call(server, "pending")

    run(main)


# Who goes away while the supervisor is busy


@BOTH
def test_a_task_whose_owner_is_gone_is_not_started(run: Any, async_: Any) -> None:
    """`reply/4` of supervised.ex: a task whose owner died before it could begin ends."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        await sys.suspend(sup)
        owner = otp.spawn(async_, sup, never)
        await wait_all_idle()
        otp.exit(owner, "boom")
        await sys.resume(sup)
        assert [] == await TaskSupervisor.children(sup)

    run(main)
