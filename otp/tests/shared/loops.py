"""The loops in which processes run: virtual time in three orders, and `otp.run` and a node on asyncio and uvloop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

import otp
from otp.testing import Scheduler

__all__ = ["LOOPS", "ONE_OF_EACH", "REAL_LOOPS", "WITH_UVLOOP", "forever", "turns"]


def in_a_loop_of_asyncio(
    main: Callable[[], Awaitable[Any]], new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None
) -> Any:
    """Run `main` as a process of a node that does not own its loop."""

    async def program() -> Any:
        found: list[Any] = []

        async def first() -> None:
            found.append(await main())

        async with otp.Node("embedded") as node:
            assert await otp.wait_down(node.spawn(first)) == "normal"
        return found[0]

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(program())


def in_a_loop_of_uvloop(main: Callable[[], Awaitable[Any]]) -> Any:
    """Run `main` as a process of a node that does not own its loop, which is one of uvloop."""
    return in_a_loop_of_asyncio(main, uvloop.new_event_loop)


def by_otp_on_uvloop(main: Callable[[], Awaitable[Any]]) -> Any:
    """Run `main` by `otp.run`, where the program has chosen uvloop."""
    before = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        return otp.run(main)
    finally:
        asyncio.set_event_loop_policy(before)


LOOPS: dict[str, Callable[..., Any]] = {
    "inline": lambda main: Scheduler(inline=True).run(main),
    "queued": lambda main: Scheduler(inline=False).run(main),
    "seeded": lambda main: Scheduler(seed=3).run(main),
    "otp.run": otp.run,
    "asyncio.run": in_a_loop_of_asyncio,
}

REAL_LOOPS = ("otp.run", "asyncio.run")

# Loops with sockets.
WITH_UVLOOP: dict[str, Callable[..., Any]] = {
    "otp.run": otp.run,
    "asyncio.run": in_a_loop_of_asyncio,
    "otp.run, uvloop": by_otp_on_uvloop,
    "uvloop.run": in_a_loop_of_uvloop,
}

# Two loops in real time, and in virtual time a fixed order and a random one.
ONE_OF_EACH = (*REAL_LOOPS, "inline", "seeded")


async def turns(n: int = 8) -> None:
    """Wait for `n` turns of the loop: enough for work that is ready and waits only for its turn."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def turn(left: int) -> None:
        if left:
            loop.call_soon(turn, left - 1)
        else:
            done.set_result(None)

    turn(n)
    await done


async def forever() -> None:
    """Wait for a future that gets no result."""
    await asyncio.get_running_loop().create_future()
