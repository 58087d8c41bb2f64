"""Server-sent events: an answer that lasts until its reader leaves.

Each web server process passes its own end to its requests (`connections.with_end`), so that open streams end with it
and their readers reconnect to the next one with their last id. Source: WHATWG HTML, §9.2 Server-sent events.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final, Literal

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from superlearner.operations.declaration import Item, Streamed
from superlearner.web.connections import END

__all__ = ["EVENT_STREAM", "EventStreamResponse", "accepts_events", "collected"]

EVENT_STREAM: Final = "text/event-stream"
HEARTBEAT_S: Final = 10.0
BATCH: Final = 500
RETRY: Final = b"retry: 1000\n"
LIMIT: Final = 100
WAIT_S: Final = 5.0
"""Time to collect items, in seconds, if the request sets no other."""

FAREWELL_S: Final = 0.5


def accepts_events(headers: Mapping[str, str]) -> bool:
    """Return whether to answer with a stream: always, unless only JSON is accepted."""
    accepted = headers.get("accept", "*/*").lower()
    return EVENT_STREAM in accepted or "application/json" not in accepted


async def collected(stream: Streamed[Any]) -> dict[str, Any]:
    """Collect items for a limited time into one answer, with the fields of `Part`."""
    source, limit = stream.source, LIMIT if stream.limit is None else stream.limit
    until = time.monotonic() + (WAIT_S if stream.seconds is None else stream.seconds)
    items: list[dict[str, Any]] = []
    ended: Literal["limit", "timeout", "closed"] = "timeout"
    try:
        while len(items) < limit and (left := until - time.monotonic()) > 0:
            found = await source.more(limit - len(items), left)
            items += [one.fields() for one in found]
            if source.closed:
                ended = "closed"
                break
        if len(items) >= limit or (ended == "timeout" and source.behind):
            ended = "limit"
        return {"items": items, "last_id": source.last_id, "ended": ended}
    finally:
        source.close()


class EventStreamResponse(Response):
    """Sends items until the reader leaves, the server ends, or a limit is reached."""

    media_type = EVENT_STREAM
    charset = "utf-8"

    def __init__(self, stream: Streamed[Any]) -> None:
        self.stream = stream
        self.status_code = 200
        self.background = None
        self.init_headers({"cache-control": "no-store", "x-accel-buffering": "no"})

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Set headers as `Response` does, without a length."""
        self.body = b""
        super().init_headers(headers)
        self.raw_headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        source = self.stream.source
        end: asyncio.Event | None = scope.get(END)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sending = asyncio.ensure_future(self._send(send))
        leaving = asyncio.ensure_future(_wait_for_disconnect(receive))
        waiting: list[asyncio.Future[Any]] = (
            [sending, leaving] if end is None else [sending, leaving, asyncio.ensure_future(end.wait())]
        )
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            source.close()
            if not leaving.done():
                await asyncio.wait([sending], timeout=FAREWELL_S)
        finally:
            source.close()
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        stream, source = self.stream, self.stream.source
        left = stream.limit
        until = None if stream.seconds is None else time.monotonic() + stream.seconds
        await _piece(send, RETRY + _place(source.last_id))
        while not source.closed and left != 0:
            wait = HEARTBEAT_S if until is None else min(HEARTBEAT_S, until - time.monotonic())
            if wait <= 0:
                break
            found: Any = await source.more(BATCH if left is None else min(left, BATCH), wait)
            if found:
                await _piece(send, _written(found))
                left = None if left is None else left - len(found)
            elif not source.closed:
                await _piece(send, b": still here\n" + _place(source.last_id))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _written(found: list[Item]) -> bytes:
    return b"".join([one.sent() for one in found])


def _place(id: str) -> bytes:
    """Return an id without an event, for a reader that reconnects."""
    return f"id: {id}\n\n".encode()


async def _piece(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
