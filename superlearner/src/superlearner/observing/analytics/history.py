"""Histories of supervisors: plain values that only the reducer changes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from heapq import merge
from typing import Final, Literal

from superlearner.observing.analytics.entries import RESTART_TYPES, Entry, EventType
from superlearner.observing.analytics.times import Times

__all__ = ["Baseline", "Book", "History", "SupervisorSample", "belongs", "count"]

PIDS: Final = 20
SAMPLES: Final = 150
MAX_NAMES: Final = 200
OTHERS: Final = "…"
"""Key of the total for children and reasons beyond the first 200 of a supervisor."""


@dataclass(frozen=True, slots=True)
class SupervisorSample:
    """A sample of a supervisor."""

    at: float
    message_queue_len: int
    children: int
    restarts: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """Metrics at the time `at` (wall-clock seconds) from which a client counts."""

    at: float
    restarts: int
    gave_up: int


@dataclass(slots=True)
class History:
    """History of a supervisor; a new one with the same registered name continues it.

    `recent` holds restart entries (`RESTART_TYPES`), `others` the rest. Both are bounded, the counts are not. Times are
    ns of the node's clock unless stated otherwise.
    """

    key: str
    name: str | None
    pid: str
    place: str | None = None
    """Path of ids from the root for an unnamed supervisor; None while it starts."""
    pids: deque[str] = field(default_factory=deque[str])
    incarnations: int = 1
    recent: deque[Entry] = field(default_factory=deque[Entry])
    others: deque[Entry] = field(default_factory=deque[Entry])
    counts: dict[EventType, int] = field(default_factory=dict[EventType, int])
    by_child_now: dict[str, int] = field(default_factory=dict[str, int])
    """Restarts of each child, as in the supervisor's table."""
    by_child_before: dict[str, int] = field(default_factory=dict[str, int])
    """Restarts of each child in an earlier run of the program."""
    by_reason: dict[str, int] = field(default_factory=dict[str, int])
    restarts: Times = field(default_factory=Times)
    attempts: Times = field(default_factory=Times)
    """Times that count against the budget: restarts and failed attempts."""
    recoveries: int = 0
    recovery_ns: int = 0
    longest_recovery_ns: int = 0
    allowed: int | Literal["infinity"] | None = None
    window_s: float | Literal["infinity"] | None = None
    down: dict[str, tuple[str, int, str]] = field(default_factory=dict[str, tuple[str, int, str]])
    """Children that are down: id (or pid) → pid that ended, time, reason."""
    causes: dict[int, str | None] = field(default_factory=dict[int, "str | None"])
    """Causes of restarts: number of the event → pid that ended."""
    samples: deque[SupervisorSample] = field(default_factory=lambda: deque[SupervisorSample](maxlen=SAMPLES))
    baseline: Baseline | None = None
    ended_at: float | None = None
    """Wall-clock seconds at which the end was detected; None while it is alive."""

    def count(self, event_type: EventType) -> int:
        """Return the number of entries of this type in the whole run."""
        return self.counts.get(event_type, 0)

    @property
    def total_restarts(self) -> int:
        """Number of children restarted after their own end."""
        return self.count("restarted")

    @property
    def by_child(self) -> dict[str, int]:
        """Restarts of each child."""
        found = dict(self.by_child_before)
        for name, number in self.by_child_now.items():
            count(found, name, number)
        return found

    def note_start(self, name: str, restarts: int, *, again: bool) -> None:
        """Take over the count of a started child; `again`: this start is a restart."""
        known = self.by_child_now
        if name not in known and len(known) >= MAX_NAMES:
            if again:
                count(known, OTHERS)
        elif restarts:
            known[name] = restarts
        else:
            known.pop(name, None)

    def take_over(self, counted: Iterable[tuple[str | None, int, int]]) -> None:
        """Take over the table's counts: id, restarts and restarts along per child.

        The totals never decrease, although the table loses the counts of deleted children.
        """
        self.by_child_now = {}
        restarts = along = 0
        for name, own, others in counted:
            if own and name is not None:
                count(self.by_child_now, name, own)
            restarts, along = restarts + own, along + others
        self.counts["restarted"] = max(self.count("restarted"), restarts)
        self.counts["restarted_along"] = max(self.count("restarted_along"), along)

    def absorb(self, later: History, most: int) -> None:
        """Merge the history collected before the supervisor's place was known."""
        for entry in reversed(list(later.entries())):
            self.keep(replace(entry, supervisor=self.key), most)
        for kind, number in later.counts.items():
            self.counts[kind] = self.count(kind) + number
        for name, number in later.by_reason.items():
            count(self.by_reason, name, number)
        for at in later.restarts.newest(0):
            self.restarts.add(at)
        self.recoveries += later.recoveries
        self.recovery_ns += later.recovery_ns
        self.longest_recovery_ns = max(self.longest_recovery_ns, later.longest_recovery_ns)
        self.attempts = later.attempts  # budget starts full
        self.incarnations += 1
        self.ended_at = None
        self.down, self.causes = later.down, later.causes
        self.allowed, self.window_s = later.allowed, later.window_s

    def restart_history(self) -> Iterator[Entry]:
        """Return the restart entries, newest first."""
        return reversed(self.recent)

    def entries(self) -> Iterator[Entry]:
        """Return all entries in memory, newest first."""
        return merge(reversed(self.recent), reversed(self.others), key=lambda entry: -entry.number)

    def keep(self, entry: Entry, most: int) -> None:
        """Add an entry and drop the oldest ones beyond `most`."""
        kept = self.recent if entry.event_type in RESTART_TYPES else self.others
        kept.append(entry)
        while len(kept) > most:
            kept.popleft()

    def recovered(self, took_ns: int) -> None:
        """Count a recovery that took `took_ns`."""
        self.recoveries += 1
        self.recovery_ns += took_ns
        self.longest_recovery_ns = max(self.longest_recovery_ns, took_ns)


@dataclass(slots=True)
class Book:
    """All histories.

    `offset` is the wall clock at zero of the node's clock; `most` entries of each history are kept.
    """

    offset: float = 0.0
    most: int = 1_000
    number: int = 0
    total_restarts: int = 0
    """Restarts by all supervisors of this run, including dropped ones."""
    histories: dict[str, History] = field(default_factory=dict[str, History])
    by_pid: dict[str, History] = field(default_factory=dict[str, History])
    by_place: dict[str, History] = field(default_factory=dict[str, History])
    """Histories of supervisors without a name, whose pid changes at each restart."""

    def settle(self, pid: str, place: str) -> None:
        """Continue the history of a place with the unnamed supervisor `pid`."""
        history, known = self.by_pid[pid], self.by_place.get(place)
        if known is None:
            history.place = place
            self.by_place[place] = history
        elif known is not history:
            known.absorb(history, self.most)
            self.forget(history.key)
            belongs(self, known, pid)

    def forget(self, key: str) -> None:
        """Drop the history of a supervisor."""
        history = self.histories.pop(key)
        for pid in history.pids:
            self.by_pid.pop(pid, None)
        if history.place is not None:
            self.by_place.pop(history.place, None)


def belongs(book: Book, history: History, pid: str) -> None:
    """Record `pid` as the current pid of this history's supervisor."""
    history.pid = pid
    history.pids.append(pid)
    book.by_pid[pid] = history
    while len(history.pids) > PIDS:
        book.by_pid.pop(history.pids.popleft(), None)


def count(counts: dict[str, int], name: str, number: int = 1) -> None:
    """Add to the count of a name; only the first 200 names are kept apart."""
    if name not in counts and len(counts) >= MAX_NAMES:
        name = OTHERS
    counts[name] = counts.get(name, 0) + number
