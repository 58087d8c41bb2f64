"""Result models of the system as a whole. Unknown values are null."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from superlearner.observing.monitoring.facts import Severity
from superlearner.observing.monitoring.points import Point
from superlearner.observing.monitoring.topology import TopologySpot
from superlearner.operations.results import Pid
from superlearner.operations.results.result import ResultModel

__all__ = [
    "AnomalyLine",
    "AnomalySummary",
    "Bottleneck",
    "BottleneckAnalysis",
    "Bottlenecks",
    "Exported",
    "GraphProcess",
    "LinksOf",
    "Measured",
    "MeasuredProcess",
    "MonitorsOf",
    "PointLine",
    "SupervisesOf",
    "SystemAnomalies",
    "SystemGraph",
    "SystemMetrics",
    "Talk",
    "Totals",
]


@dataclass(frozen=True, slots=True)
class PointLine(Point):
    """The metrics of a node for the `seconds` before `timestamp`."""

    timestamp: str


class Totals(ResultModel):
    """Counts since the start."""

    spawned: int
    restarts: int
    give_ups: int
    messages: int = Field(description="received messages, including awaited replies")
    activations: int
    busy_s: float
    cpu_s: float
    gc_collections: int
    gc_paused_s: float
    uptime_s: float


class SystemMetrics(ResultModel):
    """Current metrics with their history."""

    node: str
    now: PointLine
    platform_processes: int = Field(description="those that the platform runs for itself, which `processes` leaves out")
    totals: Totals
    history: list[PointLine] = Field(description="oldest first")
    window_s: float
    resolution_s: float = Field(description="seconds per point; at least 60 for points older than an hour")
    scan_interval_s: float = Field(description="seconds between samples")


class AnomalyLine(ResultModel):
    """An anomaly with its evidence."""

    number: int
    type: str = Field(
        pattern="^[a-z_]{1,60}$", description="its kind, such as `restart_storm`; a newer service may have others"
    )
    severity: Severity
    active: bool = Field(description="false if it is over")
    pid: Pid | None
    name: str | None
    description: str
    past: str = Field(default="", description="the description once it is over")
    since: str
    last: str | None = Field(
        default=None, description="the time of its last event; null if it is continuous, such as a deadlock"
    )
    until: str | None = Field(description="its end: its last event, or when it was found to be over")
    over: str | None = Field(default=None, description="when it was found to be over")
    lost: bool = Field(default=False, description="true if it went on at `until`, when it was last observed")
    lasted_s: float
    count: int = Field(description="how often it happened in the busiest window of its detector")
    evidence: dict[str, Any] = Field(description="the samples and values it is based on")
    threshold: float = Field(description="the exceeded limit")
    setting: str = Field(description="the setting of the limit")
    unit: str = Field(default="", description="the unit of the limit, such as `s`")
    hint: str = Field(description="what to try")
    past_hint: str = Field(default="", description="the hint once it is over, if it differs")


class AnomalySummary(ResultModel):
    """The number of active anomalies."""

    total: int
    by_type: dict[str, int]
    unsupervised_processes: int
    memory_growth_issues: int
    growing_queues: int
    risk_level: Literal["none", "low", "medium", "high", "critical"] = Field(description="the highest active severity")


class SystemAnomalies(ResultModel):
    """Active anomalies by severity, then past ones, newest first (by severity if the node does not answer)."""

    unreachable: str | None = Field(default=None, description="why the node does not answer; null if it does")
    anomalies: list[AnomalyLine]
    summary: AnomalySummary | None = Field(description="null if the node does not answer")
    checked_at: str
    processes_looked_at: int | None = Field(description="null if the node does not answer")
    past: str | None = Field(
        default=None,
        description="the command that lists past anomalies, including earlier runs; null if none are left out",
    )


class GraphProcess(ResultModel):
    """A node of the graph."""

    pid: Pid
    name: str | None
    type: Literal["supervisor", "genserver", "worker"]
    what: str
    status: str
    message_queue_len: int


class LinksOf(ResultModel):
    """The links of a process; each link is listed at both of its ends."""

    pid: Pid
    links: list[Pid]


class MonitorsOf(ResultModel):
    """The processes that a process monitors."""

    pid: Pid
    monitors: list[Pid]


class SupervisesOf(ResultModel):
    """The children of a supervisor."""

    pid: Pid
    children: list[Pid]


class Talk(ResultModel):
    """Measured messages from one process to another; a sender outside of processes is null."""

    source: Pid | None
    target: Pid
    messages: int


class SystemGraph(ResultModel):
    """The graph of processes and their relations."""

    processes: list[GraphProcess]
    links: list[LinksOf]
    monitors: list[MonitorsOf]
    supervises: list[SupervisesOf]
    talks: list[Talk] | None = Field(description="most messages first; null unless `measure_ms`")
    partial: bool = Field(description="there are more processes or edges")


class TopologyLine(ResultModel):
    """Observed messages from one process to another, or to itself."""

    source: str = Field(description="`key` of the sender")
    target: str
    messages: int
    per_s: float = Field(description="an estimate that includes messages without a known pair")


class Topology(ResultModel):
    """Messages between processes."""

    spots: list[TopologySpot]
    lines: list[TopologyLine] = Field(description="most messages first")
    folded: bool = Field(description="supervisors represent their children, because there are too many")
    seconds: float = Field(description="the observed time, at most a minute")
    seen: int = Field(description="messages with known sender and receiver")
    unseen: int = Field(description="messages above `rate` per second, which are only counted")
    share: float = Field(description="`seen` as a share of all messages")
    rate: int
    processes: int
    watched: int = Field(description="watched processes, the oldest")
    cost: str = Field(description="the overhead of watching")


class Exported(ResultModel):
    """An exported table."""

    what: Literal["processes", "metrics", "anomalies", "restarts"]
    node: str
    exported_at: str
    total: int = Field(description="rows at the start; processes that end during the export are omitted")
    truncated: bool = Field(description="there are more rows than the limit")
    rows: list[dict[str, Any]]


class Bottleneck(ResultModel):
    """A bottleneck."""

    type: Literal["large_message_queue", "long_callback", "blocked_loop", "most_messages", "most_callback_time"]
    pid: Pid | None
    name: str | None
    what: str
    details: str
    evidence: dict[str, Any]


class MeasuredProcess(ResultModel):
    """The measured work of a process."""

    pid: Pid
    name: str | None
    what: str
    messages: int
    callbacks: int
    callback_time_ms: float = Field(description="time in callbacks, including what an `async def` callback awaits")
    longest_callback_ms: float


class Measured(ResultModel):
    """Work measured message by message for a short time."""

    seconds: float
    messages: int
    complete: bool = Field(description="false if the limit of events was reached")
    processes: list[MeasuredProcess] = Field(description="most time in callbacks first")


class BottleneckAnalysis(ResultModel):
    """A summary of the bottlenecks."""

    total: int
    high_memory_count: None = Field(description="not available per process; see process.memory for an estimate")
    large_queue_count: int
    severity: Literal["low", "medium", "high", "critical"]


class Bottlenecks(ResultModel):
    """Bottlenecks with a summary."""

    bottlenecks: list[Bottleneck]
    analysis: BottleneckAnalysis
    measured: Measured | None = Field(description="null unless `measure_ms`")
