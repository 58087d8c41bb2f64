"""Who is here: the web sockets and streams that are open, each of which ends when the credential behind it does.

A request that is answered in one piece was allowed when it came and is answered. What stays open, a live page or a
stream of events, must not outlive a token that was revoked, a session that was ended, or the time of either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from superlearner.web.visitors import Visitor

__all__ = ["Presence"]

SIGNED_OUT: Final = 4401
"""The code with which a web socket closes."""


class Presence:
    """The open streams of all visitors with a credential.

    Args:
        now: seconds since 1970, as the credentials count.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._stays: dict[str, set[_Stay]] = {}

    async def serve(self, app: ASGIApp, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer; what it keeps open ends with the visitor's credential."""
        task = asyncio.current_task()
        assert task is not None
        stay = _Stay(task)
        timer: asyncio.TimerHandle | None = None

        async def watched(message: Message) -> None:
            nonlocal timer
            kind = message["type"]
            if kind == "websocket.accept" or (kind == "http.response.start" and _has_no_length(message)):
                stay.begin()
                if visitor.until is not None:
                    left = max(0.0, visitor.until - self._now())
                    timer = asyncio.get_running_loop().call_later(left, stay.cut)
            elif kind == "http.response.body" and not message.get("more_body", False):
                stay.open = False
            await send(message)

        for key in visitor.keys:
            self._stays.setdefault(key, set()).add(stay)
        try:
            await app(scope, receive, watched)
        except asyncio.CancelledError:
            if not stay.was_cut:
                raise  # the server ends, or the loop
            task.uncancel()
            with suppress(Exception):  # who is gone already needs no goodbye
                await send(_goodbye(scope))
        finally:
            if timer is not None:
                timer.cancel()
            stay.open = False
            for key in visitor.keys:
                self._stays[key].discard(stay)
                if not self._stays[key]:
                    del self._stays[key]

    def end(self, key: str) -> int:
        """End what is open by this token or session; answers how many there were."""
        staying = list(self._stays.get(key, ()))
        for stay in staying:
            stay.cut()
        return len(staying)


class _Stay:
    """One visit, and whether what it opened is still open."""

    def __init__(self, task: asyncio.Task[object]) -> None:
        self._task = task
        self._ended = False
        self.open = False
        self.was_cut = False

    def begin(self) -> None:
        self.open = True
        if self._ended:  # between the look at the credential and the first byte
            self.cut()

    def cut(self) -> None:
        self._ended = True
        if self.open and not self.was_cut:
            self.was_cut = True
            self._task.cancel()


def _has_no_length(message: Message) -> bool:
    return all(bytes(name).lower() != b"content-length" for name, _ in message.get("headers", ()))


def _goodbye(scope: Scope) -> Message:
    if scope["type"] == "websocket":
        return {"type": "websocket.close", "code": SIGNED_OUT, "reason": "unauthorized"}
    return {"type": "http.response.body", "body": b"", "more_body": False}
