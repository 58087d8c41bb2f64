"""Restarts of the demo, made and asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from otp import GenServer, Supervisor
from superlearner.store import MomentRow

__all__ = ["AT", "Inside", "crash", "crash_and_store", "next_row", "number"]

Inside = Callable[..., Any]
AT = "/api/v1/restarts"


async def crash(platform: Any) -> None:
    GenServer.cast(("counter_1", platform.node), ("add", 41))
    GenServer.cast(("counter_1", platform.node), "crash")
    await Supervisor.count_children(("demo_one_for_one", platform.node))
    await platform.call("counter_1", "get_value")


def number(platform: Any, name: str = "counter_1") -> str:
    return str(platform.node.whereis(name)).strip("<>")


def next_row(platform: Any) -> asyncio.Future[MomentRow]:
    """Return a future of the next moment that the platform keeps."""
    found: asyncio.Future[MomentRow] = asyncio.get_running_loop().create_future()
    platform.platform.moments.on_moment = lambda row: found.done() or found.set_result(row)
    return found


async def crash_and_store(platform: Any) -> MomentRow:
    """Return the next moment that the platform keeps, when it is stored."""
    found = next_row(platform)
    await crash(platform)
    row = await found
    await platform.platform.store.sync()
    return row
