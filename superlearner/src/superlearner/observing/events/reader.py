"""Reader of events: a position in the ring, a filter, and a wake-up signal."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Final

from superlearner.control.turns import next_turn
from superlearner.observing.events.event import Event, Gap, GapReason
from superlearner.observing.events.event_log import EventLog, number_of

__all__ = ["EventFilter", "Reader"]

ID: Final = re.compile(r"([0-9a-f]{1,64})-(\d{1,18})")
PAUSE_S: Final = 0.05
LOOKED_AT: Final = 1_000
"""Maximum number of events filtered without a pause for others."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Filter for events; None or empty fields match all.

    `node` is the node of the request; events of the platform itself belong to the platform's own node.
    """

    types: frozenset[str] = frozenset()
    process: str | None = None
    supervisor: str | None = None
    node: str | None = None
    of_platform: bool = True
    about: str | None = None
    """Only events about what this user did or owns."""

    def takes(self, event: Event) -> bool:
        """Return whether an event passes the filter.

        >>> event = Event("exited", 0.0, "", {}, pid="0.17.0", name="till", supervisor="shop")
        >>> EventFilter(process="till").takes(event), EventFilter(process="0.18.0").takes(event)
        (True, False)
        """
        if self.types and event.type not in self.types:
            return False
        if (
            self.about is not None
            and event.type != "gap"
            and self.about not in (event.data.get("user"), event.data.get("owner"))
        ):
            return False
        if event.node is None:
            if not self.of_platform:
                return False
        elif self.node is not None and event.node != self.node:
            return False
        if self.process is not None and self.process not in (event.pid, event.name, *event.also):
            return False
        return self.supervisor is None or self.supervisor in (
            event.supervisor,
            event.data.get("supervisor_pid"),
            event.pid,
            event.name,
        )


class Reader:
    """Position in the event log that advances as events are read.

    Args:
        events: the log.
        wanted: filter.
        last_id: id of the last event received; None starts with the next event.
    """

    def __init__(self, events: EventLog, wanted: EventFilter, last_id: str | None = None) -> None:
        self.closed = False
        self._events = events
        self._wanted = wanted
        self._bell = asyncio.Event()
        self._gap: GapReason | None = None
        self._missing: GapReason = "slow" if last_id is None else "ring"
        self._paused_until = 0.0
        self._went_on = False  # True if it is behind and reads without pauses
        self._place = events.number
        """Number of the last event that was examined."""
        if last_id is not None:
            self._resume(last_id)

    def _resume(self, last_id: str) -> None:
        found = ID.fullmatch(last_id)
        if found is not None and found[1] == self._events.epoch and int(found[2]) <= self._events.number:
            self._place = int(found[2])
        elif found is not None and found[1] != self._events.epoch:
            self._gap, self._place = self._events.other_run, self._events.oldest - 1
        else:
            self._gap = "unknown"

    async def go_back(self, last: int) -> None:
        """Start with the newest `last` matching events that the ring holds."""
        events, behind = self._events, self._place + 1
        while last > 0 and behind > events.oldest:
            begin = max(events.oldest, behind - LOOKED_AT)
            for event in reversed([*events.between(begin - 1, behind - begin)]):
                if self._wanted.takes(event):
                    self._place = number_of(event) - 1
                    last -= 1
                    if not last:
                        break
            behind = begin
            await next_turn()
        self._place = max(self._place, events.oldest - 1)  # events dropped meanwhile are not a gap

    @property
    def last_id(self) -> str:
        """Current position; pass this id to resume here."""
        return f"{self._events.epoch}-{self._place}"

    @property
    def behind(self) -> bool:
        """True if there are events that it has not examined."""
        return self._place < self._events.number

    def take(self, most: int) -> list[Event]:
        """Return up to `most` matching events; a `Gap` marks missing ones."""
        found: list[Event] = []
        if self._gap is not None:
            found.append(Gap(self.last_id, round(time.time(), 6), None, self._gap))
            self._gap = None
        missing = self._events.oldest - 1 - self._place
        if missing > 0:
            self._place += missing
            found.append(Gap(self.last_id, round(time.time(), 6), missing, self._missing))
        self._missing = "slow"
        looked_at = 0
        for event in self._events.between(self._place, LOOKED_AT):
            if len(found) >= most:
                break
            looked_at += 1
            if self._wanted.takes(event):
                found.append(event)
        self._place += looked_at
        return found

    async def more(self, most: int, seconds: float) -> list[Event]:
        """Wait for events and return up to `most`; none after `seconds` or `close`.

        A pause after each batch limits a reader to 20 batches per second during a storm. A reader that is behind makes
        no pause, but lets others run between its batches.
        """
        loop = asyncio.get_running_loop()
        if not self.closed:
            self._events.readers.add(self)
        try:
            async with asyncio.timeout(seconds):
                if (rest := self._paused_until - loop.time()) > 0:
                    await self._ring(loop.call_later(rest, self.wake))
                elif self._went_on:
                    await next_turn()
                while not self.closed:
                    found = self.take(most)
                    if found:
                        self._went_on = self.behind
                        self._paused_until = 0.0 if self._went_on else loop.time() + PAUSE_S
                        return found
                    if self.behind:  # nothing matched so far, and there is more
                        await self._ring(loop.call_soon(self.wake))
                    else:
                        self._events.waiting.add(self)
                        await self._ring()
        except TimeoutError:
            pass
        return []

    async def _ring(self, alarm: asyncio.Handle | None = None) -> None:
        """Wait for the wake-up signal."""
        self._bell.clear()
        try:
            await self._bell.wait()
        finally:
            self._events.waiting.discard(self)
            if alarm is not None:
                alarm.cancel()

    def wake(self) -> None:
        """Wake the reader: new events are available."""
        self._bell.set()

    def close(self) -> None:
        """Close the reader."""
        self.closed = True
        self._events.readers.discard(self)
        self._bell.set()
