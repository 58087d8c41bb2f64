"""What the operations on traces answer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from superlearner.observing.tracing import DiagramLane, DiagramStep, LatencyFigures
from superlearner.operations.results import Pid, Seconds

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


class TraceInfo(BaseModel):
    """A trace: what it looks at, and how much it saw and did not see."""

    trace_id: str
    tracing: bool = Field(description="whether it still looks")
    node: str
    pids: list[Pid] = Field(description="who is or was traced; the first 100")
    names: list[str] = Field(description="their registered names, as far as they had some")
    processes: int
    alive: int
    supervisor: Pid | None = Field(description="whose whole tree is traced")
    started_at: Seconds
    ended_at: Seconds | None
    ended: Literal["stopped", "process_ended", "duration", "node_down"] | None = Field(description="why it ended")
    messages: int = Field(description="how many are kept")
    over_rate: int = Field(description="messages that were counted only: more than `rate` a second")
    displaced: int = Field(description="messages that went because there were more than `message_limit`")
    filtered: int = Field(description="messages that did not fit the pattern, or were of the system")
    left_out: int = Field(description="processes that are not traced because there are too many")
    message_limit: int
    pattern_matching: str | None
    include_system_messages: bool
    auto_cleanup: bool
    rate: int
    duration_ms: int | None


class TracedMessage(BaseModel):
    """A message that was seen."""

    seq: int = Field(description="grows within a trace")
    timestamp: str = Field(description="when it was sent")
    at: Seconds
    direction: Literal["incoming", "outgoing"] = Field(description="as seen by the process that is traced")
    type: Way
    from_pid: Pid | None = Field(description="null: from outside of every process")
    from_name: str | None
    to: Pid
    to_name: str | None
    tag: str = Field(description="its first word: `add` of ('add', 3)")
    content: str = Field(description="bounded text")
    status: Status = Field(description="`sent` is all that is known if the receiver is not traced")
    received_at: Seconds | None
    waited_ms: float | None = Field(description="from the sending until its receiver took it")
    cause: int | None = Field(description="the message its sender was handling")
    answer: int | None = Field(description="of a call, its reply")
    answers: int | None = Field(description="of a reply, its call")
    latency_ms: float | None = Field(description="from the call to its reply, at either")


class MessageTypes(BaseModel):
    """How many of each kind."""

    call: int
    cast: int
    info: int
    reply: int
    system: int


class TagCount(BaseModel):
    """How often a first word came."""

    tag: str
    count: int


class PatternsResult(BaseModel):
    """Messages in numbers; frequencies are a second."""

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
    tags: list[TagCount] = Field(description="first words, the most frequent 20")


class TracedMessages(BaseModel):
    """A page of what was captured of a process, with all of it in numbers."""

    pid: Pid
    name: str | None
    trace: TraceInfo
    messages: list[TracedMessage] = Field(description="oldest first")
    total: int
    page: int
    per_page: int
    redacted: bool
    patterns: PatternsResult


class LatencyLine(BaseModel):
    """Calls with the same first word to the same process."""

    to: Pid
    to_name: str | None
    tag: str
    calls: int
    unanswered: int
    latency: LatencyFigures


class ChatterLine(BaseModel):
    """What went one way between two processes."""

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


class DiagramResult(BaseModel):
    """A sequence diagram: lanes and steps, or with another `format` the drawing."""

    trace_id: str
    format: Literal["data", "mermaid", "svg"]
    lanes: tuple[DiagramLane, ...]
    steps: tuple[DiagramStep, ...] = Field(description="empty with another format than data")
    shown: int
    more: int = Field(description="steps that come after those that are shown")
    hidden: int = Field(description="messages within a folded lane")
    others: int = Field(description="processes without a lane of their own")
    drawing: str | None


class TraceForgotten(BaseModel):
    """A trace that was dropped."""

    trace_id: str
    messages: int
    forgotten: Literal[True]
