"""Open web sockets and streams; each ends with the visitor's credential.

A request answered in one piece is checked once, on arrival. A live page or a stream of events stays open, but must not
outlive its credential: a token may be revoked, a session ended, or either may expire.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from superlearner.web.visitors import WebVisitor

__all__ = ["CHANGED", "LESSON_OVER", "SIGNED_OUT", "Presence"]

SIGNED_OUT: Final = 4401
"""The close code of a web socket whose credential has ended."""
LESSON_OVER: Final = 4411
"""The close code of a web socket of a learner whose lesson is over: the page stays, and says it."""
CHANGED: Final = 4410
"""The close code of a web socket whose user has another role now: the page must be loaded again."""


class Presence:
    """The open streams of all visitors with a credential.

    Args:
        now: returns seconds since 1970, by the clock of the credentials.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._stays: dict[str, set[_Stay]] = {}

    async def serve(self, app: ASGIApp, visitor: WebVisitor, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; its streams end with the visitor's credential."""
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
                raise  # the server or the loop is stopping
            task.uncancel()
            with suppress(Exception):  # the client may be gone
                await send(_goodbye(scope, stay.code))
        finally:
            if timer is not None:
                timer.cancel()
            stay.open = False
            for key in visitor.keys:
                self._stays[key].discard(stay)
                if not self._stays[key]:
                    del self._stays[key]

    def end(self, key: str, code: int = SIGNED_OUT) -> int:
        """Close the streams of a token, user or session; return their number. `code` is for web sockets."""
        staying = list(self._stays.get(key, ()))
        for stay in staying:
            stay.code = code
            stay.cut()
        return len(staying)


class _Stay:
    """A request, and whether its stream is still open."""

    def __init__(self, task: asyncio.Task[object]) -> None:
        self._task = task
        self._ended = False
        self.open = False
        self.was_cut = False
        self.code = SIGNED_OUT

    def begin(self) -> None:
        self.open = True
        if self._ended:  # ended after the credential was checked, before the first byte
            self.cut()

    def cut(self) -> None:
        self._ended = True
        if self.open and not self.was_cut:
            self.was_cut = True
            self._task.cancel()


def _has_no_length(message: Message) -> bool:
    return all(bytes(name).lower() != b"content-length" for name, _ in message.get("headers", ()))


def _goodbye(scope: Scope, code: int) -> Message:
    if scope["type"] == "websocket":
        return {"type": "websocket.close", "code": code, "reason": "unauthorized"}
    return {"type": "http.response.body", "body": b"", "more_body": False}
