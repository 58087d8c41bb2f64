"""Sessions in stores of leases, each in a store of its own like those of two members."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from otp.cluster import SessionEnded
from otp.tests.shared.loops import turns

__all__ = ["ENDED", "TTL", "A", "B", "cancel_midway", "opened"]

TTL = 6.0
A, B = ("a", 1, 7), ("b", 1, 8)
ENDED = pytest.raises(SessionEnded, match="has ended")


@asynccontextmanager
async def opened(new_store: Callable[[], Any], *names: str, ttl: float = TTL) -> AsyncIterator[list[Any]]:
    """Return stores with a session for each name; closes them at the end."""
    pairs = []
    try:
        for name in names:
            store = new_store()
            pairs.append((store, await store.open(name, ttl)))
        yield pairs
    finally:
        for store, session in pairs:
            await store.close(session)


async def cancel_midway(request: Awaitable[Any]) -> None:
    """Cancel a request once it has been sent."""
    task = asyncio.ensure_future(request)
    await turns(10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
