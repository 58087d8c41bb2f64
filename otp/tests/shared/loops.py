"""The loops in which processes run: virtual time in three orders, `otp.run`, and a loop that somebody else owns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import otp
from otp.testing import Scheduler

__all__ = ["LOOPS", "turns"]


def in_a_loop_of_asyncio(main: Callable[[], Awaitable[Any]]) -> Any:
    async def program() -> Any:
        found: list[Any] = []

        async def first() -> None:
            found.append(await main())

        async with otp.Node("embedded") as node:
            assert await otp.wait_down(node.spawn(first)) == "normal"
        return found[0]

    return asyncio.run(program())


LOOPS: dict[str, Callable[..., Any]] = {
    "inline": lambda main: Scheduler(inline=True).run(main),
    "queued": lambda main: Scheduler(inline=False).run(main),
    "seeded": lambda main: Scheduler(seed=3).run(main),
    "otp.run": otp.run,
    "asyncio.run": in_a_loop_of_asyncio,
}


async def turns(n: int = 8) -> None:
    """Let the loop make some turns: what waits for nothing but its turn has had it."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def turn(left: int) -> None:
        if left:
            loop.call_soon(turn, left - 1)
        else:
            done.set_result(None)

    turn(n)
    await done
