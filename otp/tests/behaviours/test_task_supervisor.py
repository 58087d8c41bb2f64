"""Tasks under a supervisor: linked or not, streams, room, restarts.

The rules are those of Elixir's `Task.Supervisor`; "supervisor_test" is its test/elixir/task/supervisor_test.exs.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

import otp
from otp import (
    AlreadyStarted,
    BadArgument,
    Counts,
    Crash,
    Down,
    DynamicSupervisor,
    Exit,
    ExitSignal,
    GenServer,
    Is,
    NoProcess,
    NoReply,
    NotAProcess,
    NotFound,
    Ok,
    Registry,
    Reply,
    Shared,
    StartError,
    Supervisor,
    Task,
    TaskExit,
    TaskOk,
    TaskReply,
    TaskSupervisor,
    Throw,
    impl,
    sys,
    testing,
)
from otp.behaviours.spec_check import InvalidChildSpec
from otp.testing import advance, wait_all_idle


async def nap(seconds: float) -> float:
    """As many seconds of virtual time; returns them."""
    await otp.receive(otp.start_timer(seconds, otp.self(), None))
    return seconds


async def never(_: Any = None) -> None:
    await otp.receive(Is("never sent"))


async def on_go(value: Any) -> Any:
    await otp.receive(Is("go"))
    return value


def fail(error: BaseException) -> Any:
    raise error


def messages() -> tuple[Any, ...]:
    return otp.process_info(otp.self(), "messages")


def links(pid: Any = None) -> tuple[Any, ...]:
    return otp.process_info(pid or otp.self(), "links")


async def all_of(stream: Any) -> list[Any]:
    async with stream as results:
        return [result async for result in results]


async def first_of(stream: Any) -> Any:
    async with stream as results:
        return await anext(results)


BOTH = pytest.mark.parametrize(
    "async_", [TaskSupervisor.async_, TaskSupervisor.async_nolink], ids=["linked", "not linked"]
)
BOTH_STREAMS = pytest.mark.parametrize(
    "stream", [TaskSupervisor.async_stream, TaskSupervisor.async_stream_nolink], ids=["linked", "not linked"]
)


# The supervisor


def test_it_stands_among_children_under_its_name(run: Any) -> None:
    """supervisor_test, "can be supervised directly", "multiple supervisors can be supervised …"."""

    async def main() -> None:
        await Registry.start_link(keys="unique", name="names")
        via = Registry.via("names", 1)
        sup = await Supervisor.start_link_children(
            [TaskSupervisor.child_spec(name="tasks", max_children=3), (TaskSupervisor, {"name": via}), TaskSupervisor]
        )
        children = list(reversed(await Supervisor.which_children(sup)))
        assert ["tasks", via, TaskSupervisor] == [child.id for child in children]
        assert ["supervisor"] * 3 == [child.type for child in children]
        for dest in ("tasks", via, children[2].pid):
            assert [] == await TaskSupervisor.children(dest)
        with pytest.raises(AlreadyStarted):
            await TaskSupervisor.start_link(name="tasks")

    run(main)


def test_it_counts_its_tasks(run: Any) -> None:
    """supervisor_test, "counts and returns children"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        assert Counts(0, 0, 0, 0) == await DynamicSupervisor.count_children(sup)
        pids = [await TaskSupervisor.start_child(sup, never) for _ in range(2)]
        assert pids == await TaskSupervisor.children(sup)
        assert Counts(2, 2, 0, 2) == await DynamicSupervisor.count_children(sup)
        (child, _) = await DynamicSupervisor.which_children(sup)
        assert (None, pids[0], "worker", (Task,)) == child

    run(main)


def test_wrong_options_are_refused() -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        with pytest.raises(InvalidChildSpec):
            await TaskSupervisor.start_link(max_children=-1)
        sup = await TaskSupervisor.start_link()
        with pytest.raises(InvalidChildSpec, match="did you mean 'permanent'"):
            await TaskSupervisor.start_child(sup, never, restart="permanant")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"try never, … instead of never\(…\)"):
            await TaskSupervisor.start_child(sup, never())  # type: ignore[arg-type]

    testing.Scheduler().run(main)


def test_a_node_owns_one() -> None:
    async def outside() -> None:
        async with otp.Node("shop") as node:
            await node.start(TaskSupervisor, {"max_children": 1}, name="tasks")
            pid = await TaskSupervisor.start_child("tasks", never)
            with pytest.raises(StartError):
                await TaskSupervisor.start_child("tasks", never)
        assert not otp.is_alive(pid)

    with asyncio.Runner() as runner:
        runner.run(outside())


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


@BOTH_STREAMS
def test_a_task_of_a_stream_that_was_left_is_not_started(run: Any, stream: Any) -> None:
    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        await sys.suspend(sup)
        async with stream(sup, [1], never) as results:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await anext(results)
        await sys.resume(sup)
        assert [] == await TaskSupervisor.children(sup)
        assert (sup,) == links()
        assert () == messages()

    run(main)


# start_child and terminate_child


def test_start_child_links_the_supervisor_alone(run: Any) -> None:
    """supervisor_test, "start_child/1"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        pid = await TaskSupervisor.start_child(sup, on_go, 1)
        assert [pid] == await TaskSupervisor.children(sup)
        assert (sup,) == links() == links(pid)
        assert (otp.self(),) == otp.process_info(pid, "dictionary")["$callers"]
        otp.send(pid, "go")
        assert "normal" == await otp.wait_down(pid)
        assert () == messages()

    run(main)


def test_a_child_is_not_started_again_unless_told_so(run: Any) -> None:
    """supervisor_test, "start_child/1 with custom restart"."""

    async def ready(who: Any, basket: list[str]) -> None:
        basket.append("apple")
        otp.send(who, ("ready", otp.self(), list(basket)))
        await on_go(1)

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        basket: list[str] = []
        pid = await TaskSupervisor.start_child(sup, ready, otp.self(), basket)
        assert ("ready", pid, ["apple"]) == await otp.receive()
        otp.exit(pid, "boom")
        await wait_all_idle()
        assert [] == await TaskSupervisor.children(sup)
        assert ["apple"] == basket, "by reference: it is started once"
        pid = await TaskSupervisor.start_child(sup, ready, otp.self(), basket, restart="permanent")
        assert ("ready", pid, ["apple", "apple"]) == await otp.receive()
        otp.send(pid, "go")
        _, again, seen = await otp.receive()
        assert again != pid
        assert ["apple", "apple"] == seen, "each start has arguments of its own"
        assert (otp.self(),) == otp.process_info(again, "dictionary")["$callers"]
        pid = await TaskSupervisor.start_child(sup, ready, otp.self(), Shared(basket), restart="transient")
        assert ["apple", "apple"] == (await otp.receive())[2]
        otp.exit(pid, "boom")
        assert ["apple"] * 3 == (await otp.receive())[2]

    run(main)


def test_start_child_works_outside_a_process() -> None:
    async def outside() -> None:
        done = asyncio.Event()
        async with otp.Node("shop") as node:
            await node.start(TaskSupervisor, name="tasks")
            await TaskSupervisor.start_child("tasks", done.set)
            await done.wait()

    with asyncio.Runner() as runner:
        runner.run(outside())


def test_terminate_child_stops_a_task_for_good(run: Any) -> None:
    """supervisor_test, "terminate_child/2"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        pid = await TaskSupervisor.start_child(sup, never, restart="permanent")
        await TaskSupervisor.terminate_child(sup, pid)
        assert [] == await TaskSupervisor.children(sup)
        with pytest.raises(NotFound):
            await TaskSupervisor.terminate_child(sup, pid)

    run(main)


def test_a_supervisor_keeps_nothing_of_tasks_that_are_through(run: Any) -> None:
    import gc
    import weakref

    class Payload:
        pass

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        payload = Payload()
        gone = weakref.ref(payload)
        await TaskSupervisor.start_child(sup, never, payload)
        task = await TaskSupervisor.async_nolink(sup, id, payload)
        await Task.await_(task)
        for pid in await TaskSupervisor.children(sup):
            await TaskSupervisor.terminate_child(sup, pid)
        del payload
        await wait_all_idle()
        gc.collect()
        assert gone() is None

    run(main)


# Streams


@BOTH_STREAMS
def test_the_tasks_of_a_stream_are_children_of_the_supervisor(run: Any, stream: Any) -> None:
    """supervisor_test, "streams an enumerable with fun", "… with slowest first", "… without leaking tasks"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link(name="tasks")
        assert [("ok", n) for n in (4, 1, 3)] == await all_of(stream("tasks", [4, 1, 3], nap, max_concurrency=2))
        assert [("ok", n) for n in (1, 3, 4)] == await all_of(stream(sup, [4, 1, 3], nap, ordered=False))
        async with stream(sup, [0, 9], nap) as results:
            await anext(results)
            (child,) = await TaskSupervisor.children(sup)
            assert (sup, otp.self()) == otp.process_info(child, "ancestors")
            assert (otp.self(),) == otp.process_info(child, "dictionary")["$callers"]
        await wait_all_idle()
        assert () == messages()

    run(main)


@BOTH_STREAMS
def test_leaving_a_supervised_stream_kills_its_tasks(run: Any, stream: Any) -> None:
    """supervisor_test, "shuts down unused tasks", "… without leaking messages"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        async with stream(sup, [0, 60, 60, 60], nap) as results:
            assert ("ok", 0) == await anext(results)
            tasks = await TaskSupervisor.children(sup)
            assert 3 == len(tasks)
        assert [False] * 3 == [otp.is_alive(pid) for pid in tasks]
        assert (sup,) == links()
        assert [] == await TaskSupervisor.children(sup)
        assert () == messages()

    run(main)


def test_a_crash_in_a_linked_stream_ends_the_reader_with_its_reason(run: Any) -> None:
    """13-api: a worker's crash ends the caller of a linked one with its reason."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        reader = otp.spawn(all_of, TaskSupervisor.async_stream(sup, ["boom"], otp.exit))
        assert "boom" == await otp.wait_down(reader)
        otp.process_flag("trap_exit", True)
        stream = TaskSupervisor.async_stream(sup, ["1", "2"], otp.exit)
        assert [("exit", "1"), ("exit", "2")] == await all_of(stream)
        assert () == messages()
        assert (sup,) == links()

    run(main)


def test_a_crash_in_a_nolink_stream_is_a_result(run: Any) -> None:
    """supervisor_test, async_stream_nolink, "streams an enumerable with exits"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        stream = TaskSupervisor.async_stream_nolink(sup, range(4), otp.exit, max_concurrency=2)
        assert [("exit", n) for n in range(4)] == await all_of(stream)
        assert (sup,) == links()

    run(main)


@BOTH_STREAMS
def test_a_supervised_task_that_takes_too_long(run: Any, stream: Any) -> None:
    """supervisor_test, "with timeout and :zip_input_on_exit set to true"; 13-api: on_timeout="exit"."""

    async def reader(sup: Any) -> None:
        await all_of(stream(sup, [1, 100], nap, timeout=50))

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        late = stream(sup, [1, 100], nap, timeout=50, on_timeout="kill_task", zip_input_on_exit=True)
        assert [("ok", 1), ("exit", (100, "timeout"))] == await all_of(late)
        reason = await otp.wait_down(otp.spawn(reader, sup))
        assert ("timeout", ("Task", "async_stream", [50])) == reason
        assert [] == await TaskSupervisor.children(sup)
        assert () == messages()

    run(main)


@BOTH_STREAMS
def test_a_stream_that_finds_no_room_is_shut_down(run: Any, stream: Any) -> None:
    """supervisor_test, "raises an error if :max_children is reached with clean stream shutdown"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link(max_children=1)
        with pytest.raises(StartError, match="max_children"):
            await all_of(stream(sup, [60, 60, 60], nap, max_concurrency=2))
        await wait_all_idle()
        assert [] == await TaskSupervisor.children(sup)
        assert (sup,) == links()
        assert () == messages()

    run(main)


def test_the_end_of_the_supervisor_ends_the_reader_of_a_linked_stream(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_child(await DynamicSupervisor.start_link(), TaskSupervisor)
        linked = otp.spawn(all_of, TaskSupervisor.async_stream(sup, [1], never))
        alone = otp.spawn_monitor(all_of, TaskSupervisor.async_stream_nolink(sup, [1, 2], never, max_concurrency=1))
        await wait_all_idle()
        await Supervisor.stop(sup, "shutdown")
        await wait_all_idle()
        assert not otp.is_alive(linked)
        assert "noproc" == (await otp.receive(alone[1])).reason[0], "its next task has no supervisor"

    run(main)


def test_a_reader_that_is_killed_leaves_no_task_of_a_nolink_stream(run: Any) -> None:
    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        for reason in ("boom", "kill"):
            reader = otp.spawn(all_of, TaskSupervisor.async_stream_nolink(sup, [1, 2], never))
            await wait_all_idle()
            assert 2 == len(await TaskSupervisor.children(sup))
            otp.exit(reader, reason)
            await wait_all_idle()
            assert [] == await TaskSupervisor.children(sup)

    run(main)


def test_a_nolink_stream_is_read_outside_a_process_too() -> None:
    async def outside() -> None:
        async with otp.Node("shop") as node:
            sup = await node.start(TaskSupervisor)
            results = await all_of(TaskSupervisor.async_stream_nolink(sup, ["a", "b"], str.upper))
            assert [("ok", "A"), ("ok", "B")] == results
            assert [sup] == node.processes()

    with asyncio.Runner() as runner:
        runner.run(outside())


@BOTH_STREAMS
def test_a_wrong_shutdown_is_refused_at_once(stream: Any) -> None:
    """supervisor_test, "does not allow streaming with invalid :shutdown"."""
    with pytest.raises(BadArgument, match=r"shutdown=.*got 'unknown'"):
        stream("tasks", [], nap, shutdown="unknown")


def test_a_first_result_of_many_needs_no_supervision_of_the_rest(run: Any) -> None:
    """Task.Supervisor.async_stream_nolink/4: the first tasks to succeed; ongoing tasks are shut down."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        assert ("ok", 1) == await first_of(TaskSupervisor.async_stream_nolink(sup, [3, 2, 1], nap, ordered=False))
        await advance(5)
        assert [] == await TaskSupervisor.children(sup)

    run(main)
