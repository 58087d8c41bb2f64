"""Result models of traces."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from superlearner.observing.tracing import DiagramLane, DiagramStep, LatencyFigures
from superlearner.operations.results import Pid, Seconds
from superlearner.operations.results.result import ResultModel

__all__ = [
    "ChatterLine",
    "DiagramResult",
    "LatencyLine",
    "MessageTypes",
    "PatternsResult",
    "TraceForgotten",
    "TraceInfo",
    "TracedMessage",
    "TracedMessages",
]

Way = Literal["call", "cast", "info", "reply", "system"]
Status = Literal["answered", "unanswered", "reply", "received", "waiting", "sent", "dropped"]


class TraceInfo(ResultModel):
    """A trace with its options and counters."""

    trace_id: str
    tracing: bool = Field(description="it is running")
    node: str
    pids: list[Pid] = Field(description="traced processes, the first 100")
    names: list[str] = Field(description="their registered names")
    processes: int
    alive: int
    supervisor: Pid | None = Field(description="the supervisor whose tree is traced")
    started_at: Seconds
    ended_at: Seconds | None
    ended: Literal["stopped", "process_ended", "duration", "node_down"] | None = Field(
        description="the reason for its end"
    )
    messages: int = Field(description="captured messages")
    over_rate: int = Field(description="messages above `rate` per second, which were only counted")
    displaced: int = Field(description="messages discarded above `message_limit`")
    filtered: int = Field(description="messages that did not match the pattern, or were system messages")
    left_out: int = Field(description="processes that are not traced, because there are too many")
    message_limit: int
    pattern_matching: str | None
    include_system_messages: bool
    auto_cleanup: bool
    rate: int
    duration_ms: int | None


class TracedMessage(ResultModel):
    """A captured message."""

    seq: int = Field(description="grows within a trace")
    timestamp: str = Field(description="the time of sending")
    at: Seconds
    direction: Literal["incoming", "outgoing"] = Field(description="relative to the traced process")
    type: Way
    from_pid: Pid | None = Field(description="null: sent from outside of processes")
    from_name: str | None
    to: Pid
    to_name: str | None
    tag: str = Field(description="its first word: `add` of ('add', 3)")
    content: str = Field(description="bounded text")
    status: Status = Field(description="`sent` if the receiver is not traced")
    received_at: Seconds | None
    waited_ms: float | None = Field(description="from sending until the receiver took it from its mailbox")
    cause: int | None = Field(description="`seq` of the message its sender was handling")
    answer: int | None = Field(description="of a call: `seq` of its reply")
    answers: int | None = Field(description="of a reply: `seq` of its call")
    latency_ms: float | None = Field(description="from the call to its reply, for both messages")
    timeout_s: Seconds | None = Field(None, description="of a call that timed out: after how many seconds")


class MessageTypes(ResultModel):
    """The number of messages of each kind."""

    call: int
    cast: int
    info: int
    reply: int
    system: int


class TagCount(ResultModel):
    """The number of messages with a first word."""

    tag: str
    count: int


class PatternsResult(ResultModel):
    """Statistics of messages; frequencies are per second."""

    total_messages: int
    message_types: MessageTypes
    call_frequency: float
    cast_frequency: float
    avg_message_interval: float | None = Field(description="milliseconds")
    seconds: Seconds = Field(description="from the first to the last message")
    answered: int
    unanswered: int
    dropped: int
    latency: LatencyFigures
    tags: list[TagCount] = Field(description="the 20 most frequent first words")


class TracedMessages(ResultModel):
    """A page of the captured messages of a process, with statistics of all of them."""

    pid: Pid
    name: str | None
    trace: TraceInfo
    messages: list[TracedMessage] = Field(description="oldest first")
    total: int
    page: int
    per_page: int
    redacted: bool
    patterns: PatternsResult


class LatencyLine(ResultModel):
    """Latencies of calls with the same first word to the same process."""

    to: Pid
    to_name: str | None
    tag: str
    calls: int
    unanswered: int
    latency: LatencyFigures


class ChatterLine(ResultModel):
    """Messages from one process to another."""

    from_pid: Pid | None
    from_name: str | None
    to: Pid
    to_name: str | None
    total: int
    calls: int
    casts: int
    infos: int
    replies: int
    dropped: int
    latency: LatencyFigures


class DiagramResult(ResultModel):
    """A sequence diagram: lanes and steps, or a drawing in another `format`."""

    trace_id: str
    format: Literal["data", "mermaid", "svg"]
    lanes: tuple[DiagramLane, ...]
    steps: tuple[DiagramStep, ...] = Field(description="empty unless the format is data")
    shown: int
    more: int = Field(description="further steps after those shown")
    hidden: int = Field(description="messages within a folded lane")
    others: int = Field(description="processes without a lane")
    drawing: str | None


class TraceForgotten(ResultModel):
    """A deleted trace."""

    trace_id: str
    messages: int
    forgotten: Literal[True]
