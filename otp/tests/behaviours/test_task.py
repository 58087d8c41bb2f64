"""Task: who is linked, who may wait, what a crash does, and that nothing is left in the mailbox.

The rules are those of Elixir's `Task`; "task_test" is its test/elixir/task_test.exs.
"""

from __future__ import annotations

import asyncio
import functools
import pickle
import threading
from typing import Any

import pytest

import otp
from otp import (
    AlreadyStarted,
    BadArgument,
    Crash,
    Down,
    Exit,
    ExitSignal,
    GenServer,
    Is,
    NoReply,
    NotAProcess,
    NotProcessMain,
    Ok,
    Registry,
    Reply,
    Supervisor,
    Task,
    TaskExit,
    TaskOk,
    TaskReply,
    Throw,
    impl,
    sys,
    testing,
)
from otp.testing import advance, wait_all_idle

FOREVER = "never sent"


async def after(seconds: float, value: Any) -> Any:
    """The value, `seconds` of virtual time later."""
    await otp.receive(otp.start_timer(seconds, otp.self(), None))
    return value


async def never() -> None:
    await otp.receive(Is(FOREVER))


async def on_go(value: Any) -> Any:
    await otp.receive(Is("go"))
    return value


async def stubborn() -> None:
    """Traps exits, so only a kill ends it."""
    otp.process_flag("trap_exit", True)
    await never()


def fail(error: BaseException) -> Any:
    raise error


def messages() -> tuple[Any, ...]:
    return otp.process_info(otp.self(), "messages")


def links() -> tuple[Any, ...]:
    return otp.process_info(otp.self(), "links")


async def started_elsewhere() -> Task[None]:
    me = otp.self()

    async def owner() -> None:
        otp.send(me, Task.async_(never))
        await never()

    otp.spawn(owner)
    return await otp.receive(Task)


def dummy(reason: Any) -> Task[Any]:
    """A task of this process whose process is dead; replies and Downs are put into the mailbox by hand."""
    pid = otp.spawn(otp.exit, "normal")
    otp.exit(pid, "kill")
    return Task(pid, otp.make_ref(), otp.self(), ("test", "dummy", 0))


def put(task: Task[Any], *messages: Any) -> None:
    """Into the owner's mailbox: a value as the reply, an `Exit` as the Down with its reason."""
    for message in messages:
        down = isinstance(message, Exit)
        otp.send(otp.self(), Down(task.ref, task.pid, message.reason) if down else TaskReply(task.ref, message))


# Starting


def test_a_task_is_linked_to_and_monitored_by_its_owner(run: Any) -> None:
    """task_test, "async/1"."""

    async def main() -> None:
        task = Task.async_(on_go, "done")
        assert (task.pid,) == links()
        assert (task.pid,) == otp.process_info(otp.self(), "monitors")
        assert otp.self() == task.owner
        assert "on_go" == otp.process_info(task.pid, "initial_call")
        otp.send(task.pid, "go")
        assert TaskReply(task.ref, "done") == await otp.receive()
        assert Down(task.ref, task.pid, "normal") == await otp.receive()

    run(main)


@pytest.mark.parametrize(
    ("fn", "args", "value"),
    [
        (lambda: 3, (), 3),
        (sum, ([1, 2],), 3),
        (functools.partial(after, 1), (3,), 3),
        (after, (1, 3), 3),
    ],
    ids=["lambda", "builtin", "partial", "async"],
)
def test_a_task_runs_any_callable_and_awaits_what_is_awaitable(run: Any, fn: Any, args: Any, value: Any) -> None:
    async def main() -> None:
        assert value == await Task.await_(Task.async_(fn, *args))

    run(main)


def test_keywords_go_to_the_function(run: Any) -> None:
    async def main() -> None:
        assert [2, 1] == await Task.await_(Task.async_(sorted, [1, 2], reverse=True))

    run(main)


def test_a_task_tells_what_it_runs(run: Any) -> None:
    """task_test, "async/3": module, function, arity."""

    async def main() -> None:
        task = Task.async_(after, 0, "done")
        assert (__name__, "after", 2) == task.mfa
        assert "after" in repr(task)
        await Task.await_(task)

    run(main)


def test_a_coroutine_object_is_refused_with_the_fix() -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match=r"try never, … instead of never\(…\)"):
            Task.async_(never())  # type: ignore[call-overload]
        with pytest.raises(TypeError, match="expected a function, got 3"):
            Task.async_(3)  # type: ignore[call-overload]

    testing.Scheduler().run(main)


def test_a_task_is_not_assigned_to() -> None:
    async def main() -> None:
        with pytest.raises(AttributeError, match="immutable"):
            Task.completed(1).ref = None  # type: ignore[misc]

    testing.Scheduler().run(main)


def test_a_task_knows_who_asked_for_it(run: Any) -> None:
    """task_test, "async with $callers"."""

    async def callers() -> Any:
        return otp.self(), otp.process_info(otp.self(), "dictionary")["$callers"]

    async def nested() -> Any:
        return (*await callers(), await Task.await_(Task.async_(callers)))

    async def main() -> None:
        me = otp.self()
        parent, first, (_, second) = await Task.await_(Task.async_(nested))
        assert (me,) == first
        assert (parent, me) == second

    run(main)


def test_start_links_nobody_and_monitors_nobody(run: Any) -> None:
    """task_test, "start/1"."""

    async def main() -> None:
        pid = await Task.start(on_go, 1)
        assert () == links()
        assert () == otp.process_info(otp.self(), "monitors")
        otp.send(pid, "go")
        assert "normal" == await otp.wait_down(pid)
        assert () == messages()

    run(main)


def test_start_link_links_and_replies_nothing(run: Any) -> None:
    """task_test, "start_link/1"."""

    async def main() -> None:
        pid = await Task.start_link(on_go, 1)
        assert (pid,) == links()
        otp.send(pid, "go")
        assert "normal" == await otp.wait_down(pid)
        assert () == messages()

    run(main)


def test_start_link_passes_a_crash_on(run: Any) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        pid = await Task.start_link(fail, Exit("boom"))
        assert ExitSignal(pid, "boom") == await otp.receive()

    run(main)


def test_a_started_task_may_have_a_name(run: Any) -> None:
    async def main() -> None:
        await Registry.start_link(keys="unique", name="names")
        pid = await Task.start_link(never, name="idler")
        other = await Task.start(never, name=Registry.via("names", 1))
        assert pid == otp.whereis("idler")
        assert other == otp.whereis(Registry.via("names", 1))
        with pytest.raises(AlreadyStarted) as taken:
            await Task.start(never, name="idler")
        assert pid == taken.value.pid
        with pytest.raises(AlreadyStarted):
            await Task.start(never, name=Registry.via("names", 1))
        with pytest.raises(BadArgument, match="expected a pid, a name"):
            await Task.start(never, name=[])

    run(main)


# As a child


def test_a_task_stands_among_children_and_is_not_started_again(run: Any) -> None:
    """task_test, "can be supervised directly", "generates child_spec/1": restart is temporary."""

    async def main() -> None:
        sup = await Supervisor.start_link_children([(Task, never), Task.child_spec(functools.partial(on_go, 1), id=2)])
        second, first = await Supervisor.which_children(sup)
        assert (Task, "worker", (Task,)) == (first.id, first.type, first.modules)
        assert 2 == second.id
        otp.exit(first.pid, "boom")
        otp.send(second.pid, "go")
        await wait_all_idle()
        assert [] == await Supervisor.which_children(sup)

    run(main)


def test_the_child_spec_of_a_task_takes_all_options() -> None:
    spec = Task.child_spec(never, name="idler", restart="permanent", shutdown=1, id="one")
    assert ("one", "permanent", 1) == (spec.id, spec.restart, spec.shutdown)
    assert "temporary" == Task.child_spec(never).restart
    with pytest.raises(TypeError, match="did you mean 'restart'"):
        Task.child_spec(never, restrat="permanent")


def test_a_node_owns_a_task() -> None:
    async def main() -> str:
        async with otp.Node("shop") as node:
            pid = await node.start(Task, never, name="idler")
            assert pid == node.whereis("idler")
            stopped = asyncio.ensure_future(otp.wait_down(pid))
            await wait_all_idle()
        return await stopped

    async def outside() -> str:
        return await asyncio.create_task(main())

    assert "shutdown" == testing.Scheduler().run(outside)


# await_


def test_await_gives_the_value_and_leaves_nothing(run: Any) -> None:
    async def main() -> None:
        task = Task.async_(after, 1, "done")
        assert "done" == await Task.await_(task)
        await wait_all_idle()
        assert () == messages()
        assert () == otp.process_info(otp.self(), "monitors")

    run(main)


def test_await_leaves_nothing_if_the_task_was_through_before(run: Any) -> None:
    async def main() -> None:
        tasks = [Task.async_(lambda n=n: n) for n in range(5)]
        await wait_all_idle()
        assert 10 == len(messages())
        assert [4, 3, 2, 1, 0] == [await Task.await_(task) for task in reversed(tasks)]
        assert () == messages()

    run(main)


def test_await_leaves_other_messages_in_their_order(run: Any) -> None:
    async def main() -> None:
        for n in range(3):
            otp.send(otp.self(), n)
        await Task.await_(Task.async_(after, 1, "done"))
        assert (0, 1, 2) == messages()

    run(main)


def test_a_late_reply_is_dropped(run: Any) -> None:
    """task_test, "demonitors and unalias on timeout"."""

    async def main() -> None:
        task = Task.async_(on_go, "done")
        with pytest.raises(Exit) as late:
            await Task.await_(task, 0)
        assert ("timeout", ("Task", "await", [task, 0])) == late.value.reason
        otp.send(task.pid, "go")
        assert "normal" == await otp.wait_down(task.pid)
        await wait_all_idle()
        assert () == messages()

    run(main)


def test_await_waits_five_seconds_unless_told_otherwise(run: Any) -> None:
    async def main() -> None:
        task = Task.async_(after, 6, "done")
        with pytest.raises(Exit) as late:
            await Task.await_(task)
        assert 5.0 == otp.monotonic()
        assert ("timeout", ("Task", "await", [task, 5])) == late.value.reason
        task = Task.async_(after, 60, "done")
        assert "done" == await Task.await_(task, "infinity")
        assert "done" == await Task.await_(Task.async_(after, 60, "done"), timeout=None)

    run(main)


def test_an_unawaited_time_is_refused() -> None:
    async def main() -> None:
        with pytest.raises(BadArgument, match=r"Task.await_\(timeout=…\).*got -1"):
            await Task.await_(Task.completed(1), -1)

    testing.Scheduler().run(main)


def test_a_task_that_exits_normally_without_a_result_ends_the_wait(run: Any) -> None:
    """task_test, "exits on normal exit"."""

    async def main() -> None:
        task = Task.async_(otp.exit, "normal")
        with pytest.raises(Exit) as ended:
            await Task.await_(task)
        assert ("normal", ("Task", "await", [task, 5])) == ended.value.reason
        assert () == messages()

    run(main)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Throw("unknown"), Crash(("nocatch", "unknown"))),
        (otp.Error("oops"), Crash("oops")),
        (ValueError("oops"), Crash(otp.ExceptionTerm("ValueError", ("oops",), "oops"))),
        (Exit("unknown"), "unknown"),
    ],
    ids=["throw", "error", "exception", "exit"],
)
def test_a_crash_ends_the_wait_of_an_owner_that_traps_exits(run: Any, error: Exception, reason: Any) -> None:
    """task_test, "exits on task throw", "… error", "… exit"."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        task = Task.async_(fail, error)
        with pytest.raises(Exit) as ended:
            await Task.await_(task)
        assert (reason, ("Task", "await", [task, 5])) == ended.value.reason
        assert (ExitSignal(task.pid, reason),) == messages()

    run(main)


def test_a_crash_ends_an_owner_that_does_not_trap_exits_with_its_reason(run: Any) -> None:
    """Task.async/1, "Linking"."""

    async def owner() -> None:
        await Task.await_(Task.async_(otp.exit, "boom"))

    async def main() -> None:
        assert "boom" == await otp.wait_down(otp.spawn(owner))

    run(main)


def test_the_end_of_the_owner_ends_the_task(run: Any) -> None:
    """Task.async/1, "Linking": aborts the task if the parent process dies."""

    async def main() -> None:
        task = await started_elsewhere()
        otp.exit(task.owner, "boom")
        assert "boom" == await otp.wait_down(task.pid) or not otp.is_alive(task.pid)

    run(main)


def test_only_the_owner_may_wait(run: Any) -> None:
    """task_test, "raises when invoked from a non-owner process"."""

    async def main() -> None:
        task = await started_elsewhere()
        for wait in (
            lambda: Task.await_(task, 1),
            lambda: Task.await_many([Task.completed(None), task], 1),
            lambda: Task.yield_(task, 1),
            lambda: Task.yield_many([task], 1),
            lambda: Task.shutdown(task),
        ):
            with pytest.raises(BadArgument, match=f"expected a task that {otp.self()} started"):
                await wait()
        with pytest.raises(BadArgument, match=f"which {task.owner} started"):
            Task.ignore(task)

    run(main)


def test_tasks_belong_to_processes() -> None:
    async def outside() -> None:
        with pytest.raises(NotAProcess, match=r"Task.async_\(fn\).*asyncio.create_task"):
            Task.async_(never)
        with pytest.raises(NotAProcess, match=r"Task.start or node.start"):
            await Task.start_link(never)
        async with otp.Node("shop"):
            assert "normal" == await otp.wait_down(await Task.start(lambda: None))

    with asyncio.Runner() as runner:
        runner.run(outside())


def test_a_child_task_starts_tasks_of_its_process_but_cannot_await_them(run: Any) -> None:
    async def main() -> None:
        task = await asyncio.create_task(asyncio.wait_for(_started(), 1))
        assert otp.self() == task.owner
        with pytest.raises(NotProcessMain):
            await asyncio.create_task(_awaited(task))
        assert "done" == await Task.await_(task)

    async def _started() -> Task[Any]:
        return Task.async_(after, 1, "done")

    async def _awaited(task: Task[Any]) -> Any:
        return await Task.await_(task)

    run(main)


def test_a_wait_that_was_cancelled_can_be_repeated(run: Any) -> None:
    async def main() -> None:
        task = Task.async_(after, 2, "done")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await Task.await_(task)
        assert "done" == await Task.await_(task)
        assert () == messages()

    run(main)


def test_a_task_of_a_lost_node_ends_the_wait_with_nodedown() -> None:
    """task_test, "exits on :noconnection"."""

    async def main() -> None:
        for wait in (
            lambda: Task.await_(task),
            lambda: Task.await_many([task]),
            lambda: Task.yield_(task),
            lambda: Task.yield_many([task]),
            lambda: Task.shutdown(task),
            lambda: Task.shutdown(task, "brutal_kill"),
        ):
            task = dummy("noconnection")
            put(task, Exit("noconnection"))
            with pytest.raises(Exit) as lost:
                await wait()
            assert ("nodedown", "test") == lost.value.reason[0]
        task = dummy("noconnection")
        put(task, Exit("noconnection"))
        with pytest.raises(Exit) as lost:
            Task.ignore(task)
        assert (("nodedown", "test"), ("Task", "ignore", [task])) == lost.value.reason

    testing.Scheduler().run(main)


# await_many


def test_await_many_gives_the_values_in_the_order_of_the_tasks(run: Any) -> None:
    """task_test, "returns replies in input order ignoring response order"."""

    async def main() -> None:
        tasks = [Task.async_(after, 3 - n, n) for n in range(3)]
        assert [0, 1, 2] == await Task.await_many(tasks)
        assert 3.0 == otp.monotonic()
        assert [] == await Task.await_many([])
        await wait_all_idle()
        assert () == messages()

    run(main)


def test_await_many_ignores_other_messages(run: Any) -> None:
    """task_test, "ignores messages from other processes"."""

    async def main() -> None:
        other = otp.make_ref()
        noise = (other, (other, "z"), Down(other, otp.self(), "goodbye"), ({}, 1), ())
        for message in noise:
            otp.send(otp.self(), message)
        assert ["a", "b"] == await Task.await_many([Task.async_(after, 1, "a"), Task.async_(after, 1, "b")])
        assert noise == messages()

    run(main)


def test_await_many_takes_one_reply_a_task() -> None:
    """task_test, "ignores additional messages after reply"."""

    async def main() -> None:
        one, two = dummy("x"), dummy("x")
        put(two, "b", "other")
        put(one, "a")
        assert ["a", "b"] == await Task.await_many([one, two])
        assert (TaskReply(two.ref, "other"),) == messages()

    testing.Scheduler().run(main)


def test_await_many_has_one_time_for_all(run: Any) -> None:
    """task_test, "exits on timeout"."""

    async def main() -> None:
        tasks = [Task.async_(after, n, n) for n in (2, 4, 6)]
        with pytest.raises(Exit) as late:
            await Task.await_many(tasks)
        assert ("timeout", ("Task", "await_many", [tasks, 5])) == late.value.reason
        assert 5.0 == otp.monotonic()
        await advance(5)
        assert () == messages()

    run(main)


def test_await_many_without_time_takes_what_is_there(run: Any) -> None:
    async def main() -> None:
        tasks = [Task.async_(lambda n=n: n) for n in range(3)]
        await wait_all_idle()
        assert [0, 1, 2] == await Task.await_many(tasks, 0)

    run(main)


def test_await_many_fails_at_once_when_a_task_does(run: Any) -> None:
    """task_test, "exits immediately when any task exits", "… crashes"."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        for reason in ("normal", "unknown"):
            tasks = [Task.async_(never), Task.async_(otp.exit, reason)]
            with pytest.raises(Exit) as ended:
                await Task.await_many(tasks)
            assert (reason, ("Task", "await_many", [tasks, 5])) == ended.value.reason
            otp.exit(tasks[0].pid, "kill")
            await wait_all_idle()
            assert not [message for message in messages() if type(message) is Down]

    run(main)


# yield_


def test_yield_answers_what_has_become_of_the_task(run: Any) -> None:
    async def main() -> None:
        task = Task.async_(after, 2, "done")
        assert await Task.yield_(task, 1) is None
        assert TaskOk("done") == await Task.yield_(task, 2)
        assert 2.0 == otp.monotonic()
        assert TaskExit("normal") == await Task.yield_(Task.async_(otp.exit, "normal"))
        await wait_all_idle()
        assert () == messages()

    run(main)


def test_yield_prefers_the_reply_to_the_end() -> None:
    """task_test, "returns {:ok, result} when reply and :DOWN in message queue"."""

    async def main() -> None:
        task = dummy("x")
        put(task, "result", Exit("abnormal"))
        assert ("ok", "result") == await Task.yield_(task, 0)
        put(task, "result", Exit("abnormal"))
        assert [(task, ("ok", "result"))] == await Task.yield_many([task], 0)
        assert () == messages()

    testing.Scheduler().run(main)


def test_yield_many_answers_for_each_task(run: Any) -> None:
    """task_test, "returns results from multiple tasks"."""

    async def main() -> None:
        tasks = [Task.async_(after, 1, "one"), Task.async_(after, 9, "two"), Task.async_(otp.exit, "normal")]
        found = await Task.yield_many(tasks, 2)
        assert [(tasks[0], TaskOk("one")), (tasks[1], None), (tasks[2], TaskExit("normal"))] == found
        assert 2.0 == otp.monotonic()
        assert TaskOk("two") == await Task.yield_(tasks[1], "infinity")
        assert () == messages()

    run(main)


def test_yield_many_returns_when_enough_are_through(run: Any) -> None:
    """task_test, "… with limit", "returns once all tasks have replied below limit"."""

    async def main() -> None:
        tasks = [Task.async_(after, n, n) for n in (2, 1)]
        found = await Task.yield_many(tasks, "infinity", limit=1, on_timeout="kill_task")
        assert [None, TaskOk(1)] == [outcome for _, outcome in found]
        assert otp.is_alive(tasks[0].pid)
        found = await Task.yield_many(tasks[:1], "infinity", limit=7)
        assert [(tasks[0], TaskOk(2))] == found
        assert () == messages()

    run(main)


def test_yield_many_kills_or_ignores_who_is_late(run: Any) -> None:
    """task_test, "shuts down on timeout when configured", "ignores on timeout when configured"."""

    async def main() -> None:
        killed, ignored = Task.async_(never), Task.async_(on_go, "late")
        assert [(killed, None)] == await Task.yield_many([killed], 0, on_timeout="kill_task")
        assert not otp.is_alive(killed.pid)
        assert [(ignored, None)] == await Task.yield_many([ignored], 0, on_timeout="ignore")
        otp.send(ignored.pid, "go")
        assert "normal" == await otp.wait_down(ignored.pid)
        assert await Task.yield_(ignored, 0) is None
        assert () == messages()

    run(main)


def test_yield_many_refuses_other_options() -> None:
    async def main() -> None:
        with pytest.raises(BadArgument, match="'nothing', 'ignore' or 'kill_task', got 'exit'"):
            await Task.yield_many([], on_timeout="exit")  # type: ignore[arg-type]
        with pytest.raises(BadArgument, match="int of at least 1, got 0"):
            await Task.yield_many([], limit=0)

    testing.Scheduler().run(main)


# ignore, completed


def test_ignore_answers_what_has_arrived(run: Any) -> None:
    """task_test, "discards on time replies", "discards on-time failures"."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        ok, failed = Task.async_(lambda: "done"), Task.async_(otp.exit, "oops")
        await wait_all_idle()
        assert TaskOk("done") == Task.ignore(ok)
        assert TaskExit("oops") == Task.ignore(failed)
        assert not [message for message in messages() if type(message) is not ExitSignal]

    run(main)


def test_an_ignored_task_goes_on_unlinked_and_is_heard_no_more(run: Any) -> None:
    """task_test, "discards late replies", "discards late failures"."""

    async def main() -> None:
        late, failing = Task.async_(on_go, "late"), Task.async_(on_go, "late")
        assert (None, None) == (Task.ignore(late), Task.ignore(failing))
        assert () == links()
        otp.send(late.pid, "go")
        otp.exit(failing.pid, "oops")
        assert "normal" == await otp.wait_down(late.pid)
        await wait_all_idle()
        assert () == messages()
        with pytest.raises(Exit) as gone:
            await Task.await_(late, 0)
        assert ("timeout", ("Task", "await", [late, 0])) == gone.value.reason

    run(main)


def test_a_completed_task_is_like_any_other_and_has_no_process(run: Any) -> None:
    """task_test, "completed/1", "can ignore completed tasks", "ignores if task PID is nil"."""

    async def main() -> None:
        task = Task.completed("done")
        assert (None, "done") == (task.pid, await Task.await_(task))
        assert [1, 2] == await Task.await_many([Task.completed(1), Task.async_(lambda: 2)])
        assert TaskOk("done") == await Task.yield_(Task.completed("done"), 0)
        assert TaskOk("done") == Task.ignore(Task.completed("done"))
        assert TaskOk("done") == await Task.shutdown(Task.completed("done"))
        await wait_all_idle()
        assert () == messages()

    run(main)


# shutdown


@pytest.mark.parametrize("reason", ["abnormal", "normal", "shutdown"])
@pytest.mark.parametrize("how", [5, "brutal_kill"])
def test_shutdown_of_a_task_that_replied_gives_the_reply(reason: str, how: Any) -> None:
    """task_test, "shutdown/2", "returns {:ok, result} when reply and … :DOWN in message queue"."""

    async def main() -> None:
        task = dummy(reason)
        put(task, "result", Exit(reason))
        assert TaskOk("result") == await Task.shutdown(task, how)
        assert () == messages()

    testing.Scheduler().run(main)


@pytest.mark.parametrize(
    ("reason", "how", "outcome"),
    [
        ("abnormal", 5, TaskExit("abnormal")),
        ("normal", 5, TaskExit("normal")),
        ("shutdown", 5, None),
        ("killed", 5, TaskExit("killed")),
        ("noproc", 5, TaskExit("noproc")),
        ("abnormal", "brutal_kill", TaskExit("abnormal")),
        ("normal", "brutal_kill", TaskExit("normal")),
        ("shutdown", "brutal_kill", TaskExit("shutdown")),
        ("killed", "brutal_kill", None),
        ("noproc", "brutal_kill", TaskExit("noproc")),
    ],
)
def test_shutdown_of_a_task_that_was_over_tells_its_reason(reason: str, how: Any, outcome: Any) -> None:
    """task_test, "shutdown/2", "returns exit on … :DOWN in message queue"."""

    async def main() -> None:
        task = dummy(reason)
        put(task, Exit(reason))
        assert outcome == await Task.shutdown(task, how)
        assert () == messages()

    testing.Scheduler().run(main)


def test_shutdown_of_a_task_whose_end_was_seen_is_noproc(run: Any) -> None:
    """Task.shutdown/2: {:exit, :noproc} if the monitor's message was received already."""

    async def main() -> None:
        task = Task.async_(lambda: "done")
        await Task.await_(task)
        await wait_all_idle()
        assert TaskExit("noproc") == await Task.shutdown(task)

    run(main)


@pytest.mark.parametrize("how", [5, "infinity", "brutal_kill"])
def test_shutdown_stops_the_task_and_leaves_nothing(run: Any, how: Any) -> None:
    """task_test, "returns nil on shutting down task"."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        task = Task.async_(never)
        assert await Task.shutdown(task, how) is None
        assert not otp.is_alive(task.pid)
        assert () == links() == messages()

    run(main)


def test_a_killed_task_does_not_end_its_owner(run: Any) -> None:
    """task_test, "returns nil on killing task"."""

    async def main() -> None:
        task = Task.async_(stubborn)
        await wait_all_idle()
        assert await Task.shutdown(task, "brutal_kill") is None
        assert () == messages()

    run(main)


def test_shutdown_kills_who_does_not_stop_in_time(run: Any) -> None:
    """task_test, "returns exit on killing task after shutdown timeout"."""

    async def main() -> None:
        task = Task.async_(stubborn)
        await wait_all_idle()
        assert TaskExit("killed") == await Task.shutdown(task, 1)
        assert 1.0 == otp.monotonic()
        assert () == messages()

    run(main)


def test_cleanup_of_a_task_may_take_the_time_of_the_shutdown(run: Any) -> None:
    """Elixir's tasks need to trap exits for that; here `finally` is enough."""
    closed: list[float] = []

    async def careful() -> None:
        try:
            await never()
        finally:
            await asyncio.get_running_loop().create_task(_wait(8))
            closed.append(otp.monotonic())

    async def _wait(seconds: float) -> None:
        over = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(seconds, over.set_result, None)
        await over

    async def main() -> None:
        closed.clear()
        task = Task.async_(careful)
        await wait_all_idle()
        assert await Task.shutdown(task, 10) is None
        assert [8.0] == closed
        task = Task.async_(careful)
        await wait_all_idle()
        assert await Task.shutdown(task, 1) is None
        assert ([8.0], 9.0) == (closed, otp.monotonic())

    run(main)


# In a server


class Fetcher(GenServer[dict[str, Any]]):
    """Starts tasks and goes on; keeps what it hears of them."""

    @impl
    def init(self, arg: Any) -> Any:
        if arg == "trap":
            otp.process_flag("trap_exit", True)
        return Ok([])

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        match request:
            case ("fetch", fn, *args):
                return Reply(Task.async_(fn, *args), state)
            case ("compute", seconds):
                return _computed(seconds, state)
            case "heard":
                return Reply(list(state), state)

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        match message:
            case TaskReply(ref, value):
                otp.demonitor(ref, flush=True)
                return NoReply([*state, value])
            case _:
                return NoReply([*state, message])


async def _computed(seconds: float, state: Any) -> Any:
    return Reply(await Task.await_(Task.async_(after, seconds, "done")), state)


def test_a_server_may_await_in_an_async_callback_and_its_mailbox_keeps(run: Any) -> None:
    async def main() -> None:
        fetcher = await Fetcher.start_link()
        asked = [asyncio.create_task(GenServer.call(fetcher, ("compute", seconds))) for seconds in (2, 1)]
        await wait_all_idle()
        for n in range(3):
            otp.send(fetcher, n)
        assert ["done", "done"] == [await one for one in asked]
        assert [0, 1, 2] == await GenServer.call(fetcher, "heard")

    run(main)


def test_a_server_finds_the_reply_in_handle_info_and_no_down_after_demonitor(run: Any) -> None:
    """Task.await/2, "Compatibility with OTP behaviours"."""

    async def main() -> None:
        fetcher = await Fetcher.start_link()
        for n in range(3):
            await GenServer.call(fetcher, ("fetch", lambda n=n: n))
        await GenServer.call(fetcher, ("fetch", after, 1, 3))
        await advance(1)
        heard = await GenServer.call(fetcher, "heard")
        assert [0, 1, 2] == sorted(heard[:3])
        assert [3] == heard[3:]

    run(main)


def test_a_server_that_traps_exits_finds_the_down_of_a_crash(run: Any) -> None:
    async def main() -> None:
        fetcher = await Fetcher.start_link("trap")
        task = await GenServer.call(fetcher, ("fetch", otp.exit, "boom"))
        await wait_all_idle()
        heard = await GenServer.call(fetcher, "heard")
        assert [ExitSignal(task.pid, "boom"), Down(task.ref, task.pid, "boom")] == heard

    run(main)


def test_a_busy_server_demonitors_what_lies_in_its_batch(run: Any) -> None:
    """The Down is in the mailbox behind the reply when the callback runs: flush takes it out of the batch."""

    async def main() -> None:
        fetcher = await Fetcher.start_link()
        ref = otp.make_ref()
        await sys.suspend(fetcher)
        pending = asyncio.create_task(GenServer.call(fetcher, ("fetch", lambda: "value")))
        await wait_all_idle()
        await sys.resume(fetcher)
        await pending
        await sys.suspend(fetcher)
        await wait_all_idle()
        otp.send(fetcher, ref)
        await sys.resume(fetcher)
        assert ["value", ref] == await GenServer.call(fetcher, "heard")

    run(main)


# The two outcomes


def test_outcomes_are_tuples_made_for_match() -> None:
    match [TaskOk(1), TaskExit("boom"), ("ok", 1)]:
        case [TaskOk(value), TaskExit(reason), ("ok", same)]:
            assert (1, "boom", 1) == (value, reason, same)
        case _:
            pytest.fail("no case matched")
    assert ("ok", 1) == TaskOk(1)
    assert {("exit", "boom")} == {TaskExit("boom")}
    assert [TaskOk(1), TaskExit("boom")] == pickle.loads(pickle.dumps([TaskOk(1), TaskExit("boom")]))
    assert "TaskOk(1) TaskExit('boom')" == f"{TaskOk(1)} {TaskExit('boom')}"


# run_blocking: real threads, so in real time; nobody sleeps, events say when


def test_while_a_thread_blocks_the_others_go_on() -> None:
    async def main() -> Any:
        may_end = threading.Event()
        task = Task.async_(Task.run_blocking, may_end.wait)
        echo = otp.spawn(lambda: None)
        assert "normal" == await otp.wait_down(echo)
        assert await Task.yield_(task, 0) is None
        may_end.set()
        return await Task.await_(task), threading.current_thread() is not await Task.run_blocking(
            threading.current_thread
        )

    assert (True, True) == otp.run(main)


def test_what_the_blocking_function_raises_is_raised_here() -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="no"):
            await Task.run_blocking(fail, ValueError("no"))
        with pytest.raises(Exit):
            await Task.run_blocking(otp.exit, "shutdown")

    otp.run(main)


def test_a_process_that_ends_while_its_thread_blocks_ends_at_once_and_the_function_runs_on() -> None:
    async def main() -> str:
        began, may_end, ended = threading.Event(), threading.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def work() -> None:
            began.set()
            may_end.wait()
            loop.call_soon_threadsafe(ended.set)

        pid = otp.spawn(Task.run_blocking, work)
        await Task.run_blocking(began.wait)
        otp.exit(pid, "boom")
        reason = await otp.wait_down(pid) if otp.is_alive(pid) else "gone"
        may_end.set()
        await ended.wait()
        return reason

    assert "gone" == otp.run(main)


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (Exit("boom"), "boom"),
        (otp.Error("bad"), otp.Crash("bad")),
        (ValueError("no"), otp.Crash(otp.ExceptionTerm("ValueError", ("no",), "no"))),
    ],
)
def test_what_the_blocking_function_raises_is_the_exit_reason_of_who_does_not_catch_it(
    raised: Exception, reason: Any
) -> None:
    async def main() -> Any:
        _pid, ref = otp.spawn_monitor(Task.run_blocking, fail, raised)
        return (await otp.receive(ref)).reason

    assert reason == otp.run(main)


def test_a_blocking_function_that_raises_stop_iteration_does_not_leave_its_caller_waiting() -> None:
    """Before Python 3.13 no future takes one: whoever waited for it waited for ever."""

    async def main() -> None:
        with pytest.raises(RuntimeError, match="next raised StopIteration"):
            await Task.run_blocking(next, iter(()))

    otp.run(main)


def test_a_time_out_ends_the_wait_at_once_and_drops_the_result() -> None:
    async def main() -> Any:
        may_end = threading.Event()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await Task.run_blocking(may_end.wait)
        may_end.set()
        return await Task.run_blocking(sum, [1, 2]), otp.process_info(otp.self(), "messages")

    assert (3, ()) == otp.run(main)


def test_a_server_is_busy_while_its_callback_blocks_and_can_be_killed() -> None:
    class Slow(otp.GenServer[Any]):
        @otp.impl
        def init(self, arg: Any) -> Any:
            return otp.Ok(arg)

        @otp.impl
        async def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            return otp.Reply(await Task.run_blocking(request), state)

    async def main() -> Any:
        began, may_end = threading.Event(), threading.Event()
        slow = await Slow.start(None)
        assert 3 == await Slow.call(slow, lambda: 3)
        call = asyncio.create_task(Slow.call(slow, lambda: began.set() or may_end.wait()))
        await Task.run_blocking(began.wait)
        try:
            with pytest.raises(otp.CallTimeout):
                await Slow.call(slow, lambda: 3, 0.01)
            otp.exit(slow, "kill")
            with pytest.raises(otp.ServerDown) as failed:
                await call
        finally:
            may_end.set()
        return failed.value.cause_reason

    assert "killed" == otp.run(main)


def test_an_async_function_does_not_block() -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="expected a plain function, got the async never"):
            await Task.run_blocking(never)

    otp.run(main)


def test_inside_the_thread_there_is_no_process() -> None:
    async def main() -> None:
        with pytest.raises(NotAProcess):
            await Task.run_blocking(otp.self)

    otp.run(main)


def test_virtual_time_has_no_threads() -> None:
    async def main() -> None:
        await Task.run_blocking(sum, [1, 2])

    with pytest.raises(testing.RealIONotSimulated, match="calling the function directly"):
        testing.Scheduler().run(main)
