"""An HTTP connection with timeouts for heads and for slow clients."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from otp.standstill import SilenceLimit
from superlearner.web.connections import LimitedConnection
from superlearner.web.errors import ApiError

__all__ = ["HttpConnection"]

PHRASES: Final = {
    400: b"Bad Request",
    408: b"Request Timeout",
    431: b"Request Header Fields Too Large",
    503: b"Service Unavailable",
}


class HttpConnection(LimitedConnection, H11Protocol):
    """An HTTP connection, from its first byte until it ends or becomes a web socket."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_timer: SilenceLimit | None = None
        self._begun = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Start the timer for the first request."""
        super().connection_made(transport)
        self.timeout_keep_alive = self._all.settings.keep_alive  # pyright: ignore[reportAttributeAccessIssue]
        if self._enter():
            self._look()
        else:
            self._refuse(ApiError(503, "service_unavailable", "too many connections are open; try again in a moment"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Unregister the connection."""
        self._let_go()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Handle some bytes of a head or a body."""
        self._begun = True
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Prepare for the next request."""
        self._begun = False
        super().on_response_complete()
        self._look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over to a web socket."""
        self._let_go()
        super().handle_websocket_upgrade(event)

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection."""
        super().timeout_keep_alive_handler()
        self._look()

    def shutdown(self) -> None:
        """Handle the end of the server."""
        super().shutdown()
        self._look()

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are not valid HTTP; the head may just be too long."""
        error = sys.exc_info()[1]
        status = getattr(error, "error_status_hint", 400)
        if status == 431:
            self._refuse(ApiError(431, "head_too_large", "expected headers of at most 64 KiB, got more"))
        else:
            self._refuse(ApiError(400, "malformed_request", "expected an HTTP request, got something else"))

    def _is_waiting(self) -> bool:
        """Return whether it waits for a head, or for a body that is not needed."""
        theirs, ours = self.conn.their_state, self.conn.our_state
        return theirs is h11.IDLE or (theirs is h11.SEND_BODY and ours in (h11.DONE, h11.MUST_CLOSE))

    def _look(self) -> None:
        """Update the timers after every event."""
        if self.transport.is_closing():
            self._stop_head_timer()
            self._end_if_closing()
        elif not self._is_waiting():
            self._stop_head_timer()
            self._all.works(self)
        else:
            self._all.waits(self)
            if self._head_timer is None and self.timeout_keep_alive_task is None:
                seconds = self._all.settings.head_timeout
                self._head_timer = SilenceLimit(self.loop, seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self.transport.is_closing():
            return
        if self._begun and self.conn.our_state is h11.IDLE:
            self._refuse(ApiError(408, "request_timeout", "the request headers took too long"))
        else:
            self.transport.abort()

    def _refuse(self, error: ApiError) -> None:
        """Send an error and close the connection."""
        body = json.dumps(error.body()).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            (b"x-content-type-options", b"nosniff"),
        ]
        response = h11.Response(status_code=error.status, headers=headers, reason=PHRASES[error.status])
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        self._look()

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _let_go(self) -> None:
        self._stop_head_timer()
        self._leave()
