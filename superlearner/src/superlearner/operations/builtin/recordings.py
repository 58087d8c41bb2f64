"""Recordings: the events of a node in a portable file. What is in one: `recording_contents`."""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict
from functools import partial
from typing import Annotated, Final

from pydantic import Field

import otp
from otp.trace import DETAIL_KINDS, LIFECYCLE, MESSAGE_KINDS, STATE_KINDS
from superlearner.control.clock import Clock
from superlearner.control.terms import clip
from superlearner.control.tree import TreeReader, trees_at
from superlearner.observing.tracing import (
    MAX_EVENTS,
    BadRecording,
    NoRecording,
    NoTrace,
    Recordings,
    StillRecording,
    Trace,
    Traces,
    as_recording,
)
from superlearner.operations.builtin.remote_recordings import RemoteRecorder, saved_trace
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, operation
from superlearner.operations.engine.forwarding import convert_error
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import PageNumber, PerPage
from superlearner.operations.results.recordings import (
    RecordingDeleted,
    RecordingFile,
    RecordingLine,
)
from superlearner.operations.rights.quotas import Quotas
from superlearner.operations.rights.recording_access import (
    STORED,
    THERE,
    KnownRecording,
    describe_recording,
    recording_errors,
)
from superlearner.store import NameTaken, Recording

PART: Final = 1_000_000

Name = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
        description="a name of letters, digits, `_`, `.` and `-`; at most 64",
        examples=["morning"],
    ),
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
            far = partial(RemoteRecorder.begin, ctx.remote, kinds=kinds, limit=limit, rate=rate, most=left)
            return describe_recording(recordings, await recordings.begin(name, far, about, ctx.user.name))
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
        return describe_recording(recordings, row)


@operation(
    "recording.stop",
    http=("POST", "/recordings/{name}/stop"),
    scope="operate",
    changes=True,
    on="platform",
    of="recording",
    errors=THERE,
)
async def stop(ctx: Context, recordings: Recordings, /, name: KnownRecording) -> RecordingLine:
    """Stop a recording.

    It can then be replayed and exported.
    """
    with recording_errors():
        if recordings.recorder(name) is None:
            raise NoRecording(f"no recording {name[:100]!r} is running")
        ctx.about_to(f"stop the recording {name}")
        return describe_recording(recordings, await recordings.stop(name))


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
            row, _ = await recordings.import_recording(name, packed, kind="traced", owner=ctx.user.name)
        except BadRecording as error:
            if ctx.remote is None:
                raise
            raise convert_error(ctx.remote.bad(f"expected a recording: {error}")) from None
        return describe_recording(recordings, row)


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


def _node_of(row: Recording) -> str | None:
    match row.about:
        case {"node": str(node)}:
            return node
        case _:
            return None


@operation("recording.list", http=("GET", "/recordings"), scope="read", on="platform", of="user", errors=STORED)
async def list_recordings(
    ctx: Context,
    recordings: Recordings,
    /,
    node: Annotated[
        str | None, Field(max_length=300, description="only those of this node or sandbox, which may have ended")
    ] = None,
    page: PageNumber = 1,
    per_page: PerPage = 50,
) -> Paged[RecordingLine]:
    """List the recordings.

    Those of all runs of the platform, newest first.
    """
    of = None if node is None else ctx.nodes.node_of(node)
    with recording_errors():
        rows = [row for row in await recordings.all() if ctx.user.sees(row.owner) and of in (None, _node_of(row))]
    first = (page - 1) * per_page
    return Paged(
        [describe_recording(recordings, row) for row in rows[first : first + per_page]], len(rows), page, per_page
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
    name: KnownRecording,
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
        row, _ = await recordings.import_recording(name, packed, damaged=damaged, owner=ctx.user.name)
        return describe_recording(recordings, row)


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
async def delete(ctx: Context, recordings: Recordings, /, name: KnownRecording) -> RecordingDeleted:
    """Delete a recording and its file."""
    with recording_errors():
        if recordings.recorder(name) is not None:
            raise StillRecording(f"{name} is being recorded")
        await recordings.find(name)
        ctx.about_to(f"delete the recording {name}")
        await recordings.delete(name)
    return RecordingDeleted(name=name, deleted=True)
