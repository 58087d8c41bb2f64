"""Asking what has become of a task, or to hear no more of it: an outcome or None, and nothing left in the mailbox.

The rules are those of Elixir's `Task`; "task_test" is its test/elixir/task_test.exs.
"""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import BadArgument, Exit, ExitSignal, Task, TaskExit, TaskOk, testing
from otp.testing import wait_all_idle
from own_process import links, messages
from task_functions import after, never, on_go
from task_replies import dummy, put

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
