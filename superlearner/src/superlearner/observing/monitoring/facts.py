"""What is known of a node when somebody looks for anomalies: plain values, however they were found."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from superlearner.observing.analytics.history import Book
from superlearner.observing.monitoring.points import Point

__all__ = ["TRIED", "Alone", "Callback", "Facts", "Finding", "Hold", "Severity", "Track", "Type", "Waiter", "Watcher"]

Type = Literal[
    "restart_storm",
    "crash_loop",
    "mailbox_growth",
    "memory_growth",
    "long_callback",
    "blocked_loop",
    "call_cycle",
    "unsupervised_process",
    "orphan_monitor",
]
Severity = Literal["low", "medium", "high", "critical"]

TRIED: Final = 60
"""Samples of one mailbox that are kept: two minutes at the usual pace."""


@dataclass(slots=True)
class Track:
    """The mailbox of one process, look by look; times are wall clock seconds."""

    pid: str
    name: str | None
    what: str
    samples: deque[tuple[float, int]] = field(default_factory=lambda: deque[tuple[float, int]](maxlen=TRIED))


@dataclass(frozen=True, slots=True)
class Callback:
    """An `async def` callback that has not come back, since `began` (wall clock)."""

    pid: str
    name: str | None
    what: str
    callback: str
    began: float
    waiting: int
    place: str | None


@dataclass(frozen=True, slots=True)
class Hold:
    """Something held the event loop until `at` (wall clock), for `seconds`; who, if a process was running.

    `starved` is how long the whole program waited for a processor around that time, None where that is unknown.
    """

    at: float
    seconds: float
    pid: str | None
    name: str | None
    what: str
    place: str | None = None
    starved: float | None = None


@dataclass(frozen=True, slots=True)
class Waiter:
    """One in a circle of waits: whom it waits for, with what."""

    pid: str
    name: str | None
    what: str
    target: str
    kind: str
    request: str | None


@dataclass(frozen=True, slots=True)
class Alone:
    """Processes that run the same and that nobody is tied to: since when (wall clock) the first was seen so."""

    pid: str
    name: str | None
    what: str
    since: float
    count: int
    pids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Watcher:
    """A process with monitors that serve nobody: many of one and the same process, or news of ends it does not read."""

    pid: str
    name: str | None
    what: str
    monitors: int
    target: str | None
    unread: int
    since: float


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it at `now`, in wall clock seconds; `clock` is the node's clock in ns, which the book has its times in."""

    now: float
    clock: int
    book: Book = field(default_factory=Book)
    whats: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the supervisors are that have no name, by pid."""
    points: Sequence[Point] = ()
    tracks: Sequence[Track] = ()
    callbacks: Sequence[Callback] = ()
    holds: Sequence[Hold] = ()
    cycles: Sequence[Sequence[Waiter]] = ()
    alone: Sequence[Alone] = ()
    watchers: Sequence[Watcher] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something is wrong, and this is why one may believe it.

    `threshold` is the limit that was passed and `setting` where it can be changed; `since` is wall clock seconds.
    """

    type: Type
    severity: Severity
    pid: str | None
    name: str | None
    description: str
    since: float
    evidence: Mapping[str, Any]
    threshold: float
    setting: str
    hint: str
    group: str | None = None
    """What several subjects have in common that are one anomaly."""

    @property
    def key(self) -> tuple[str, str]:
        """The same anomaly at the next look."""
        return self.type, self.group or self.name or self.pid or ""
