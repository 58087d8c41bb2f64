"""Bounded history of a node's metrics: an hour in full, a day by the minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

__all__ = ["HOUR", "History", "Point", "merged"]

HOUR: Final = 3_600.0
FINE: Final = 7_200
"""Points in full: an hour at two per second, four at the default interval."""
MINUTE: Final = 60.0
MINUTES: Final = 1_440


@dataclass(frozen=True, slots=True)
class Point:
    """Metrics of the `seconds` that ended at `at` (wall clock); None if missing.

    Counts (`restarts`, `give_ups`, `spawned`, `gc_collections`) are those of the interval; `…_per_s` are rates.
    `loop_lag_ms`, `longest_callback_ms`, `gc_pause_ms` and `mailbox_deepest` are the maximum of the interval.
    """

    at: float = field(metadata={"description": "the same in seconds since 1970"})
    seconds: float = field(metadata={"description": "the period of counts and rates"})
    processes: int
    supervisors: int
    names: int
    spawned: int = field(metadata={"description": "processes started in this period"})
    restarts: int
    give_ups: int
    message_queue_lengths: int = field(metadata={"description": "messages waiting in all mailboxes"})
    mailbox_deepest: int
    mailbox_deepest_pid: str | None = field(
        metadata={"description": "the process with the longest mailbox, if it is notable"}
    )
    run_queue: float
    timers: float
    messages_per_s: float = field(metadata={"description": "received messages, including awaited replies"})
    activations_per_s: float = field(metadata={"description": "times a process was scheduled"})
    busy: float = field(metadata={"description": "share of the time in which processes ran, from 0 to 1"})
    longest_callback_ms: float = field(metadata={"description": "the longest time that processes blocked the loop"})
    loop_lag_ms: float = field(metadata={"description": "the greatest delay of a timer"})
    memory: int | None = field(metadata={"description": "resident memory of the program in bytes"})
    cpu_percent: float = field(metadata={"description": "of one core"})
    starved_percent: float | None = field(
        metadata={"description": "share of the time ready to run without a processor"}
    )
    gc_collections: int
    gc_pause_ms: float = field(metadata={"description": "the longest pause of the garbage collector"})
    read_bytes_per_s: float | None = field(
        metadata={"description": "from files and pipes; the operating system does not count sockets"}
    )
    written_bytes_per_s: float | None
    open_files: int | None
    threads: int


SUMS: Final = frozenset({"seconds", "spawned", "restarts", "give_ups", "gc_collections"})
WORST: Final = frozenset({"longest_callback_ms", "loop_lag_ms", "gc_pause_ms", "mailbox_deepest"})
NAMES: Final = tuple(one.name for one in fields(Point))
WHOLE: Final = frozenset(one.name for one in fields(Point) if str(one.type).startswith("int"))


def merged(points: Sequence[Point]) -> Point:
    """Merge successive points: counts are added, maxima kept, others averaged.

    >>> one = Point(10, 2, 5, 1, 0, 0, 1, 0, 0, 3, "0.7.0", 0, 0, 12, 10, 0.5, 1, 2, None, 5, None, 0, 0, 0, 0, None, 2)
    >>> from dataclasses import replace
    >>> two = merged([one, replace(one, at=12.0, restarts=2, mailbox_deepest=1, mailbox_deepest_pid="0.8.0", busy=0.1)])
    >>> two.at, two.seconds, two.restarts, two.mailbox_deepest, two.mailbox_deepest_pid, two.busy
    (12.0, 4, 3, 3, '0.7.0', 0.3)
    """
    if len(points) == 1:
        return points[0]
    values: dict[str, Any] = {"at": points[-1].at}
    for name in NAMES[1:]:
        found: list[Any] = [value for point in points if (value := getattr(point, name)) is not None]
        if not found:
            values[name] = None
        elif name in SUMS:
            values[name] = sum(found)
        elif name in WORST:
            values[name] = max(found)
        elif name == "mailbox_deepest_pid":
            values[name] = max(points, key=lambda point: point.mailbox_deepest).mailbox_deepest_pid
        else:
            values[name] = _mean(points, name)
    values["seconds"] = round(values["seconds"], 3)
    return Point(**values)


def _mean(points: Iterable[Point], name: str) -> Any:
    """Return the mean over time, weighted by the length of each point."""
    weighed = [(value, point.seconds) for point in points if (value := getattr(point, name)) is not None]
    whole = sum(seconds for _, seconds in weighed)
    mean = sum(value * seconds for value, seconds in weighed) / whole if whole else weighed[-1][0]
    return round(mean) if name in WHOLE else round(mean, 4)


class History:
    """Points of the last hour, and one per minute of the last day."""

    def __init__(self) -> None:
        self.fine: deque[Point] = deque(maxlen=FINE)
        self.coarse: deque[Point] = deque(maxlen=MINUTES)
        self._minute: list[Point] = []

    @property
    def last(self) -> Point | None:
        """The newest point; None if there is none."""
        return self.fine[-1] if self.fine else None

    def take_over(self, before: History) -> None:
        """Copy the points of an earlier attachment, which may still add to its own."""
        self.fine.extend(before.fine)
        self.coarse.extend(before.coarse)
        self._minute = [*before._minute]

    def add(self, point: Point) -> None:
        """Add a point; after an hour only its minute is kept."""
        if self._minute and point.at // MINUTE != self._minute[0].at // MINUTE:
            self.coarse.append(merged(self._minute))
            self._minute = []
        self._minute.append(point)
        self.fine.append(point)
        while self.fine[0].at < point.at - HOUR:
            self.fine.popleft()

    def since(self, at: float) -> list[Point]:
        """Return the points after `at` (wall clock), oldest first, old ones by minute."""
        fine = [point for point in self.fine if point.at > at]
        begins = self.fine[0].at if self.fine else float("inf")
        return [*(point for point in self.coarse if at < point.at < begins), *fine]

    def read(self, seconds: float, resolution: float, now: float) -> list[Point]:
        """Return points before `now`, at most one per `resolution` seconds."""
        found: list[Point] = []
        bucket: list[Point] = []
        for point in self.since(now - seconds):
            if bucket and point.at // resolution != bucket[0].at // resolution:
                found.append(merged(bucket))
                bucket = []
            bucket.append(point)
        if bucket:
            found.append(merged(bucket))
        return found
