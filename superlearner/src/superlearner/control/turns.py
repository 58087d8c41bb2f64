"""Cooperative scheduling: long work in steps between which the loop runs."""

from __future__ import annotations

import asyncio
from typing import Final

import otp

__all__ = ["Steps", "next_turn"]

TURN_S: Final = 0.002
"""Seconds for the steps of one turn: less delays others less, but costs more."""


async def next_turn() -> None:
    """Wait for the next turn of the loop, so that others run first."""
    loop = asyncio.get_running_loop()
    turned: asyncio.Future[None] = loop.create_future()
    loop.call_soon(_turn, turned)
    await turned


def _turn(turned: asyncio.Future[None]) -> None:
    if not turned.done():
        turned.set_result(None)


class Steps:
    """The steps of one piece of work, spread over several turns of the loop.

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
        """Yield to the loop if the steps of this turn have taken long enough."""
        if otp.monotonic() - self._begun >= TURN_S:
            await next_turn()
            self._begun = otp.monotonic()
