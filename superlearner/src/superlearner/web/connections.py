"""The connections of one platform: how many there may be, how long they may take, and who goes when there are too many.

A server that answers everybody must not be stopped by somebody who does nothing: sends a head letter by letter, never
reads an answer, or only opens connections. Such a connection costs no request; it costs memory and a descriptor.

- A head has to be there after `head_timeout`; between requests a connection waits `keep_alive`.
- What was sent has to be taken: at least 64 KiB in each `send_timeout`, or what is left if that is less.
- What all slow readers together have not taken is at most `max_unsent`; beyond it the slowest goes.
- There are at most `max_connections`, and fewer where the operating system allows fewer descriptors. When there is one
  more, the one goes that has waited longest without a request; if all are at work, the new one is refused.

(A body is the guard's business, which reads it: `body_timeout`, `max_bodies`.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from superlearner.base.descriptors import descriptors
from superlearner.settings.settings import Settings

__all__ = ["LEAST_TAKEN", "Connections", "LimitedConnection"]

LEAST_TAKEN: Final = 65_536
RESERVED: Final = 256
"""Descriptors that are not for connections: the database, files, pipes of other programs."""


class Connections:
    """All connections of a platform, those of earlier incarnations of its web server included.

    Args:
        settings: answers the settings as they are now.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._open: set[LimitedConnection] = set()
        self._idle: dict[LimitedConnection, None] = {}  # in the order in which they began to wait
        self._slow: dict[LimitedConnection, None] = {}

    @property
    def settings(self) -> Settings:
        """As they are now."""
        return self._settings()

    def __len__(self) -> int:
        return len(self._open)

    def most(self) -> int:
        """How many there may be."""
        allowed = descriptors()
        wanted = self.settings.max_connections
        return wanted if allowed is None else min(wanted, max(allowed // 2, allowed - RESERVED))

    def enter(self, one: LimitedConnection) -> bool:
        """One more; whether there is room for it."""
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
        """One has ended."""
        self._open.discard(one)
        self._idle.pop(one, None)
        self._slow.pop(one, None)

    def waits(self, one: LimitedConnection) -> None:
        """It has no request in progress."""
        if one in self._open:
            self._idle.setdefault(one)

    def works(self, one: LimitedConnection) -> None:
        """It has one."""
        self._idle.pop(one, None)

    def is_slow(self, one: LimitedConnection) -> None:
        """Its reader does not keep up; if too much waits for such readers, those go that have been slow longest."""
        self._slow[one] = None
        unsent = sum(each.unsent() for each in self._slow)
        for each in list(self._slow):
            if unsent <= self.settings.max_unsent:
                return
            unsent -= each.unsent()
            each.give_up()
            self._slow.pop(each, None)

    def keeps_up(self, one: LimitedConnection) -> None:
        """It has caught up."""
        self._slow.pop(one, None)


class LimitedConnection(asyncio.Protocol):
    """A connection, as far as it can be too many or too slow; mixed into what speaks the protocol on it.

    Args:
        connections: those that it is one of.
    """

    transport: asyncio.Transport

    def __init__(self, *args: object, connections: Connections, **options: object) -> None:
        super().__init__(*args, **options)
        self._all = connections
        self._send: SlowSend | None = None

    def _enter(self) -> bool:
        """It has begun; whether there is room for it."""
        self._send = SlowSend(self.transport, lambda: self._all.settings.send_timeout)
        return self._all.enter(self)

    def _leave(self) -> None:
        """It has ended, or is somebody else's now."""
        if self._send is not None:
            self._send.end()
        self._all.leave(self)

    def _end_if_closing(self) -> None:
        """What is left must be taken, else it is never closed."""
        if self._send is not None and self.transport.is_closing():
            self._send.begin()

    def pause_writing(self) -> None:
        """The other side does not take what is sent."""
        super().pause_writing()
        if self._send is not None:
            self._send.begin()
        self._all.is_slow(self)

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self._all.keeps_up(self)
        if self._send is not None and not self.transport.is_closing():
            self._send.end()

    def unsent(self) -> int:
        """Bytes that the other side has not taken."""
        return self.transport.get_write_buffer_size()

    def give_up(self) -> None:
        """End at once, whatever is not sent."""
        self.transport.abort()


class SlowSend:
    """Watches that what was written to one connection is taken, and aborts it if not.

    Args:
        transport: the connection.
        seconds: answers the time in which some of it must be taken.
    """

    def __init__(self, transport: asyncio.Transport, seconds: Callable[[], float]) -> None:
        self._transport = transport
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None
        self._left = 0

    def begin(self) -> None:
        """Look from now on."""
        if self._timer is None:
            self._left = self._transport.get_write_buffer_size()
            self._timer = asyncio.get_running_loop().call_later(self._seconds(), self._look)

    def end(self) -> None:
        """Look no more."""
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
