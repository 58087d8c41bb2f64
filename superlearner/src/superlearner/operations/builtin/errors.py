"""Errors: past exits, patterns among them, and causes of restarts."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, cast

import otp
from otp.observer.hints import hint_for
from superlearner.control.clock import Clock
from superlearner.control.mistakes import place_of
from superlearner.control.reasons import is_crash, place_text, text_of_reason, where_of
from superlearner.control.slots import id_text
from superlearner.control.terms import message_text, plain_pid
from superlearner.operations.builtin.processes import NOT_THERE, info
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, operation
from superlearner.operations.engine.audit import AuditLog
from superlearner.operations.engine.seams import LivePages
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import PageNumber, PerPage, PidText
from superlearner.operations.results import PastExit, Pid
from superlearner.operations.results.errors import ErrorLine, ErrorPattern, LastError, Why, WhyParty, WhyStep
from superlearner.operations.targets import process_of
from superlearner.restarts.cause_steps import BY_OUTSIDE, OUTSIDE, Step
from superlearner.restarts.causes import why as causes_of

AUDIT_S: Final = 0.05
"""The greatest difference between the clocks of node and audit log, in seconds."""

DOORS: Final = {"rest": "over HTTP", "cli": "from the command line", "page": "from the page", "mcp": "through MCP",
                "console": "from the console"}  # fmt: skip


@operation("error.last", http=("GET", "/processes/{pid}/errors/last"), scope="read", errors=NOT_THERE)
async def last(ctx: Context, pages: LivePages, /, pid: PidText) -> LastError:
    """Show the last error of a process.

    The exit of its predecessor: reason, line, and the message it was handling.
    """
    number, exits = await _exits(ctx, pages, pid)
    return LastError(pid=number, error=exits[0] if exits else None)


@operation("error.history", http=("GET", "/processes/{pid}/errors"), scope="read", errors=NOT_THERE,
           short="at reason where message pid")  # fmt: skip
async def history(
    ctx: Context, pages: LivePages, /, pid: PidText, page: PageNumber = 1, per_page: PerPage = 50
) -> Paged[PastExit]:
    """List the exits of a process's predecessors.

    The last 20 processes of the same child, newest first.
    """
    _, exits = await _exits(ctx, pages, pid)
    start = (page - 1) * per_page
    return Paged(exits[start : start + per_page], len(exits), page, per_page)


@operation("error.patterns", http=("GET", "/processes/{pid}/errors/patterns"), scope="read", errors=NOT_THERE,
           short="count reason where last_at first_at")  # fmt: skip
async def patterns(ctx: Context, pages: LivePages, /, pid: PidText) -> list[ErrorPattern]:
    """Group the exits of a process's predecessors.

    By reason and line, the most frequent first.
    """
    _, exits = await _exits(ctx, pages, pid)
    alike: dict[tuple[str, str | None], list[PastExit]] = {}
    for one in exits:
        alike.setdefault((one.reason, one.where), []).append(one)
    found = [
        ErrorPattern(
            reason=reason,
            where=where,
            crash=group[0].crash,
            count=len(group),
            first_at=group[-1].at,
            last_at=group[0].at,
        )
        for (reason, where), group in alike.items()
    ]
    return sorted(found, key=lambda pattern: -pattern.count)


@operation("error.why", http=("GET", "/processes/{pid}/errors/why"), scope="read", errors=NOT_THERE,
           short="summary restarted alive")  # fmt: skip
async def why(ctx: Context, audit: AuditLog, /, pid: PidText) -> Why:
    """Explain why a process was restarted.

    The chain of causes in words and as values: the failure and its line, the processes that ended with it, and the
    actions of supervisors, across links and give-ups. For a process that has ended, it explains the exit.
    """
    try:
        number, alive = plain_pid(process_of(ctx, pid)), True
    except OperationError as error:
        if error.code != "process_not_found":
            raise
        number, alive = pid.removeprefix("#PID").strip("<>"), False
        if not (causes := causes_of(ctx.node, number)):
            raise
    else:
        causes = causes_of(ctx.node, number)
    clock = Clock()
    steps = [with_request(ctx.node.name, ctx.user.name, audit, step, clock.wall(step.at_ns)) for step in causes]
    return Why(
        pid=number,
        alive=alive,
        restarted=any(step.kind == "child_restarted" or (alive and step.kind == "exited") for step, _ in steps),
        known=bool(steps),
        summary="; ".join(step.text for step, _ in steps) or "the events are no longer in memory",
        steps=[_why_step(step, request, clock) for step, request in steps],
    )


def with_request(node: str, reader: str | None, audit: AuditLog, step: Step, at: float) -> tuple[Step, str | None]:
    """Return the step, with the request that ended the process of a node if the audit log has one.

    A node in another program has a log of its own, of the requests that the platform forwarded to it. `reader` is the
    user who reads it; None if that is not known yet.
    """
    if step.signal_from != OUTSIDE:
        return step, None
    named = {step.pid, f"<{step.pid}>", f"#PID<{step.pid}>", step.name} - {None}
    for entry in reversed(audit.entries()):
        if entry.at < at - AUDIT_S:
            break
        is_there = entry.outcome == "ok" and entry.node in (None, node)
        if is_there and entry.at - entry.duration <= at + AUDIT_S and _names(entry.parameters, named):
            others = "a request" if reader is None else "the request of another user"
            whose = "your request" if entry.user == reader else others
            request = f"{whose} {DOORS.get(entry.claims or entry.door, entry.claims or entry.door)} ({entry.operation})"
            return replace(step, text=step.text.replace(f"by {BY_OUTSIDE}", f"by {request}")), request
    return step, None


def _names(parameters: object, named: set[str | None]) -> bool:
    """Return whether a parameter of the request names the process."""
    if isinstance(parameters, dict):
        return any(_names(value, named) for value in cast("dict[str, object]", parameters).values())
    if isinstance(parameters, list):
        return any(_names(value, named) for value in cast("list[object]", parameters))
    return isinstance(parameters, str) and parameters in named


def _why_step(step: Step, request: str | None, clock: Clock) -> WhyStep:
    return WhyStep(
        event=step.event,
        at=clock.wall(step.at_ns),
        kind=step.kind,
        pid=step.pid,
        text=step.text,
        name=step.name,
        reason=step.reason,
        crash=step.crash,
        times=step.times,
        line=step.line,
        by=step.signal_from,
        request=request,
        strategy=step.strategy,
        parties=[
            WhyParty(role=one.role, name=one.name, pid=one.pid, at=clock.wall(one.at_ns), reason=one.reason)
            for one in step.parties
        ],
        used=step.used,
        allowed=step.allowed,
        window=step.window,
    )


@operation("error.list", http=("GET", "/errors"), scope="read", short="at name reason where message pid what")
async def list_all(ctx: Context, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[ErrorLine]:
    """List the newest failures.

    Crashed processes among the last 4,096 events of the node, newest first.
    """
    events = otp.trace.history(ctx.node)
    found = [event for event in reversed(events) if event.kind == "exited" and is_crash(event.data["reason"])]
    clock = Clock()
    start = (page - 1) * per_page
    lines: list[ErrorLine] = []
    names = [otp.process_info(one, "registered_name") for one in ctx.node.processes()] if found else []
    for event in found[start : start + per_page]:
        data = event.data
        name, message, callback = data.get("name"), data.get("message"), data.get("callback")
        what, reason = id_text(data.get("what")), data["reason"]
        place = place_of(what, callback, reason)
        lines.append(
            ErrorLine(
                event=event.seq,
                at=clock.wall(event.at),
                pid=None if event.pid is None else plain_pid(event.pid),
                name=None if name is None else id_text(name),
                what=what,
                reason=text_of_reason(reason),
                where=where_of(reason) if place is None else place_text(place),
                callback=callback,
                message=None if message is None else message_text(message, 300),
                hint=hint_for(reason, callback, names),
            )
        )
    return Paged(lines, len(found), page, per_page)


async def _exits(ctx: Context, pages: LivePages, pid: str) -> tuple[Pid, list[PastExit]]:
    details = await info(ctx, pages, pid)
    return details.pid, details.exits
