"""Limits on a platform's connections: their number and their times.

An idle or malicious client must not stop a public server: by sending a request byte by byte, never reading an answer,
or just opening connections. Such a connection makes no request, but costs memory and a descriptor.

- The head of a request must arrive within `head_timeout`; between requests, a connection may wait `keep_alive`.
- Answers must be read: at least 64 KiB in each `send_timeout`, or the rest if that is less.
- All slow readers together may leave `max_unsent` bytes unread; beyond that, the slowest are closed.
- There are at most `max_connections`, fewer if the operating system allows fewer descriptors. One more closes the
  connection that has been without a request the longest; if all are busy, the new one is refused.

(The guard limits request bodies: `body_timeout`, `max_bodies`.)
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from otp.standstill import SilenceLimit
from superlearner.base.descriptors import descriptors
from superlearner.settings.settings import Settings

__all__ = ["END", "LEAST_TAKEN", "LimitedConnection", "WebConnections", "is_local", "with_end"]

END: Final = "superlearner.end"
"""Of a request: the event that its web server sets when it ends."""

LEAST_TAKEN: Final = 65_536
RESERVED: Final = 256
"""Descriptors that are not for connections: the database, files, pipes of other programs."""


def is_local(address: str) -> bool:
    """Return whether an address belongs to this machine."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


class WebConnections:
    """All connections of a platform, including those of earlier web server processes.

    Args:
        settings: returns the current settings.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._open: set[LimitedConnection] = set()
        self._idle: dict[LimitedConnection, None] = {}  # in the order in which they became idle
        self._slow: dict[LimitedConnection, None] = {}

    @property
    def settings(self) -> Settings:
        """The current settings."""
        return self._settings()

    def __len__(self) -> int:
        return len(self._open)

    def most(self) -> int:
        """Return the maximum number of connections."""
        allowed = descriptors()
        wanted = self.settings.max_connections
        return wanted if allowed is None else min(wanted, max(allowed // 2, allowed - RESERVED))

    def enter(self, one: LimitedConnection) -> bool:
        """Add a connection; return whether there is room for it."""
        self._open.add(one)
        if len(self._open) <= self.most():
            return True
        longest = next(iter(self._idle), None)
        if longest is None:
            return False
        longest.give_up()
        self.leave(longest)
        return True

    def leave(self, one: LimitedConnection) -> None:
        """Remove a connection that has ended."""
        self._open.discard(one)
        self._idle.pop(one, None)
        self._slow.pop(one, None)

    def waits(self, one: LimitedConnection) -> None:
        """Mark a connection as idle: it has no request in progress."""
        if one in self._open:
            self._idle.setdefault(one)

    def works(self, one: LimitedConnection) -> None:
        """Mark a connection as busy."""
        self._idle.pop(one, None)

    def mark_slow(self, one: LimitedConnection) -> None:
        """Mark a connection as slow; close the slowest if too much is unread."""
        self._slow[one] = None
        unsent = sum(each.unsent() for each in self._slow)
        for each in list(self._slow):
            if unsent <= self.settings.max_unsent:
                return
            unsent -= each.unsent()
            each.give_up()
            self._slow.pop(each, None)

    def unmark_slow(self, one: LimitedConnection) -> None:
        """Mark a connection as no longer slow."""
        self._slow.pop(one, None)


class LimitedConnection(asyncio.Protocol):
    """The limits on one connection; a mixin for the protocol classes.

    Args:
        connections: the connections of the platform.
    """

    transport: asyncio.Transport

    def __init__(self, *args: object, connections: WebConnections, **options: object) -> None:
        super().__init__(*args, **options)
        self._all = connections
        self._send: SlowSend | None = None

    def _enter(self) -> bool:
        """Register the connection; return whether there is room for it."""
        self._send = SlowSend(self.transport, lambda: self._all.settings.send_timeout)
        return self._all.enter(self)

    def _leave(self) -> None:
        """Unregister the connection: it has ended, or another protocol takes over."""
        if self._send is not None:
            self._send.end()
        self._all.leave(self)

    def _end_if_closing(self) -> None:
        """Start the timer for a closing connection with unread bytes."""
        if self._send is not None and self.transport.is_closing():
            self._send.begin()

    def pause_writing(self) -> None:
        """Start the timer: the client does not read fast enough."""
        super().pause_writing()
        if self._send is not None:
            self._send.begin()
        self._all.mark_slow(self)

    def resume_writing(self) -> None:
        """Stop the timer: the client reads again."""
        super().resume_writing()
        self._all.unmark_slow(self)
        if self._send is not None and not self.transport.is_closing():
            self._send.end()

    def unsent(self) -> int:
        """Return the number of bytes that the client has not read."""
        return self.transport.get_write_buffer_size()

    def give_up(self) -> None:
        """Close the connection at once and discard unsent bytes."""
        self.transport.abort()


class SlowSend:
    """A timer that aborts a connection whose client does not read.

    Args:
        transport: the connection.
        seconds: returns the time in which some bytes must be read.
    """

    def __init__(self, transport: asyncio.Transport, seconds: Callable[[], float]) -> None:
        self._transport = transport
        self._seconds = seconds
        self._timer: SilenceLimit | None = None
        self._left = 0

    def begin(self) -> None:
        """Start the timer."""
        if self._timer is None:
            self._left = self._transport.get_write_buffer_size()
            self._timer = SilenceLimit(asyncio.get_running_loop(), self._seconds(), self._look)

    def end(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        left = self._transport.get_write_buffer_size()
        if self._left - left < LEAST_TAKEN:
            self._transport.abort()
        else:
            self.begin()


def with_end(app: ASGIApp, end: asyncio.Event) -> ASGIApp:
    """Pass the web server's end to its requests."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def last(message: Message) -> None:
            if message["type"] == "http.response.start" and end.is_set():
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        scope[END] = end
        await app(scope, receive, last)

    return wrapped
