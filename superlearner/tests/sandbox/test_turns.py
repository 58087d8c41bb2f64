"""So many have a turn at a time, and no turn is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from otp.testing import Scheduler, advance
from superlearner.sandbox.turns import Turns


def in_virtual_time(main: Callable[[], Any]) -> Any:
    return Scheduler().run(main)


async def is_there(task: asyncio.Task[Any]) -> bool:
    await advance(0.1)
    return task.done()


def test_so_many_at_a_time_and_the_next_one_in_the_order_in_which_they_came() -> None:
    async def main() -> None:
        turns = Turns(2, longest=60)
        first, _ = await turns.begin(), await turns.begin()
        third, fourth = asyncio.ensure_future(turns.begin()), asyncio.ensure_future(turns.begin())
        assert not await is_there(third)
        first()
        first()  # ends it once
        assert (True, False) == (await is_there(third), await is_there(fourth))
        third.result()()
        assert await is_there(fourth)

    in_virtual_time(main)


def test_a_turn_that_does_not_end_is_over_in_time() -> None:
    async def main() -> None:
        turns = Turns(1, longest=1.0)
        over = await turns.begin()
        second = asyncio.ensure_future(turns.begin())
        assert not await is_there(second)
        await advance(1.0)
        assert await is_there(second)
        over()  # late, it frees nothing of the other's
        third = asyncio.ensure_future(turns.begin())
        assert not await is_there(third)
        third.cancel()

    in_virtual_time(main)


def test_a_waiter_that_is_killed_keeps_no_turn() -> None:
    async def main() -> None:
        turns = Turns(1, longest=60)
        over = await turns.begin()
        killed, woken = asyncio.ensure_future(turns.begin()), asyncio.ensure_future(turns.begin())
        assert not await is_there(woken)
        over()  # the first in the row is woken
        killed.cancel()  # and ends before it could go on
        assert await is_there(woken)

    in_virtual_time(main)
