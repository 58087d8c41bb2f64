"""Telemetry totals for exporters: counts and times with few, bounded labels."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["BUCKETS", "OTHERS", "Durations", "Tally"]

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds."""

NAMES: Final = 100
OTHERS: Final = "(others)"
"""Label for names beyond the first hundred; programs may create any number."""

RECOVERIES: Final = frozenset({"supervisor.restarted", "supervisor.restarted_along"})


class Durations:
    """Durations counted in buckets."""

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Add a duration."""
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    @property
    def count(self) -> int:
        """Number of durations."""
        return sum(self.buckets)

    def cumulative(self) -> Iterator[tuple[str, int]]:
        """Yield each bound as text with the number of durations up to it."""
        added = 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), self.buckets, strict=True):
            added += count
            yield bound, added


class Tally:
    """Counts of a platform's telemetry events.

    >>> tally = Tally()
    >>> about = {"operation": "process.kill", "door": "rest", "outcome": "ok"}
    >>> tally.on_event("operation.stop", {"duration": 0.004}, about)
    >>> tally.operations, tally.durations["process.kill"].total
    ({('process.kill', 'rest', 'ok'): 1}, 0.004)
    """

    def __init__(self) -> None:
        self.events: dict[str, int] = {}
        self.operations: dict[tuple[str, str, str], int] = {}
        self.durations: dict[str, Durations] = {}
        self.restarts: dict[str, int] = {}
        self.restarted_along: dict[str, int] = {}
        self.recoveries = Durations()
        self.give_ups: dict[str, int] = {}
        self.raised: dict[str, int] = {}
        self.commits = Durations()
        self.rows = 0
        self.dropped: dict[str, int] = {}
        self.holds = Durations()

    def on_event(self, event: str, measurements: Mapping[str, float], metadata: Mapping[str, Any]) -> None:
        """Count a telemetry event."""
        _add(self.events, event)
        if event == "operation.stop":
            name = str(metadata["operation"])
            key = name, str(metadata["door"]), str(metadata["outcome"])
            self.operations[key] = self.operations.get(key, 0) + 1
            self.durations.setdefault(name, Durations()).add(measurements["duration"])
        elif event in RECOVERIES:
            own = event == "supervisor.restarted"
            _add_name(self.restarts if own else self.restarted_along, metadata["supervisor"])
            if "recovery" in measurements:
                self.recoveries.add(measurements["recovery"])
        elif event == "supervisor.gave_up":
            _add_name(self.give_ups, metadata["supervisor"])
        elif event == "anomaly.raised":
            _add(self.raised, metadata["type"])
        elif event == "store.commit":
            self.commits.add(measurements["duration"])
            self.rows += int(measurements["rows"])
        elif event == "store.drop":
            _add(self.dropped, metadata["table"], int(measurements["rows"]))
        elif event == "loop.held":
            self.holds.add(measurements["duration"])


def _add(counts: dict[str, int], key: str, number: int = 1) -> None:
    counts[key] = counts.get(key, 0) + number


def _add_name(counts: dict[str, int], name: Any) -> None:
    """Count under a name chosen by a program."""
    key = str(name)[:120]
    _add(counts, key if key in counts or len(counts) < NAMES else OTHERS)
