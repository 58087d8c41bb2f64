"""Ring buffer of the newest events for readers that fall behind and resume.

    trace event, setting, audit, … → one numbered event in the ring → each reader from its position

A reader has a position in the ring instead of a queue. If it is too slow, it gets a gap with the number of lost events;
so a thousand readers need no more memory than the ring. A plain object: it depends on no process.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import otp
from otp.redaction import without_secrets
from superlearner.control.child_requests import ChildRequests
from superlearner.control.clock import Clock
from superlearner.control.exits import EndTimes
from superlearner.observing.events.event import Event, GapReason
from superlearner.observing.events.translating import can_wait, event_of, names_in

if TYPE_CHECKING:
    from superlearner.observing.events.reader import Reader

__all__ = ["EventLog"]

KEPT: Final = 10_000

Raw = tuple[otp.trace.Event, Clock]
"""Runtime event that has not been read yet; it is formatted at the first read."""

log: Final = logging.getLogger(__name__)


class EventLog:
    """The log of events; see the module's docstring.

    Args:
        epoch: identifies this run of the platform.
        kept: number of events in the ring.
        other_run: the reason of the gap for a reader with an id of an earlier run.

    >>> events = EventLog("e1", kept=2)
    >>> for word in ("one", "two", "three"):
    ...     events.publish(Event("registered", 0.0, word, {}))
    >>> [(event.id, event.text) for event in events.between(0, 10)]
    [('e1-2', 'two'), ('e1-3', 'three')]
    """

    def __init__(self, epoch: str, kept: int = KEPT, *, other_run: GapReason = "restarted") -> None:
        self.epoch = epoch
        self.other_run: GapReason = other_run
        self.number = 0
        """Number of events so far, and of the newest one."""
        self.readers: set[Reader] = set()
        self.waiting: set[Reader] = set()
        """Readers that have read all events."""
        self.requests = ChildRequests()
        self._ring: list[Event | Raw | None] = [None] * kept
        self._followed: dict[str, Any] = {}

    @property
    def capacity(self) -> int:
        """Maximum number of events in the ring."""
        return len(self._ring)

    @property
    def oldest(self) -> int:
        """Number of the oldest event in the ring."""
        return max(1, self.number - len(self._ring) + 1)

    def resize(self, kept: int) -> None:
        """Change the number of events that are kept."""
        if kept == len(self._ring):
            return
        ring: list[Event | Raw | None] = [None] * kept
        for number in range(max(self.oldest, self.number - kept + 1), self.number + 1):  # without formatting any
            ring[number % kept] = self._ring[number % len(self._ring)]
        self._ring = ring

    def publish(self, event: Event) -> None:
        """Number an event, add it, and wake waiting readers."""
        event.id = f"{self.epoch}-{self.number + 1}"
        self._put(event)

    def _put(self, event: Event | Raw) -> None:
        self.number += 1
        self._ring[self.number % len(self._ring)] = event
        if self.waiting:
            waiting, self.waiting = self.waiting, set()
            for reader in waiting:
                reader.wake()

    def emit(
        self,
        type: str,
        text: str,
        data: dict[str, Any],
        *,
        node: str | None = None,
        pid: str | None = None,
        name: str | None = None,
        supervisor: str | None = None,
    ) -> None:
        """Publish an event that is none of the runtime; without a node, it is one of the platform itself."""
        at, text = round(time.time(), 6), without_secrets(text)
        self.publish(Event(type, at, text, data, node=node, pid=pid, name=name, supervisor=supervisor))

    def between(self, after: int, most: int) -> Iterator[Event]:
        """Yield up to `most` events numbered above `after`, oldest first."""
        begin = max(after + 1, self.oldest)
        for number in range(begin, min(self.number, begin + most - 1) + 1):
            event = self._ring[number % len(self._ring)]
            if isinstance(event, tuple):
                event = self._ring[number % len(self._ring)] = event_of(*event)
                event.id = f"{self.epoch}-{number}"
                yield event
            elif event is not None:
                yield event

    # Nodes

    def follow(self, node: otp.Node) -> None:
        """Publish the events that a node has in memory, and new ones until it ends; a second call has no effect."""
        if node.name in self._followed:
            return
        clock, ends = Clock(), EndTimes()
        names: dict[Any, str] = {}  # of processes that ended before

        def on_event(event: Any) -> None:
            try:
                ends.note(event)
                if can_wait(event):
                    self._put((event, clock))
                else:
                    name, along = ends.name_of(event), ends.names_with(event)
                    asked, ended_by = self.requests.find(event), self.requests.find_end(event)
                    told = event_of(event, clock, ends.of(event), name, along, names, asked, ended_by)
                    self.publish(told)
            except Exception:  # an error here must not reach the runtime
                log.exception("could not publish an event: %r; this is a bug in SuperLearner, please report it", event)

        earlier = [event for event in otp.trace.history(node) if event.kind in otp.trace.LIFECYCLE]
        names = names_in(earlier)
        for event in earlier:  # a service may have run long before it was attached
            on_event(event)
        names = {}
        subscription = self._followed[node.name] = node.subscribe(on_event, kinds=otp.trace.LIFECYCLE)
        subscription.on_node_end = lambda: self.unfollow(node.name)  # a later node may have this name

    def unfollow(self, name: str) -> None:
        """Stop following a node."""
        subscription = self._followed.pop(name, None)
        if subscription is not None:
            subscription.close()

    def close(self) -> None:
        """Stop following all nodes and close all readers."""
        for name in list(self._followed):
            self.unfollow(name)
        for reader in list(self.readers):
            reader.close()


def number_of(event: Event) -> int:
    """Return the number in an event's id."""
    return int(event.id.rpartition("-")[2])
