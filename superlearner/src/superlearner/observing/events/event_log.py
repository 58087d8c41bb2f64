"""The ring of events: what happened last, numbered, for readers that come, fall behind, and come back.

    trace event, setting, audit, … → one numbered event in the ring → each reader from where it is

A reader has no queue: it has a place in the ring. One that is slow loses what has left the ring meanwhile, and is told
how much that was; the memory of a thousand readers is that of the ring. A plain object: no process has to live for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import otp
from otp.redaction import without_secrets
from superlearner.control.clock import Clock
from superlearner.observing.events.event import Event
from superlearner.observing.events.translating import can_wait, event_of

if TYPE_CHECKING:
    from superlearner.observing.events.reader import Reader

__all__ = ["EventLog"]

KEPT: Final = 10_000

Untold = tuple[otp.trace.Event, Clock]
"""An event that nobody has read yet, and which holds nothing large: it is put into words when somebody does."""

log: Final = logging.getLogger(__name__)


class EventLog:
    """See the module's text.

    Args:
        epoch: what tells this run of the platform from others.
        kept: how many events the ring holds.

    >>> events = EventLog("e1", kept=2)
    >>> for word in ("one", "two", "three"):
    ...     events.publish(Event("registered", 0.0, word, {}))
    >>> [(event.id, event.text) for event in events.between(0, 10)]
    [('e1-2', 'two'), ('e1-3', 'three')]
    """

    def __init__(self, epoch: str, kept: int = KEPT) -> None:
        self.epoch = epoch
        self.number = 0
        """How many there have been; the number of the newest one."""
        self.readers: set[Reader] = set()
        self.waiting: set[Reader] = set()
        """Those who have read all there is."""
        self._ring: list[Event | Untold | None] = [None] * kept
        self._followed: dict[str, Any] = {}

    @property
    def kept(self) -> int:
        """How many events the ring holds at most."""
        return len(self._ring)

    @property
    def oldest(self) -> int:
        """The number of the oldest event that is still here."""
        return max(1, self.number - len(self._ring) + 1)

    def resize(self, kept: int) -> None:
        """Hold more events from now on, or fewer."""
        if kept == len(self._ring):
            return
        ring: list[Event | Untold | None] = [None] * kept
        for number in range(max(self.oldest, self.number - kept + 1), self.number + 1):  # none is put into words for it
            ring[number % kept] = self._ring[number % len(self._ring)]
        self._ring = ring

    def publish(self, event: Event) -> None:
        """Give an event its number, and wake up who waits for one."""
        event.id = f"{self.epoch}-{self.number + 1}"
        self._put(event)

    def _put(self, event: Event | Untold) -> None:
        self.number += 1
        self._ring[self.number % len(self._ring)] = event
        if self.waiting:
            waiting, self.waiting = self.waiting, set()
            for reader in waiting:
                reader.wake()

    def tell(
        self,
        type: str,
        text: str,
        data: dict[str, Any],
        *,
        pid: str | None = None,
        name: str | None = None,
        supervisor: str | None = None,
    ) -> None:
        """Publish something about the platform itself."""
        self.publish(
            Event(type, round(time.time(), 6), without_secrets(text), data, pid=pid, name=name, supervisor=supervisor)
        )

    def between(self, after: int, most: int) -> Iterator[Event]:
        """What the ring holds with a greater number than `after`, oldest first, at most so many."""
        begin = max(after + 1, self.oldest)
        for number in range(begin, min(self.number, begin + most - 1) + 1):
            event = self._ring[number % len(self._ring)]
            if isinstance(event, tuple):
                told = self._ring[number % len(self._ring)] = event_of(*event)
                told.id = f"{self.epoch}-{number}"
                yield told
            elif event is not None:
                yield event

    # Nodes

    def follow(self, node: otp.Node) -> None:
        """Tell the events of a node from now on, until it ends; following it twice is nothing."""
        if node.name in self._followed:
            return
        clock = Clock()

        def on_event(event: Any) -> None:
            try:
                if can_wait(event):
                    self._put((event, clock))
                else:
                    self.publish(event_of(event, clock))
            except Exception:  # the runtime that emits must not suffer from our bug
                log.exception("an event was not told: %r; this is a bug of SuperLearner, please report it", event)

        subscription = self._followed[node.name] = node.subscribe(on_event, kinds=otp.trace.LIFECYCLE)
        subscription.on_node_end = lambda: self.unfollow(node.name)  # another one may have its name later

    def unfollow(self, name: str) -> None:
        """Stop following a node."""
        subscription = self._followed.pop(name, None)
        if subscription is not None:
            subscription.close()

    def close(self) -> None:
        """Stop following; readers end."""
        for name in list(self._followed):
            self.unfollow(name)
        for reader in list(self.readers):
            reader.close()


def number_of(event: Event) -> int:
    """The number in an event's id."""
    return int(event.id.rpartition("-")[2])
