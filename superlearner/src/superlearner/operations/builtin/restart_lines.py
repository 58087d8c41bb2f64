"""Lists of restarts: those that have settled, from memory and the store, and those that may still go on."""

from __future__ import annotations

import asyncio
import heapq
import zlib
from collections.abc import Iterator, Sequence
from typing import Annotated, Final

from pydantic import Field

import otp
from otp import sentences, standstill
from superlearner.control.child_requests import ended_by
from superlearner.control.clock import Clock
from superlearner.control.events import ANSWERS, STARTS, TraceEvent, facts_of, is_requested_stop, is_restart
from superlearner.control.reasons import fell_after
from superlearner.control.terms import clip
from superlearner.nodes.kinds import BESIDE, TREE
from superlearner.nodes.nodes import WatchedNode
from superlearner.nodes.remote import RemoteNode
from superlearner.operations.builtin.restart_facts import (
    describe_give_ups,
    find_decisive,
    find_give_ups,
    find_places,
    find_requested,
    starts_after_give_up,
)
from superlearner.operations.builtin.restart_incidents import find_place, is_failure, possible_names
from superlearner.operations.builtin.restart_loops import (
    FAILED_START,
    OUTAGE,
    LineParts,
    Loop,
    is_incident,
    is_sum,
    read_line,
)
from superlearner.operations.builtin.restart_loops import fold as find_loops
from superlearner.operations.builtin.restart_loops import names as is_named
from superlearner.operations.builtin.restart_none import describe_none
from superlearner.operations.builtin.restart_selection import Selection, select, select_open
from superlearner.operations.builtin.restart_words import Words, page_about, read_moment
from superlearner.operations.builtin.restarts import EventRef
from superlearner.operations.builtin.restarts import describe_row as describe_stored
from superlearner.operations.context import Context
from superlearner.operations.declaration import Operation, Paged, Picker, declared, operation
from superlearner.operations.engine.forwarding import forward
from superlearner.operations.engine.seams import MomentHistory
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import PageNumber, PerPage, Since, Until
from superlearner.operations.results.restarts import Crashed, Decided, Moment, RestartLine, Started, Stopped
from superlearner.operations.rights.ownership import not_their_node
from superlearner.restarts.cause_steps import WhyLine, budget_of, line_of_end, line_of_start
from superlearner.restarts.drawing import MomentNode
from superlearner.restarts.groups import Group, groups
from superlearner.restarts.ids import Ref, run_of
from superlearner.restarts.memory import Memory
from superlearner.restarts.moments import line_of_cause
from superlearner.restarts.present import Running, waits
from superlearner.restarts.recorder import MINUTE_S, describe_group, is_worth, lacks_beginning
from superlearner.restarts.tables import Past
from superlearner.store import MomentRow

ANSWER_S: Final = 2.0
"""Seconds for a node in another program; one that is blocked has its stored restarts only."""
OWN_ANSWER_S: Final = 10.0
"""Seconds for the program of the tree that the platform was started with: nothing else is shown without it."""
MOST_OPEN: Final = 1_000
MOST_FOLDED: Final = 2_000
LONGEST_REASON: Final = 100
MOST_ALIKE: Final = 20
"""Restarts before a sum that are searched for one of the same child."""


@operation("restart.list", http=("GET", "/restarts"), scope="read", outlives=True,
           errors=("node_not_found", "node_unavailable", "restart_not_found"),
           short="at line count until node where reason reasons supervisor ref")  # fmt: skip
async def list_(
    ctx: Context,
    history: MomentHistory | None,
    /,
    since: Since = None,
    until: Until = None,
    settled: Annotated[
        bool | None, Field(description="true: only those that are recorded; false: only those that may still go on")
    ] = None,
    process: Annotated[
        str | None,
        Field(max_length=200, description="only those in which this process ended or gave up, by its name"),
        Picker("process"),
    ] = None,
    text: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=200,
            description="only those of the newest 2,000 with all these words in what happened, a reason, a place in "
            "the code or a pid; case does not matter",
            examples=["ConnectionRefusedError"],
        ),
    ] = None,
    only: Annotated[
        Selection | None,
        Field(
            description="`restarts`: of problems such as hangs, only those that explain why a service was silent, and "
            "no service that was attached or detached on request; `give_ups`: only give-ups"
        ),
    ] = None,
    beside: Annotated[
        EventRef | None, Field(description="only those of the same minute as this restart, which may be a sum")
    ] = None,
    fold: Annotated[
        bool,
        Field(
            description="true: list the newest 2,000; equal crashes are one line, as are more than 4 whose reasons "
            "differ only in their arguments"
        ),
    ] = True,
    page: PageNumber = 1,
    per_page: PerPage = 50,
) -> Paged[RestartLine]:
    """List restarts, give-ups, crashes and stops on request, newest first.

    One line for each first cause, also after the node has ended or the platform has restarted. Hangs, blocked event
    loops, deadlocks, mailboxes and memory that grew have lines, too, which are an `incident`. A crash loop is one
    line: it has a `count`, lasted from `at` to `until`, and is listed by `until`. The first 100 of each minute are
    kept; the others are only counted, in one line for the kills of a child and one for its crashes, which is listed
    at once and grows for a minute. No restart is in two lines. Of the oldest, only `line` is kept. Without the
    name of a node, the list also has those of the other members of the cluster and of observed services.
    """
    if beside is not None:
        return await _list_minute(ctx, history, beside, page, per_page)
    node, error = None, None
    if ctx.user.sees(ctx.owner_of(ctx.on)):
        try:
            node = ctx.found
        except OperationError as failure:
            error = failure
    else:
        error = not_their_node(_this(), ctx)
    of_all = ctx.asked is None and not ctx.user.only_own
    others = [one for one in ctx.nodes if one.kind.listed_beside] if of_all else []
    name = node.name if node is not None else ctx.on or ctx.home.name
    mine = [name] if node is not None else possible_names(name)
    names = list(dict.fromkeys([*mine, *(one.name for one in others)]))
    running = [*others] if node is None else [node, *(one for one in others if one is not node)]
    lines, silent = ([], []) if settled else await list_open(ctx, running, history, since, until)
    if process is not None:
        lines = [one for one in lines if one.name == process or is_named(one.line, process)]
    words = None if text is None else Words(text)
    lines = [one for one in select_open(lines, only) if words is None or words.are_in_line(one)]
    start, rows, total = (page - 1) * per_page, list[MomentRow](), 0
    before, many = (0, MOST_FOLDED) if fold else (max(0, start - len(lines)), start + per_page)
    if history is not None and settled is not False:
        owner = ctx.user.only_owner
        kinds = BESIDE if of_all else []
        chosen = words is not None or process is not None or only is not None
        if process is not None:
            rows = await page_about(history, process, names, kinds, owner, since, until, limit=MOST_FOLDED)
        else:
            first, most = (0, MOST_FOLDED) if chosen else (before, many - before)
            replays = not (fold or chosen)
            rows, total = await history.page(names, kinds, owner, since, until, first, most, replays=replays)
        if history.unread is not None:
            silent.append(f"stored restarts may be missing: {history.unread}")
        rows = select(rows, only)
        if words is not None:
            rows = await words.find(rows, history)
        if chosen:
            rows, total = rows[before:many], len(rows)
    if error is not None and not total and not lines:
        raise error
    rows.sort(key=lambda one: (-one.at, one.node != name))
    if fold or not start:  # one may have settled since the list of the open ones; a later page begins behind all of it
        written = {str(Ref(one.run, one.number)) for one in rows}
        lines = [one for one in lines if one.ref not in written]
    total += len(lines)
    if fold:
        rows = list(_list_outages_once(rows))
        loops = find_loops(merge(lines, rows, 0, len(lines) + len(rows)))
        loops.sort(key=lambda one: -one.listed_at)
        total, loops = len(loops), loops[start : start + per_page]
    else:
        loops = [Loop([one]) for one in merge(lines, rows, start, per_page)]
    shown = await _describe_loops(ctx, history, loops)
    if len(names) == 1 and all(one.node in (None, name) for one in shown):
        for one in shown:
            one.node = None
    filtered = any(one is not None for one in (words, since, until, settled, only))
    none = None if total else await describe_none(ctx, node, process, filtered=filtered, of_all=bool(others))
    return Paged(shown, total, page, per_page, sentences.story(*silent, none or "") or None)


def _list_outages_once(rows: Sequence[MomentRow]) -> Iterator[MomentRow]:
    """Yield rows, with one line for a time in which the platform did not run: it is stored for each of its nodes.

    >>> from superlearner.store import MomentRow
    >>> rows = [MomentRow(node, "9f3a0c1b22d4", 2, 2, 100.0, 103.0, f"{OUTAGE} from …") for node in ("a", "b")]
    >>> [one.node for one in _list_outages_once(rows)]
    ['a']
    """
    seen: set[tuple[float, str]] = set()
    for row in rows:
        key = row.at, row.line
        if key in seen:
            continue
        if is_incident(row) and row.line.startswith(OUTAGE):
            seen.add(key)
        yield row


async def _describe_loops(ctx: Context, history: MomentHistory | None, loops: Sequence[Loop]) -> list[RestartLine]:
    """Return the lines of loops; those of sums with the facts of a kept restart."""
    newest = [one.newest for one in loops]
    rows = [one for one in newest if isinstance(one, MomentRow)]
    whole = rows if history is None else await history.read_replays(rows)
    reader = ctx.user.name
    lines = iter(await asyncio.to_thread(lambda: [describe_row(one, reader) for one in whole]))
    described = [next(lines) if isinstance(one, MomentRow) else one for one in newest]
    shown = [one.describe(line) for one, line in zip(loops, described, strict=True)]
    if history is None:
        return shown
    return [
        await _describe_sum(line, loop.newest, history, reader)
        if isinstance(loop.newest, MomentRow) and is_sum(loop.newest) else line
        for line, loop in zip(shown, loops, strict=True)
    ]  # fmt: skip


async def _describe_sum(line: RestartLine, row: MomentRow, history: MomentHistory, reader: str) -> RestartLine:
    """Return the line of a sum with the reason and the supervisor of the last kept restart of its child before it."""
    found = read_line(row.line)
    name = None if found is None else found.name
    rows, _ = await history.page([row.node], [], row.owner, row.at - MINUTE_S, row.at, 0, MOST_ALIKE)
    alike = await asyncio.to_thread(lambda: next(_find_alike(rows, found, reader), None))
    if alike is None or name is None:
        return line
    same = ("name", "reason", "where", "supervisor", "strategy")
    return line.model_copy(
        update={one: getattr(alike, one) for one in same} | {"line": line.line.replace(name, alike.name or name, 1)}
    )


def _find_alike(rows: Sequence[MomentRow], counted: LineParts | None, reader: str) -> Iterator[RestartLine]:
    """Yield the lines of kept restarts that are like those that a sum counts."""
    if counted is None:
        return
    for row in rows:
        line = _describe_child(row, counted.name, reader)
        if line is not None and counted.is_like(line):
            yield line


def _describe_child(row: MomentRow, name: str | None, reader: str) -> RestartLine | None:
    """Return the line of a restart if its first process has this name or child id and was restarted, else None."""
    line = describe_row(row, reader)
    if not line.kept or line.gave_up or line.name is None or name is None:
        return None
    ids = [one.id.rpartition("/")[2] for one in _walk(_root_of(row)) if one.name == line.name]
    return line if name in (line.name, *ids) else None


def _root_of(row: MomentRow) -> MomentNode:
    return Moment.model_validate_json(zlib.decompress(row.data or b"")).root


async def _list_minute(
    ctx: Context, history: MomentHistory | None, beside: str, page: int, per_page: int
) -> Paged[RestartLine]:
    """Return the restarts of the same minute as one, newest first."""
    ref = Ref.read(beside)
    row = None if history is None else await history.find(ref, ctx.on or ctx.home.name, ctx.user.sees)
    if history is None or row is None:
        raise OperationError("restart_not_found", f"no restart {ref} is known")
    owner, since = ctx.user.only_owner, row.at - MINUTE_S
    start = (page - 1) * per_page
    rows, total = await history.page([row.node], [], owner, since, row.until + 0.001, start, per_page)
    return Paged(await _describe_loops(ctx, history, [Loop([one]) for one in rows]), total, page, per_page)


def _this() -> Operation:
    found = declared(list_)
    assert found is not None
    return found


def merge(
    lines: Sequence[RestartLine], rows: Sequence[MomentRow], start: int, most: int
) -> list[RestartLine | MomentRow]:
    """Return a page of two lists, both newest first.

    Args:
        lines: all of the first list.
        rows: a part of the second, which begins as many places before `start` as the first list is long, or at 0.
        start: the place of the first entry.
        most: maximum number of entries.

    >>> from types import SimpleNamespace as At
    >>> lines, rows = [At(at=9), At(at=5)], [At(at=at) for at in (8, 7, 6, 4)]
    >>> [[one.at for one in merge(lines, rows[max(0, at - 2) :], at, 2)] for at in (0, 2, 4)]
    [[9, 8], [7, 6], [5, 4]]
    """
    if start > len(lines):
        lines = [one for one in lines if rows and one.at <= rows[0].at]
        start = len(lines)
    return list(heapq.merge(lines, rows, key=lambda one: -one.at))[start : start + most]


async def list_open(
    ctx: Context,
    nodes: Sequence[WatchedNode | RemoteNode],
    history: MomentHistory | None,
    since: float | None,
    until: float | None,
) -> tuple[list[RestartLine], list[str]]:
    """Return the restarts in the memory of nodes that are not recorded, newest first, and what may be missing."""
    found = await asyncio.gather(*(_list_open_of(ctx, node, history, since, until) for node in nodes))
    lines, silent = list[RestartLine](), list[str]()
    for node, of in zip(nodes, found, strict=True):
        if isinstance(of, str):
            silent.append(sentences.story(of, "its newest restarts may be missing"))
        else:
            lines += [line.model_copy(update={"node": node.name}) for line in of]
    return sorted(lines, key=lambda one: -one.at), silent


async def _list_open_of(
    ctx: Context,
    node: WatchedNode | RemoteNode,
    history: MomentHistory | None,
    since: float | None,
    until: float | None,
) -> list[RestartLine] | str:
    """Return the restarts in the memory of a node that are not recorded, newest first; why, if it does not answer."""
    if isinstance(node, RemoteNode):
        patience = OWN_ANSWER_S if node.kind is TREE else ANSWER_S
        asked = {"since": since, "until": until, "settled": False, "fold": False, "page": 1, "per_page": MOST_OPEN}
        try:
            async with standstill.timeout(patience):
                answer = await forward(_this(), ctx, node, asked)
        except TimeoutError:
            return f"{node.name} did not answer within {patience:g} s"
        except OperationError as error:
            return error.message if error.code == "timeout" else []
        lines = [(Ref.read(one.ref), one) for one in map(RestartLine.model_validate, answer.data)]
        return [  # it was attached before, and does not know what is stored
            one for ref, one in lines if history is None or not history.has(node, ref.number, ref.run or "")
        ]
    now = Running(node.node)
    memory = Memory(otp.trace.history(node.node))
    found = {
        group.id: group
        for group in groups(memory, lambda end: waits(now, end)).values()
        if is_worth(group) and not lacks_beginning(group)
    }  # fmt: skip
    past, clock, run = Past(memory, now, 0), Clock(), run_of(node.node)
    lines = [
        _describe_group(group, past, clock, run)
        for number, group in sorted(found.items(), reverse=True)
        if history is None or not history.has(node, number, run)
    ]  # fmt: skip
    sums = [] if history is None else history.open_sums(node)
    lines = sorted([*lines, *(describe_row(one, "") for one in sums)], key=lambda one: -one.at)
    return [one for one in lines if (since is None or one.at >= since) and (until is None or one.at < until)]


def _describe_group(group: Group, past: Past, clock: Clock, run: str) -> RestartLine:
    first, answers = group.first, group.of(*ANSWERS)
    end = group.end or next(filter(is_requested_stop, group.events), None) or next(iter(answers), first)
    done = next((one for one in answers if is_restart(one) and one.pid is end.pid), None)
    given_up = [one for one in answers if one.kind == "gave_up"]
    fall = next((one for one in reversed(given_up) if facts_of(one).crash), given_up[-1]) if given_up else None
    reason, strategy = "unknown", None
    if group.requested:
        reason = None
    elif fall is not None or "reason" in first.data:
        reason = facts_of(fall or first).reason
    if done is not None:
        strategy = done.data["strategy"]
    elif not group.requested:
        strategy = past.strategy(end.pid, first.seq)
    described = RestartLine(
        event=group.id,
        last=group.events[-1].seq if group.events else first.seq,
        ref=str(Ref(run, group.id)),
        at=clock.wall(first.at),
        line=describe_group(group, past),
        count=group.count,
        until=None,
        kept=True,
        name=past.name(group.victim, past.id_of(group.victim)) if group.victim is not None else "unknown",
        reason=reason,
        where=_find_places(group),
        supervisor=past.name(above := given_up[0].pid if given_up else end.pid, past.id_of(above)),
        strategy=strategy,
        started=sum(one.kind in STARTS for one in group.events),
        gave_up=bool(given_up),
        fallen=list(dict.fromkeys(past.name(one.pid, past.id_of(one.pid)) for one in group.of("gave_up"))),
    )
    if given_up:
        described.restarted = any(one.kind in STARTS and one.seq > given_up[-1].seq for one in group.events)
        line = _find_last_line(given_up[0], group)
        described.fell_at = clock.wall(given_up[-1].at)
        described.story = sentences.story(_describe_give_up(given_up[0], past, line), fell_after(described.fallen[1:]))
    return described


def _find_places(group: Group) -> str | None:
    """Return the lines that caused a restart, by the same rule as for a recorded one."""
    failed = group.of("restart_failed")
    lines = [line_of_end(one) for one in group.of("exited") if one.data.get("cycle")]
    if not any(lines):
        lines = [line_of_cause(group) or next(filter(None, map(line_of_start, failed)), None)]
    if group.of("gave_up"):
        lines.append(next(filter(None, map(line_of_start, reversed(failed))), None))
    return sentences.listed(list(dict.fromkeys(one.place for one in lines if one is not None))) or None


def _find_last_line(gave_up: TraceEvent, group: Group) -> WhyLine | None:
    """Return the line that raised when a supervisor gave up, if it is known."""
    if gave_up.data.get("retried"):
        failed = (one for one in reversed(group.of("restart_failed")) if one.seq < gave_up.seq)
        return next(filter(None, (line_of_start(one) for one in failed)), None)
    first = group.first
    known = "reason" in first.data and facts_of(first).reason == facts_of(gave_up).reason
    return line_of_cause(group) if known else None


def _describe_give_up(event: TraceEvent, past: Past, line: WhyLine | None) -> str:
    """Return the sentence about a supervisor that gave up, as the log and the causes have it, with the line."""
    facts, child = facts_of(event), event.data.get("child") or event.data.get("old")
    last = sentences.last_straw(
        past.name(child, event.data["id"]), facts.reason, failed=facts.crash, retried=event.data.get("retried", False)
    )
    last += "" if line is None else sentences.at_place(line.place, facts.reason)
    budget, name = budget_of(event), past.name(event.pid, past.id_of(event.pid))
    return sentences.gave_up(name, last, allowed=budget["allowed"], window=budget["window"])


def describe_row(row: MomentRow, reader: str) -> RestartLine:
    """Return the line of a recorded restart, for a reader."""
    line = RestartLine(
        event=row.number, last=row.last, ref=str(Ref(row.run, row.number)), node=row.node, at=row.at, until=row.until,
        line=row.line, count=row.count, kept=False, name=None, reason=None, supervisor=None, strategy=None, started=0,
        gave_up=False, fallen=[], incident=is_incident(row), one_cause=row.count == 1,
    )  # fmt: skip
    if line.incident:
        line.outage = row.line.startswith(OUTAGE)
        line.crash = is_failure(row)
        line.where = find_place(row.line)
    if row.cause == FAILED_START:
        line.supervisor, _, said = row.line.partition(" could not start ")
        line.name = said.partition(": ")[0]
        return line
    if row.data is None:
        if (parts := read_line(row.line)) is not None:
            line.name, line.reason = parts.name, "killed" if parts.killed else None
            line.started = row.count if parts.again else 0
        return line
    moment = read_moment(row)
    if moment is None or not moment.events:  # another program may have sent anything
        return line
    nodes = {one.id: one for one in _walk(moment.root)}
    decisions, requested = [one for one in moment.events if isinstance(one, Decided)], find_requested(moment)
    ends = (one for one in moment.events if isinstance(one, Crashed))  # a supervisor stops its children before its end
    first = requested[0] if requested else moment.events[0]
    first = next(ends, first) if isinstance(first, Stopped) and not requested else first
    given_up = find_give_ups(moment)
    line.kept = True
    line.name = nodes[first.id].name if first.id in nodes else None
    line.reason = getattr(first, "reason", None)
    line.where = find_places(moment)
    if decisions:
        line.supervisor = nodes[decisions[0].id].name if decisions[0].id in nodes else None
        line.strategy = decisions[0].strategy
    line.program = moment.program
    if moment.ran_on:
        line.ran_on = True
    if moment.moved:
        line.reason = None  # the line has it
    line.request = None if moment.requester is None else moment.requester.describe_request(reader)
    if requested:
        line.supervisor = nodes[by].name if (by := requested[0].by) in nodes else None
        line.line = row.line if line.request is None else row.line.replace("on request", f"by {line.request}")
    elif line.request and row.count == 1 and (parts := read_line(row.line)) is not None:
        end = ended_by(parts.name, clip(line.reason or "unknown", LONGEST_REASON), line.request)
        line.line = f"{end}{'' if not parts.again else ' and restarted' if parts.killed else ' and was restarted'}"
    line.started = sum(isinstance(one, Started) for one in moment.events)
    line.gave_up = bool(given_up)
    line.fallen = list(dict.fromkeys(one.supervisor for one in given_up))
    if given_up:
        falls = (one.at for one in reversed(moment.events) if isinstance(one, Decided) and one.what == "give_up")
        line.fell_at = round(moment.at + next(falls), 6)
        line.line = f"{sentences.listed(line.fallen)} gave up"  # earlier versions named the highest one only
        line.supervisor, line.reason = given_up[0].supervisor, find_decisive(given_up).reason
        line.story, line.restarted = describe_give_ups(given_up), starts_after_give_up(moment)
    return line


def describe_with_reason(row: MomentRow, reader: str) -> str:
    """Return the line of a recorded restart with its time, and the reason of the first end if it is known."""
    line = describe_row(row, reader)
    reason = None if line.program or line.reason == "killed" else line.reason
    return f"{describe_stored(row)}{f': {reason}' if reason else ''}"


def _walk(node: MomentNode) -> Iterator[MomentNode]:
    yield node
    for child in node.children:
        yield from _walk(child)
