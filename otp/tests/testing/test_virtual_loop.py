"""The virtual-time loop: asyncio as it is, on a clock that jumps."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from otp.testing.virtual_loop import NS, REFUSED, Deadlock, RealIONotSimulated, VirtualLoop


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    yield loop
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def run(loop: VirtualLoop, work: Coroutine[Any, Any, Any]) -> Any:
    return loop.run_until_complete(work)


def test_the_clock_starts_at_zero_and_is_marked_virtual(loop: VirtualLoop) -> None:
    assert (loop.virtual, loop.now_ns, loop.time()) == (True, 0, 0.0)


def test_a_sleep_takes_exactly_its_time(loop: VirtualLoop) -> None:
    run(loop, asyncio.sleep(3600.5))
    assert loop.now_ns == 3600 * NS + NS // 2


def test_the_clock_stands_still_while_anything_is_ready(loop: VirtualLoop) -> None:
    async def work() -> int:
        asyncio.get_running_loop().call_later(0.001, lambda: None)
        for _ in range(500):
            await asyncio.sleep(0)
        return loop.now_ns

    assert run(loop, work()) == 0


def test_ten_tenths_are_one_second(loop: VirtualLoop) -> None:
    async def work() -> None:
        for _ in range(10):
            await asyncio.sleep(0.1)

    run(loop, work())
    assert loop.now_ns == NS


@pytest.mark.timeout(10)
@pytest.mark.parametrize("seconds", [31_536_000, 1e9, 1e12, 1e16 + 2, 1e30])
def test_a_sleep_of_years_ends(loop: VirtualLoop, seconds: float) -> None:
    """A float of so many seconds is coarser than the nanosecond that asyncio added: the loop ran forever."""

    async def main() -> float:
        await asyncio.sleep(0.5)
        await asyncio.sleep(seconds)
        await asyncio.sleep(0)
        return loop.time()

    assert loop.run_until_complete(main()) == pytest.approx(seconds)


def test_timers_of_equal_time_fire_in_the_order_of_their_creation(loop: VirtualLoop) -> None:
    fired: list[int] = []
    for i in range(50):
        loop.call_at(1.0, fired.append, i)
    run(loop, asyncio.sleep(2))
    assert fired == list(range(50))


def test_cancelled_timers_do_not_move_the_clock(loop: VirtualLoop) -> None:
    timers = [loop.call_later(i, lambda: None) for i in range(1, 500)]
    for timer in timers:
        timer.cancel()
    run(loop, asyncio.sleep(0.25))
    assert loop.time() == 0.25


def test_timeouts_queues_and_task_groups_work(loop: VirtualLoop) -> None:
    async def work() -> list[object]:
        queue: asyncio.Queue[int] = asyncio.Queue(maxsize=1)
        seen: list[object] = []

        async def produce() -> None:
            for i in range(3):
                await asyncio.sleep(1)
                await queue.put(i)

        async def consume() -> None:
            while True:
                try:
                    async with asyncio.timeout(1.5):
                        seen.append((await queue.get(), loop.time()))
                except TimeoutError:
                    seen.append(("timeout", loop.time()))
                    return

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            group.create_task(consume())
        return seen

    assert run(loop, work()) == [(0, 1.0), (1, 2.0), (2, 3.0), ("timeout", 4.5)]


def test_waiting_for_what_cannot_happen_is_an_error_that_says_who_waits(loop: VirtualLoop) -> None:
    async def work() -> None:
        await asyncio.get_running_loop().create_task(asyncio.Event().wait(), name="the waiter")  # type: ignore[arg-type]

    with pytest.raises(Deadlock, match="the waiter"):
        run(loop, work())


def test_a_poller_does_not_freeze_the_clock(loop: VirtualLoop) -> None:
    async def work() -> float:
        sleeper = asyncio.ensure_future(asyncio.sleep(3))
        while not sleeper.done():
            await asyncio.sleep(0)
        return loop.time()

    assert run(loop, work()) == 3.0


def test_a_poller_without_any_timer_is_an_error(loop: VirtualLoop) -> None:
    async def work() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(Deadlock, match="polls"):
        run(loop, work())


@pytest.mark.parametrize("call", sorted(REFUSED))
def test_real_io_is_refused_with_the_call_and_the_replacement(loop: VirtualLoop, call: str) -> None:
    with pytest.raises(RealIONotSimulated, match=rf"loop\.{call}: expected only simulated I/O .* try "):
        getattr(loop, call)()


def test_the_first_refusal_is_remembered_though_a_library_swallows_it(loop: VirtualLoop) -> None:
    async def work() -> None:
        for call in (asyncio.to_thread(len, ""), asyncio.open_connection("localhost", 1)):
            try:
                await call
            except Exception:  # as a library would
                continue

    run(loop, work())
    assert loop.refusal is not None
    assert loop.refusal.call == "run_in_executor"


def test_child_processes_are_refused(loop: VirtualLoop) -> None:
    async def work() -> None:
        await asyncio.create_subprocess_exec(sys.executable, "-c", "", stdout=subprocess.DEVNULL)

    with pytest.raises(RealIONotSimulated, match="subprocess_exec"):
        run(loop, work())


def test_idle_waiters_are_served_together_before_the_clock_moves(loop: VirtualLoop) -> None:
    async def wait(name: str) -> tuple[str, int]:
        await loop.when_idle()
        return name, loop.now_ns

    async def work() -> list[tuple[str, int]]:
        timer = asyncio.ensure_future(asyncio.sleep(5))
        found = await asyncio.gather(wait("a"), wait("b"))
        timer.cancel()
        return found

    assert run(loop, work()) == [("a", 0), ("b", 0)]


def test_a_timer_due_now_fires_before_the_system_counts_as_idle(loop: VirtualLoop) -> None:
    async def work() -> list[str]:
        seen: list[str] = []
        await asyncio.sleep(0.1 + 0.2)
        loop.call_at(0.1 + 0.2, seen.append, "due")
        await loop.when_idle()
        return seen

    assert run(loop, work()) == ["due"]


def test_runner_and_asynchronous_generators_work() -> None:
    closed: list[str] = []

    async def numbers() -> Any:
        try:
            yield 1
        finally:
            closed.append("closed")

    async def work() -> None:
        async for _ in numbers():
            break
        await asyncio.sleep(1)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(work())
    assert closed == ["closed"]
