"""Requests for news, one after the other for as long as a node answers them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from superlearner.nodes.remote.failures import BadAnswer, NodeGone, RemoteError

__all__ = ["follow"]


async def follow(more: Callable[[], Awaitable[bool | None]], pause: float) -> None:
    """Request news until the node is gone; other failures are tried again.

    Args:
        more: makes one request, which waits for news; it returns None to end.
        pause: seconds between two requests.

    Raises:
        BadAnswer: the node sent an invalid answer.
    """
    due = asyncio.Event()
    while True:
        try:
            if await more() is None:
                return
        except NodeGone:
            return
        except BadAnswer:
            raise
        except RemoteError:
            pass  # it is blocked or busy; its news wait there
        due.clear()
        asyncio.get_running_loop().call_later(pause, due.set)
        await due.wait()
