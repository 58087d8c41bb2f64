"""Giving way: long work in steps, so that the loop turns in between."""

from __future__ import annotations

import asyncio
from typing import Final

import otp

__all__ = ["Steps", "next_turn"]

TURN_S: Final = 0.002
"""What the steps of one turn may take together: others wait that long, and many turns take longer than few."""


async def next_turn() -> None:
    """Go on in the next turn of the loop: what is ready, processes, timers and sockets, comes before."""
    loop = asyncio.get_running_loop()
    turned: asyncio.Future[None] = loop.create_future()
    loop.call_soon(_turn, turned)
    await turned


def _turn(turned: asyncio.Future[None]) -> None:
    if not turned.done():
        turned.set_result(None)


class Steps:
    """The steps of one piece of work: some in a turn of the loop, the others in the next ones.

    >>> import otp
    >>> async def main():
    ...     steps = Steps()
    ...     await steps.between()  # after each step
    >>> otp.run(main)
    """

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        self._begun = otp.monotonic()

    async def between(self) -> None:
        """Give way if the steps of this turn have taken long enough."""
        if otp.monotonic() - self._begun >= TURN_S:
            await next_turn()
            self._begun = otp.monotonic()
