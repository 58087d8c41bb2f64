"""Processes: list, details, kill, message."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import Annotated, Literal, cast

from pydantic import Field

import otp
from superlearner.control.clock import timestamp
from superlearner.control.events import facts_of
from superlearner.control.listing import IDLE, Column, ProcessFilter, Status
from superlearner.control.look import KINDS, Type, describe
from superlearner.control.process_list import Sort, list_processes
from superlearner.control.steer import NotThere, class_without_handle_info, deliver, kill, send_unchecked
from superlearner.control.terms import json_of, plain_pid, text_of
from superlearner.observing.monitoring.measuring import measure
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, Picker, operation
from superlearner.operations.engine.seams import LivePages
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import (
    Force,
    MeasureMs,
    OfWhom,
    PageNumber,
    PerPage,
    PidText,
    Reason,
    Term,
    TimeoutMs,
)
from superlearner.operations.results import (
    BulkError,
    BulkItem,
    BulkResult,
    KillResult,
    MessageResult,
    ProcessDetails,
    ProcessLine,
)
from superlearner.operations.targets import answering, called, feels, process_of, protect, term_of
from superlearner.restarts.memory import Memory
from superlearner.settings.settings import Settings

MAX_BULK = 1000
NOT_THERE = ("malformed_pid", "process_not_found")


@operation("process.list", http=("GET", "/processes"), scope="read", errors=NOT_THERE,
           short="pid name what status message_queue_len restarts messages_per_s callback_percent started_at "
                 "supervisor_name type links")  # fmt: skip
async def list_all(
    ctx: Context,
    pages: LivePages,
    /,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    type: Annotated[Type | None, Field(description="only supervisors, servers or plain functions")] = None,
    search: Annotated[str, Field(max_length=200, description="part of name, class or pid")] = "",
    sort: Annotated[Sort, Field(description="column; the prefix `-` reverses the order")] = "pid",
    status: Annotated[Status | None, Field(description="only processes with this status")] = None,
    what: Annotated[str, Field(max_length=200, description="only classes or functions with this prefix")] = "",
    mailbox: Annotated[int, Field(ge=0, description="only processes with at least this many messages waiting")] = 0,
    supervised: Annotated[bool | None, Field(description="only supervised processes, or only the others")] = None,
    below: Annotated[
        str | None,
        Field(max_length=20_000, description="only this process and its descendants"),
        Picker("process"),
    ] = None,
    whose: OfWhom = "yours",
    measure_ms: MeasureMs = 0,
) -> Paged[ProcessLine]:
    """List processes.

    The living processes of the node, without those that the platform runs for itself. `measure_ms` adds each process's
    messages per second and share of time in callbacks, which `sort=-messages` and `sort=-callback` need.
    """
    wanted = ProcessFilter(
        search=search,
        kind=None if type is None else KINDS[type],
        status=status,
        what=what,
        mailbox=mailbox,
        supervised=supervised,
        below=None if below is None else process_of(ctx, below),
        whose=whose,
        sort=cast("Column", sort.removeprefix("-")),
        descending=sort.startswith("-"),
    )
    seen = await measure(ctx.node, measure_ms / 1000) if measure_ms else None
    born = partial(pages.born, ctx.watched)
    lines, total = await list_processes(
        ctx.node, wanted, page=page, per_page=per_page, work=IDLE if seen is None else seen, born=born
    )
    if seen is None:
        for line in lines:
            line["messages_per_s"] = line["callback_percent"] = None
    return Paged([ProcessLine(**line) for line in lines], total, page, per_page)


@operation("process.info", http=("GET", "/processes/{pid}/info"), scope="read", errors=NOT_THERE,
           short="pid name what type status alive started_at parent message_queue_len messages current_call "
                 "state state_note trap_exit critical child links monitors monitored_by exits")  # fmt: skip
async def info(ctx: Context, pages: LivePages, /, pid: PidText) -> ProcessDetails:
    """Show a process.

    Links, monitors, mailbox, state (bounded, secrets redacted), ancestors, and exits of its predecessors.
    """
    found = process_of(ctx, pid)
    past = pages.past_of(ctx.node, found)
    with answering():
        try:
            facts = describe(ctx.node, found, key=past.key, started_at=pages.born(ctx.watched, found), exits=past.exits)
        except LookupError:
            raise NotThere("process", pid) from None
    return ProcessDetails(**facts)


@operation(
    "process.kill",
    http=("DELETE", "/processes/{pid}"),
    scope="operate",
    changes=True,
    destroys=True,
    errors=(*NOT_THERE, "critical_process_protection"),
)
async def end(
    ctx: Context, settings: Settings, /, pid: PidText, reason: Reason = "kill", force: Force = False
) -> KillResult:
    """Kill a process.

    Sends an exit signal and answers when the process is gone, or `terminated: false` if it trapped the signal.
    """
    found = process_of(ctx, pid)
    with answering():
        protect(ctx, found, force=force)
        ctx.about_to(f"send the exit signal {reason} to {called(found)}", lambda: feels(found, reason))
        killed = await kill(found, reason, wait=settings.kill_wait)
    return KillResult(
        pid=killed.pid, name=killed.name, reason=killed.reason, terminated=killed.terminated, timestamp=timestamp()
    )


@operation(
    "process.bulk",
    http=("POST", "/processes/bulk"),
    scope="operate",
    changes=True,
    destroys=True,
)
async def bulk(
    ctx: Context,
    settings: Settings,
    /,
    action: Annotated[Literal["kill"], Field(description="the action for each process")],
    pids: Annotated[
        list[str],
        Field(min_length=1, max_length=MAX_BULK, description="pids or registered names"),
        Picker("process"),
    ],
    reason: Reason = "kill",
    force: Force = False,
) -> BulkResult:
    """Kill many processes.

    Each process has its own result.
    """
    if ctx.dry_run:
        for text in pids:
            with suppress(OperationError):
                protect(ctx, process_of(ctx, text), force=force)
    ctx.about_to(f"send the exit signal {reason} to {len(pids)} processes", lambda: _list_affected(ctx, pids, reason))

    async def one(text: str) -> BulkItem:
        try:
            found = process_of(ctx, text)
            protect(ctx, found, force=force)
            with answering():
                killed = await kill(found, reason, wait=settings.kill_wait)
        except OperationError as error:
            return BulkItem(pid=text, ok=False, error=BulkError(code=error.code, message=error.message))
        return BulkItem(pid=text, ok=killed.terminated, terminated=killed.terminated)

    return BulkResult(action=action, results=list(await asyncio.gather(*(one(text) for text in pids))))


def _list_affected(ctx: Context, pids: list[str], reason: str) -> list[str]:
    """List the processes that several exits affect; a target that does not exist is listed as given."""
    felt: dict[str, None] = {}
    for text in pids:
        if len(felt) >= MAX_BULK:
            break
        try:
            felt |= dict.fromkeys(feels(process_of(ctx, text), reason))
        except OperationError:
            felt[text] = None
    return list(felt)


@operation(
    "process.message",
    http=("POST", "/processes/{pid}/message"),
    scope="operate",
    changes=True,
    errors=(*NOT_THERE, "critical_process_protection", "call_failed", "timeout"),
)
async def message(
    ctx: Context,
    pid: PidText,
    message: Term,
    message_type: Annotated[
        Literal["send", "cast", "call"], Field(description="how it is sent; a `call` waits for the reply")
    ] = "send",
    timeout_ms: TimeoutMs = 5000,
    force: Force = False,
) -> MessageResult:
    """Send a message to a process.

    As `send`, `cast` or `call`; a call returns the reply. Lists become tuples, which a process can match. A node that
    does not answer after a delivery, or a server without `handle_info`, gives a `warning`.
    """
    term = term_of(message, "message")
    try:
        found = process_of(ctx, pid)
    except OperationError as error:
        raise _ended(ctx, pid, error, asked=message_type == "call") from None
    with answering(found):
        protect(ctx, found, force=force)
        ctx.about_to(f"{message_type} {text_of(term, 100)} to {called(found)}", [called(found)])
        if message_type == "call" or ctx.later is None:
            reply = await deliver(found, term, message_type, timeout_ms / 1000)
        else:
            ctx.later.append(partial(send_unchecked, found, term, message_type))
            reply = None
    result = MessageResult(message_sent=True, message_type=message_type, target_pid=plain_pid(found))
    if message_type == "call":
        result.reply = json_of(reply)
    elif message_type == "send" and (cls := class_without_handle_info(found)):
        todo = "write @impl def handle_info(self, message, state)"
        result.warning, result.dropped = f"{cls} has no handle_info, so it drops the message; {todo}", True
    return result


def _ended(ctx: Context, text: str, error: OperationError, *, asked: bool) -> OperationError:
    """Return the error for a message to an ended process: why it ended, and the pid that it has now."""
    memory = Memory(otp.trace.history(ctx.node))
    pid = memory.process(text.removeprefix("#PID").strip("<>"))
    end = None if error.code != "process_not_found" else memory.ends.get(pid)
    if end is None:
        return error
    name = memory.name(pid)
    said = f"{name or text} ended{' before it answered' if asked else ''}: {facts_of(end).reason}"
    again = None if name is None else ctx.node.whereis(name)
    said += "" if again is None else f"; it runs again as {plain_pid(again)}"
    return OperationError("process_not_found", f"ServerDown: {said}" if asked else said)
