"""Facts about a node for the detectors, as plain values."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from otp import sentences
from otp.watchdog import OBSERVER
from superlearner.control.timeouts import OUTSIDE
from superlearner.control.wrong_results import UnansweredCall
from superlearner.observing.analytics.history import Book, History, Unstarted
from superlearner.observing.monitoring.code_places import CodePlace
from superlearner.observing.monitoring.points import Point

__all__ = [
    "LAST_SEEN",
    "PLATFORM",
    "RANKS",
    "TRIED",
    "ChildCounts",
    "CrashGroup",
    "UntiedProcesses",
    "PendingCallback",
    "ProcessCount",
    "ProcessSize",
    "ProcessStarter",
    "NodeFacts",
    "AnomalyFinding",
    "Awaited",
    "Incident",
    "LoopHold",
    "MissingProcess",
    "ServiceGap",
    "SuspendedProcess",
    "Severity",
    "TimedOut",
    "Track",
    "Type",
    "Waiter",
    "Watcher",
    "last_seen",
]

LAST_SEEN: Final = "when it was last observed, at"
"""These words precede the time in the line of an anomaly whose end is not known."""

PLATFORM: Final = "the platform"
"""Display name of code of the platform that runs in its own program, outside of any process."""

Type = Literal[
    "restart_storm",
    "crash_loop",
    "mailbox_growth",
    "mailbox_backlog",
    "memory_growth",
    "process_growth",
    "long_callback",
    "blocked_loop",
    "busy_loop",
    "stopped_program",
    "call_cycle",
    "call_timeouts",
    "unsupervised_process",
    "unsupervised_crash",
    "orphan_monitor",
    "missing_service",
    "suspended_service",
    "suspended_process",
    "failed_start",
]
Severity = Literal["low", "medium", "high", "critical"]
RANKS: Final[dict[Severity, int]] = {"low": 0, "medium": 1, "high": 2, "critical": 3}
CAUSES: Final[Mapping[Type, str]] = {
    **dict.fromkeys(("restart_storm", "crash_loop"), "restarts"),
    **dict.fromkeys(("long_callback", "mailbox_growth", "mailbox_backlog", "call_timeouts"), "mailbox"),
}
"""The common cause of types that tell of one thing in turn."""

TRIED: Final = 60
"""Samples kept per mailbox: two minutes at the default interval."""


@dataclass(slots=True)
class Track:
    """Mailbox lengths of a process over time (wall-clock seconds)."""

    pid: str
    name: str | None
    what: str
    samples: deque[tuple[float, int]] = field(default_factory=lambda: deque[tuple[float, int]](maxlen=TRIED))
    handled_per_s: float | None = None
    """Messages that it has handled lately; None if they were not counted, or it is suspended."""
    handled_at: float = 0.0
    """When it was last seen to handle one, or when its mailbox was first tracked."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """The process that a callback waits for, and its request; None if that is hidden, or if it was not called.

    `does` is what the callback waits for: a supervisor waits for a child in `init` to start, for one in `terminate` to
    end.
    """

    pid: str
    who: str
    request: str | None
    does: Literal["answer", "start", "end"] = "answer"

    @property
    def text(self) -> str:
        """Text of what the callback waits for.

        >>> Awaited("0.7.0", "till", "('price', 2)").text, Awaited("0.7.0", "till", None).text
        ("till to answer ('price', 2)", 'till to answer')
        """
        return f"{self.who} to {self.does}{f' {self.request}' if self.request else ''}"


@dataclass(frozen=True, slots=True)
class PendingCallback:
    """An `async def` callback that has been running since `began` (wall clock)."""

    pid: str
    name: str | None
    what: str
    callback: str
    began: float
    waiting: int
    place: str | None
    stopped: float = 0.0
    """Seconds since then in which no code of the program ran."""

    code: CodePlace | None = None
    ended: float | None = None
    """When it ended (wall clock); None while it runs."""
    awaited: Awaited | None = None
    """The process whose reply it waited for when it was seen last, if any."""

    def seconds(self, now: float) -> float:
        """Return its running time, without the seconds in `stopped`."""
        return (self.ended or now) - self.began - self.stopped

    def own_seconds(self, facts: NodeFacts) -> float:
        """Return its running time since its last deadlock, without holds of the loop by others."""
        began = max(self.began, facts.deadlocks.get(self.pid, self.began))
        others = [hold for hold in facts.holds if hold.pid is None or hold.pid != self.pid]
        until = self.ended or facts.now
        return until - began - self.stopped - held_within(others, began, until)


@dataclass(frozen=True, slots=True)
class ProcessSize:
    """A process and the bytes that it has at least, or had when it was seen last."""

    pid: str
    name: str | None
    size: int
    has_ended: bool = False


@dataclass(frozen=True, slots=True)
class ProcessCount:
    """A number of processes at `at` (wall clock), and how many of them had lived for some seconds."""

    at: float
    total: int
    settled: int


@dataclass(frozen=True, slots=True)
class ProcessStarter:
    """The starter of most processes of a group, which run `what`.

    `pid` and `name` are None unless it is one living process; `place` is the line if it is known.
    """

    what: str
    pid: str | None = None
    name: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """The children of a dynamic supervisor over time, and the process that requested most of the newest ones."""

    pid: str
    name: str | None
    counts: Sequence[ProcessCount]
    starter: ProcessStarter | None = None


@dataclass(frozen=True, slots=True)
class LoopHold:
    """A hold of the event loop for `seconds`, until `at` (wall clock).

    `pid` is the process of this node that blocked it, if any. For a process of another node in the same loop, `pid` is
    None and `name` describes it. `starved` is the longest time that the program can have waited for a processor
    meanwhile; None if unknown.
    """

    at: float
    seconds: float
    pid: str | None
    name: str | None
    what: str
    place: str | None = None
    starved: float | None = None
    mark: int = 0
    """The time of its event on the node's clock, the same for each monitor that reads it; 0 without one."""
    code: CodePlace | None = None
    """The line at `place`, with what led to it."""

    @property
    def is_of_platform(self) -> bool:
        """True if code of the platform held it, which its user cannot change."""
        return self.pid is None and self.name in (OBSERVER, PLATFORM)

    @property
    def subject(self) -> str:
        """The process or code that held it, as the subject of a sentence."""
        return self.name or self.pid or OUTSIDE

    @property
    def own_seconds(self) -> float:
        """Seconds that other programs on the machine did not cause."""
        return self.seconds - min(self.seconds, self.starved or 0.0)

    @property
    def starved_text(self) -> str:
        """Text about the time spent waiting for a processor; "" if that is less than a tenth.

        >>> LoopHold(0.0, 7.88, "0.7.0", "till", "Till", starved=4.236).starved_text
        ', up to 4.2 s of it waiting for a processor'
        """
        starved = self.seconds - self.own_seconds
        return (
            f", up to {sentences.elapsed(starved)} of it waiting for a processor"
            if starved >= self.seconds / 10
            else ""
        )


@dataclass(frozen=True, slots=True)
class Waiter:
    """A member of a call cycle: a process, its target, its request, and when a scan first found it (wall clock)."""

    pid: str
    name: str | None
    what: str
    target: str
    kind: str
    request: str | None
    since: float | None = None


@dataclass(frozen=True, slots=True)
class TimedOut:
    """A call that timed out at `at` (wall clock), or a wait for a task.

    `callee` is the name of the called process, else what it runs; `pid` is None for one on another node. `cause` says
    what it was doing, `why` what to do about it, `cycle` the processes of the deadlock in which it failed.
    """

    at: float
    callee: str
    pid: str | None
    name: str | None
    caller: str
    request: str
    line: str | None
    timeout: float | None
    cause: str = ""
    why: str = ""
    is_task: bool = False
    cycle: str | None = None
    caller_id: int | None = None
    """The `id` of the caller's pid, since processes of one name may follow each other; None for other code."""


@dataclass(frozen=True, slots=True)
class UntiedProcesses:
    """Processes of the same kind without links and monitors, since `since`: `settled` of `count` for long enough."""

    pid: str
    name: str | None
    what: str
    since: float
    count: int
    settled: int
    pids: tuple[str, ...]
    starter: ProcessStarter | None = None


@dataclass(slots=True)
class CrashGroup:
    """Crashes of one cause of processes without a supervisor, or failed starts on request; times are wall-clock."""

    who: str
    reason: str
    place: str | None
    first: float
    last: float
    times: int = 1
    by: str | None = None
    """The supervisor that could not start it on request; None for a crash."""
    pid: str | None = None
    """The process that crashed last."""
    name: str | None = None
    what: str = ""
    called_at: str | None = None
    """The line of the failed call that ended it; None if none did."""
    unanswered: UnansweredCall | None = None
    mark: int = 0
    """Identifies its incident; 0 for none."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """A process with duplicate monitors or unread Down messages."""

    pid: str
    name: str | None
    what: str
    monitors: int
    target: str | None
    unread: int
    since: float


@dataclass(frozen=True, slots=True)
class SuspendedProcess:
    """A process that has been suspended since `since` (wall clock), with its number of waiting messages."""

    pid: str
    name: str | None
    what: str
    since: float
    waiting: int


@dataclass(frozen=True, slots=True)
class ServiceGap:
    """A service of the platform that does not run, or is suspended if it has a pid, since `since` (wall clock)."""

    name: str
    supervisor: str
    pid: str | None
    since: float


@dataclass(frozen=True, slots=True)
class MissingProcess:
    """A process that was not running when it was called by its name.

    `end` is the sentence about its last end with its time, "" if none is recorded; `since` is then the time from which
    events are in memory, "" if all are, and `meant` a similar name. If it was stopped on request, `supervisor` and
    `child` start it again.
    """

    runs: bool
    end: str = ""
    supervisor: str | None = None
    child: str | None = None
    since: str = ""
    meant: str = ""


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """All facts at `now` (wall clock); `clock` is ns of the node's clock."""

    now: float
    clock: int
    called: str | None = None
    """Value of `--node` in commands about the node; None if they need none."""
    operates: bool = True
    """True if its service permits commands that change its processes."""
    book: Book = field(default_factory=Book)
    whats: Mapping[str, str] = field(default_factory=dict[str, str])
    """Classes of the supervisors that have no name, by pid."""
    points: Sequence[Point] = ()
    tracks: Sequence[Track] = ()
    callbacks: Sequence[PendingCallback] = ()
    ended_callbacks: Sequence[PendingCallback] = ()
    """The long ones that have ended within the window of the detectors, oldest first."""
    holds: Sequence[LoopHold] = ()
    program: str = ""
    """The node with its process id in the operating system."""
    stops: Sequence[tuple[float, float]] = ()
    """Start and end (wall clock) of each period in which no code of the program ran, oldest first."""
    cycles: Sequence[Sequence[Waiter]] = ()
    timeouts: Sequence[TimedOut] = ()
    waiting: Collection[str] = frozenset[str]()
    """The pids of the callees in `timeouts` that are still waiting."""
    explained: Mapping[str, float] = field(default_factory=dict[str, float])
    """Until when another finding explains calls that timed out, by the pid of the callee."""
    deadlocks: Mapping[str, float] = field(default_factory=dict[str, float])
    """Until when processes were in a deadlock, by their pids."""
    alone: Sequence[UntiedProcesses] = ()
    crashes: Sequence[CrashGroup] = ()
    """Those of processes without a supervisor in the window of the detectors."""
    watchers: Sequence[Watcher] = ()
    services: Sequence[ServiceGap] = ()
    suspended: Sequence[SuspendedProcess] = ()
    """Those for which messages wait."""
    missing: Mapping[str, MissingProcess] = field(default_factory=dict[str, MissingProcess])
    """Processes that were not running when they were called, by name."""
    unstarted: Sequence[tuple[History, Unstarted]] = ()
    """Children that are down since a start on request failed."""
    largest: ProcessSize | None = None
    """The largest process since memory grows."""
    unsupervised: Sequence[ProcessCount] = ()
    starter: ProcessStarter | None = None
    """The origin of processes without a supervisor, while they increase."""
    children: Sequence[ChildCounts] = ()


def held_within(holds: Iterable[LoopHold], since: float, until: float) -> float:
    """Return for how many seconds of a period the event loop was held.

    >>> holds = [LoopHold(at, 4.0, None, None, "") for at in (12.0, 14.0, 30.0)]
    >>> held_within(holds, 9.0, 28.0), held_within(holds, 0.0, 40.0)
    (7.0, 10.0)
    """
    total, end = 0.0, since
    for begin, at in sorted((hold.at - hold.seconds, hold.at) for hold in holds):
        total += max(0.0, min(at, until) - max(begin, end))
        end = max(end, at)
    return total


def last_seen(text: str, at: float) -> str:
    """Return the sentence about an anomaly that went on when it was last observed.

    >>> last_seen("till was in handle_cast for 5 s", 0.0).startswith("till was in handle_cast for 5 s when it was last")
    True
    """
    return f"{text} {LAST_SEEN} {datetime.fromtimestamp(at):%H:%M:%S}"


@dataclass(frozen=True, slots=True)
class Incident:
    """A stored sentence about an anomaly, in the past tense; times are wall-clock seconds.

    `at` and `until` are None if it begins and ends with the anomaly.

    >>> Incident("messages waited for till", then=", more than it handles in 60 s").tell(16.2)
    'messages waited for till for 16 s, more than it handles in 60 s'
    """

    text: str
    at: float | None = None
    until: float | None = None
    mark: int = 0
    """Identifies it if several monitors of the node may find it; 0 for none."""
    type: Type | None = None
    """The type of its anomaly, if it may explain something else, such as a silence; None for the others."""
    then: str | None = None
    """The words after the time that it lasted, which ends its sentence; None if the sentence has no such time."""

    def tell(self, seconds: float) -> str:
        """Return the sentence about an anomaly that lasted for some seconds."""
        return self.text if self.then is None else f"{self.text} for {sentences.elapsed(round(seconds))}{self.then}"


@dataclass(frozen=True, slots=True)
class AnomalyFinding:
    """An anomaly that was found, with its evidence.

    `threshold` is the exceeded limit, `setting` the setting that changes it, `since` is wall-clock seconds.
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
    past_hint: str = ""
    """Hint once it is over, without commands about processes that may be gone; if "", `hint` is used."""
    group: str | None = None
    """Group that merges several subjects into one anomaly."""
    count: int = 1
    """Number of times it happened in the window of the detector."""
    incident: Incident | None = None
    """The sentence that is stored about it; None if its restarts are stored, or nothing is."""
    size: float = 0.0
    """Orders findings of one cause with the same severity; the description of the largest one is kept."""
    last: float | None = None
    """Time of its last event, in wall-clock seconds; None if it is continuous."""
    past: str = ""
    """Description once it is over; if "", the text of its incident is used, else `description`."""
    subject: str = ""
    """The child that failed, and the kind of its reason. A later finding with another subject is a new anomaly."""
    calls: str = ""
    """The end of its descriptions about calls that timed out because of it, for its incident."""

    @property
    def key(self) -> tuple[str, str]:
        """Identity of the cause across detections: a storm becomes a crash loop, a long mailbox a hang."""
        return CAUSES.get(self.type, self.type), self.group or self.name or self.pid or ""
