"""Debugging of running servers with `otp.sys`."""

from __future__ import annotations

import time
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from otp import Pid, sys
from superlearner.base.telemetry import Telemetry
from superlearner.control.debug_words import debug_words
from superlearner.control.names import display_name, registered_name
from superlearner.control.terms import plain_pid, text_of
from superlearner.control.tree import what_of
from superlearner.observing.events import EventLog
from superlearner.observing.events.event import Event
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, operation
from superlearner.operations.parameters import Force, PageNumber, PerPage, PidText, Reason, TimeoutMs
from superlearner.operations.results.debugging import (
    DebugEvent,
    DebugStatistics,
    DebugStatus,
    Switched,
    Terminating,
)
from superlearner.operations.targets import asking, called, feels, protect, server_of

ASKS = ("malformed_pid", "process_not_found", "not_a_server", "sensitive_process", "timeout", "call_failed")
CHANGES = (*ASKS, "critical_process_protection")
TRACE: Final = "superlearner.trace"

On = Annotated[bool, Field(description="true switches it on, false off")]


@operation("debug.status", http=("GET", "/processes/{pid}/debug"), scope="read", errors=ASKS)
async def status(ctx: Context, pid: PidText, timeout_ms: TimeoutMs = 5000) -> DebugStatus:
    """Show the status of a server.

    The server itself answers, so a busy one may time out; `process.info` sends no message.
    """
    found = server_of(ctx, pid)
    with asking():
        reported = await sys.get_status(found, timeout_ms / 1000)
    return DebugStatus(
        pid=plain_pid(found),
        name=display_name(found),
        what=what_of(found),
        module=reported.module.__module__,
        status=reported.status,
        parent=None if reported.parent is None else plain_pid(reported.parent),
        state=text_of(reported.state),
    )


@operation("debug.statistics", http=("GET", "/processes/{pid}/debug/statistics"), scope="read", errors=ASKS)
async def statistics(ctx: Context, pid: PidText, timeout_ms: TimeoutMs = 5000) -> DebugStatistics:
    """Show the message counts of a server.

    Received messages and sent answers since counting was switched on.
    """
    found = server_of(ctx, pid)
    with asking():
        counted = await sys.statistics(found, "get", timeout_ms / 1000)
    if not isinstance(counted, sys.Statistics):
        return DebugStatistics(pid=plain_pid(found), counting=False, for_s=None, messages_in=None, messages_out=None)
    return DebugStatistics(
        pid=plain_pid(found),
        counting=True,
        for_s=round(counted.current_time - counted.start_time, 6),
        messages_in=counted.messages_in,
        messages_out=counted.messages_out,
    )


@operation(
    "debug.count", http=("PUT", "/processes/{pid}/debug/statistics"), scope="operate", changes=True, errors=CHANGES
)
async def count(ctx: Context, pid: PidText, on: On = True, timeout_ms: TimeoutMs = 5000) -> Switched:
    """Count the messages of a server.

    Switching it on restarts the counts at 0.
    """
    found = server_of(ctx, pid)
    with asking():
        protect(ctx, found, force=None)
        ctx.about_to(f"{'start' if on else 'stop'} counting the messages of {called(found)}")
        await sys.statistics(found, on, timeout_ms / 1000)
    return _switched(found, "statistics", on)


@operation("debug.log", http=("GET", "/processes/{pid}/debug/log"), scope="read", errors=ASKS)
async def log(
    ctx: Context, pid: PidText, page: PageNumber = 1, per_page: PerPage = 50, timeout_ms: TimeoutMs = 5000
) -> Paged[DebugEvent]:
    """Show the latest events of a server.

    Messages and answers since its event log was switched on, oldest first.
    """
    found = server_of(ctx, pid)
    with asking():
        kept = await sys.log(found, "get", timeout_ms / 1000)
    start = (page - 1) * per_page
    return Paged([_event(one) for one in kept[start : start + per_page]], len(kept), page, per_page)


@operation("debug.keep_log", http=("PUT", "/processes/{pid}/debug/log"), scope="operate", changes=True, errors=CHANGES)
async def keep_log(
    ctx: Context,
    pid: PidText,
    on: On = True,
    size: Annotated[int, Field(ge=1, le=1000, description="the most events to keep")] = 100,
    timeout_ms: TimeoutMs = 5000,
) -> Switched:
    """Switch the event log of a server on or off.

    Switching it off deletes its events.
    """
    found = server_of(ctx, pid)
    with asking():
        protect(ctx, found, force=None)
        ctx.about_to(f"{'keep the latest events' if on else 'delete the events'} of {called(found)}")
        await sys.log(found, (True, size) if on else False, timeout_ms / 1000)
    return _switched(found, "log", on)


@operation("debug.trace", http=("PUT", "/processes/{pid}/debug/trace"), scope="operate", changes=True, errors=CHANGES)
async def trace(
    ctx: Context,
    telemetry: Telemetry,
    events: EventLog,
    /,
    pid: PidText,
    on: On = True,
    limit: Annotated[int, Field(ge=1, le=10_000, description="end after this many events")] = 1000,
    timeout_ms: TimeoutMs = 5000,
) -> Switched:
    """Trace the messages and answers of a server.

    Each becomes an event `debugged` and telemetry `process.debug`, up to the limit. The result names the command that
    prints them.
    """
    found = server_of(ctx, pid)
    number = plain_pid(found)
    node, registered, process = ctx.node.name, registered_name(found), called(found)

    def publish(seen: int, event: Any, name: Any) -> int | str:
        direction, text = debug_words(event)
        about = {"pid": number, "direction": direction, "text": text}
        telemetry.execute("process.debug", {"number": seen + 1}, about)
        words = f"{process}: {direction}, {text}"
        data = {"direction": direction, "text": text, "number": seen + 1}
        at = round(time.time(), 6)
        events.publish(Event("debugged", at, words, data, node=node, pid=number, name=registered))
        return "done" if seen + 1 >= limit else seen + 1

    with asking():
        protect(ctx, found, force=None)
        ctx.about_to(f"{'start' if on else 'stop'} tracing {called(found)}")
        await sys.remove(found, TRACE, timeout_ms / 1000)
        if on:
            await sys.install(found, (TRACE, publish, 0), timeout_ms / 1000)
    if not on:
        return _switched(found, "trace", on)
    watch = ctx.command("events.stream", types=["debugged"], pid=number)
    return Switched(pid=number, name=registered, what="trace", on=on, watch=watch)


@operation("debug.off", http=("DELETE", "/processes/{pid}/debug"), scope="operate", changes=True, errors=CHANGES)
async def off(ctx: Context, pid: PidText, timeout_ms: TimeoutMs = 5000) -> Switched:
    """Switch off all debugging of a server.

    Counting, event log, trace, and debug functions that its own program installed.
    """
    found = server_of(ctx, pid)
    with asking():
        protect(ctx, found, force=None)
        ctx.about_to(f"switch off all debugging of {called(found)}")
        await sys.no_debug(found, timeout_ms / 1000)
    return _switched(found, "all", on=False)


@operation(
    "debug.terminate",
    http=("POST", "/processes/{pid}/debug/terminate"),
    scope="operate",
    changes=True,
    destroys=True,
    errors=CHANGES,
)
async def terminate(
    ctx: Context, pid: PidText, reason: Reason = "normal", timeout_ms: TimeoutMs = 5000, force: Force = False
) -> Terminating:
    """Ask a server to terminate.

    It first handles the messages before the request, then runs its `terminate` callback. The result comes before it
    has ended.
    """
    found = server_of(ctx, pid)
    with asking():
        protect(ctx, found, force=force)
        ctx.about_to(f"terminate {called(found)} with reason {reason}", lambda: feels(found, reason))
        name = display_name(found)
        await sys.terminate(found, reason, timeout_ms / 1000)
    return Terminating(pid=plain_pid(found), name=name, reason=reason)


def _switched(pid: Pid, what: Literal["statistics", "log", "trace", "all"], on: bool) -> Switched:
    return Switched(pid=plain_pid(pid), name=display_name(pid), what=what, on=on)


def _event(event: Any) -> DebugEvent:
    direction, text = debug_words(event)
    return DebugEvent(direction=direction, text=text)
