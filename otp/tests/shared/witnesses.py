"""Objects whose end can be seen, held by processes that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import otp
from otp import GenServer, NoReply, Ok, impl

__all__ = ["Hold", "Life", "Silent", "Witness", "exits", "never", "raises", "receives", "waits_for_a_future"]


class Witness:
    """Something to which there can be a weak reference."""


Hold = Callable[[], Witness]
Life = Callable[[Hold], Awaitable[object]]


async def never() -> None:
    await asyncio.get_running_loop().create_future()


class Silent(GenServer[Any]):
    """Never answers."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return NoReply(state)


async def receives(hold: Hold) -> None:
    held = hold()
    await otp.receive()
    del held


async def waits_for_a_future(hold: Hold) -> None:
    held = hold()
    await never()
    del held


async def raises(hold: Hold) -> None:
    held = hold()
    raise ValueError("no") if held else None  # type: ignore[misc]


async def exits(hold: Hold) -> None:
    held = hold()
    otp.exit("boom" if held else "normal")
