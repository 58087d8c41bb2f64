"""A stream of events for its reader: an async iterator that is closed."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from weakref import ref

from otp.kernel.tables.scheduler import thread_current
from otp.kernel.values.messages import Monitor, unwatch, watch
from otp.kernel.values.process import DEAD, OWNER
from otp.observer.feed import Ended, EventFeed, Item

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node

__all__ = ["CREDIT", "EventStream", "LocalStream"]

CREDIT: Final = 256
"""Events that a reader takes at a time."""


class EventStream(ABC, AsyncIterator[Item]):
    """Events of a node, oldest first: `EventView`s, and a `Missed` where some are missing.

    It opens when it is entered, awaited or first read, and is closed by leaving it, by `aclose()`, and by the end of
    the process that opened it. `ended` then gives the reason. It has one reader at a time.

    >>> import otp
    >>> async def main():
    ...     view = otp.observer.LocalView(otp.trace.node_of(otp.self()))
    ...     async with view.trace(otp.observer.TraceSpec(kinds=("spawned",), limit=2)) as stream:
    ...         otp.spawn(lambda: None)
    ...         otp.spawn(lambda: None)
    ...         return [event.kind async for event in stream], stream.ended
    >>> otp.run(main)
    (['spawned', 'spawned'], 'limit')
    """

    def __init__(self) -> None:
        self.ended: Ended | None = None
        self._items: deque[Item] = deque()
        self._state = "new"

    @abstractmethod
    async def _open(self) -> None: ...

    @abstractmethod
    async def _more(self) -> Sequence[Item]:
        """Wait for items and take them; return none if the stream has ended, with the reason in `ended`."""

    @abstractmethod
    async def _close(self) -> None: ...

    def __await__(self) -> Generator[Any, Any, Self]:
        return self._opened().__await__()

    async def _opened(self) -> Self:
        if self._state == "new":
            await self._open()
            self._state = "open"
        return self

    async def __aenter__(self) -> Self:
        return await self._opened()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def __anext__(self) -> Item:
        await self._opened()
        if not self._items:
            if self.ended is not None:
                raise StopAsyncIteration
            self._items.extend(await self._more())
            if not self._items:
                raise StopAsyncIteration
        return self._items.popleft()

    async def aclose(self) -> None:
        """End the stream; unread items are lost. Calling it twice has no effect."""
        opened, self._state = self._state == "open", "closed"
        self._items.clear()
        if opened and self.ended is None:
            self.ended = "closed"
            await self._close()
        elif self.ended is None:
            self.ended = "closed"


class LocalStream(EventStream):
    """A stream of a node of this loop; `make` creates its feed when it opens."""

    ended: Ended | None

    def __init__(self, node: Node, make: Callable[[Callable[[], object]], EventFeed]) -> None:
        super().__init__()
        self._node = node
        self._make = make
        self._feed: EventFeed | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._monitor: Monitor | None = None

    async def _open(self) -> None:
        weak = ref(self)
        self._feed = feed = self._make(lambda: _wake(weak))
        reader = thread_current() or OWNER.get()
        if reader is not None and reader.status != DEAD:
            end = ref(feed)
            self._monitor = watch(reader, lambda _reason: _reader_down(end))

    async def _more(self) -> Sequence[Item]:
        feed = self._feed
        assert feed is not None
        while not feed.waiting():
            if feed.ended is not None:
                self.ended = feed.ended
                self._forget_reader()
                return ()
            self._waiter = self._node.scheduler.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return feed.take(CREDIT)

    async def _close(self) -> None:
        if self._feed is not None:
            self._feed.end("closed")
        self._forget_reader()

    def _forget_reader(self) -> None:
        if self._monitor is not None:
            unwatch(self._monitor)
            self._monitor = None

    def wake(self) -> None:
        """Wake the reader."""
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


def _wake(weak: Callable[[], LocalStream | None]) -> None:
    stream = weak()
    if stream is not None:
        stream.wake()


def _reader_down(weak: Callable[[], EventFeed | None]) -> None:
    feed = weak()
    if feed is not None:
        feed.end("reader_down")
