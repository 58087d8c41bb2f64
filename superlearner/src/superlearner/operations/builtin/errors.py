"""Errors: past exits, patterns among them, and causes of restarts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import otp
from otp import Node, sentences
from otp.observer.hints import hint_for
from superlearner.control.clock import Clock
from superlearner.control.events import TraceEvent, facts_of, is_restart
from superlearner.control.exits import ExitLog
from superlearner.control.mistakes import place_of
from superlearner.control.names import display_name
from superlearner.control.reasons import is_crash, place_text, where_of
from superlearner.control.slots import id_text
from superlearner.control.terms import message_text, plain_pid
from superlearner.control.wrong_results import QUESTION
from superlearner.nodes.nodes import WatchedNode
from superlearner.operations.builtin.processes import NOT_THERE, info
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, operation
from superlearner.operations.engine.audit import AuditLog
from superlearner.operations.engine.requesters import Origin, find_origin
from superlearner.operations.engine.seams import LivePages
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import PageNumber, PerPage, PidText
from superlearner.operations.results import PastExit
from superlearner.operations.results.errors import ErrorLine, ErrorPattern, LastError, Why, WhyParty, WhyStep
from superlearner.operations.targets import process_of
from superlearner.restarts.cause_steps import Step
from superlearner.restarts.causes import why as causes_of
from superlearner.restarts.groups import groups
from superlearner.restarts.ids import RUN
from superlearner.restarts.memory import Memory
from superlearner.restarts.moments import goes_on
from superlearner.restarts.present import Running, waits
from superlearner.restarts.tables import Past

AFTER_AN_END: Final = ("child_restarted", "gave_up")
ENDED: Final = ("exited", "stopped")
"""The kinds of steps about an earlier process."""
RESTART: Final = re.compile(rf"{RUN.pattern}\.[1-9][0-9]*")
LOOP: Final = 5
"""Restarts for the same reason from which on their number is shown."""


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
           short="summary restarted alive earlier")  # fmt: skip
async def why(ctx: Context, audit: AuditLog, /, pid: PidText) -> Why:
    """Explain why a process was restarted.

    The chain of causes in words and as values: the failure and its line, the processes that ended with it, and the
    actions of supervisors, across links and give-ups; and how often the child was restarted for the same reason. For a
    process that has ended, it explains the exit, and the supervisors that gave up because of it; a name means the last
    process that had it.
    """
    if RESTART.fullmatch(pid):
        shows = f"`{ctx.command('restart.show', pid)}` shows it"
        raise OperationError("process_not_found", f"{pid} is the id of a restart, not of a process", hint=shows)
    found = _find_process(ctx, pid)
    number, alive = plain_pid(found), otp.is_alive(found)
    fallen = None if alive else _find_fallen(ctx.node, found)
    causes = causes_of(ctx.node, number if fallen is None else plain_pid(fallen))
    clock = Clock()
    origins = [origin_of(ctx.watched, audit, ctx.user.name, clock, step) for step in causes]
    told = "; ".join(one.step.text for one in origins) or "it started before the events in memory"
    restarted = any(step.kind == "child_restarted" or (alive and step.kind in ENDED) for step in causes)
    who = "it" if fallen is None or fallen is found else pid
    going_on = not alive and _is_being_restarted(ctx.node, found)
    state = () if alive else ("it is being restarted" if going_on else f"{who} is not running",)
    return Why(
        pid=number,
        alive=alive,
        restarted=None if going_on else restarted,
        known=bool(causes),
        summary=sentences.story(told, _describe_loop(ctx.node, causes), *state),
        earlier=None if restarted or not alive else _describe_earlier(ctx, found, clock),
        steps=[_why_step(one, clock) for one in origins],
    )


def _is_being_restarted(node: Node, ended: otp.Pid) -> bool:
    """Return whether supervisors still handle the end of a process."""
    memory, now = Memory(otp.trace.history(node)), Running(node)
    end = memory.ends.get(ended)
    group = None if end is None else groups(memory, lambda one: waits(now, one)).get(end.seq)
    return group is not None and goes_on(group, Past(memory, now, 0), now)


def _describe_earlier(ctx: Context, pid: otp.Pid, clock: Clock) -> str | None:
    """Return since when a process has had no restart, and where earlier ones are listed; None without a name."""
    name, events = display_name(pid), otp.trace.history(ctx.node)
    if name is None or not events:
        return None
    begin = datetime.fromtimestamp(clock.wall(events[0].at))
    listing = ctx.command("restart.list", process=name)
    since = f"not restarted since {begin:%H:%M:%S}, where the events in memory begin"
    return f"{since}; `{listing}` lists earlier ones, if any"


def _find_fallen(node: Node, ended: otp.Pid) -> otp.Pid | None:
    """Return the highest supervisor that gave up after the last end of a process of this name; None if none did."""
    memory = Memory(otp.trace.history(node))
    sorted_events, name = groups(memory), memory.name(ended)
    ends = [end for pid, end in memory.ends.items() if pid is ended or (name is not None and memory.name(pid) == name)]
    for end in reversed(ends):
        group = sorted_events.get(end.seq)
        given_up = [] if group is None else group.of("gave_up")
        if given_up and given_up[-1].seq > ends[-1].seq:  # else another tree may have begun
            return given_up[-1].pid
    return _find_fallen_above(memory, ends[-1]) if ends else None


def _find_fallen_above(memory: Memory, end: TraceEvent) -> otp.Pid | None:
    """Return the highest supervisor above a process that gave up after its end; one may have failed to start in it."""
    parents = {event.pid: event.data.get("parent") for event in memory.events if event.kind == "spawned"}
    found, above, seen = None, parents.get(end.pid), set[Any]()
    while above is not None and above not in seen:
        seen.add(above)
        if any(one.kind == "gave_up" and one.seq > end.seq for one in memory.doings.get(above, ())):
            found = above
        above = parents.get(above)
    return found


def _describe_loop(node: Node, causes: Sequence[Step]) -> str:
    """Return how often the child of the last step was restarted for the same reason; "" if that is seldom."""
    memory = Memory(otp.trace.history(node))
    events = (memory.by_seq.get(step.event) for step in reversed(causes))
    last = next((event for event in events if event is not None and event.kind in AFTER_AN_END), None)
    if last is None:
        return ""
    reason = facts_of(last).reason
    alike = [
        event
        for event in memory.doings.get(last.pid, ())
        if is_restart(event) and event.data["id"] == last.data["id"] and facts_of(event).reason == reason
    ]
    if len(alike) < LOOP:
        return ""
    took = max(1, round((alike[-1].at - alike[0].at) / 1e9))
    told = f"it was restarted {len(alike)} times for this reason, within {took} s"
    ends = [memory.ends.get(event.data["old"]) for event in alike]
    handled = Counter(message_text(end.data["message"], 80) for end in ends if end and end.data.get("message"))
    message, times = handled.most_common(1)[0] if handled else ("", 0)
    if times < 2 * len(alike) / 3:  # the messages differ, or there are none
        return told
    return f"{told}, {'each time' if times == len(alike) else f'{times} times'} while it handled {message}"


def origin_of(node: WatchedNode, audit: AuditLog, reader: str | None, clock: Clock, step: Step) -> Origin:
    """Return a step of a node with its origin, for a reader; None if that is not known yet."""
    pid = None if step.message is None and step.kind != "exited" else Running(node.node).parse(step.pid or "")
    last = None if pid is None else node.last_states.messages_of(pid)
    return find_origin(step, node.name, audit, reader, clock.wall, last)


def _why_step(origin: Origin, clock: Clock) -> WhyStep:
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
    names = _names(ctx.node, events) if found else []
    for event in found[start : start + per_page]:
        data = event.data
        name, message, callback = data.get("name"), data.get("message"), data.get("callback")
        what, reason = id_text(data.get("what")), data["reason"]
        place = place_of(what, callback, reason, message=message)
        said, hint = facts_of(event).reason, hint_for(reason, callback, names)
        if hint is not None and hint.endswith(QUESTION) and QUESTION not in said:
            hint = None  # the reason answers it
        lines.append(
            ErrorLine(
                event=event.seq,
                at=clock.wall(event.at),
                pid=None if event.pid is None else plain_pid(event.pid),
                name=None if name is None else id_text(name),
                what=what,
                reason=said,
                where=where_of(reason) if place is None else place_text(place),
                callback=callback,
                message=None if message is None else message_text(message, 300),
                hint=hint,
            )
        )
    return Paged(lines, len(found), page, per_page)


def _names(node: otp.Node, events: Iterable[TraceEvent]) -> list[Any]:
    """Return the names of all processes, also of those that have ended: a crash may have ended them together."""
    living = (otp.process_info(one, "registered_name") for one in node.processes())
    return list(dict.fromkeys([*living, *(event.data.get("name") for event in events)]))


async def _exits(ctx: Context, pages: LivePages, text: str) -> tuple[otp.Pid, list[PastExit]]:
    """Return a process and the exits of its predecessors, newest first; with its own if it has ended."""
    found = _find_process(ctx, text)
    if otp.is_alive(found):
        return found, (await info(ctx, pages, plain_pid(found))).exits
    memory, log = Memory(otp.trace.history(ctx.node)), ExitLog(Clock().offset)
    name = memory.name(found)
    ends = [event for pid, event in memory.ends.items() if pid is found or memory.name(pid) == name]
    for event in ends:
        log.take("", event)
    messages = {event.seq: event.data.get("message") for event in ends}
    return found, [PastExit(**one.to_json(messages[one.event])) for one in log.of("")]


def _find_process(ctx: Context, text: str) -> otp.Pid:
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
        if found is None:
            raise
        return found
