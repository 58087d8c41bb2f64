"""Objects whose end can be observed, and processes that hold them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import otp
from loops import forever

__all__ = ["Hold", "Life", "Witness", "exits", "raises", "receives", "waits_for_a_future"]


class Witness:
    """An object that supports weak references."""


Hold = Callable[[], Witness]
Life = Callable[[Hold], Awaitable[object]]


async def receives(hold: Hold) -> None:
    held = hold()
    await otp.receive()
    del held


async def waits_for_a_future(hold: Hold) -> None:
    held = hold()
    await forever()
    del held


async def raises(hold: Hold) -> None:
    held = hold()
    raise ValueError("no") if held else None  # type: ignore[misc]


async def exits(hold: Hold) -> None:
    held = hold()
    otp.exit("boom" if held else "normal")
