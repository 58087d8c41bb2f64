"""One web socket: uvicorn's, with an end for readers that do not read and for talkers that do not stop.

What a page says on its web socket are a few short words. Who says more than 20 a second, after 200 at once, is closed
with 1008: control frames and pieces of messages count as well, since each costs time, and a pong costs memory.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from superlearner.access.throttle import Throttle
from superlearner.web.connections import LimitedConnection
from superlearner.web.errors import ApiError

__all__ = ["LARGEST_MESSAGE", "SocketConnection"]

LARGEST_MESSAGE: Final = 65_536
AT_ONCE: Final = 200
EVERY_S: Final = 0.05
PIECE: Final = 4096
"""Bytes that are read in one go: 256 KiB may hold forty thousand frames."""
POLICY_VIOLATION: Final = 1008


class SocketConnection(LimitedConnection, WebSocketsSansIOProtocol):
    """One web socket, from its handshake until it ends."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._pace = Throttle(burst=AT_ONCE, every=EVERY_S, now=self.loop.time)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The HTTP connection became ours."""
        super().connection_made(transport)
        if not self._enter():
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some frames."""
        for start in range(0, len(data), PIECE):
            if self.transport.is_closing():
                break
            super().data_received(data[start : start + PIECE])
            if self.conn.handshake_exc is not None and not self.transport.is_closing():
                self._is_no_handshake()
            if self._pace.wait("") > 0 and not self.transport.is_closing():
                self._is_too_much()
        self._end_if_closing()

    def handle_cont(self, event: Frame) -> None:
        """A piece of a message."""
        self._pace.count("")
        super().handle_cont(event)

    def handle_text(self, event: Frame) -> None:
        """A message, or its first piece."""
        self._pace.count("")
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """A message, or its first piece."""
        self._pace.count("")
        super().handle_bytes(event)

    def handle_ping(self) -> None:
        """Somebody wants to know whether we live."""
        self._pace.count("")
        super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Somebody lives."""
        self._pace.count("")
        super().handle_pong(event)

    def keepalive_timeout(self) -> None:
        """Somebody does not."""
        super().keepalive_timeout()
        self._end_if_closing()

    def shutdown(self) -> None:
        """The server ends."""
        super().shutdown()
        self._end_if_closing()

    async def run_asgi(self) -> None:
        """The application's part; then the connection ends."""
        await super().run_asgi()
        self._end_if_closing()

    def _is_no_handshake(self) -> None:
        """Say so: uvicorn answers only what could be read as a request, and such a connection would stay for ever."""
        error = ApiError(400, "malformed_request", "expected the handshake of a web socket, got something else")
        body = json.dumps(error.body()).encode()
        head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nx-content-type-options: nosniff\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        self.transport.close()

    def _is_too_much(self) -> None:
        self.conn.fail(POLICY_VIOLATION, "too many messages")
        self.queue.put_nowait({"type": "websocket.disconnect", "code": POLICY_VIOLATION})
        self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()
