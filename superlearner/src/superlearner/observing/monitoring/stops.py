"""Times in which no code of the program ran, as after SIGSTOP: they are no fault of a process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from otp import sentences
from superlearner.control.clock import Clock
from superlearner.observing.monitoring.facts import Incident, LoopHold
from superlearner.observing.monitoring.node_memory import NodeMemory
from superlearner.observing.monitoring.points import HOUR

__all__ = ["Stops"]

NS: Final = 1_000_000_000


class Stops:
    """The stops of a program, also those that earlier attachments of its node measured.

    >>> clock, memory = Clock(), NodeMemory()
    >>> memory.note_stop(10.0, 20.0)
    >>> stops, now = Stops(clock, memory), clock.offset + 25.0
    >>> [one.text for one in stops.take(now)], list(stops.take(now))
    (['the program was stopped for 10 s: none of its code ran'], [])
    >>> stops.without(LoopHold(now - 4.0, 12.0, None, None, "")).seconds
    2.0
    """

    def __init__(self, clock: Clock, memory: NodeMemory) -> None:
        self._clock = clock
        self._memory = memory
        self._taken: set[tuple[float, float]] = set()

    def take(self, now: float) -> Iterator[Incident]:
        """Yield what is to be stored about each of them, once."""
        stops = self._memory.stops
        self._taken.intersection_update(stops)
        for since, until in stops:
            at, over = (self._clock.wall(round(one * NS)) for one in (since, until))
            if (since, until) not in self._taken and over > now - HOUR:
                self._taken.add((since, until))
                text = f"the program was stopped for {sentences.elapsed(until - since)}: none of its code ran"
                yield Incident(text, at, over, round(since * NS))

    def within(self, since: float, until: float) -> float:
        """Return for how many seconds of a period (wall clock) the program was stopped."""
        return round(self._memory.stopped_within(since - self._clock.offset, until - self._clock.offset), 3)

    def without(self, hold: LoopHold) -> LoopHold:
        """Return a hold of the loop without the time in which the program was stopped."""
        stopped = self.within(hold.at - hold.seconds, hold.at)
        return replace(hold, seconds=max(0.0, round(hold.seconds - stopped, 6))) if stopped else hold
