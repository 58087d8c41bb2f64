"""Errors: past exits, patterns among them, and causes of restarts."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any, Final

from pydantic import Field

import otp
from otp.observer import view_requests
from otp.observer.hints import hint_for
from superlearner.base.commands import command
from superlearner.control.clock import Clock, time_text
from superlearner.control.events import TraceEvent, facts_of
from superlearner.control.exits import ExitLog
from superlearner.control.handled import callback_of
from superlearner.control.names import registered_name
from superlearner.control.reasons import is_crash, place_text
from superlearner.control.slots import id_text
from superlearner.control.steer import HAS_ENDED, looks_like_pid
from superlearner.control.terms import message_text, plain_pid
from superlearner.control.wrong_results import QUESTION, place_of_end
from superlearner.nodes.nodes import WatchedNode
from superlearner.operations.builtin.processes import NOT_THERE, info
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, operation
from superlearner.operations.engine.audit import AuditLog
from superlearner.operations.engine.requesters import Origin, Requests
from superlearner.operations.engine.seams import LivePages
from superlearner.operations.failures import Detail, OperationError
from superlearner.operations.parameters import PageNumber, PerPage, PidText
from superlearner.operations.results import PastExit
from superlearner.operations.results.errors import ErrorLine, ErrorPattern, LastError, WhyParty, WhyStep
from superlearner.operations.targets import process_of
from superlearner.restarts.cause_steps import Step
from superlearner.restarts.memory import Memory
from superlearner.restarts.present import Running

EARLIER_RUN: Final = "each run of a program has its own pids; GET /api/v1/restarts lists restarts of earlier runs, too"


@operation("error.last", http=("GET", "/processes/{pid}/errors/last"), scope="read", errors=NOT_THERE)
async def last(ctx: Context, pages: LivePages, /, pid: PidText) -> LastError:
    """Show the last error of a process.

    The exit of its predecessor: reason, line, and the message it was handling. Of a process that has ended, its own.
    """
    found, exits = await _exits(ctx, pages, pid)
    return LastError(pid=plain_pid(found), alive=otp.is_alive(found), error=exits[0] if exits else None)


@operation("error.history", http=("GET", "/processes/{pid}/errors"), scope="read", errors=NOT_THERE,
           short="at reason where message pid")  # fmt: skip
async def history(
    ctx: Context, pages: LivePages, /, pid: PidText, page: PageNumber = 1, per_page: PerPage = 50
) -> Paged[PastExit]:
    """List the exits of a process's predecessors.

    The last 20 processes of the same child, newest first; with its own exit if it has ended.
    """
    _, exits = await _exits(ctx, pages, pid)
    start = (page - 1) * per_page
    note, since = (None, None) if exits else _describe_none(ctx, "ended", process=_name_of(pid))
    return Paged(exits[start : start + per_page], len(exits), page, per_page, note, since)


def _name_of(text: str) -> str | None:
    """Return the name of a process as restarts are listed by it; None for a pid."""
    return None if looks_like_pid(text) else text


def _describe_none(ctx: Context, what: str, process: str | None = None) -> tuple[str, int | None]:
    """Return since when no process has ended, and what lists the restarts of before; and that time."""
    events = otp.trace.history(ctx.node)
    since = int(Clock().wall(events[0].at)) if events else None
    begins = "" if since is None else f" since {time_text(since)}"
    listing = command("restart.list", process=process, node=ctx.nodes.option_of(ctx.node.name))
    return f"none {what} in the memory of {ctx.node_name}{begins}; `{listing}` lists what is stored", since


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


def origin_of(node: WatchedNode, audit: AuditLog, reader: str | None, clock: Clock, step: Step) -> Origin:
    """Return a step of a node with its origin, for a reader; None if that is not known yet."""
    pid = None if step.message is None and step.kind != "exited" else Running(node.node).parse(step.pid or "")
    last = None if pid is None else node.last_states.messages_of(pid)
    return Requests(node.name, audit, clock.wall, view_requests(node.node)).find_origin(step, reader, last)


@operation("error.list", http=("GET", "/errors"), scope="read",
           short="at count name reason where message pid what")  # fmt: skip
async def list_all(
    ctx: Context,
    fold: Annotated[
        bool,
        Field(
            description="true: crashes with the same reason and line are one entry, for each named process and for "
            "each class of unnamed ones"
        ),
    ] = True,
    page: PageNumber = 1,
    per_page: PerPage = 50,
) -> Paged[ErrorLine]:
    """List the newest failures.

    Crashed processes among the last 4,096 events of the node, newest first. Identical crashes are one entry, which
    describes the newest one and has their `count` and the time of the first.
    """
    events = otp.trace.history(ctx.node)
    found = [event for event in reversed(events) if event.kind == "exited" and is_crash(event.data["reason"])]
    clock = Clock()
    start = (page - 1) * per_page
    lines: list[ErrorLine] = []
    names = _names(ctx.node, events) if found else []
    alike = list(_fold(found)) if fold else [[event] for event in found]
    for some in alike[start : start + per_page]:
        event, data = some[0], some[0].data
        name, message, callback = data.get("name"), data.get("message"), callback_of(data)
        what, reason = id_text(data.get("what")), data["reason"]
        place = place_of_end(ctx.node, data, event.seq)
        said, hint = facts_of(event).reason, hint_for(reason, callback, names)
        if hint is not None and hint.endswith(QUESTION) and QUESTION not in said:
            hint = None  # the reason answers it
        lines.append(
            ErrorLine(
                event=event.seq,
                at=clock.wall(event.at),
                count=len(some),
                first_at=clock.wall(some[-1].at),
                pid=None if event.pid is None else plain_pid(event.pid),
                name=None if name is None else id_text(name),
                what=what,
                reason=said,
                where=None if place is None else place_text(place),
                callback=callback,
                message=None if message is None else message_text(message, 300),
                hint=hint,
            )
        )
    note, since = (None, None) if found else _describe_none(ctx, "crashed")
    return Paged(lines, len(alike), page, per_page, note, since)


def _fold(ends: Iterable[otp.trace.Event]) -> Iterable[list[otp.trace.Event]]:
    """Group the ends of one process with the same reason and line, newest first."""
    alike: dict[tuple[Any, ...], list[otp.trace.Event]] = {}
    for end in ends:
        facts, who = facts_of(end), end.data.get("name")
        who = end.data.get("what") if who is None else who
        alike.setdefault((id_text(who), facts.reason, facts.where, callback_of(end.data)), []).append(end)
    return alike.values()


def _names(node: otp.Node, events: Iterable[TraceEvent]) -> list[Any]:
    """Return the names of all processes, also of those that have ended: a crash may have ended them together."""
    living = (otp.process_info(one, "registered_name") for one in node.processes())
    return list(dict.fromkeys([*living, *(event.data.get("name") for event in events)]))


async def _exits(ctx: Context, pages: LivePages, text: str) -> tuple[otp.Pid, list[PastExit]]:
    """Return a process and the exits of its predecessors, newest first; with its own if it has ended."""
    found = find_process(ctx, text)
    alive = otp.is_alive(found)
    exits = (await info(ctx, pages, plain_pid(found))).exits if alive else []
    called = registered_name(found) if alive else None
    if exits or (alive and called is None):
        return found, exits
    memory, log = Memory(otp.trace.history(ctx.node)), ExitLog(Clock().offset)
    name = memory.name(found) if called is None else id_text(called)  # of no child that has ended: by its name
    ends = [event for pid, event in memory.ends.items() if pid is found or memory.name(pid) == name]
    for event in ends:
        log.take("", event)
    messages = {event.seq: event.data.get("message") for event in ends}
    return found, [PastExit(**one.to_json(messages[one.event])) for one in log.of("")]


def find_process(ctx: Context, text: str) -> otp.Pid:
    """Return the process that `text` names, or the last one in memory that it named.

    Raises:
        OperationError: `malformed_pid`, `process_not_found`.
    """
    try:
        return process_of(ctx, text)
    except OperationError as error:
        if error.code != "process_not_found":
            raise
        memory = Memory(otp.trace.history(ctx.node))
        found = memory.newest(text) or memory.process(text.removeprefix("#PID").strip("<>"))
        if found is not None:
            return found
        if looks_like_pid(text):
            hints = (_describe_forgotten(ctx), EARLIER_RUN) if str(error).endswith(HAS_ENDED) else (EARLIER_RUN,)
            error.details = (*error.details, *(Detail(None, str(error), hint) for hint in hints))
        elif meant := get_close_matches(
            text, [id_text(one) for one in _names(ctx.node, memory.events) if one is not None], 1
        ):
            said = f"{error.message.partition('; did you mean ')[0]}; did you mean {meant[0]}?"
            raise OperationError(error.code, said, details=error.details) from None
        raise


def _describe_forgotten(ctx: Context) -> str:
    """Return why the end of a process is not known."""
    oldest = next(iter(otp.trace.history(ctx.node)), None)
    has = "it is empty" if oldest is None else f"its oldest event is of {time_text(Clock().wall(oldest.at))}"
    return (
        f"the history of {ctx.node_name} has no record of its end: {has}; of unsupervised processes, it has the newest "
        "failures, at most ten a second, and normal exits only while a platform is attached"
    )


def describe_step(origin: Origin, clock: Clock) -> WhyStep:
    """Return a step as the operation does."""
    step = origin.step
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
        request=origin.request,
        handled=origin.handled,
        lost=origin.lost,
        strategy=step.strategy,
        parties=[
            WhyParty(role=one.role, name=one.name, pid=one.pid, at=clock.wall(one.at_ns), reason=one.reason)
            for one in step.parties
        ],
        used=step.used,
        allowed=step.allowed,
        window=step.window,
    )
