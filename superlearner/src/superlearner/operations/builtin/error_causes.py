"""Causes of restarts: the chain that led to one, and how often it has happened."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from typing import Any, Final, NamedTuple

import otp
from otp import Node, observer
from superlearner.base.commands import command
from superlearner.control.clock import Clock, time_text
from superlearner.control.events import STARTS, TraceEvent
from superlearner.control.look import describe_callback
from superlearner.control.names import display_name
from superlearner.control.slots import id_text
from superlearner.control.steer import describe_suspension, looks_like_pid
from superlearner.control.terms import plain_pid
from superlearner.control.timeouts import caller_of
from superlearner.nodes.nodes import WatchedNode, full_names
from superlearner.nodes.remote import RemoteError, RemoteNode
from superlearner.nodes.remote.protocol import Named, Names
from superlearner.observing.monitoring.timeouts import describe_calls_of, pids_of
from superlearner.operations.builtin.error_repeats import count_repeats, describe_before, describe_repeats
from superlearner.operations.builtin.error_stored import (
    MOST_PROBLEMS,
    describe_end,
    explain_absent,
    find_stored,
    is_end,
    is_problem,
    list_command,
    list_problems,
    words_of,
)
from superlearner.operations.builtin.errors import describe_step, find_process, origin_of
from superlearner.operations.builtin.processes import NOT_THERE
from superlearner.operations.builtin.restart_lines import MOST_FOLDED, describe_row, list_open
from superlearner.operations.builtin.restart_loops import FAILED_START, GAVE_UP, INCIDENT, clause_about, is_sum
from superlearner.operations.builtin.restart_words import how_ended_in, page_about, read_moment, was_restarted_in
from superlearner.operations.context import Context
from superlearner.operations.declaration import Operation, declared, operation
from superlearner.operations.engine.audit import AuditLog
from superlearner.operations.engine.forwarding import forward
from superlearner.operations.engine.seams import MomentHistory
from superlearner.operations.failures import Detail, OperationError
from superlearner.operations.parameters import PidText
from superlearner.operations.results.errors import (
    Why,
    WhyProblem,
    WhyRepeats,
    WhyStored,
    WhyTimeouts,
)
from superlearner.operations.results.restarts import RestartLine
from superlearner.operations.rights.ownership import not_their_node
from superlearner.restarts.cause_steps import ON_REQUEST, OUTSIDE, lines_of, name_request
from superlearner.restarts.causes import why as causes_of
from superlearner.restarts.groups import groups
from superlearner.restarts.ids import RUN, Ref, run_of
from superlearner.restarts.memory import Memory
from superlearner.restarts.moments import goes_on
from superlearner.restarts.present import Running, rows_of, waits
from superlearner.restarts.sums import How
from superlearner.restarts.tables import Past
from superlearner.store import MomentRow, StoreUnavailable

ENDED: Final = ("exited", "stopped")
"""The kinds of steps about an earlier process."""
RESTART: Final = re.compile(rf"{RUN.pattern}\.[1-9][0-9]*")
NUMBER: Final = re.compile(r"[1-9][0-9]{0,14}")
ELSEWHERE_S: Final = 1.0
"""Seconds in which another node answers whether it has a process."""
MOST_READ: Final = 100  # stored restarts whose reasons are read
IN_THIS_RUN: Final = "not restarted in this run of its program"
IF_ANY: Final = "lists earlier ones, if any"


@operation("error.why", http=("GET", "/processes/{pid}/errors/why"), scope="read", outlives=True,
           errors=(*NOT_THERE, "node_unavailable", "bad_answer"),
           short="summary restarted alive earlier timeouts.at,line problems.at,line,ref stored.ref")  # fmt: skip
async def why(ctx: Context, audit: AuditLog, history: MomentHistory | None, /, pid: PidText) -> Why:
    """Explain why a process was restarted.

    The chain of causes in words and as values: the failure and its line, the processes that ended with it, and the
    actions of supervisors, across links and give-ups; and how often the child was restarted, as far as restarts are
    stored; hangs, deadlocks and other problems of the process; and its own calls that timed out. For a process that has
    ended, it explains the exit, and the supervisors that gave up because of it; a name means the last process that had
    it. If its node is not connected, it shows the last stored restart of a process of this name.
    """
    if RESTART.fullmatch(pid):
        shows = f"`{command('restart.show', pid, node=None)}` shows it"  # of any node
        raise OperationError("process_not_found", f"{pid} is the id of a restart, not of a process", hint=shows)
    if NUMBER.fullmatch(pid):
        shows = f"`{ctx.command('restart.show', pid)}` shows the restart that it belongs to"
        raise OperationError("process_not_found", f"{pid} is the number of an event, not a process", hint=shows)
    refused = not ctx.user.sees(ctx.owner_of(ctx.on)) if ctx.user.only_own else False
    try:
        node = ctx.found
    except OperationError as absence:
        if (stored := await explain_absent(ctx, history, pid, absence)) is None:
            raise (not_their_node(_this(), ctx) if refused else absence) from None
        return stored
    if refused:
        raise not_their_node(_this(), ctx)
    try:
        if isinstance(node, RemoteNode):
            answer = await forward(_this(), ctx, node, {"pid": pid})
            found = Why.model_validate(answer.data)
        else:
            found = _explain(ctx, audit, pid)
    except OperationError as error:
        hint = None if error.code != "process_not_found" else await _hint_elsewhere(ctx, node, history, pid)
        if hint is None:
            raise
        said = error.message.partition("; did you mean ")[0]
        others = [one for one in error.details if one.hint != hint]  # the node may have given the same one
        raise OperationError(error.code, said, details=[Detail(None, said, hint), *others]) from None
    if history is not None:
        await _add_requests(ctx, node, history, found)
    told = found.summary
    if found.repeats is not None:
        told = told.removesuffix(describe_repeats(found.repeats)).rstrip("\n")
        if history is not None:
            found.repeats = await _count_recorded(ctx, node, history, found.repeats, found.run)
        found.summary = _lines(told, describe_repeats(found.repeats))
    if found.earlier is not None and found.name is not None and history is not None:
        await _add_stored(ctx, node, history, found)
    if found.name is not None and history is not None:
        await _add_problems(ctx, node, history, found)
    return found


async def _add_requests(ctx: Context, node: WatchedNode | RemoteNode, history: MomentHistory, why: Why) -> None:
    """Name the stored requests that ended processes: an observer that was attached again does not know them."""
    for step in why.steps:
        on_request = step.kind == "stopped" and ON_REQUEST in step.text
        if step.request is not None or not (on_request or step.by == OUTSIDE):
            continue
        try:
            row = await history.find(Ref(why.run, step.event), node.name, ctx.user.sees)
        except StoreUnavailable:
            return
        moment = None if row is None else await asyncio.to_thread(read_moment, row)
        if moment is None or moment.requester is None or not (on_request or moment.id == step.event):
            continue
        step.request = moment.requester.describe_request(ctx.user.name)
        text = name_request(step.text, step.reason, step.request)
        why.summary = why.summary.replace(step.text, text, 1)
        step.text = text


async def _hint_elsewhere(
    ctx: Context, node: WatchedNode | RemoteNode, history: MomentHistory | None, name: str
) -> str | None:
    """Return which other node has or had a process of this name, or is named so; None if none is known."""
    if looks_like_pid(name):
        return None
    if ctx.user.only_own:
        return await _hint_stored(ctx, node, history, name)
    others = {one.name: one for one in ctx.nodes}
    called = next((one for one in full_names(name) if one in others), None)
    if called is not None:
        listing = command("error.list", node=ctx.nodes.option_of(called))
        return f"{called} is a node; `{listing}` lists its newest failures"
    others.pop(node.name, None)
    asked = [] if ctx.asked is None else list(others.values())  # without a named node, the engine asks them
    answers = await asyncio.gather(*(_has(one, name) for one in asked))
    found = next((one.name for one, has in zip(asked, answers, strict=True) if has), None)
    if found is None and (stored := await _hint_stored(ctx, node, history, name)) is not None:
        return stored
    if found is None and history is not None and others:
        found = next((row.node for row in await find_stored(history, [*others], name)), None)
    if found is None:
        return None
    explains = command("error.why", name, node=ctx.nodes.option_of(found))
    return f"a process of this name is, or was, on {found}: `{explains}` explains it"


async def _hint_stored(
    ctx: Context, node: WatchedNode | RemoteNode, history: MomentHistory | None, name: str
) -> str | None:
    """Return what lists the stored lines about a process that its node does not know; None without one."""
    if history is None or not await find_stored(history, [node.name], name, ctx.user.only_owner):
        return None
    return list_command(ctx, name)


async def _has(node: WatchedNode | RemoteNode, name: str) -> bool:
    """Return whether a node has a process of this name; one that does not answer soon counts as without it."""
    if isinstance(node, WatchedNode):
        return node.node.whereis(name) is not None
    try:
        answer = await node.ask(Names([name]), Named, ELSEWHERE_S)
    except (RemoteError, TimeoutError):
        return False
    return isinstance(answer, Named) and name in answer.names


def _this() -> Operation:
    found = declared(why)
    assert found is not None
    return found


def _explain(ctx: Context, audit: AuditLog, pid: str) -> Why:
    """Return the causes from the events in memory."""
    found = find_process(ctx, pid)
    memory = Memory(otp.trace.history(ctx.node))
    number, alive = plain_pid(found), otp.is_alive(found)
    itself = not alive and looks_like_pid(pid)
    fallen = None if alive else _find_fallen_of(memory, found) if itself else _find_fallen(memory, found)
    causes = causes_of(ctx.node, number if fallen is None else plain_pid(fallen))
    replaced = None if causes or not alive else _find_replaced(ctx.node, memory, found)
    if replaced is not None:
        causes = causes_of(ctx.node, plain_pid(replaced))
    if fallen is not None and all(step.pid != number for step in causes) and not _failed_to_start(memory, found):
        own = [step for step in causes_of(ctx.node, number) if step.pid == number and step.crash]  # meanwhile
        causes = sorted([*causes, *own], key=lambda step: step.event)
    clock = Clock()
    origins = [origin_of(ctx.watched, audit, ctx.user.name, clock, step) for step in causes]
    lines = lines_of(one.step for one in origins) or [_describe_start(ctx, memory, found, clock)]
    restarted = any(step.kind == "child_restarted" or (alive and step.kind in ENDED) for step in causes)
    who = "it" if fallen is None or fallen is found else pid
    going_on = not alive and _is_being_restarted(ctx.node, memory, found)
    retried = None if alive or going_on else _describe_attempts(memory, Running(ctx.node), found)
    again = _describe_successor(memory, found) if itself else None
    ended = again or ("it is being restarted" if going_on else retried or f"{who} is not running")
    problems = _list_problems(ctx.watched, number)
    state = (describe_suspension(found), "" if problems else describe_callback(ctx.node, found)) if alive else (ended,)
    if replaced is not None:
        state = (f"it is being restarted: <{number}> is in init",)
    if itself and found not in memory.ends:
        state = (f"the end of {number} is no longer in memory",)
    return Why(
        pid=number,
        name=display_name(found) if alive else memory.name(found),
        alive=alive,
        restarted=bool(again) or (None if going_on or retried or replaced else restarted),
        known=bool(causes),
        summary=_lines(*lines, *state),
        repeats=count_repeats(memory, causes, clock),
        earlier=None if restarted or replaced or not alive else _describe_earlier(ctx, found, clock),
        problems=problems,
        timeouts=[
            WhyTimeouts(at=at, line=line)
            for at, line in islice(
                describe_calls_of(caller_of(found), found.id, ctx.watched.monitor.timeouts), MOST_PROBLEMS
            )
        ],
        run=run_of(ctx.node),
        steps=[describe_step(one, clock) for one in origins],
    )


def _describe_start(ctx: Context, memory: Memory, found: otp.Pid, clock: Clock) -> str:
    """Return when a process started that no supervisor's report is about."""
    at = ctx.watched.monitor.births.of(found)
    if at is None:
        starts = (one.at for one in memory.events if one.kind == "spawned" and one.pid is found)
        at = next((clock.wall(one) for one in starts), None)
    return "its start is not recorded" if at is None else f"it started at {time_text(at)}"


def _lines(*parts: str) -> str:
    """Return sentences as the lines of a text; empty ones are left out."""
    return "\n".join(filter(None, parts))


def _list_problems(node: WatchedNode, pid: str) -> list[WhyProblem]:
    """Return the problems that a process has now, such as a hang or calls to it that timed out, stored once over."""
    found = [alarm.finding for alarm in node.monitor.alarms.active.values()]
    unstored = [one for one in found if one.incident and (one.last is None or one.type == "call_timeouts")]
    about = [one for one in unstored if pid in pids_of(one) or pid in one.evidence.get("patient", ())]
    return [WhyProblem(at=one.since, line=one.description, ref=None) for one in about]


def _is_being_restarted(node: Node, memory: Memory, ended: otp.Pid) -> bool:
    """Return whether supervisors still handle the end of a process."""
    now = Running(node)
    end = memory.ends.get(ended)
    group = None if end is None else groups(memory, lambda one: waits(now, one)).get(end.seq)
    return group is not None and goes_on(group, Past(memory, now, 0), now)


def _find_replaced(node: Node, memory: Memory, pid: otp.Pid) -> otp.Pid | None:
    """Return the process that one in its `init` replaces, which its supervisor has not reported yet; None if none."""
    found = observer.process(node, pid, messages=0, length=0, related=0, exits=0)
    if found is None or found.callback != "init":
        return None
    name = display_name(pid)
    ends = (one for one in reversed(memory.ends) if name is not None and memory.name(one) == name)
    return next((one for one in islice(ends, 1) if _is_being_restarted(node, memory, one)), None)


def _failed_to_start(memory: Memory, ended: otp.Pid) -> bool:
    """Return whether a process ended in its `init`: the attempts of its supervisor tell that."""
    end = memory.ends.get(ended)
    return end is not None and end.data.get("callback") == "init"


def _describe_successor(memory: Memory, ended: otp.Pid) -> str | None:
    """Return which supervisor started a process again that ended, and its new pid; None if none is known."""
    start = memory.successor(ended)
    if start is None:
        return None
    by = memory.name(start.pid) or plain_pid(start.pid)
    return f"{by} restarted it as <{plain_pid(start.data['child'])}>"


def _describe_attempts(memory: Memory, now: Running, ended: otp.Pid) -> str | None:
    """Return which supervisor above a process tries to restart which child, and how often that failed; None if none."""
    for supervisor in _list_above(memory, ended):
        table = now.table(supervisor) if now.alive(supervisor) else None
        open_ = {row.id for row in rows_of(table) if row.restarting}
        last = next((one for one in reversed(memory.doings.get(supervisor, ())) if one.data.get("id") in open_), None)
        if last is not None and last.kind == "restart_failed":
            child, times = memory.child(last), last.data["attempts"]
            name = (None if child is None else memory.name(child)) or id_text(last.data["id"])
            failed = f"{times:,} failed attempts" if times > 1 else "a failed attempt"
            return f"{now.name(supervisor) or plain_pid(supervisor)} is restarting {name}, after {failed}"
    return None


def _describe_earlier(ctx: Context, pid: otp.Pid, clock: Clock) -> str | None:
    """Return since when a process has had no restart, and where earlier ones are listed; None without a name."""
    name, events = display_name(pid), otp.trace.history(ctx.node)
    if name is None or not events:
        return None
    listing = ctx.command("restart.list", process=name)
    since = f"not restarted since {time_text(clock.wall(events[0].at))}, where the events in memory begin"
    if events[0].seq == 1:
        since = IN_THIS_RUN
    return f"{since}\n`{listing}` {IF_ANY}"


def _find_fallen(memory: Memory, ended: otp.Pid) -> otp.Pid | None:
    """Return the highest supervisor that gave up after the last end of a process of this name; None if none did."""
    sorted_events, name = groups(memory), memory.name(ended)
    ends = [end for pid, end in memory.ends.items() if pid is ended or (name is not None and memory.name(pid) == name)]
    for end in reversed(ends):
        group = sorted_events.get(end.seq)
        given_up = [] if group is None else group.of("gave_up")
        if given_up and given_up[-1].seq > ends[-1].seq:  # else another tree may have begun
            return given_up[-1].pid
    return _find_fallen_above(memory, ends[-1]) if ends else None


def _find_fallen_of(memory: Memory, ended: otp.Pid) -> otp.Pid | None:
    """Return the highest supervisor that gave up after the end of just this process; None if none did."""
    end = memory.ends.get(ended)
    if end is None or any(one.kind in STARTS and one.data.get("old") is ended for one in memory.events):
        return None
    group = groups(memory).get(end.seq)
    given_up = [] if group is None else group.of("gave_up")
    return given_up[-1].pid if given_up else _find_fallen_above(memory, end)


def _find_fallen_above(memory: Memory, end: TraceEvent) -> otp.Pid | None:
    """Return the highest supervisor above a process that gave up after its end; one may have failed to start in it."""
    found = None
    for above in _list_above(memory, end.pid):
        if any(one.kind == "gave_up" and one.seq > end.seq for one in memory.doings.get(above, ())):
            found = above
    return found


def _list_above(memory: Memory, pid: otp.Pid) -> Iterator[otp.Pid]:
    """Yield the processes above one that has ended, from its parent on, as far as the memory tells."""
    parents = {event.pid: event.data.get("parent") for event in memory.events if event.kind == "spawned"}
    above, seen = parents.get(pid), set[Any]()
    while above is not None and above not in seen:
        seen.add(above)
        yield above
        above = parents.get(above)


async def _count_recorded(
    ctx: Context, node: WatchedNode | RemoteNode, history: MomentHistory, repeats: WhyRepeats, run: str
) -> WhyRepeats:
    """Return how often a child was restarted after an end of its own, with the restarts that have left the memory.

    Those of earlier runs of its program are counted apart.
    """
    if repeats.name is None:
        return repeats
    stored = await _list_restarts(ctx, node, history, repeats.name)
    repeats.before = _count_before(stored, run)
    found = [one for one in stored if one.run == run and one.number and one.how != "requested"]
    numbers = Counter[How]()
    for one in found:
        numbers[one.how] += one.number
    count = numbers.total()
    if count <= repeats.count:
        return repeats
    since, until = min(one.at for one in found), max(one.until for one in found)
    reasons = await _read_reasons(ctx, history, found)
    if len(reasons) > repeats.of:
        repeats.alike, repeats.of = reasons.count(repeats.reason), len(reasons)
    along = sum(one.number for one in found if one.along)
    kinds = {"crashes": numbers["crashed"], "kills": numbers["killed"], "with_supervisor": along}
    return repeats.model_copy(update={"count": count, **kinds, "since": since, "until": until})


async def _read_reasons(ctx: Context, history: MomentHistory, found: Sequence[_Restarts]) -> list[str | None]:
    """Return the reasons of the newest restarts, back to the first sum of many, which has none."""
    ordered = sorted(found, key=lambda one: -one.until)[:MOST_READ]
    newest = [one.row for one in takewhile(lambda one: one.number == 1, ordered)]
    rows = await history.read_replays([one for one in newest if isinstance(one, MomentRow)])
    described = await asyncio.to_thread(lambda: [describe_row(one, ctx.user.name) for one in rows])
    lines = [*(one for one in newest if isinstance(one, RestartLine)), *described]
    return [one.reason for one in lines if one.kept]


async def _add_stored(ctx: Context, node: WatchedNode | RemoteNode, history: MomentHistory, why: Why) -> None:
    """Add the newest stored restart of a process without one in memory, and the number of stored ones.

    The node may be in another program, whose answer knows only the restarts of its own run.
    """
    name = why.name or ""
    found = await _list_restarts(ctx, node, history, name)
    since = (why.earlier or "").partition("\n")[0]
    if not found:
        others = f"`{ctx.command('restart.list')}` lists those of others"
        why.earlier = _lines(since, "no earlier restart of its own is stored", others)
        return
    last = max(found, key=lambda one: one.until)
    line, moment = last.row, None
    if isinstance(line, MomentRow):
        [whole] = await history.read_replays([line])
        moment = await asyncio.to_thread(read_moment, whole)
        line = await asyncio.to_thread(describe_row, whole, ctx.user.name)
    of_this_run = last.run == why.run
    words = words_of(line)
    before = "" if of_this_run else "before it, " if since == IN_THIS_RUN else "before this run of its program, "
    at = last.until if last.number > 1 or line.gave_up else last.at  # of a slow restart that of its cause
    when, effect = f"{before}at {time_text(at)}", []
    if line.gave_up:
        itself = line.name == name or name in line.fallen
        again = "was restarted" if itself else "ended with it and was restarted"
        effect = [f"{name} {again if last.number else 'was not restarted then' if itself else 'ended with it'}"]
        if name in line.fallen and not last.number:
            effect = []
    if len(found) > 1:
        effect.append(describe_before(name, _count_before(found, why.run)))
    shows = list_command(ctx, name)
    if len(found) == 1 and last.number <= 1:
        shows = f"`{ctx.command('restart.show', line.ref)}` shows it"
    end, *others = describe_end(line, moment)
    why.earlier = _lines(since, f"{when}: {end}", *others, *effect, shows)
    why.stored = WhyStored(ref=line.ref, at=last.until, line=words)
    if not why.known and of_this_run and (last.number or line.gave_up):
        why.restarted = True
        why.summary = f"{words} (at {time_text(at)})"


async def _add_problems(ctx: Context, node: WatchedNode | RemoteNode, history: MomentHistory, why: Why) -> None:
    """Add the newest stored problems of a process, such as hangs, and failed starts."""
    owner = ctx.user.only_owner
    rows = await page_about(history, why.name or "", [node.name], [], owner, limit=MOST_FOLDED, number=INCIDENT)
    stored = list_problems([one for one in rows if is_problem(one) or one.cause == FAILED_START])
    why.problems = [*(one for one in why.problems if one.ref is None), *stored]


class _Restarts(NamedTuple):
    """The end or the restarts of a process in one stored line.

    Attributes:
        run: the run of its program.
        how: how it ended, or that it was restarted on a request.
        number: how often it was restarted.
        along: true if it was restarted with a supervisor that had given up.
        at: when that began.
        until: when the last of it happened.
        row: the line.
    """

    run: str | None
    how: How
    number: int
    along: bool
    at: float
    until: float
    row: MomentRow | RestartLine


async def _list_restarts(
    ctx: Context, node: WatchedNode | RemoteNode, history: MomentHistory, name: str
) -> list[_Restarts]:
    """Return the ends and the restarts of a process, stored or not, by its name: what `restart.list` finds for it."""
    open_, _ = await list_open(ctx, [node], history, None, None)
    about = await page_about(history, name, [node.name], [], ctx.user.only_owner, limit=MOST_FOLDED)
    falls = await history.read_replays([one for one in about if one.line.endswith(GAVE_UP)])
    again = await asyncio.to_thread(_find_restarted, falls, name)
    settled = {str(Ref(one.run, one.number)) for one in about}  # one may have settled since the list of the open ones
    found: list[_Restarts] = []
    for one in (*(one for one in open_ if one.ref not in settled), *about):
        parts = clause_about(one.line, name)
        by_it = one.line.startswith(f"{name} could not start ")
        if parts is None and (isinstance(one, RestartLine) or by_it or not is_end(one)):
            continue
        number = (one.count if is_sum(one) else 1) if parts is not None and parts.again else 0
        how: How = "ended" if parts is None else parts.how
        along = False
        if isinstance(one, MomentRow) and (one.run, one.number) in again:
            number, how, along = 1, again[one.run, one.number], parts is None  # else it is the one that gave up
        found.append(_Restarts(_run_of(one), how, number, along, one.at, one.until or one.at, one))
    return found


def _find_restarted(falls: Sequence[MomentRow], name: str) -> dict[tuple[str, int], How]:
    """Return how a process ended in the give-ups after which it ran again."""
    read = ((one, read_moment(one)) for one in falls)
    again = ((one, moment) for one, moment in read if moment is not None and was_restarted_in(moment, name))
    return {(one.run, one.number): how_ended_in(moment, name) for one, moment in again}


def _count_before(found: Sequence[_Restarts], run: str) -> int:
    """Return how often a process was restarted in earlier runs of its program."""
    return sum(one.number for one in found if one.run != run)


def _run_of(one: MomentRow | RestartLine) -> str | None:
    return one.run if isinstance(one, MomentRow) else Ref.read(one.ref).run
