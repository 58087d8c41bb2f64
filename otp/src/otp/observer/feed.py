"""The bounded queue between the events of a node and one reader.

The runtime calls it while it delivers a message, so every method is short: an event becomes a value or is counted as
missed. A slow reader loses events and is notified how many; its memory is limited by its buffer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal
from weakref import ref

from otp.kernel.tables.scheduler import Timer
from otp.kernel.tables.tracing import MESSAGE_KINDS, Event, Subscription
from otp.observer.events import EventView, Missed, event_view

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.values.pids import Pid

__all__ = ["Ended", "EventFeed", "Item"]

Item = EventView | Missed
Ended = Literal["limit", "closed", "reader_down", "node_down"]
"""The reason why a stream ended: its limit, a close, or the end of its reader's process or of the node."""

NS = 1_000_000_000


class EventFeed:
    """Events that wait for their reader.

    `wake` is called when there are some and the reader waits. `unwatched` is a process whose messages are left out: the
    server that sends the events would trace itself.
    """

    def __init__(
        self,
        node: Node,
        *,
        kinds: frozenset[str] | None,
        pids: frozenset[Pid] | None = None,
        limit: int | None = None,
        rate: int | None = None,
        system: bool = True,
        redact: bool = True,
        length: int = 200,
        buffer: int = 1000,
        unwatched: Pid | None = None,
        wake: Callable[[], object],
    ) -> None:
        self.ended: Ended | None = None
        self.last: int = 0  # the number of the last event, queued or taken
        self._node = node
        self._wake = wake
        self._limit = limit
        self._rate = rate
        self._system = system
        self._redact = redact
        self._length = length
        self._buffer = buffer
        self._unwatched = unwatched
        self._past: deque[Event | Missed] = deque()
        self._items: deque[Item] = deque()
        self._taken = 0
        self._window = self._in_window = 0
        self._timer: Timer | None = None
        self._too_many = self._too_slow = 0
        self._subscription = _subscribe(self, node, kinds, pids)

    def replay(self, since: int, kinds: frozenset[str] | None) -> None:
        """Put the events still in the ring in front, in the step in which the subscription began."""
        trace = self._node.tracer
        newest = trace.seq
        asked, since = since, since if since <= newest else 0
        everything = trace.history()
        events = [event for event in everything if event.seq > since]
        first = events[0].seq if events else newest + 1
        if asked != since:
            self._past.append(Missed("restarted", None, asked, first))
        elif trace.is_full and first > since + 1 and everything[0].seq > since:
            self._past.append(Missed("ring", None, since, first))
        self._past.extend(event for event in events if kinds is None or event.kind in kinds)
        self.last = newest

    def take(self, most: int) -> list[Item]:
        """Remove and return the oldest items, at most `most`."""
        found: list[Item] = []
        items = self._items
        while self._past and len(found) < most:
            item = self._past.popleft()
            made = item if isinstance(item, Missed) else event_view(item, redact=self._redact, length=self._length)
            found.append(made)
        while len(found) < most and items:
            found.append(items.popleft())
        if not items and len(found) < most and self._too_slow:
            found.append(self._missed())
        return found

    def waiting(self) -> bool:
        """Return whether `take` would return something."""
        return bool(self._past or self._items or self._too_slow)

    def end(self, why: Ended) -> None:
        """End the feed; waiting items can still be taken."""
        if self.ended is not None:
            return
        self.ended = why
        self._subscription.close()
        if self._timer is not None:
            self._timer.fire = None
            self._timer = None
        self._report_rate()
        self._wake()

    # Called by the runtime

    def event(self, event: Event) -> None:
        """Add an event."""
        if self.ended is not None:
            return
        if event.kind in MESSAGE_KINDS:
            data, own = event.data, self._unwatched
            if own is not None and (event.pid is own or data.get("to") is own or data.get("from") is own):
                return
            if not self._system and data.get("way") == "system":
                return
        if self._rate is not None and not self._has_its_turn(event.at):
            return
        self._taken += 1
        if len(self._items) >= self._buffer:
            self._too_slow += 1
        else:
            if self._too_slow:
                self._items.append(self._missed(event.seq))
            self._items.append(event_view(event, redact=self._redact, length=self._length))
            self.last = event.seq
        if self._limit is not None and self._taken >= self._limit:
            self.end("limit")
        else:
            self._wake()

    def _has_its_turn(self, at: int) -> bool:
        window = at // NS
        if window != self._window:
            self._window, self._in_window = window, 0
            self._report_rate()
        self._in_window += 1
        if self._rate is None or self._in_window <= self._rate:
            return True
        self._too_many += 1
        if self._timer is None:  # a burst may end here: its reader is notified anyway
            feed = ref(self)
            self._timer = self._node.scheduler.call_at((window + 1) * NS, lambda _timer: _window_over(feed))
        return False

    def window_over(self) -> None:
        """End a second with too many events."""
        self._timer = None
        self._report_rate()
        self._wake()

    def _report_rate(self) -> None:
        if self._too_many:
            count, self._too_many = self._too_many, 0
            if self._items and isinstance(last := self._items[-1], Missed) and last.reason == "rate":
                self._items.pop()  # one notice for all that is missing here
                count += last.count or 0
            self._items.append(Missed("rate", count, self.last, self._node.tracer.seq + 1))

    def _missed(self, before: int | None = None) -> Missed:
        count, self._too_slow = self._too_slow, 0
        return Missed("slow", count, self.last, self._node.tracer.seq + 1 if before is None else before)


def _subscribe(feed: EventFeed, node: Node, kinds: frozenset[str] | None, pids: frozenset[Pid] | None) -> Subscription:
    """Subscribe a feed by a weak reference, so that an unread one ends by itself."""
    weak = ref(feed)

    def deliver(event: Event) -> None:
        found = weak()
        if found is None:
            subscription.close()
        else:
            found.event(event)

    def node_ended() -> None:
        found = weak()
        if found is not None:
            found.end("node_down")

    subscription = node.tracer.add(deliver, kinds, pids, None, None)
    subscription.on_node_end = node_ended
    return subscription


def _window_over(weak: Any) -> None:
    feed: EventFeed | None = weak()
    if feed is not None:
        feed.window_over()
