"""Result models of analytics. Unknown values are null; times are also given in ISO 8601."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from superlearner.observing.analytics.figures import Direction, FailureRate, Outlook
from superlearner.observing.analytics.history import EventType, SupervisorSample
from superlearner.operations.results import Pid
from superlearner.operations.results.result import ResultModel

SINCE: Final = "when the counts began; `analytics.stored` also lists earlier runs"

__all__ = [
    "AllSupervisorStats",
    "BaselineResult",
    "PerformanceMetrics",
    "SinceBaseline",
    "StoredEvent",
    "StoredHistory",
    "SupervisionEventResult",
    "SupervisorAnalytics",
    "SupervisorStatsLine",
    "SupervisorTrends",
]


class SupervisionEventResult(ResultModel):
    """An event of a supervisor."""

    number: int = Field(description="grows within a run of the platform")
    timestamp: str
    at: float = Field(description="the same in seconds since 1970")
    event_type: EventType
    child_id: str | None = Field(description="null for a child of a DynamicSupervisor")
    old_pid: Pid | None = Field(description="the process that ended")
    child_pid: Pid | None = Field(description="the process that started")
    reason: str | None
    crash: bool = Field(description="the reason is a failure")
    recovery_ms: float | None = Field(description="downtime of the child")
    supervisor_name: str = Field(description="its name, else its pid")
    supervisor_pid: Pid


class PerformanceMetrics(ResultModel):
    """Current metrics of a supervisor. Memory and reductions of a process are not available in Python."""

    memory: int | None
    message_queue_len: int | None
    reductions: int | None
    child_count: int | None


class SinceBaseline(ResultModel):
    """Counts since the baseline."""

    timestamp: str
    restarts: int
    give_ups: int


class SupervisorAnalytics(ResultModel):
    """The analytics of a supervisor in this run; a replacement with the same name continues the counts."""

    supervisor_name: str
    supervisor_pid: Pid
    alive: bool
    since: str = Field(description=SINCE)
    total_restarts: int = Field(description="restarts of children after their own exit")
    restarted_along: int = Field(description="restarts of siblings with them, because of the strategy")
    failed_restarts: int = Field(description="failed attempts, which were repeated")
    give_ups: int
    failure_rate: FailureRate
    restart_history: list[SupervisionEventResult] = Field(description="newest first")
    restarts_by_child: dict[str, int] = Field(description="only children with an id")
    restarts_by_reason: dict[str, int]
    performance_metrics: PerformanceMetrics
    since_baseline: SinceBaseline | None


class SupervisorTrends(ResultModel):
    """The trends of a supervisor."""

    supervisor_name: str
    supervisor_pid: Pid
    failure_rate: FailureRate
    failure_rate_before: FailureRate = Field(description="of the previous window")
    change: float = Field(description="change of the rate, in restarts a second")
    direction: Direction
    enough_data: bool = Field(description="false: too few restarts in both windows for a trend, fewer than 5")
    max_restarts: int | None = Field(description="null if unlimited or unknown")
    max_seconds: float | None
    outlook: Outlook = Field(
        description="at the pace of the last ten restarts: `quiet` (too few for a pace), `holds`, `gives_up`; "
        "else `unlimited`, `ended`, `unknown`"
    )
    seconds_to_give_up: float | None
    mean_time_to_recovery_ms: float | None = Field(description="from the exit of a child until it runs again")
    longest_recovery_ms: float | None
    mean_time_between_restarts_ms: float | None
    scan_interval_ms: int
    samples: list[SupervisorSample] = Field(description="oldest first; all other values are counted, not sampled")


class SupervisorStatsLine(ResultModel):
    """The restarts of one supervisor."""

    supervisor_pid: Pid
    supervisor_name: str | None
    alive: bool
    total_restarts: int
    recent_restarts: int = Field(description="in the last `window_ms`")
    give_ups: int
    last_restart: str | None


class AllSupervisorStats(ResultModel):
    """Supervisors, most restarts first. Those that ended stay for ten minutes."""

    since: str = Field(description=SINCE)
    total_supervisors: int
    total_restarts: int = Field(description="of all supervisors of this run, ended ones and the platform's included")
    uptime_ms: int
    window_ms: int
    missed_events: int = Field(description="events lost because of a bug in SuperLearner")
    supervisor_stats: list[SupervisorStatsLine]


class BaselineResult(ResultModel):
    """The baseline of a supervisor: its time and its counts."""

    supervisor_name: str
    timestamp: str
    total_restarts: int
    give_ups: int


class StoredEvent(ResultModel):
    """An event from the database."""

    id: int
    run: str = Field(description="the run of the platform that recorded it")
    timestamp: str
    at: float
    event_type: str
    child_id: str | None
    old_pid: Pid | None
    child_pid: Pid | None
    reason: str | None
    supervisor_name: str


class StoredHistory(ResultModel):
    """A part of the stored history, newest first."""

    run: str = Field(description="the current run of the platform")
    events: list[StoredEvent]
    next_before: int | None = Field(description="pass it as `before` for older events; null at the end")
