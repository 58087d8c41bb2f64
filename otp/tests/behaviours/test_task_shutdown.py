"""Stopping a task: its reply counts, its end is reported, and neither ends its owner.

The rules are those of Elixir's `Task`; "task_test" is its test/elixir/task_test.exs.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import Exit, Task, TaskExit, TaskOk, testing
from otp.testing import wait_all_idle
from own_process import links, messages
from task_functions import never
from task_replies import dummy, put


async def stubborn() -> None:
    """Traps exits, so only a kill ends it."""
    otp.process_flag("trap_exit", True)
    await never()


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
