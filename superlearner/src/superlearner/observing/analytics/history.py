"""Histories of supervisors: their entries, and the pure functions that apply runtime events to them.

`meet` supplies what events lack, the registered name of a new supervisor. So the same events always give the same book,
and tests need no runtime: they compare it with a naive recount.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from heapq import merge
from typing import Any, Final, Literal

from superlearner.control.clock import wall_of
from superlearner.control.events import OF_CHILDREN, TraceEvent, act_of, facts_of, is_again, is_own_end, is_restart
from superlearner.control.reasons import is_crash, text_of_reason
from superlearner.control.slots import id_text
from superlearner.control.wrong_results import UnansweredCall
from superlearner.observing.analytics.times import Times

__all__ = [
    "KINDS",
    "RESTART_TYPES",
    "STORED_TYPES",
    "Baseline",
    "Book",
    "Entry",
    "EventType",
    "History",
    "SupervisorSample",
    "Unstarted",
    "apply",
    "meet",
    "place_in",
    "restore",
]

KINDS: Final = OF_CHILDREN | {"start_failed", "strategy_changed"}
"""Kinds of events that are processed."""

NS: Final = 1_000_000_000
MAX_DOWN: Final = 1_000
MAX_CAUSES: Final = 64
UNKNOWN: Final = "unknown"
PIDS: Final = 20
SAMPLES: Final = 150
MAX_NAMES: Final = 200
OTHERS: Final = "…"
"""Key of the total for children and reasons beyond the first 200 of a supervisor."""

EventType = Literal[
    "started",
    "stopped",
    "terminated",
    "restarted",
    "restarted_along",
    "restart_failed",
    "gave_up",
    "strategy_changed",
]
"""Kinds of entries.

`terminated`: a child ended by itself; `stopped`: its supervisor ended it. `restarted`: a child was started after its
own end; `restarted_along`: a sibling that the strategy restarted with it. `restart_failed`: an attempt that will be
repeated.
"""

RESTART_TYPES: Final = frozenset[EventType]({"restarted", "restarted_along", "restart_failed", "gave_up"})
"""Types that make up a restart history: the supervisor's response to each end."""

STORED_TYPES: Final = RESTART_TYPES | frozenset[EventType]({"strategy_changed"})
"""Types that are stored, in addition to crashes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event of a supervisor.

    Attributes:
        number: position among all entries of this run, from 1.
        at: wall-clock time in seconds.
        event_type: kind of entry.
        supervisor: the supervisor's registered name, or its pid.
        supervisor_pid: the supervisor's pid; a later supervisor of the same name has another.
        child_id: the child's id as text; None for a child of a dynamic supervisor, which has none.
        old_pid: pid that ended; None if none did.
        child_pid: pid that runs now; None if none does.
        reason: exit reason, as readable text.
        crash: true if the reason is a failure: not normal, shutdown or (shutdown, term).
        recovery_s: seconds from the child's end to its restart; None for other entries.
        where: the line that raised, of this run of the program; it is not stored.
        unanswered: the call without an answer that the end began with; it is neither stored nor sent to a platform.
    """

    number: int
    at: float
    event_type: EventType
    supervisor: str
    supervisor_pid: str
    child_id: str | None
    old_pid: str | None
    child_pid: str | None
    reason: str | None
    crash: bool
    recovery_s: float | None = None
    where: str | None = None
    unanswered: UnansweredCall | None = None

    @property
    def is_stored(self) -> bool:
        """True if the entry is stored."""
        return self.event_type in STORED_TYPES or (self.event_type == "terminated" and self.crash)


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
class Unstarted:
    """A child that does not run since its requested start failed; reason and line are those of the last of `times`.

    `at` and `last` are wall-clock seconds. A child that is not `known` was new: its supervisor does not have it.
    """

    id: str
    restart: str
    at: float
    last: float
    reason: str
    where: str | None
    times: int
    known: bool = False
    unanswered: UnansweredCall | None = None
    """The call without an answer with which the last start failed."""


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
    of_platform: bool = False
    """True if the platform runs this supervisor for itself."""
    pids: deque[str] = field(default_factory=deque[str])
    incarnations: int = 1
    recent: deque[Entry] = field(default_factory=deque[Entry])
    others: deque[Entry] = field(default_factory=deque[Entry])
    counts: dict[EventType, int] = field(default_factory=dict[EventType, int])
    by_child_now: dict[str, int] = field(default_factory=dict[str, int])
    """Restarts of each child, as in the supervisor's table."""
    by_child_before: dict[str, int] = field(default_factory=dict[str, int])
    """Restarts of each child in an earlier run of the program."""
    names: dict[str, str] = field(default_factory=dict[str, str])
    """Displayed names of children by id, where they differ."""
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
    unstarted: dict[str, Unstarted] = field(default_factory=dict[str, Unstarted])
    """Children whose last start failed on request, by the same keys; the supervisor may have deleted some of them."""
    causes: dict[int, str | None] = field(default_factory=dict[int, "str | None"])
    """Causes of restarts: number of the event → pid that ended."""
    samples: deque[SupervisorSample] = field(default_factory=lambda: deque[SupervisorSample](maxlen=SAMPLES))
    baseline: Baseline | None = None
    ended_at: float | None = None
    """Wall-clock seconds at which the end was detected; None while it is alive."""
    started_for: str | None = None
    """The pid that ended before the newest process, if that one only failed to start in its place."""

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

    @property
    def is_down(self) -> bool:
        """True if it gave up in this run and nothing has started it again."""
        return self.ended_at is not None and self.has_fallen and bool(self.name or self.place)  # else nothing names it

    @property
    def has_fallen(self) -> bool:
        """True if its newest process that ran gave up, and so has ended or is about to."""
        last = next(self.restart_history(), None) if self.pids else None
        newest = self.pid, self.started_for
        return last is not None and last.event_type == "gave_up" and last.supervisor_pid in newest

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

    def note_name(self, id: str, name: str | None) -> None:
        """Take over the displayed name of a child that runs."""
        if name is None or name == id:
            self.names.pop(id, None)
        elif id in self.names or len(self.names) < MAX_NAMES:
            self.names[id] = name

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
        self.down, self.causes, self.names = later.down, later.causes, later.names
        self.unstarted = later.unstarted
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
    since: float = math.inf
    """The wall clock when the counts began, or the time of the oldest restored entry."""
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
    history.pid, history.started_for = pid, None
    history.pids.append(pid)
    book.by_pid[pid] = history
    while len(history.pids) > PIDS:
        book.by_pid.pop(history.pids.popleft(), None)


def count(counts: dict[str, int], name: str, number: int = 1) -> None:
    """Add to the count of a name; only the first 200 names are kept apart."""
    if name not in counts and len(counts) >= MAX_NAMES:
        name = OTHERS
    counts[name] = counts.get(name, 0) + number


def meet(book: Book, pid: str, name: str | None) -> History:
    """Return the history of a supervisor; a new one continues that of its name."""
    known = book.by_pid.get(pid)
    if known is not None:
        return known
    key = pid if name is None else name
    history = book.histories.get(key)
    if history is None:
        history = book.histories[key] = History(key, name, pid)
    else:
        history.incarnations += 1
        history.ended_at = None
        history.attempts = Times()  # budget starts full
        history.down.clear()  # children of the previous supervisor
        history.unstarted.clear()
        history.causes.clear()
    belongs(book, history, pid)
    return history


def apply(book: Book, event: TraceEvent) -> Entry | None:
    """Apply an event of a supervisor registered with `meet`; return its entry."""
    facts = facts_of(event)
    history = book.by_pid.get(facts.pid)
    if history is None:
        return None
    data = event.data
    match act_of(event):
        case "start" | "restart":
            return _started(book, history, event, data)
        case "end":
            old = _down(history, event)
            _caused(history, event.cause, old)
            return _entry(book, history, event, "terminated", old, None, facts.reason, crash=facts.crash)
        case "stop":
            did: EventType = "terminated" if is_own_end(event) else "stopped"
            return _entry(book, history, event, did, _down(history, event), None, facts.reason, crash=facts.crash)
        case "restart_failed" | "gave_up" as kind:
            _budget(history, data["allowed"], data["window"])
            old = history.causes.get(event.cause)
            if kind == "restart_failed":
                history.attempts.add(event.at)
                _caused(history, event.seq, old)
                below = None if old is None else book.by_pid.get(old)
                if below is not None:
                    below.started_for = old
            return _entry(book, history, event, kind, old, None, facts.reason, crash=facts.crash)
        case "start_failed":
            _note_failed_start(book, history, event)
            return None
        case "strategy_changed":
            _budget(history, data["max_restarts"], data["max_seconds"])
            what = f"{data['strategy']}, at most {data['max_restarts']} restarts in {data['max_seconds']} s"
            return _entry(book, history, event, "strategy_changed", None, None, text_of_reason(what))
        case _:
            return None


def _started(book: Book, history: History, event: TraceEvent, data: Mapping[str, Any]) -> Entry:
    id, facts, again = data["id"], facts_of(event), is_again(event)
    before = history.down.pop((facts.old or "") if id is None else place_in(id), None)
    if id is not None:
        history.unstarted.pop(place_in(id), None)
        history.note_start(facts.id or "", data["restarts"], again=again)
    if is_restart(event):
        history.attempts.add(event.at)
        _budget(history, data["allowed"], data["window"])
    if data["along"]:
        return _count_sibling(book, history, event, before)
    if not again:
        return _entry(book, history, event, "started", None, facts.child, None)
    if is_restart(event):
        recovery = None if before is None else max(0, event.at - before[1])
        return _ran_again(book, history, event, facts.reason, crash=facts.crash, recovery=recovery)
    reason = UNKNOWN if before is None else before[2]  # started on request, or with a sibling, after its own end
    return _ran_again(book, history, event, reason, crash=is_crash(reason))


def _note_failed_start(book: Book, history: History, event: TraceEvent) -> None:
    facts, key, at = facts_of(event), place_in(event.data["id"]), wall_of(book.offset, event.at)
    before = history.unstarted.pop(key, None)
    first, times = (at, 1) if before is None else (before.at, before.times + 1)
    restart = str(event.data["restart"])
    history.unstarted[key] = Unstarted(
        facts.id or "", restart, first, at, facts.reason, facts.where, times, unanswered=facts.unanswered
    )
    if len(history.unstarted) > MAX_DOWN:
        del history.unstarted[next(iter(history.unstarted))]


def _down(history: History, event: TraceEvent) -> str:
    """Record that a child is down; return the pid that ended."""
    id, facts, down = event.data["id"], facts_of(event), history.down
    old = facts.child or ""
    down[old if id is None else place_in(id)] = old, event.at, facts.reason
    if len(down) > MAX_DOWN:
        del down[next(iter(down))]
    return old


def _ran_again(
    book: Book, history: History, event: TraceEvent, reason: str, *, crash: bool, recovery: int | None = None
) -> Entry:
    facts = facts_of(event)
    _count_restart(book, history, event.at, reason, recovery)
    return _entry(book, history, event, "restarted", facts.old, facts.child, reason, crash=crash, recovery=recovery)


def _count_sibling(book: Book, history: History, event: TraceEvent, before: tuple[str, int, str] | None) -> Entry:
    """Count a child that was restarted because of a sibling; `before` is its end."""
    old, ended, why = (None, None, UNKNOWN) if before is None else before
    took = None if ended is None else event.at - ended
    return _entry(book, history, event, "restarted_along", old, facts_of(event).child, why, recovery=took)


def _entry(
    book: Book,
    history: History,
    event: TraceEvent,
    kind: EventType,
    old: str | None,
    child: str | None,
    reason: str | None,
    *,
    crash: bool = False,
    recovery: int | None = None,
) -> Entry:
    book.number += 1
    facts = facts_of(event)
    entry = Entry(
        book.number,
        wall_of(book.offset, event.at),
        kind,
        history.key,
        facts.pid,
        facts.id,
        old,
        child,
        reason,
        crash,
        None if recovery is None else round(recovery / NS, 6),
        facts.where,
        facts.unanswered,
    )
    _add(book, history, entry)
    return entry


def _add(book: Book, history: History, entry: Entry) -> None:
    history.counts[entry.event_type] = history.counts.get(entry.event_type, 0) + 1
    history.keep(entry, book.most)


def _count_restart(book: Book, history: History, at: int, reason: str, recovery: int | None) -> None:
    history.restarts.add(at)
    book.total_restarts += 1
    if recovery is not None:
        history.recovered(recovery)
    count(history.by_reason, reason)


def place_in(id: Any) -> str:
    """Return a child id as a key; `1` and `"1"` differ."""
    return id_text(id) if type(id) is str else f"={id_text(id)}"


def _budget(history: History, allowed: Any, window: Any) -> None:
    history.allowed = "infinity" if allowed == "infinity" else int(allowed)
    history.window_s = "infinity" if window == "infinity" else float(window)


def _caused(history: History, seq: int, old: str | None) -> None:
    if seq:
        history.causes[seq] = old
        if len(history.causes) > MAX_CAUSES:
            del history.causes[next(iter(history.causes))]


def restore(book: Book, entries: Iterable[Entry]) -> None:
    """Add entries of an earlier run to a book, oldest first.

    A supervisor without a name is left out: its pid may belong to another process by now.

    >>> book = Book()
    >>> restore(book, [Entry(7, 1.0, "restarted", "shop", "0.3.0", "till", "0.4.0", "0.5.0", "killed", False, 0.25)])
    >>> book.number, book.histories["shop"].total_restarts, book.by_pid
    (7, 1, {})
    """
    for entry in entries:
        book.since = min(book.since, entry.at)
        book.number = max(book.number, entry.number)
        if entry.supervisor == entry.supervisor_pid:
            continue
        history = book.histories.get(entry.supervisor)
        if history is None:
            pid = entry.supervisor_pid
            history = book.histories[entry.supervisor] = History(entry.supervisor, entry.supervisor, pid)
        elif history.pid != entry.supervisor_pid:
            history.incarnations += 1
            history.pid = entry.supervisor_pid
        history.ended_at = entry.at
        _add(book, history, entry)
        if entry.event_type == "restarted":
            recovery = None if entry.recovery_s is None else round(entry.recovery_s * NS)
            _count_restart(book, history, round((entry.at - book.offset) * NS), entry.reason or "", recovery)
            if entry.child_id is not None:
                count(history.by_child_before, entry.child_id)
