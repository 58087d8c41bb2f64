"""Somebody who reads events: a place in the ring, what they want, and a bell."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Final

from superlearner.control.turns import next_turn
from superlearner.observing.events.event import Event, Gap, GapReason
from superlearner.observing.events.event_log import EventLog, number_of

__all__ = ["Reader", "Wanted"]

ID: Final = re.compile(r"([0-9a-f]{1,64})-(\d{1,18})")
PAUSE_S: Final = 0.05
LOOKED_AT: Final = 1_000
"""How many events are looked at in one go, so that a filter that nothing passes does not hold up the loop."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events somebody wants; what is None or empty does not matter.

    `node` is the one that is asked: events of the platform itself belong to its own.
    """

    types: frozenset[str] = frozenset()
    process: str | None = None
    supervisor: str | None = None
    node: str | None = None
    of_platform: bool = True

    def takes(self, event: Event) -> bool:
        """Whether an event is among them.

        >>> event = Event("exited", 0.0, "", {}, pid="0.17.0", name="till", supervisor="shop")
        >>> Wanted(process="till").takes(event), Wanted(process="0.18.0").takes(event)
        (True, False)
        """
        if self.types and event.type not in self.types:
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
    """Reads on from its place.

    Args:
        events: the log.
        wanted: which of them.
        last_id: the id of the last event they have; None begins with what happens from now on.
    """

    def __init__(self, events: EventLog, wanted: Wanted, last_id: str | None = None) -> None:
        self.closed = False
        self._events = events
        self._wanted = wanted
        self._bell = asyncio.Event()
        self._gap: GapReason | None = None
        self._missing: GapReason = "slow" if last_id is None else "ring"
        self._rests_until = 0.0
        self._place = events.number
        """The number of the last event that was looked at."""
        if last_id is not None:
            self._resume(last_id)

    def _resume(self, last_id: str) -> None:
        found = ID.fullmatch(last_id)
        if found is not None and found[1] == self._events.epoch and int(found[2]) <= self._events.number:
            self._place = int(found[2])
        elif found is not None and found[1] != self._events.epoch:
            self._gap, self._place = "restarted", self._events.oldest - 1
        else:
            self._gap = "unknown"

    async def go_back(self, last: int) -> None:
        """Begin with so many of those that are in the ring already, the newest; others have their turns meanwhile."""
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
        self._place = max(self._place, events.oldest - 1)  # what leaves the ring meanwhile was promised to nobody

    @property
    def last_id(self) -> str:
        """Where it is: who shows this id goes on from here."""
        return f"{self._events.epoch}-{self._place}"

    def take(self, most: int) -> list[Event]:
        """What there is, at most so many; a `Gap` stands where some are missing."""
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
        """Wait until there is something, at most so long, and take it; nothing if the time is over or it is closed.

        After some were taken the next ones are let come for a moment, so that a storm costs each reader 20 a second.
        """
        loop = asyncio.get_running_loop()
        if not self.closed:
            self._events.readers.add(self)
        try:
            async with asyncio.timeout(seconds):
                if (rest := self._rests_until - loop.time()) > 0:
                    await self._ring(loop.call_later(rest, self.wake))
                while not self.closed:
                    found = self.take(most)
                    if found:
                        self._rests_until = loop.time() + PAUSE_S
                        return found
                    if self._place < self._events.number:  # nothing so far passed the filter, and there is more
                        await self._ring(loop.call_soon(self.wake))
                    else:
                        self._events.waiting.add(self)
                        await self._ring()
        except TimeoutError:
            pass
        return []

    async def _ring(self, alarm: asyncio.Handle | None = None) -> None:
        """Wait for the bell."""
        self._bell.clear()
        try:
            await self._bell.wait()
        finally:
            self._events.waiting.discard(self)
            if alarm is not None:
                alarm.cancel()

    def wake(self) -> None:
        """There is something new."""
        self._bell.set()

    def close(self) -> None:
        """It reads no more."""
        self.closed = True
        self._events.readers.discard(self)
        self._bell.set()
