"""Recordings: the events of a node in a portable file, and its state at any moment."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import Annotated, Final

from pydantic import Field

import otp
from otp.trace import DETAIL_KINDS, LIFECYCLE, MESSAGE_KINDS, STATE_KINDS, MessageAt, ProcessAt, Row
from otp.trace import Recording as Read
from superlearner.control.clock import Clock
from superlearner.control.terms import clip, json_of
from superlearner.control.tree import TreeReader, trees_at
from superlearner.observing.tracing import (
    MAX_EVENTS,
    BadRecording,
    NoRecording,
    NoTrace,
    Recordings,
    RecordingsFull,
    RecordingsUnavailable,
    StillRecording,
    Trace,
    Traces,
    as_recording,
)
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, Picker, operation
from superlearner.operations.failures import OperationError
from superlearner.operations.far_recordings import FarRecorder, saved_trace
from superlearner.operations.forwarding import told
from superlearner.operations.parameters import PageNumber, PerPage
from superlearner.operations.quotas import Quotas
from superlearner.operations.results_recordings import (
    KindCount,
    ProcessThen,
    RecordedEvent,
    RecordedMessage,
    RecordingDeleted,
    RecordingDetails,
    RecordingFile,
    RecordingFrames,
    RecordingLine,
    RecordingMoment,
)
from superlearner.operations.seams import PlayedRecordings
from superlearner.store import NameTaken, Recording, StoreUnavailable

STORED: Final = ("store_unavailable", "service_unavailable")
THERE: Final = ("recording_not_found", *STORED)
PART: Final = 1_000_000
SHOWN: Final = 1000
MOST_FRAMES: Final = 5_000

Name = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
        description="a name of letters, digits, `_`, `.` and `-`; at most 64",
        examples=["morning"],
    ),
]
Known = Annotated[
    str, Field(max_length=200, description="the name of a recording", examples=["morning"]), Picker("recording")
]


@operation(
    "recording.start",
    http=("POST", "/recordings"),
    scope="operate",
    changes=True,
    here=True,
    errors=("name_taken", "conflict", "quota_exceeded", *STORED),
)
async def start(
    ctx: Context,
    recordings: Recordings,
    quotas: Quotas,
    /,
    name: Name,
    messages: Annotated[
        bool, Field(description="with all messages, which slows the node down; else only starts and exits")
    ] = True,
    states: Annotated[bool, Field(description="with the state of every server after each callback")] = False,
    limit: Annotated[int, Field(ge=1, le=MAX_EVENTS, description="end after this many events")] = MAX_EVENTS,
    rate: Annotated[
        int, Field(ge=1, le=100_000, description="most events a second; the rest is only counted")
    ] = 10_000,
) -> RecordingLine:
    """Record the events of a node.

    Into a file in the data directory, until it is stopped or reaches its limit. Events reach the disk within 0.5 s.
    """
    kinds = set(LIFECYCLE)
    if messages or states:
        kinds |= MESSAGE_KINDS | DETAIL_KINDS
    if states:
        kinds |= STATE_KINDS
    with recording_errors():
        if await recordings.knows(name):
            raise NameTaken(f"a recording {name} already exists")
        ctx.about_to(f"record {ctx.found.name} as {name}")
        about = {"node": ctx.found.name, "messages": messages, "states": states}
        if ctx.remote is not None:
            left = await quotas.bytes_left(ctx.user.name)
            limit = min(limit, MAX_EVENTS)
            far = partial(FarRecorder.begin, ctx.remote, kinds=kinds, limit=limit, rate=rate, most=left)
            return _line(recordings, await recordings.begin(name, far, about, ctx.user.name))
        slots = trees_at(ctx.node, TreeReader(Clock()))
        row = await recordings.start(
            ctx.node,
            name,
            kinds=kinds,
            limit=limit,
            rate=rate,
            about=about,
            tree=[asdict(slot) for slot in slots],
            owner=ctx.user.name,
        )
        return _line(recordings, row)


@operation(
    "recording.stop",
    http=("POST", "/recordings/{name}/stop"),
    scope="operate",
    changes=True,
    on="platform",
    of="recording",
    errors=THERE,
)
async def stop(ctx: Context, recordings: Recordings, /, name: Known) -> RecordingLine:
    """Stop a recording.

    It can then be replayed and exported.
    """
    with recording_errors():
        if recordings.recorder(name) is None:
            raise NoRecording(f"no recording {name[:100]!r} is running")
        ctx.about_to(f"stop the recording {name}")
        return _line(recordings, await recordings.stop(name))


@operation(
    "trace.save",
    http=("POST", "/traces/{trace_id}/recording"),
    scope="operate",
    changes=True,
    here=True,
    errors=("trace_not_found", "name_taken", "conflict", "quota_exceeded", *STORED),
)
async def save(
    ctx: Context,
    recordings: Recordings,
    traces: Traces,
    /,
    trace_id: Annotated[str, Field(max_length=40, description="the id of a trace", examples=["t1"])],
    name: Name,
) -> RecordingLine:
    """Save a trace as a recording.

    Its messages, starts and exits, to replay and to share. Secrets are redacted.
    """
    with recording_errors():
        if await recordings.knows(name):
            raise NameTaken(f"a recording {name} already exists")
        if ctx.remote is not None:
            saved = await saved_trace(ctx.remote, trace_id)
            ctx.about_to(_keep(saved.messages, trace_id, name))
            packed = saved.content
        else:
            trace = _trace(ctx, traces, trace_id)
            ctx.about_to(_keep(len(trace.messages), trace.id, name))
            packed = await _packed(trace)
        try:
            row, _ = await recordings.take_in(name, packed, kind="traced", owner=ctx.user.name)
        except BadRecording as error:
            if ctx.remote is None:
                raise
            raise told(ctx.remote.bad(f"expected a recording: {error}")) from None
        return _line(recordings, row)


def _keep(messages: int, trace: str, name: str) -> str:
    return f"save {messages} messages of the trace {trace} as the recording {name}"


def _trace(ctx: Context, traces: Traces, trace_id: str) -> Trace:
    try:
        return traces.find(trace_id, node=ctx.node.name)
    except NoTrace as error:
        raise OperationError("trace_not_found", clip(str(error), 400), hint="see GET /api/v1/traces") from None


async def _packed(trace: Trace) -> bytes:
    messages, marks, people = list(trace.messages), list(trace.marks), dict(trace.people)
    return await otp.Task.run_blocking(
        lambda: as_recording(messages, marks, people, node=trace.node, started=trace.started_at)
    )


@operation("recording.list", http=("GET", "/recordings"), scope="read", on="platform", of="user", errors=STORED)
async def list_recordings(
    ctx: Context, recordings: Recordings, /, page: PageNumber = 1, per_page: PerPage = 50
) -> Paged[RecordingLine]:
    """List the recordings.

    Those of all runs of the platform, newest first.
    """
    with recording_errors():
        rows = [row for row in await recordings.all() if ctx.user.sees(row.owner)]
    first = (page - 1) * per_page
    return Paged([_line(recordings, row) for row in rows[first : first + per_page]], len(rows), page, per_page)


@operation(
    "recording.show", http=("GET", "/recordings/{name}"), scope="read", on="platform", of="recording", errors=THERE
)
async def show(recordings: Recordings, /, name: Known) -> RecordingDetails:
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
        **_line(recordings, row).model_dump(),
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
    name: Known,
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
    name: Known,
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
    name: Known,
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


@operation(
    "recording.export",
    http=("GET", "/recordings/{name}/file"),
    scope="read",
    on="platform",
    of="recording",
    errors=THERE,
)
async def export(
    recordings: Recordings,
    /,
    name: Known,
    offset: Annotated[int, Field(ge=0, le=2**40, description="where the part begins")] = 0,
) -> RecordingFile:
    """Export a recording.

    The file as base64, in parts of 1,000,000 bytes. Any machine with `otp` can read it.
    """
    with recording_errors():
        content = await recordings.content(name)
    part = content[offset : offset + PART]
    after = offset + len(part)
    return RecordingFile(
        name=name,
        filename=f"{name}.jsonl.gz",
        encoding="base64",
        size=len(content),
        offset=offset,
        next_offset=after if after < len(content) else None,
        content=base64.b64encode(part).decode(),
    )


@operation(
    "recording.load",
    http=("POST", "/recordings/file"),
    scope="operate",
    changes=True,
    on="platform",
    of="user",
    errors=("name_taken", "conflict", "quota_exceeded", *STORED),
)
async def load(
    ctx: Context,
    recordings: Recordings,
    /,
    name: Name,
    content: Annotated[str, Field(min_length=1, description="the file, as base64")],
    damaged: Annotated[bool, Field(description="load the readable part of a damaged file")] = False,
) -> RecordingLine:
    """Load a recording from a file.

    The file is untrusted: memory and time are bounded, and an invalid or incomplete one is refused with the reason.
    """
    try:
        packed = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise OperationError(
            "validation_error", "content: expected the file as base64", hint="use base64 -w0 FILE"
        ) from None
    with recording_errors():
        if await recordings.knows(name):
            raise NameTaken(f"a recording {name} already exists")
        ctx.about_to(f"load a recording of {len(packed)} bytes as {name}")
        row, _ = await recordings.take_in(name, packed, damaged=damaged, owner=ctx.user.name)
        return _line(recordings, row)


@operation(
    "recording.delete",
    http=("DELETE", "/recordings/{name}"),
    scope="operate",
    changes=True,
    destroys=True,
    on="platform",
    of="recording",
    errors=(*THERE, "conflict"),
)
async def delete(ctx: Context, recordings: Recordings, /, name: Known) -> RecordingDeleted:
    """Delete a recording and its file."""
    with recording_errors():
        if recordings.recorder(name) is not None:
            raise StillRecording(f"{name} is being recorded")
        await recordings.find(name)
        ctx.about_to(f"delete the recording {name}")
        await recordings.delete(name)
    return RecordingDeleted(name=name, deleted=True)


@contextmanager
def recording_errors() -> Generator[None]:
    """Convert exceptions about recordings to errors of operations."""
    try:
        yield
    except NoRecording as error:
        raise OperationError("recording_not_found", clip(str(error), 400), hint="see GET /api/v1/recordings") from None
    except NameTaken as error:
        raise OperationError("name_taken", clip(str(error), 400), hint="choose another name") from None
    except StillRecording as error:
        raise OperationError("conflict", str(error), hint="stop it with recording.stop") from None
    except RecordingsFull as error:
        raise OperationError("conflict", str(error)) from None
    except BadRecording as error:
        hint = "load the readable part with damaged=true" if "damaged" in str(error) else None
        raise OperationError("validation_error", clip(f"content: {error}", 600), hint=hint) from None
    except RecordingsUnavailable as error:
        raise OperationError("service_unavailable", clip(str(error), 400), hint="check the data directory") from None
    except StoreUnavailable as error:
        raise OperationError("store_unavailable", error.why, hint="see GET /api/v1/store, with a credential") from None


def _line(recordings: Recordings, row: Recording) -> RecordingLine:
    recorder = recordings.recorder(row.name)
    return RecordingLine(
        name=row.name,
        kind=row.kind,
        owner=row.owner,
        recording=recorder is not None and not recorder.ended,
        at=row.at,
        events=row.events if recorder is None else recorder.events,
        size=row.size,
        dropped=None if recorder is None else recorder.dropped,
        error=None if recorder is None or recorder.error is None else str(recorder.error.strerror or recorder.error),
        about=row.about,
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
