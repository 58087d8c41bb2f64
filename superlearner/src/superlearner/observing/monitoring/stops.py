"""Periods in which no code of a program ran, as after SIGSTOP, and their detector: no process caused them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from otp import sentences
from superlearner.control.clock import Clock, timestamp
from superlearner.control.terms import clip, safe_text
from superlearner.observing.monitoring.facts import AnomalyFinding, Incident, LoopHold, NodeFacts
from superlearner.observing.monitoring.node_memory import NodeMemory
from superlearner.observing.monitoring.points import HOUR
from superlearner.settings.settings import Settings

__all__ = ["STOP_HINT", "Stops", "describe_program", "stopped_program"]

NS: Final = 1_000_000_000
NEWEST: Final = 10
LONGEST: Final = 120
STOP_HINT: Final = (
    "find what stopped it: `kill -STOP`, Ctrl-Z, a debugger, a frozen container and a sleeping machine do that"
)
Period = tuple[float, float]


def describe_program(node: str) -> str:
    """Return the name of a node with its process id in the operating system."""
    return f"{clip(safe_text(node), LONGEST)} (process {os.getpid()})"


def stopped_program(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find periods within the window in which no code of the program ran."""
    stops = [one for one in facts.stops if one[1] >= facts.now - limits.anomaly_window]
    if not stops:
        return
    longest = max(until - since for since, until in stops)
    yield AnomalyFinding(
        type="stopped_program",
        severity="high",
        pid=None,
        name=None,
        group=facts.program,
        description=_describe_stops(facts.program, stops, f" in the last {limits.anomaly_window:g} s"),
        past=_describe_stops(facts.program, stops),
        since=round(stops[0][0], 3),
        last=round(stops[-1][1], 3),
        evidence={
            "stops": len(stops),
            "longest_s": round(longest, 3),
            "newest": [
                {"timestamp": timestamp(until), "seconds": round(until - since, 3)}
                for since, until in reversed(stops[-NEWEST:])
            ],
        },
        count=len(stops),
        size=longest,
        threshold=limits.anomaly_window,
        setting="anomaly_window",
        hint=STOP_HINT,
    )


def _describe_stops(program: str, stops: Sequence[Period], within: str = "") -> str:
    longest = sentences.elapsed(max(until - since for since, until in stops))
    often = (
        f"for {longest}{within}"
        if len(stops) == 1
        else f"{sentences.times_text(len(stops))}{within}, for up to {longest}"
    )
    return f"{program} was stopped {often}: none of its code ran"


class Stops:
    """The stops of a program, also those that earlier attachments of its node measured.

    >>> clock, memory = Clock(), NodeMemory()
    >>> memory.note_stop(10.0, 20.0)
    >>> stops, now = Stops(clock, memory), clock.offset + 25.0
    >>> [one.text for one in stops.take(now, "shop (process 7)")], list(stops.take(now, "shop (process 7)"))
    (['shop (process 7) was stopped for 10 s: none of its code ran'], [])
    >>> stops.without(LoopHold(now - 4.0, 12.0, None, None, "")).seconds
    2.0
    """

    def __init__(self, clock: Clock, memory: NodeMemory) -> None:
        self._clock = clock
        self._memory = memory
        self._taken: set[tuple[float, float]] = set()

    def take(self, now: float, program: str) -> Iterator[Incident]:
        """Yield what is to be stored about each of them, once."""
        stops = self._memory.stops
        self._taken.intersection_update(stops)
        for since, until in stops:
            at, over = self._on_wall((since, until))
            if (since, until) not in self._taken and over > now - HOUR:
                self._taken.add((since, until))
                yield Incident(_describe_stops(program, [(at, over)]), at, over, round(since * NS))

    def recent(self, since: float) -> list[Period]:
        """Return those that ended after a time (wall clock), oldest first."""
        return sorted(one for one in map(self._on_wall, self._memory.stops) if one[1] > since)

    def _on_wall(self, stop: Period) -> Period:
        since, until = stop
        return self._clock.wall(round(since * NS)), self._clock.wall(round(until * NS))

    def within(self, since: float, until: float) -> float:
        """Return for how many seconds of a period (wall clock) the program was stopped."""
        return round(self._memory.stopped_within(since - self._clock.offset, until - self._clock.offset), 3)

    def without(self, hold: LoopHold) -> LoopHold:
        """Return a hold of the loop without the time in which the program was stopped."""
        stopped = self.within(hold.at - hold.seconds, hold.at)
        return replace(hold, seconds=max(0.0, round(hold.seconds - stopped, 6))) if stopped else hold
