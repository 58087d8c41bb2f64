"""Crashes of tasks that end together with a supervised process: its supervisor handles them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Task, impl
from otp.testing import wait_all_idle
from restart_trees import group, run, worker
from superlearner.control.unsupervised import UnsupervisedEnds
from superlearner.restarts.recorder import Record, Recorder


def price(of: str) -> int:
    return {"tea": 3}[of]


async def fetch(row: int) -> int:
    if row == 1:
        raise ConnectionError(row)
    return await otp.receive()


class TaskOwner(GenServer[None]):
    """A server that runs what it gets as a cast, and waits for it."""

    @impl
    def init(self, arg: bool) -> Ok[None]:
        otp.process_flag("trap_exit", arg)
        return Ok(None)

    @impl
    async def handle_cast(self, request: Callable[[], Any], state: None) -> NoReply[None]:
        await request()
        return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: None) -> NoReply[None]:
        return NoReply(state)


async def one_task() -> None:
    await Task.await_(Task.async_(price, "wine"))


async def stream() -> None:
    async with Task.async_stream(range(4), fetch, max_concurrency=3) as results:
        async for _ in results:
            pass


async def slow_task() -> None:
    await Task.await_(Task.async_(otp.receive), 0.5)


def crash(work: Callable[[], Any], *, traps: bool = False) -> tuple[list[str], list[str]]:
    """Return the lines of restarts, and what crashed without a supervisor, when a child of `top` does this work."""

    async def test(node: otp.Node) -> tuple[list[str], list[str]]:
        records: list[Record] = []
        alone: list[str] = []
        ends = UnsupervisedEnds()

        def note(event: Any) -> None:
            if ends.note(event):
                alone.append(event.data["what"])

        recorder = Recorder(node, None, lambda *_: None, records.append)
        ended = otp.trace.subscribe(node, note, kinds={"exited"})
        pool = otp.whereis("pool")
        assert pool is not None
        GenServer.cast(pool, work)
        if not traps or work is slow_task:
            await otp.wait_down(pool)
        await wait_all_idle()
        recorder.close()
        ended.close()
        return [one.line for one in records], alone

    return run(test, TaskOwner.child_spec(traps, id="pool", name="pool"))


@pytest.mark.parametrize(("work", "what"), [(one_task, "price"), (stream, "fetch")])
def test_a_task_that_takes_its_owner_along_is_not_said_to_be_restarted(work: Callable[[], Any], what: str) -> None:
    """Regression: `price crashed and was restarted`, and beside it `it has no supervisor that restarts it`."""
    (line,), alone = crash(work)
    assert line.startswith(f"{what} 0.")
    assert line.endswith(" crashed; pool ended with it and was restarted")
    assert alone == []


def test_a_task_that_ends_with_its_owner_is_no_crash_of_its_own() -> None:
    """Regression: the awaited task was reported as a crash without a supervisor."""
    assert (["pool crashed and was restarted"], []) == crash(slow_task)


def test_a_task_whose_owner_traps_exits_crashes_alone() -> None:
    async def start() -> None:
        Task.async_(price, "wine")

    assert ([], ["price"]) == crash(start, traps=True)


def test_a_child_that_ended_with_a_temporary_one_is_the_one_that_was_restarted() -> None:
    async def test(node: otp.Node) -> None:
        records: list[Record] = []
        recorder = Recorder(node, None, lambda *_: None, records.append)
        otp.exit("a", "boom")
        await wait_all_idle()
        recorder.close()
        assert ["a crashed; b ended with it and was restarted"] == [one.line for one in records]

    run(test, group("left", worker("a", restart="temporary")), worker("b", "a"))
