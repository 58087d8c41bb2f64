"""A web socket with limits for clients that do not read or send too much.

Our pages send only a few short messages. A client that sends more than 20 a second, after a burst of 200, is closed
with 1008; control frames and fragments count as well, since each costs time, and a pong costs memory.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from superlearner.base.throttle import Throttle
from superlearner.web.connections import LimitedConnection
from superlearner.web.errors import ApiError
from superlearner.web.shared_frames import SharedFrames

__all__ = ["COMPRESSED", "LARGEST_MESSAGE", "SocketConnection"]

COMPRESSED: Final = "superlearner.compressed"
"""Among the extensions of a connection's scope if its client takes compressed messages."""

LARGEST_MESSAGE: Final = 65_536
AT_ONCE: Final = 200
EVERY_S: Final = 0.05
PIECE: Final = 4096
"""Bytes that are parsed in one go: 256 KiB may contain forty thousand frames."""
POLICY_VIOLATION: Final = 1008


class SocketConnection(LimitedConnection, WebSocketsSansIOProtocol):
    """A web socket, from its handshake until it ends."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._pace = Throttle(burst=AT_ONCE, every=EVERY_S, now=self.loop.time)
        self.conn.available_extensions = [SharedFrames()]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the HTTP connection."""
        super().connection_made(transport)
        if not self._enter():
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Unregister the connection."""
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Handle some frames."""
        for start in range(0, len(data), PIECE):
            if self.transport.is_closing():
                break
            super().data_received(data[start : start + PIECE])
            if self.conn.handshake_exc is not None and not self.transport.is_closing():
                self._is_no_handshake()
            if self._pace.wait("") > 0 and not self.transport.is_closing():
                self._is_too_much()
        self._end_if_closing()

    def handle_connect(self, event: Request) -> None:
        """A handshake; note in the scope whether the client takes compressed messages."""
        super().handle_connect(event)
        if self.response.status_code == 101 and self.conn.extensions:
            self.scope.setdefault("extensions", {})[COMPRESSED] = {}

    def handle_cont(self, event: Frame) -> None:
        """Handle a further fragment of a message."""
        self._pace.count("")
        super().handle_cont(event)

    def handle_text(self, event: Frame) -> None:
        """Handle a text message, or its first fragment."""
        self._pace.count("")
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Handle a binary message, or its first fragment."""
        self._pace.count("")
        super().handle_bytes(event)

    def handle_ping(self) -> None:
        """Answer a ping."""
        self._pace.count("")
        super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Handle a pong."""
        self._pace.count("")
        super().handle_pong(event)

    def keepalive_timeout(self) -> None:
        """Close the connection: a pong did not come in time."""
        super().keepalive_timeout()
        self._end_if_closing()

    def shutdown(self) -> None:
        """Handle the end of the server."""
        super().shutdown()
        self._end_if_closing()

    async def run_asgi(self) -> None:
        """Run the application; then the connection ends."""
        await super().run_asgi()
        self._end_if_closing()

    def _is_no_handshake(self) -> None:
        """Refuse an invalid handshake; uvicorn would leave the connection open."""
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
