"""Result models of recordings."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from superlearner.operations.results import Pid, Seconds
from superlearner.operations.results.result import ResultModel

__all__ = [
    "KindCount",
    "ProcessThen",
    "RecordedEvent",
    "RecordedMessage",
    "RecordingDeleted",
    "RecordingDetails",
    "RecordingFile",
    "RecordingFrames",
    "RecordingLine",
    "RecordingMoment",
]


class RecordingLine(ResultModel):
    """A recording, without the contents of its file."""

    name: str
    kind: str = Field(description="`recorded` here, `traced` (saved from a trace), or `loaded` from a file")
    owner: str | None = Field(description="the user who made it; null: made before there were owners")
    recording: bool = Field(description="it is being recorded")
    at: Seconds = Field(description="start of the recording")
    events: int | None = Field(description="null for an interrupted recording until it is opened")
    size: int | None = Field(description="size of the file in bytes")
    dropped: int | None = Field(description="while it is being recorded: events dropped above the rate")
    error: str | None = Field(description="the error that ended writing, if any")
    about: Any = None


class KindCount(ResultModel):
    """The number of events of a kind."""

    kind: str
    count: int


class RecordingDetails(RecordingLine):
    """A recording with a summary of its contents."""

    complete: bool = Field(description="it ended properly, and nothing is missing")
    problem: str | None = Field(description="the problem and its place, if it is not complete")
    node: str
    io: str = Field(description="`real` or `virtual` time")
    python: str | None
    started_at: Seconds | None = Field(description="start by the clock of the recording machine")
    seconds: Seconds = Field(description="from the first to the last event")
    processes: int = Field(description="processes at the start")
    read_events: int
    kinds: list[KindCount]


class RecordedEvent(ResultModel):
    """An event; `place` counts from 1, and `recording.moment` shows the node after it."""

    place: int
    seq: int
    seconds: Seconds = Field(description="since the first event")
    kind: str
    pid: Pid | None
    cause: int
    data: dict[str, Any]


class ProcessThen(ResultModel):
    """A process at a moment of a recording."""

    pid: Pid
    name: str | None
    what: str | None
    parent: Pid | None
    supervisor: Pid | None
    waiting: int = Field(description="messages in transit to it or in its mailbox")
    callback: str | None
    message: str | None = Field(description="the message it received last")
    state: str | None


class RecordedMessage(ResultModel):
    """A message in transit."""

    seq: int
    from_pid: Pid | None
    to: Pid
    way: str | None
    message: str | None


class RecordingMoment(ResultModel):
    """The node after a number of events, with at most 1,000 processes and messages."""

    name: str
    place: int
    last: int = Field(description="number of events")
    event: RecordedEvent | None = Field(description="the latest event")
    processes: list[ProcessThen]
    process_count: int
    messages: list[RecordedMessage] = Field(description="in transit")
    message_count: int


class RecordingFile(ResultModel):
    """A part of the file, which is gzip with one JSON object per line; see docs/recordings.md."""

    name: str
    filename: str
    encoding: Literal["base64"]
    size: int
    offset: int
    next_offset: int | None = Field(description="`offset` of the next part; null at the end")
    content: str


class RecordingDeleted(ResultModel):
    """A deleted recording."""

    name: str
    deleted: Literal[True]


class RecordingFrames(ResultModel):
    """A part of a recording for the live page: a snapshot of the trees, their changes, and the events."""

    name: str
    node: str
    io: str = Field(description="`real` or `virtual` time")
    started_at: Seconds | None
    complete: bool
    problem: str | None = Field(description="the problem and its place, if it is not complete")
    dropped: int = Field(description="events dropped above the rate")
    place: int = Field(description="number of events before this part")
    last: int = Field(description="number of events in the recording")
    next_place: int | None = Field(description="`place` of the next part; null after the last one")
    keyframe: dict[str, Any] = Field(description="the trees at `place`: a snapshot of the live feed")
    frames: list[tuple[int, dict[str, Any]]] = Field(description="deltas of the live feed, each with its place")
    events: list[tuple[int, str, Pid | None, Pid | None, str, int, str]] = Field(
        description="µs since the first, kind, process, other process, text, place of the cause, way with details"
    )
    people: list[tuple[Pid | None, str | None, str | None, Pid | None]] = Field(
        description="in the first part, the processes at the start: pid, name, class, parent"
    )
