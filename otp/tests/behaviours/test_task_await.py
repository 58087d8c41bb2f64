"""Waiting for tasks: only the owner may, a crash ends the wait, and nothing is left in the mailbox.

The rules are those of Elixir's `Task`; "task_test" is its test/elixir/task_test.exs.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import (
    BadArgument,
    Crash,
    Down,
    Exit,
    ExitSignal,
    NotAProcess,
    NotProcessMain,
    Task,
    TaskReply,
    Throw,
    testing,
)
from otp.testing import advance, wait_all_idle
from own_process import messages
from task_functions import after, fail, never, on_go
from task_replies import dummy, put


async def started_elsewhere() -> Task[None]:
    me = otp.self()

    async def owner() -> None:
        otp.send(me, Task.async_(never))
        await never()

    otp.spawn(owner)
    return await otp.receive(Task)


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
