"""Contents of a recording: its size, its events, and the node at any moment."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Annotated, Final

from pydantic import Field

import otp
from otp.trace import MessageAt, ProcessAt, Row
from otp.trace import Recording as Read
from superlearner.control.terms import clip, json_of
from superlearner.observing.tracing import MAX_EVENTS, Recordings
from superlearner.operations.declaration import Paged, operation
from superlearner.operations.engine.seams import PlayedRecordings
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import PageNumber, PerPage
from superlearner.operations.results.recordings import (
    KindCount,
    ProcessThen,
    RecordedEvent,
    RecordedMessage,
    RecordingDetails,
    RecordingFrames,
    RecordingMoment,
)
from superlearner.operations.rights.recording_access import THERE, KnownRecording, describe_recording, recording_errors

SHOWN: Final = 1000
MOST_FRAMES: Final = 5_000


@operation(
    "recording.show", http=("GET", "/recordings/{name}"), scope="read", on="platform", of="recording", errors=THERE
)
async def show(recordings: Recordings, /, name: KnownRecording) -> RecordingDetails:
    """Show a recording.

    Its completeness, duration, and number of events by kind.
    """
    with recording_errors():
        read = await recordings.read(name)
        row = await recordings.find(name)

    def count() -> tuple[Counter[str], float]:
        kinds = Counter(event.kind for event in read.events)
        seconds = _seconds(read.events[len(read.events) - 1].at - read.events[0].at) if len(read.events) else 0.0
        return kinds, seconds

    kinds, seconds = await otp.Task.run_blocking(count)
    header = read.header
    started = header.get("started")
    python = header.get("python")
    return RecordingDetails(
        **describe_recording(recordings, row).model_dump(),
        complete=read.complete,
        problem=None if read.problem is None else clip(read.problem, 500),
        node=clip(read.node, 200),
        io=header["io"],
        python=clip(python, 40) if isinstance(python, str) else None,
        started_at=started if isinstance(started, float) else None,
        seconds=max(0.0, seconds),
        processes=len(read.processes),
        read_events=len(read.events),
        kinds=[KindCount(kind=clip(kind, 100), count=number) for kind, number in kinds.most_common(50)],
    )


@operation(
    "recording.timeline",
    http=("GET", "/recordings/{name}/events"),
    scope="read",
    on="platform",
    of="recording",
    errors=THERE,
)
async def timeline(
    recordings: Recordings,
    /,
    name: KnownRecording,
    kind: Annotated[
        str | None, Field(max_length=40, description="only events of this kind", examples=["exited"])
    ] = None,
    pid: Annotated[str | None, Field(max_length=40, description="only events of this process")] = None,
    page: PageNumber = 1,
    per_page: PerPage = 50,
) -> Paged[RecordedEvent]:
    """List the events of a recording.

    In order. Pass an event's `place` to `recording.moment` to see the node after it.
    """
    with recording_errors():
        read = await recordings.read(name)
    first, begun = (page - 1) * per_page, _begun(read)
    if kind is None and pid is None:
        rows = [_event(place, row, begun) for place, row in enumerate(read.events[first : first + per_page], first + 1)]
        return Paged(rows, len(read.events), page, per_page)
    wanted = None if pid is None else f"<{pid.removeprefix('#PID').strip('<>')}>"

    def fits() -> list[tuple[int, Row]]:
        rows = enumerate(read.events, 1)
        return [(place, row) for place, row in rows if kind in (None, row.kind) and wanted in (None, row.pid)]

    found = await otp.Task.run_blocking(fits)
    return Paged([_event(*one, begun) for one in found[first : first + per_page]], len(found), page, per_page)


@operation(
    "recording.moment",
    http=("GET", "/recordings/{name}/moments/{place}"),
    scope="read",
    on="platform",
    of="recording",
    errors=THERE,
)
async def moment(
    recordings: Recordings,
    /,
    name: KnownRecording,
    place: Annotated[int, Field(ge=0, le=MAX_EVENTS, description="number of events before the moment")],
) -> RecordingMoment:
    """Show the node at a moment of a recording.

    Its processes with their mailboxes and current messages, and messages in transit.
    """
    with recording_errors():
        read = await recordings.read(name)
    last = len(read.events)
    at = min(place, last)
    then = read.at(at)
    row = read.events[at - 1] if at else None
    return RecordingMoment(
        name=name,
        place=at,
        last=last,
        event=None if row is None else _event(at, row, _begun(read)),
        processes=[_process(one) for one in islice(then.processes.values(), SHOWN)],
        process_count=len(then.processes),
        messages=[_message(one) for one in islice(then.messages.values(), SHOWN)],
        message_count=len(then.messages),
    )


@operation(
    "recording.frames",
    http=("GET", "/recordings/{name}/frames"),
    scope="read",
    on="platform",
    of="recording",
    errors=THERE,
)
async def frames(
    recordings: Recordings,
    played: PlayedRecordings | None,
    /,
    name: KnownRecording,
    place: Annotated[int, Field(ge=0, le=MAX_EVENTS, description="begin after this many events")] = 0,
    limit: Annotated[int, Field(ge=1, le=MOST_FRAMES, description="the most events")] = 2_000,
) -> RecordingFrames:
    """Read a recording as frames of the live page.

    In parts: a snapshot of the supervision trees, the frames that follow it, and the events.
    """
    if played is None:
        raise OperationError("service_unavailable", "this platform serves no pages, so it makes no frames")
    with recording_errors():
        read = await recordings.read(name)
    last = len(read.events)
    page = await played.page(read, min(place, last), limit)
    after = page["place"] + len(page["events"])
    started = read.header.get("started")
    return RecordingFrames(
        **page,
        name=name,
        node=clip(read.node, 200),
        io=read.header["io"],
        started_at=started if isinstance(started, float) else None,
        complete=read.complete,
        problem=None if read.problem is None else clip(read.problem, 500),
        dropped=read.dropped,
        next_place=after if after < last else None,
    )


def _process(one: ProcessAt) -> ProcessThen:
    return ProcessThen(
        pid=_pid(one.pid) or "",
        name=_words(one.name),
        what=_words(one.what),
        parent=_pid(one.parent),
        supervisor=_pid(one.supervisor),
        waiting=one.waiting,
        callback=_words(one.callback),
        message=_words(one.message),
        state=_words(one.state),
    )


def _message(one: MessageAt) -> RecordedMessage:
    return RecordedMessage(
        seq=one.seq,
        from_pid=_pid(one.sender),
        to=_pid(one.to) or "",
        way=_words(one.way),
        message=_words(one.message),
    )


def _begun(read: Read) -> int:
    """Return the node's clock at the first event."""
    return read.events[0].at if len(read.events) else 0


def _event(place: int, row: Row, begun: int) -> RecordedEvent:
    return RecordedEvent(
        place=place,
        seq=row.seq,
        seconds=_seconds(row.at - begun),
        kind=clip(row.kind, 100),
        pid=_pid(row.pid),
        cause=row.cause,
        data={clip(key, 100): json_of(value) for key, value in islice(row.data.items(), 50)},
    )


def _seconds(at: int) -> float:
    """Convert nanoseconds from an untrusted file to seconds."""
    return at / 1e9 if abs(at) < 2**63 else 0.0


def _words(words: str | None) -> str | None:
    return None if words is None else clip(words, 500)


def _pid(words: str | None) -> str | None:
    return None if words is None else clip(words, 100).strip("<>")
