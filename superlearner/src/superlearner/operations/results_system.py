"""What the operations about the system as a whole answer. What is not known is null."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from superlearner.observing.monitoring.facts import Severity, Type
from superlearner.observing.monitoring.topology import TopologySpot

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

PlainPid = str


class PointLine(BaseModel):
    """How the node was in the `seconds` before `timestamp`."""

    timestamp: str
    at: float = Field(description="the same in seconds of the wall clock")
    seconds: float = Field(description="the time that counts and rates are of")
    processes: int
    supervisors: int
    names: int
    spawned: int = Field(description="processes started in this time")
    restarts: int
    give_ups: int
    message_queue_lengths: int = Field(description="messages that wait, in all mailboxes")
    mailbox_deepest: int
    mailbox_deepest_pid: PlainPid | None = Field(description="whose that is, if it is worth a look")
    run_queue: float
    timers: float
    messages_per_s: float = Field(description="messages that processes took; an answer counts where it was waited for")
    activations_per_s: float = Field(description="how often a process was let run")
    busy: float = Field(description="share of the time in which processes ran; 1 is always")
    longest_callback_ms: float = Field(description="the longest time in which the processes let nothing else run")
    loop_lag_ms: float = Field(description="by how much a timer came too late, at worst")
    memory: int | None = Field(description="resident bytes of the program")
    cpu_percent: float = Field(description="of one core")
    starved_percent: float | None = Field(description="ready to run without getting a processor")
    gc_collections: int
    gc_pause_ms: float = Field(description="the longest pause of the garbage collector")
    read_bytes_per_s: float | None = Field(description="from files and pipes; the system does not count sockets")
    written_bytes_per_s: float | None
    open_files: int | None
    threads: int


class Totals(BaseModel):
    """Counts since the start."""

    spawned: int
    restarts: int
    give_ups: int
    messages: int = Field(description="that processes took; an answer counts where it was waited for")
    activations: int
    busy_s: float
    cpu_s: float
    gc_collections: int
    gc_paused_s: float
    uptime_s: float


class SystemMetrics(BaseModel):
    """The figures of now, and those of the time before."""

    node: str
    now: PointLine
    totals: Totals
    history: list[PointLine] = Field(description="oldest first")
    window_s: float
    resolution_s: float = Field(description="one point for so many seconds; what is older than an hour has minutes")
    scan_interval_s: float = Field(description="how often a sample is taken")


class AnomalyLine(BaseModel):
    """Something that is wrong, and why one may believe it."""

    number: int
    type: Type
    severity: Severity
    active: bool = Field(description="false for one that is over")
    pid: PlainPid | None
    name: str | None
    description: str
    since: str
    until: str | None = Field(description="when it was over")
    lasted_s: float
    evidence: dict[str, Any] = Field(description="the samples and figures behind it")
    threshold: float = Field(description="the limit that was passed")
    setting: str = Field(description="where the limit can be changed")
    hint: str = Field(description="what to try")


class AnomalySummary(BaseModel):
    """The active ones, counted."""

    total: int
    by_type: dict[str, int]
    unsupervised_processes: int
    memory_growth_issues: int
    growing_queues: int
    risk_level: Literal["none", "low", "medium", "high", "critical"] = Field(description="the worst that goes on")


class SystemAnomalies(BaseModel):
    """What is wrong, the worst first; then what was, the newest first."""

    anomalies: list[AnomalyLine]
    summary: AnomalySummary
    checked_at: str
    processes_looked_at: int


class GraphProcess(BaseModel):
    """A node of the graph."""

    pid: PlainPid
    name: str | None
    type: Literal["supervisor", "genserver", "worker"]
    what: str
    status: str
    message_queue_len: int


class LinksOf(BaseModel):
    """To whom a process is linked; each link stands once, and those to the children of a supervisor nowhere."""

    pid: PlainPid
    links: list[PlainPid]


class MonitorsOf(BaseModel):
    """Whom a process monitors."""

    pid: PlainPid
    monitors: list[PlainPid]


class SupervisesOf(BaseModel):
    """Whom a supervisor has started."""

    pid: PlainPid
    children: list[PlainPid]


class Talk(BaseModel):
    """Messages from one process to another, while it was measured; a sender that is no process is null."""

    source: PlainPid | None
    target: PlainPid
    messages: int


class SystemGraph(BaseModel):
    """Processes and what ties them."""

    processes: list[GraphProcess]
    links: list[LinksOf]
    monitors: list[MonitorsOf]
    supervises: list[SupervisesOf]
    talks: list[Talk] | None = Field(description="who talks to whom, most messages first; null unless `measure_ms`")
    partial: bool = Field(description="there are more processes, or edges, than are shown")


class TopologyLine(BaseModel):
    """Messages that were seen from one to another, or to itself."""

    source: str = Field(description="`key` of the sender")
    target: str
    messages: int
    per_s: float = Field(description="those that were only counted included, in proportion")


class Topology(BaseModel):
    """Who talks to whom."""

    spots: list[TopologySpot]
    lines: list[TopologyLine] = Field(description="the heaviest first")
    folded: bool = Field(description="supervisors stand for their children, since there are too many")
    seconds: float = Field(description="of how long this is; at most a minute")
    seen: int = Field(description="messages whose sender and receiver are counted here")
    unseen: int = Field(description="messages that are only a number, since there were more than `rate` a second")
    share: float = Field(description="`seen` of all")
    rate: int
    processes: int
    watched: int = Field(description="processes that are watched, the oldest")
    cost: str = Field(description="what looking costs the others")


class Exported(BaseModel):
    """A table of what is known."""

    what: Literal["processes", "metrics", "anomalies", "restarts"]
    node: str
    exported_at: str
    total: int = Field(description="rows there were when it began; those that end meanwhile are left out")
    truncated: bool = Field(description="there are more rows than the limit")
    rows: list[dict[str, Any]]


class Bottleneck(BaseModel):
    """Where work piles up."""

    type: Literal["large_message_queue", "long_callback", "blocked_loop", "most_messages", "most_callback_time"]
    pid: PlainPid | None
    name: str | None
    what: str
    details: str
    evidence: dict[str, Any]


class MeasuredProcess(BaseModel):
    """What a process did while it was measured."""

    pid: PlainPid
    name: str | None
    what: str
    messages: int
    callbacks: int
    callback_time_ms: float = Field(description="time in callbacks; what an `async def` one waits for counts, too")
    longest_callback_ms: float


class Measured(BaseModel):
    """What went on in a short time that was looked at message by message."""

    seconds: float
    messages: int
    complete: bool = Field(description="false if there were more events than are counted")
    processes: list[MeasuredProcess] = Field(description="most time in callbacks first")


class BottleneckAnalysis(BaseModel):
    """The list, counted."""

    total: int
    high_memory_count: None = Field(description="memory is not counted by process; process.memory estimates it")
    large_queue_count: int
    severity: Literal["low", "medium", "high", "critical"]


class Bottlenecks(BaseModel):
    """Where work piles up."""

    bottlenecks: list[Bottleneck]
    analysis: BottleneckAnalysis
    measured: Measured | None = Field(description="null unless `measure_ms`")
