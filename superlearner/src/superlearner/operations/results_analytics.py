"""What the operations about analytics answer. What is not known is null; times are also given in ISO 8601."""

from __future__ import annotations

from pydantic import BaseModel, Field

from superlearner.observing.analytics.entries import EventType
from superlearner.observing.analytics.figures import Direction, Outlook

__all__ = [
    "AllSupervisorStats",
    "BaselineResult",
    "FailureRateResult",
    "PerformanceMetrics",
    "SinceBaseline",
    "StoredEvent",
    "StoredHistory",
    "SupervisionEventResult",
    "SupervisorAnalytics",
    "SupervisorSample",
    "SupervisorStatsLine",
    "SupervisorTrends",
]

PlainPid = str


class SupervisionEventResult(BaseModel):
    """One event of a supervisor."""

    number: int = Field(description="its place among all events of this run; newer ones have greater numbers")
    timestamp: str
    at: float = Field(description="the same in seconds of the wall clock")
    event_type: EventType
    child_id: str | None = Field(description="null for a child of a DynamicSupervisor, which has none")
    old_pid: PlainPid | None = Field(description="who ended")
    child_pid: PlainPid | None = Field(description="who runs now")
    reason: str | None
    crash: bool = Field(description="whether the reason is a failure")
    recovery_ms: float | None = Field(description="for how long nobody ran in the child's place")
    supervisor_name: str = Field(description="its pid, if it has no name")
    supervisor_pid: PlainPid


class FailureRateResult(BaseModel):
    """Restarts of the last `window_ms`; `rate` is restarts a second."""

    restarts: int
    rate: float
    window_ms: int


class PerformanceMetrics(BaseModel):
    """How the supervisor is now. Memory and reductions of one process are not counted in Python."""

    memory: int | None
    message_queue_len: int | None
    reductions: int | None
    child_count: int | None


class SinceBaseline(BaseModel):
    """What has happened since somebody established a baseline."""

    timestamp: str
    restarts: int
    give_ups: int


class SupervisorAnalytics(BaseModel):
    """What a supervisor did in this run of the platform. One of the same name goes on where the one before ended."""

    supervisor_name: str
    supervisor_pid: PlainPid
    alive: bool
    total_restarts: int = Field(description="children that it restarted after they ended by themselves")
    restarted_along: int = Field(description="siblings that its strategy restarted with them")
    failed_restarts: int = Field(description="attempts that failed and were tried again")
    give_ups: int
    failure_rate: FailureRateResult
    restart_history: list[SupervisionEventResult] = Field(description="newest first")
    restarts_by_child: dict[str, int] = Field(description="children without an id are not in it")
    restarts_by_reason: dict[str, int]
    performance_metrics: PerformanceMetrics
    since_baseline: SinceBaseline | None


class SupervisorSample(BaseModel):
    """One look at a supervisor."""

    at: float
    message_queue_len: int
    children: int
    restarts: int


class SupervisorTrends(BaseModel):
    """Where a supervisor is heading."""

    supervisor_name: str
    supervisor_pid: PlainPid
    failure_rate: FailureRateResult
    failure_rate_before: FailureRateResult = Field(description="of the window before")
    change: float = Field(description="by how much the rate has changed, in restarts a second")
    direction: Direction
    max_restarts: int | None = Field(description="null if any number is allowed, or if it is not known")
    max_seconds: float | None
    outlook: Outlook = Field(
        description="if restarts go on at the pace of the last ten: `quiet` (too few for a pace), `holds`, `gives_up`; "
        "else `unlimited`, `ended`, `unknown`"
    )
    seconds_to_give_up: float | None
    mean_time_to_recovery_ms: float | None = Field(description="from the end of a child until it ran again")
    longest_recovery_ms: float | None
    mean_time_between_restarts_ms: float | None
    scan_interval_ms: int
    samples: list[SupervisorSample] = Field(description="oldest first; the one thing here that is sampled")


class SupervisorStatsLine(BaseModel):
    """One supervisor among all."""

    supervisor_pid: PlainPid
    supervisor_name: str | None
    alive: bool
    total_restarts: int
    recent_restarts: int = Field(description="in the last `window_ms`")
    give_ups: int
    last_restart: str | None


class AllSupervisorStats(BaseModel):
    """All supervisors, most restarts first. Those that ended stay for ten minutes."""

    total_supervisors: int
    total_restarts: int = Field(description="by all supervisors of this run, forgotten ones included")
    uptime_ms: int
    window_ms: int
    missed_events: int = Field(description="events that could not be counted, by a mistake of ours")
    supervisor_stats: list[SupervisorStatsLine]


class BaselineResult(BaseModel):
    """From when on, and from which figures, is counted."""

    supervisor_name: str
    timestamp: str
    total_restarts: int
    give_ups: int


class StoredEvent(BaseModel):
    """One event out of the database."""

    id: int
    run: str = Field(description="the run of the platform that saw it")
    timestamp: str
    at: float
    event_type: str
    child_id: str | None
    old_pid: PlainPid | None
    child_pid: PlainPid | None
    reason: str | None
    supervisor_name: str


class StoredHistory(BaseModel):
    """A part of the stored history, newest first."""

    run: str = Field(description="the run of the platform that answers")
    events: list[StoredEvent]
    next_before: int | None = Field(description="ask again with this as `before` for older ones; null at the end")
