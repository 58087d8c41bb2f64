"""Tracing: messages of processes, latencies, unanswered calls, sequence diagrams."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Annotated, Final, Literal

from pydantic import Field

from otp import Pid
from superlearner.control.terms import clip
from superlearner.control.tree import supervisor_state
from superlearner.observing.tracing import (
    MAX_PIDS,
    AlreadyTracing,
    NoTrace,
    TooManyTraces,
    Trace,
    TraceOptions,
    Traces,
    as_mermaid,
    as_svg,
    causes_of,
    chatter_of,
    diagram_of,
    latencies_of,
    unanswered_of,
)
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, Picker, operation
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import PageNumber, PerPage, PidText, SupervisorText
from superlearner.operations.results.shown_traces import (
    describe_message,
    name_in,
    paged,
    patterns_result,
    pids_of,
    trace_info,
)
from superlearner.operations.results.tracing import (
    ChatterLine,
    DiagramResult,
    LatencyLine,
    PatternsResult,
    TracedMessage,
    TracedMessages,
    TraceForgotten,
    TraceInfo,
)
from superlearner.operations.targets import called, process_of, supervisor_of

STARTS: Final = ("malformed_pid", "process_not_found", "already_tracing", "conflict")
NO_TRACE: Final = ("trace_not_found",)

TraceId = Annotated[str, Field(max_length=40, description="the id of a trace", examples=["t1"]), Picker("trace")]
MessageLimit = Annotated[int, Field(ge=1, le=10_000, description="the most messages to keep, the newest")]
Pattern = Annotated[
    str | None,
    Field(
        min_length=1, max_length=200, description="only messages whose displayed text contains this", examples=["add"]
    ),
]
System = Annotated[bool, Field(description="include system messages, exit signals and DOWN messages")]
Cleanup = Annotated[
    bool,
    Field(description="end with the process and delete the trace later; else continue with its replacement"),
]
Rate = Annotated[int, Field(ge=1, le=10_000, description="most messages a second; the rest is only counted")]
DurationMs = Annotated[int | None, Field(ge=1, le=86_400_000, description="milliseconds until it ends")]
Redact = Annotated[bool, Field(description="redact secrets; false needs the scope `code`")]
Kind = Annotated[
    Literal["call", "cast", "info", "reply", "system"] | None, Field(description="only messages of this kind")
]
TRACE: Final = (
    "trace_id tracing ended names messages started_at ended_at message_limit duration_ms node "
    "left_out over_rate displaced"
)
MESSAGE: Final = "at from_name to_name type content status latency_ms from_pid to seq"
TRACED: Final = "total messages." + ",".join(MESSAGE.split()) + " patterns.latency"


@operation("trace.start", http=("POST", "/processes/{pid}/trace"), scope="operate", changes=True, errors=STARTS,
           short=TRACE)  # fmt: skip
async def start(
    ctx: Context,
    traces: Traces,
    /,
    pid: PidText,
    message_limit: MessageLimit = 1000,
    pattern_matching: Pattern = None,
    include_system_messages: System = False,
    auto_cleanup: Cleanup = True,
    rate: Rate = 1000,
    duration_ms: DurationMs = None,
) -> TraceInfo:
    """Trace the messages of a process.

    Records each message it sends and receives, with replies and causes. Other processes are not slowed down.
    """
    found = process_of(ctx, pid)
    options = _options(message_limit, pattern_matching, include_system_messages, auto_cleanup, rate, duration_ms)
    return _start(ctx, traces, [found], options, f"trace the messages of {called(found)}")


@operation(
    "trace.start_group",
    http=("POST", "/traces"),
    scope="operate",
    changes=True,
    errors=(*STARTS, "supervisor_not_found"),
    short=TRACE,
)
async def start_group(
    ctx: Context,
    traces: Traces,
    /,
    pids: Annotated[list[PidText], Field(max_length=MAX_PIDS, description="several processes"), Picker("process")] = [],  # noqa: B006
    supervisor: Annotated[SupervisorText | None, Field(description="trace all processes below this supervisor")] = None,
    message_limit: MessageLimit = 1000,
    pattern_matching: Pattern = None,
    include_system_messages: System = False,
    auto_cleanup: Cleanup = True,
    rate: Rate = 1000,
    duration_ms: DurationMs = None,
) -> TraceInfo:
    """Trace several processes, or a whole tree.

    `supervisor` traces its whole tree, including children that it starts later.
    """
    if bool(pids) == (supervisor is not None):
        raise OperationError(
            "validation_error", "expected pids or supervisor, got both or none", hint='try {"supervisor": "shop"}'
        )
    root = None if supervisor is None else supervisor_of(ctx, supervisor)
    members = [process_of(ctx, pid) for pid in pids] if root is None else list(_below(root))
    options = _options(message_limit, pattern_matching, include_system_messages, auto_cleanup, rate, duration_ms)
    what = f"{len(members)} processes" if root is None else f"all {len(members)} processes of {called(root)}"
    return _start(ctx, traces, members, options, f"trace the messages of {what}", root)


@operation("trace.stop", http=("DELETE", "/processes/{pid}/trace"), scope="operate", changes=True, errors=NO_TRACE,
           short=TRACE)  # fmt: skip
async def stop(ctx: Context, traces: Traces, /, pid: PidText) -> TraceInfo:
    """Stop the trace of a process.

    The captured messages stay. The process may have ended.
    """
    trace = _trace(ctx, traces, pid)
    if trace.is_group and trace.id != pid:
        raise OperationError(
            "trace_not_found",
            f"{clip(pid, 200)} is only part of the group trace {trace.id}",
            hint=f"stop it with POST /api/v1/traces/{trace.id}/stop",
        )
    return _stop(ctx, traces, trace)


@operation("trace.end", http=("POST", "/traces/{trace_id}/stop"), scope="operate", changes=True, errors=NO_TRACE,
           short=TRACE)  # fmt: skip
async def end(ctx: Context, traces: Traces, /, trace_id: TraceId) -> TraceInfo:
    """Stop a trace by its id.

    The captured messages stay.
    """
    return _stop(ctx, traces, _trace(ctx, traces, trace_id))


@operation(
    "trace.delete",
    http=("DELETE", "/traces/{trace_id}"),
    scope="operate",
    changes=True,
    destroys=True,
    errors=NO_TRACE,
)
async def delete(ctx: Context, traces: Traces, /, trace_id: TraceId) -> TraceForgotten:
    """Delete a trace and its messages."""
    trace = _trace(ctx, traces, trace_id)
    ctx.about_to(f"delete the trace {trace.id} with {len(trace.messages)} messages")
    traces.forget(trace)
    return TraceForgotten(trace_id=trace.id, messages=len(trace.messages), forgotten=True)


@operation("trace.list", http=("GET", "/traces"), scope="read",
           short="trace_id tracing names messages started_at ended node")  # fmt: skip
async def list_traces(
    ctx: Context, traces: Traces, /, page: PageNumber = 1, per_page: PerPage = 50
) -> Paged[TraceInfo]:
    """List the traces.

    Running and ended ones, newest first.
    """
    traces.look()
    found = [one for one in traces if one.node == ctx.node.name]
    return paged([trace_info(one) for one in found], page, per_page)


@operation("trace.info", http=("GET", "/traces/{trace_id}"), scope="read", errors=NO_TRACE, short=TRACE)
async def info(ctx: Context, traces: Traces, /, trace_id: TraceId) -> TraceInfo:
    """Show a trace.

    Its processes, and the number of messages it captured or only counted.
    """
    return trace_info(_trace(ctx, traces, trace_id))


@operation("trace.messages", http=("GET", "/processes/{pid}/messages"), scope="read", errors=NO_TRACE, short=TRACED)
async def messages(
    ctx: Context, traces: Traces, /, pid: PidText, redact: Redact = True, page: PageNumber = 1, per_page: PerPage = 50
) -> TracedMessages:
    """List the captured messages of a process.

    With statistics of all of them: kinds, frequencies, latencies, first words. This also works after the process ended.
    """
    ctx.check_secrets(redact=redact)
    trace = _trace(ctx, traces, pid)
    mine = pids_of(trace, pid)
    found = [one for one in trace.messages if one.sender in mine or one.receiver in mine]
    start = (page - 1) * per_page
    newest = max(mine, key=lambda one: int(one.split(".")[1]), default="")
    person = trace.people.get(newest)
    return TracedMessages(
        pid=newest,
        name=None if person is None else person.name,
        trace=trace_info(trace),
        messages=[describe_message(trace, one, mine, redact) for one in found[start : start + per_page]],
        total=len(found),
        page=page,
        per_page=per_page,
        redacted=redact,
        patterns=patterns_result(found),
    )


@operation("trace.history", http=("GET", "/traces/{trace_id}/messages"), scope="read", errors=NO_TRACE, short=MESSAGE)
async def history(
    ctx: Context,
    traces: Traces,
    /,
    trace_id: TraceId,
    kind: Kind = None,
    search: Annotated[str, Field(max_length=200, description="only messages whose displayed text contains this")] = "",
    after: Annotated[int, Field(ge=0, le=2**53, description="only messages with a greater `seq`")] = 0,
    redact: Redact = True,
    page: PageNumber = 1,
    per_page: PerPage = 50,
) -> Paged[TracedMessage]:
    """List the captured messages of a trace.

    Oldest first. Pass the last `seq` as `after` to continue.
    """
    ctx.check_secrets(redact=redact)
    trace = _trace(ctx, traces, trace_id)
    mine = {pid for pid, one in trace.people.items() if one.traced}
    found = [
        one
        for one in trace.messages
        if one.seq > after and kind in (None, one.way) and search.lower() in one.text.lower()
    ]
    start = (page - 1) * per_page
    lines = [describe_message(trace, one, mine, redact) for one in found[start : start + per_page]]
    return Paged(lines, len(found), page, per_page)


@operation("trace.causes", http=("GET", "/traces/{trace_id}/messages/{seq}/causes"), scope="read", errors=NO_TRACE,
           short=MESSAGE)  # fmt: skip
async def causes(
    ctx: Context,
    traces: Traces,
    /,
    trace_id: TraceId,
    seq: Annotated[int, Field(ge=0, le=2**53, description="the number of a message")],
    redact: Redact = True,
    page: PageNumber = 1,
    per_page: PerPage = 50,
) -> Paged[TracedMessage]:
    """Explain why a message was sent.

    The message, then the one that its sender was handling, and so on, as far as the trace covers it.
    """
    ctx.check_secrets(redact=redact)
    trace = _trace(ctx, traces, trace_id)
    mine = {pid for pid, one in trace.people.items() if one.traced}
    chain = causes_of(trace.messages, seq)
    if not chain:
        raise OperationError("trace_not_found", f"the trace {trace.id} has no message {seq}", hint="see its messages")
    return paged([describe_message(trace, one, mine, redact) for one in chain], page, per_page)


@operation("trace.patterns", http=("GET", "/traces/{trace_id}/patterns"), scope="read", errors=NO_TRACE)
async def patterns(ctx: Context, traces: Traces, /, trace_id: TraceId) -> PatternsResult:
    """Show statistics of a trace.

    Kinds, frequencies, latencies and first words of all captured messages.
    """
    return patterns_result(_trace(ctx, traces, trace_id).messages)


@operation("trace.latency", http=("GET", "/traces/{trace_id}/latency"), scope="read", errors=NO_TRACE,
           short="to_name tag calls unanswered latency.p50_ms,p99_ms,max_ms")  # fmt: skip
async def latency(
    ctx: Context, traces: Traces, /, trace_id: TraceId, page: PageNumber = 1, per_page: PerPage = 50
) -> Paged[LatencyLine]:
    """Show the latencies of calls.

    By receiver and request, the slowest first.
    """
    trace = _trace(ctx, traces, trace_id)
    lines = [
        LatencyLine(
            to=row.receiver, to_name=name_in(trace, row.receiver), tag=row.tag, calls=row.calls,
            unanswered=row.unanswered, latency=row.latency,
        )
        for row in latencies_of(list(trace.messages))
    ]  # fmt: skip
    return paged(lines, page, per_page)


@operation("trace.graph", http=("GET", "/traces/{trace_id}/graph"), scope="read", errors=NO_TRACE,
           short="from_name to_name total calls casts infos replies dropped latency.p50_ms,max_ms")  # fmt: skip
async def graph(
    ctx: Context, traces: Traces, /, trace_id: TraceId, page: PageNumber = 1, per_page: PerPage = 50
) -> Paged[ChatterLine]:
    """Count messages between traced processes.

    A line for each pair and direction, the most messages first.
    """
    trace = _trace(ctx, traces, trace_id)
    lines = [
        ChatterLine(
            from_pid=row.sender, from_name=name_in(trace, row.sender), to=row.receiver,
            to_name=name_in(trace, row.receiver), total=row.total, calls=row.calls, casts=row.casts, infos=row.infos,
            replies=row.replies, dropped=row.dropped, latency=row.latency,
        )
        for row in chatter_of(list(trace.messages))
    ]  # fmt: skip
    return paged(lines, page, per_page)


@operation("trace.unanswered", http=("GET", "/traces/{trace_id}/unanswered"), scope="read", errors=NO_TRACE,
           short=MESSAGE)  # fmt: skip
async def unanswered(
    ctx: Context,
    traces: Traces,
    /,
    trace_id: TraceId,
    redact: Redact = True,
    page: PageNumber = 1,
    per_page: PerPage = 50,
) -> Paged[TracedMessage]:
    """List unanswered calls.

    Oldest first.
    """
    ctx.check_secrets(redact=redact)
    trace = _trace(ctx, traces, trace_id)
    mine = {pid for pid, one in trace.people.items() if one.traced}
    return paged([describe_message(trace, one, mine, redact) for one in unanswered_of(trace.messages)], page, per_page)


@operation("trace.diagram", http=("GET", "/traces/{trace_id}/diagram"), scope="read", errors=NO_TRACE,
           short="drawing")  # fmt: skip
async def diagram(
    ctx: Context,
    traces: Traces,
    /,
    trace_id: TraceId,
    format: Annotated[Literal["data", "mermaid", "svg"], Field(description="data, Mermaid text, or a picture")] = (
        "data"
    ),
    fold: Annotated[bool, Field(description="show the children of a supervisor in one lane")] = False,
    after: Annotated[int, Field(ge=0, le=2**53, description="begin after this `seq`")] = 0,
    limit: Annotated[int, Field(ge=1, le=500, description="the most steps")] = 100,
) -> DiagramResult:
    """Draw a sequence diagram of a trace.

    Messages in order, calls with their replies, exits and crashes as marks. Secrets are redacted.
    """
    trace = _trace(ctx, traces, trace_id)
    note = f"{trace.over_rate} not captured" if trace.over_rate else ""
    found = diagram_of(
        [one for one in trace.messages if one.seq > after],
        [one for one in trace.marks if one.seq > after],
        trace.people,
        fold=fold,
        limit=limit,
        note=note,
    )
    drawing = {"data": None, "mermaid": as_mermaid, "svg": as_svg}[format]
    return DiagramResult(
        trace_id=trace.id,
        format=format,
        lanes=found.lanes,
        steps=found.steps if drawing is None else (),
        shown=len(found.steps),
        more=found.more,
        hidden=found.hidden,
        others=found.others,
        drawing=None if drawing is None else drawing(found),
    )


# Helpers


def _options(
    limit: int, pattern: str | None, system: bool, cleanup: bool, rate: int, duration_ms: int | None
) -> TraceOptions:
    return TraceOptions(limit, pattern, system, cleanup, rate, None if duration_ms is None else duration_ms / 1000)


def _start(
    ctx: Context, traces: Traces, pids: list[Pid], options: TraceOptions, would: str, root: Pid | None = None
) -> TraceInfo:
    with _starting():
        traces.check(ctx.node, pids, root=root)
        ctx.about_to(would)
        return trace_info(traces.start(ctx.node, pids, options, root=root))


@contextmanager
def _starting() -> Generator[None]:
    try:
        yield
    except AlreadyTracing as error:
        raise OperationError(
            "already_tracing", str(error), hint=f"stop it with POST /api/v1/traces/{error.trace.id}/stop"
        ) from None
    except TooManyTraces as error:
        raise OperationError("conflict", str(error), hint="stop one: GET /api/v1/traces lists them") from None


def _below(root: Pid) -> Iterable[Pid]:
    """Return a supervisor and its descendants, breadth first."""
    waiting = [root]
    seen: dict[Pid, None] = {root: None}
    while waiting and len(seen) < MAX_PIDS:
        state = supervisor_state(waiting.pop(0))
        for record in () if state is None else state.children:
            child = record.pid
            if child is not None and child not in seen and len(seen) < MAX_PIDS:
                seen[child] = None
                waiting.append(child)
    return seen


def _stop(ctx: Context, traces: Traces, trace: Trace) -> TraceInfo:
    if not trace.running:
        raise OperationError(
            "trace_not_found", f"the trace {trace.id} has already ended", hint=f"see GET /api/v1/traces/{trace.id}"
        )
    ctx.about_to(f"stop the trace {trace.id}; its {len(trace.messages)} messages stay")
    traces.stop(trace)
    return trace_info(trace)


def _trace(ctx: Context, traces: Traces, words: str) -> Trace:
    try:
        return traces.find(words, node=ctx.node.name)
    except NoTrace as error:
        is_id = re.fullmatch(r"t\d+", words) is not None
        hint = "GET /api/v1/traces lists them" if is_id else "start one with POST /api/v1/processes/{pid}/trace"
        raise OperationError("trace_not_found", clip(str(error), 400), hint=hint) from None
