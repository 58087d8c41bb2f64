"""`asyncio.sleep(0)` in a process gives the event loop its turn, as in a task of asyncio."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import From, GenServer, Ok, Reply
from otp.tests.shared.loops import LOOPS, REAL_LOOPS


class Yields(GenServer[None]):
    """Answers with what the loop has done after one `sleep(0)`."""

    def init(self, arg: Any) -> Any:
        return Ok(None)

    async def handle_call(self, request: Any, caller: From, state: None) -> Reply[None]:
        return Reply(await after_one_turn(), state)


async def after_one_turn() -> tuple[bool, bool]:
    begun: list[str] = []

    async def works() -> None:
        begun.append("task")

    loop = asyncio.get_running_loop()
    task = asyncio.create_task(works())
    loop.call_soon(begun.append, "callback")
    await asyncio.sleep(0)
    found = "task" in begun, "callback" in begun
    await task
    return found


async def in_a_process() -> tuple[bool, bool]:
    return await after_one_turn()


async def in_an_async_callback() -> tuple[bool, bool]:
    return await GenServer.call(await Yields.start(None), "yield")


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("place", [in_a_process, in_an_async_callback])
def test_tasks_and_callbacks_made_before_sleep_zero_run_in_it(place: Any, loop: str) -> None:
    assert LOOPS[loop](place) == (True, True)


@pytest.mark.parametrize("loop", ["inline", "queued", *REAL_LOOPS])  # a seed chooses what runs in which turn
def test_sleep_zero_in_a_process_takes_one_turn(loop: str) -> None:
    """Regression: it took two, so that a task was a step further than beside another task."""

    async def main() -> list[str]:
        steps: list[str] = []

        async def works() -> None:
            steps.append("first")
            await asyncio.sleep(0)
            steps.append("second")

        task = asyncio.create_task(works())
        await asyncio.sleep(0)
        found = list(steps)
        await task
        return found

    assert ["first"] == LOOPS[loop](main)


@pytest.mark.parametrize("loop", REAL_LOOPS)
def test_a_timer_fires_between_two_computations_with_sleep_zero(loop: str) -> None:
    async def main() -> bool:
        fired: list[bool] = []
        asyncio.get_running_loop().call_later(0.001, fired.append, True)
        compute()
        await asyncio.sleep(0)
        compute()
        await asyncio.sleep(0)  # asyncio looks at its timers after the first
        await asyncio.sleep(0)
        return fired == [True]

    assert LOOPS[loop](main)


def compute() -> None:
    """Hold the loop for some milliseconds."""
    sum(range(300_000))


@pytest.mark.parametrize("loop", LOOPS)
def test_a_process_that_waits_for_its_turn_can_be_killed(loop: str) -> None:
    async def main() -> Any:
        went_on: list[bool] = []

        async def gives_way() -> None:
            asyncio.get_running_loop().call_soon(otp.exit, otp.self(), "kill")
            await asyncio.sleep(0)
            went_on.append(True)

        return await otp.wait_down(otp.spawn(gives_way)), went_on

    assert LOOPS[loop](main) == ("killed", [])


@pytest.mark.parametrize("loop", LOOPS)
def test_processes_that_give_way_run_in_turn(loop: str) -> None:
    async def main() -> list[str]:
        order: list[str] = []

        async def works(name: str) -> None:
            order.append(name)
            await asyncio.sleep(0)
            order.append(name)
            await asyncio.sleep(0)
            order.append(name)

        for pid in [otp.spawn(works, name) for name in "ab"]:
            await otp.wait_down(pid)
        return order

    assert sorted(LOOPS[loop](main)) == ["a", "a", "a", "b", "b", "b"]
    if loop != "seeded":
        assert LOOPS[loop](main) == ["a", "b", "a", "b", "a", "b"]
