"""What the operations on recordings answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from superlearner.operations.results import Pid, Seconds

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


class RecordingLine(BaseModel):
    """A recording, as far as is known without opening its file."""

    name: str
    kind: str = Field(description="`recorded` here, `traced` (saved from a trace), or `loaded` from a file")
    recording: bool = Field(description="whether it is being recorded")
    at: Seconds = Field(description="when it was begun")
    events: int | None = Field(description="null until it is known: of one that was interrupted until it is opened")
    size: int | None = Field(description="bytes of the file")
    dropped: int | None = Field(description="while it is being recorded: events that the rate held back")
    error: str | None = Field(description="why writing ended, if it could not go on")
    about: Any = None


class KindCount(BaseModel):
    """How many events of a kind."""

    kind: str
    count: int


class RecordingDetails(RecordingLine):
    """A recording and what is in it."""

    complete: bool = Field(description="it was ended in order, and holds what was written")
    problem: str | None = Field(description="what is wrong where, if it is not complete")
    node: str
    io: str = Field(description="`real` or `virtual` time")
    python: str | None
    started_at: Seconds | None = Field(description="when, by the clock of the machine that recorded it")
    seconds: Seconds = Field(description="from the first to the last event")
    processes: int = Field(description="that were there when it began")
    read_events: int
    kinds: list[KindCount]


class RecordedEvent(BaseModel):
    """An event; `place` counts from 1, and `recording.moment` of it is how it was after that."""

    place: int
    seq: int
    seconds: Seconds = Field(description="since the first event")
    kind: str
    pid: Pid | None
    cause: int
    data: dict[str, Any]


class ProcessThen(BaseModel):
    """A process at a moment."""

    pid: Pid
    name: str | None
    what: str | None
    parent: Pid | None
    supervisor: Pid | None
    waiting: int = Field(description="messages under way to it or in its mailbox")
    callback: str | None
    message: str | None = Field(description="what it received last")
    state: str | None


class RecordedMessage(BaseModel):
    """A message that was sent and not received yet."""

    seq: int
    from_pid: Pid | None
    to: Pid
    way: str | None
    message: str | None


class RecordingMoment(BaseModel):
    """The node after a number of events; at most 1,000 processes and messages are told."""

    name: str
    place: int
    last: int = Field(description="how many events there are")
    event: RecordedEvent | None = Field(description="the one that has just happened")
    processes: list[ProcessThen]
    process_count: int
    messages: list[RecordedMessage] = Field(description="under way")
    message_count: int


class RecordingFile(BaseModel):
    """A part of the file: gzip, one JSON object a line, see the page on recordings."""

    name: str
    filename: str
    encoding: Literal["base64"]
    size: int
    offset: int
    next_offset: int | None = Field(description="where the next part begins; null at the end")
    content: str


class RecordingDeleted(BaseModel):
    """A recording that is gone."""

    name: str
    deleted: Literal[True]


class RecordingFrames(BaseModel):
    """A part of a recording as a page plays it: the tree as a snapshot, then what changes it, and the events."""

    name: str
    node: str
    io: str = Field(description="`real` or `virtual` time")
    started_at: Seconds | None
    complete: bool
    problem: str | None = Field(description="what is wrong where, if it is not complete")
    dropped: int = Field(description="events that the rate held back")
    place: int = Field(description="events before the first one of this part")
    last: int = Field(description="events of the whole recording")
    next_place: int | None = Field(description="where the next part begins; null behind the last one")
    keyframe: dict[str, Any] = Field(description="the trees at `place`: a snapshot of the live feed")
    frames: list[tuple[int, dict[str, Any]]] = Field(description="deltas of the live feed, and after how many events")
    events: list[tuple[int, str, Pid | None, Pid | None, str, int, str]] = Field(
        description="µs since the first, kind, who, the other one, words, place of the cause, way and reference or more"
    )
    people: list[tuple[Pid | None, str | None, str | None, Pid | None]] = Field(
        description="with the first part, who was there when it began: pid, name, class, parent"
    )
