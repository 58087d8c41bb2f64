"""A restart as a replay: what happened, in order, and the tree before it."""

from __future__ import annotations

import asyncio
import re
import time
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import takewhile
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

import otp
from otp import sentences
from superlearner.base.commands import command
from superlearner.control.clock import Clock
from superlearner.control.events import TraceEvent
from superlearner.control.terms import clip, plain_pid, safe_text
from superlearner.nodes.attaching import ON_REQUEST, STOPPED, ServiceChange
from superlearner.nodes.nodes import WatchedNode
from superlearner.nodes.remote import RemoteNode
from superlearner.observing.monitoring.facts import LAST_SEEN
from superlearner.operations.builtin.errors import origin_of
from superlearner.operations.builtin.restart_facts import describe_facts, describe_others, is_richer, reword
from superlearner.operations.builtin.restart_incidents import (
    describe_incident,
    find_anomaly,
    possible_names,
    read_anomaly,
)
from superlearner.operations.builtin.restart_loops import (
    ANOMALY,
    BLOCKED,
    INCIDENT,
    OUTAGE,
    is_incident,
    is_stop,
)
from superlearner.operations.builtin.restart_words import read_moment
from superlearner.operations.builtin.system import anomalies
from superlearner.operations.context import Context
from superlearner.operations.declaration import Operation, declared, operation
from superlearner.operations.engine.audit import AuditLog
from superlearner.operations.engine.forwarding import forward
from superlearner.operations.engine.requesters import LostMessages, Origin
from superlearner.operations.engine.seams import MomentHistory
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import TIMES, UNIX_TIME, Time
from superlearner.operations.results.restarts import Crashed, Decided, Moment, MomentFacts, Signalled
from superlearner.operations.results.system import AnomalyLine
from superlearner.operations.rights.ownership import not_their_node
from superlearner.restarts.cause_steps import summary_of
from superlearner.restarts.drawing import MomentNode, NodeKind
from superlearner.restarts.groups import Group, groups
from superlearner.restarts.ids import REF, Ref, run_of
from superlearner.restarts.memory import Memory
from superlearner.restarts.moments import Happening, NoSupervisor, moment_of
from superlearner.restarts.moments import Moment as Found
from superlearner.restarts.present import Running, waits
from superlearner.store import MomentRow, StoreUnavailable

LONGEST_NAME: Final = 100


def _check_ref(given: Any) -> Any:
    """Return what was given; a text that cannot be an id is most likely the name of a process. Raises ValueError."""
    if not isinstance(given, str) or re.fullmatch(REF, given):
        return given
    listing = command("restart.list", node=None, process=given if 0 < len(given) <= LONGEST_NAME else None)
    raise ValueError(f"expected the id of a restart, such as 9f3a0c1b22d4.1204; `{listing}` lists ids")


EventRef = Annotated[
    str,
    Field(
        pattern=REF,
        coerce_numbers_to_str=True,
        description="the id of a restart, or the number of an event: an end, a stop, a start, a give-up",
        examples=["9f3a0c1b22d4.1204"],
    ),
    BeforeValidator(_check_ref),  # after the pattern, which the schema would lose otherwise
]
EventTime = Annotated[
    Time | None,
    Field(
        description=f"its time, to within 5 seconds, if several runs of the program have this number: {TIMES}",
        json_schema_extra=UNIX_TIME,
    ),
]
SAME_S: Final = 5.0
"""Seconds by which the time of an old address may differ."""
ALIKE_S: Final = 20.0
"""Seconds before and after a restart in which others of the same child are counted."""
MOST_ALIKE: Final = 500
MOST_ROWS: Final = 50
"""Restarts after a give-up among which the end of its program is looked for."""
LONGEST_LOST: Final = 500
OBSERVED: Final = "The platform observes its program and does not restart it."
NOT_RESTARTED: Final = f"{OBSERVED} The log of the program, or of whatever starts it, may say why it ended."
EXITED: Final = re.compile(r" called sys\.exit\(.*\(process \d+\)$")
"""The last word of a service that a process has ended."""
LATER: Final = "When it answers, the timeline says what held its event loop."
NOT_HELD: Final = "Nothing that held its event loop is known."
BY_SIGNAL: Final = "Its program did not end: a signal had stopped it."
DEADLOCK: Final = "a deadlock: "
"""The first words of the line of a deadlock."""
MOST_ENDS: Final = 4
"""Restarts that ended a deadlock, by their lines; more are counted."""
MOST_NAMED: Final = 2
"""Processes of a cycle that tell it from others: the line of a large one does not name all."""
PLACE: Final = re.compile(r" at \S+:\d+")
"""The line at which a process waits, whose file may have the name of another."""
LOCKED: Final = "a deadlock, "
"""Words in the reason of a process whose call failed in one."""
HELD_S: Final = 3600.0
"""The longest hold that is looked for as the cause of a silence."""


@operation("restart.show", http=("GET", "/restarts/{event}"), scope="read", outlives=True,
           errors=("restart_not_found", "restart_not_kept", "node_not_found", "node_unavailable", "bad_answer"),
           short="at facts.what facts.why facts.where facts.source facts.handling facts.state_before facts.state_after "
                 "facts.lost facts.supervisor facts.gave_up facts.budget facts.others facts.away facts.values "
                 "facts.ended_by facts.limit facts.hint ref")  # fmt: skip
async def show(
    ctx: Context,
    audit: AuditLog,
    history: MomentHistory | None,
    /,
    event: EventRef,
    at: EventTime = None,
) -> Moment:
    """Show a restart.

    The tree before it and every signal, decision, stop and start in order, from the first cause to the last start; and
    what another strategy would have restarted. Restarts are stored when they have settled, so their ids stay valid
    after a restart of the platform and after the end of their node. Of the oldest, a line is left; in a crash loop,
    those beyond 100 a minute are only counted. Of an incident, such as a hang, the evidence of its anomaly is shown.
    """
    moment = await _find(ctx, audit, history, event, at)
    if isinstance(moment, MomentRow):
        incident = describe_incident(moment, describe_row(moment), await _find_evidence(ctx, history, moment))
        if incident.facts is not None and history is not None and moment.line.startswith(DEADLOCK):
            incident.facts.ended_by = await _list_ends(history, moment)
        return incident
    if is_service_change(moment):
        return moment.model_copy(update={"facts": await _describe_absence(history, moment)})
    if history is not None:
        moment.storm, moment.storm_before = await _count_alike(history, moment)
        if (again := await _find_program_end(history, moment)) is not None:
            moment = _add_start_of_program(moment, again)
    facts = moment.facts or describe_facts(moment)
    others = describe_others(moment, ALIKE_S)
    return moment.model_copy(update={"facts": facts.model_copy(update={"others": others})})


async def _find_evidence(ctx: Context, history: MomentHistory | None, row: MomentRow) -> AnomalyLine | None:
    """Return the anomaly of an incident, from its node or from the store; None if there is none."""
    if row.number == ANOMALY:
        return read_anomaly(row)
    try:
        found = await anomalies(ctx.on_node(row.node), history, None, ended=True)
    except OperationError:
        return None
    return find_anomaly(row, found.anomalies)


async def _list_ends(history: MomentHistory, row: MomentRow) -> str | None:
    """Return the lines of the restarts in which the calls of a deadlock failed, each with its id; None without one."""
    rows, _ = await history.page([row.node], [], None, row.at, row.until + SAME_S, 0, MOST_ROWS)

    def describe(one: MomentRow) -> str | None:
        moment = read_moment(one)
        reasons = [] if moment is None else [event.reason for event in moment.events if isinstance(event, Crashed)]
        ends = any(_is_of_deadlock(reason, row.line) for reason in reasons)
        return f"{one.line} ({Ref(one.run, one.number)})" if ends else None

    lines = await asyncio.to_thread(lambda: list(filter(None, map(describe, reversed(rows)))))
    more = [f"{len(lines) - MOST_ENDS:,} more"] if len(lines) > MOST_ENDS else []
    return "; ".join(lines[:MOST_ENDS] + more) or None


def _is_of_deadlock(reason: str, line: str) -> bool:
    """Return whether a reason names the processes of a deadlock, by its line.

    >>> line = "a deadlock: till waited for cart at shop.py:7, which waited for till"
    >>> [_is_of_deadlock(f"timeout: a deadlock, {cycle}", line) for cycle in ("cart → till → cart", "a → till → a")]
    [True, False]
    >>> _is_of_deadlock("timeout: a deadlock, shop → till → shop", line)
    False
    >>> _is_of_deadlock("timeout: a deadlock, till -> cart -> till", line)  # of an earlier version
    True
    >>> _is_of_deadlock("timeout: a deadlock, till → cart → till", line.replace("till", "till-2"))
    False
    """
    _, found, cycle = reason.partition(LOCKED)
    names, told = re.split(" (?:->|→) ", cycle)[:-1], PLACE.sub("", line.removeprefix(DEADLOCK))
    return bool(found) and all(
        re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", told) for name in names[:MOST_NAMED]
    )


async def _find(
    ctx: Context, audit: AuditLog, history: MomentHistory | None, event: str, at: float | None
) -> Moment | MomentRow:
    """Return a restart from memory, else from the store, or the row of an incident. Raises `OperationError`."""
    ref = Ref.read(event)
    sees = ctx.user.sees(ctx.owner_of(ctx.on))
    node, found, error = None, None, _not_known(ref, ctx) if sees else not_their_node(_this(), ctx)
    try:
        node = ctx.found if sees else None
        if isinstance(node, RemoteNode):
            answer = await forward(_this(), ctx, node, {"event": str(ref), "at": at})
            found = Moment.model_validate(answer.data).model_copy(update={"node": node.name})
        elif node is not None and ref.run in (None, run_of(node.node)):
            found = _draw_now(ctx, node, audit, ref).model_copy(update={"current": True})
    except OperationError as failure:
        error = failure
        if failure.code == "restart_not_found" and isinstance(node, RemoteNode):
            # The service does not know its name here.
            error = OperationError(failure.code, str(failure), hint=_hint(ctx))
    whole = found if found is not None and found.complete and (at is None or abs(found.at - at) <= SAME_S) else None
    try:
        row = None if history is None else await _find_row(history, ctx, ref, at)
    except StoreUnavailable as failure:
        if found is None:
            raise OperationError("store_unavailable", failure.why) from None
        row = None
    if row is not None and (is_incident(row) or row.number == ANOMALY):  # the node may have forgotten its process
        return row
    if whole is not None and (row is None or row.data is None):
        return whole
    if row is None:
        if found is not None and at is None:
            return found
        raise error
    if row.data is None:
        raise OperationError("restart_not_kept", describe_row(row), hint="only this line of it is kept")
    try:
        current = isinstance(node, WatchedNode) and row.run == run_of(node.node)
        stored = Moment.model_validate_json(zlib.decompress(row.data))
        changes = {"ref": str(Ref(row.run, row.number)), "node": row.node, "at": row.at, "current": current}
        stored = reword(stored, ctx.user.name).model_copy(update=changes)
        if stored.going_on and not stored.program:  # it was recorded while it went on
            stored.facts = describe_facts(stored, stored=True)
        if whole is not None:
            return stored.model_copy(update={"current": whole.current}) if is_richer(stored, whole) else whole
        return stored
    except (ValueError, zlib.error):  # from an earlier version
        if whole is not None:
            return whole
        raise OperationError("restart_not_kept", describe_row(row), hint="an earlier version stored it") from None


async def _find_row(history: MomentHistory, ctx: Context, ref: Ref, at: float | None) -> MomentRow | None:
    for name in possible_names(ctx.on or ctx.home.name):
        if (row := await history.find(ref, name, ctx.user.sees, at)) is not None:
            return row
    return None


async def _count_alike(history: MomentHistory, moment: Moment) -> tuple[int, int]:
    """Return the number of stored restarts of the same child shortly before and after this one, and of those before.

    The events in memory do not survive a restart of the platform, so their count is used only while restarts may not
    be stored yet.
    """
    since, until = moment.at - ALIKE_S, moment.at + ALIKE_S
    rows, _ = await history.page([moment.node], [], None, since, until, 0, MOST_ALIKE)
    run, child = moment.ref.rpartition(".")[0], _find_first_end(moment)  # another program may have written anything
    others = [row for row in rows if row.run == run and row.number != moment.id] if child is not None else []
    kept = await asyncio.to_thread(lambda: [row.at < moment.at for row in others if _is_restart_of(row, child)])
    counts = len(kept), sum(kept)
    return counts if until + ALIKE_S < time.time() else max(counts, (moment.storm, moment.storm_before))


def is_service_change(moment: Moment) -> bool:
    """Return whether this is the end or the return of a service or a member: no supervisor of ours took part."""
    return moment.program and len(moment.events) == 1


async def _describe_absence(history: MomentHistory | None, moment: Moment) -> MomentFacts:
    """Return what happened to a service or a member, and how long it was away if that is known."""
    change = moment.events[0]
    ended, facts = isinstance(change, Crashed), MomentFacts(what=moment.summary, why="its program runs again")
    if isinstance(change, Crashed):
        facts.why = change.reason
    since, until = (moment.at + 0.001, None) if ended else (None, moment.at)
    rows, _ = ([], 0) if history is None else await history.page([moment.node], [], None, since, until, 0, MOST_ALIKE)
    others = await asyncio.to_thread(
        lambda: [one for row in rows if (one := read_moment(row)) and is_service_change(one)]
    )
    if ended:  # one that fell silent may end afterwards
        returns = [one for one in others if not isinstance(one.events[0], Crashed)]
        other = (returns or others or [None])[-1]
    else:
        ends = list(takewhile(lambda one: isinstance(one.events[0], Crashed), others))
        other = (ends or others[:1] or [None])[-1]
    away = other is not None and isinstance(other.events[0], Crashed) is not ended
    if other is not None and away:
        begun, over = sorted((moment.at, other.at))
        when = datetime.fromtimestamp(over if ended else begun)
        facts.away = f"{sentences.elapsed(round(over - begun))}, {'until' if ended else 'since'} {when:%H:%M:%S}"
    facts.supervisor = OBSERVED if ended and EXITED.search(facts.why or "") else NOT_RESTARTED
    ran_on = moment.ran_on if other is None or not ended else other.ran_on  # it may end before it answers
    if ran_on and not ended and not away:
        facts.why, facts.supervisor = "its program did not end", f"Its program did not end: {OUTAGE}."
    elif ran_on and history is not None:
        held = await _describe_silence(history, moment)
        facts.why = held or (facts.why if ended else "its program did not end")
        unknown = LATER if ended and other is None else NOT_HELD
        facts.supervisor = f"Its program did not end. {f'The reason: {held}.' if held else unknown}"
        if held is None and STOPPED in moment.summary:
            facts.supervisor = BY_SIGNAL
    elif ended and history is not None and (held := await _describe_silence(history, moment)) is not None:
        facts.why = f"{facts.why}; {held}"
    if ON_REQUEST in moment.summary:
        facts.why = f"it was {'detached' if ended else 'attached'} {ON_REQUEST}"
        observes = "observes it again" if " attached again " in moment.summary else "began to observe it"
        observes = "no longer observes it, which ends no program" if ended else observes
        facts.supervisor = f"The platform {observes}."
    return facts


async def _describe_silence(history: MomentHistory, moment: Moment) -> str | None:
    """Return what held the event loop of a service that did not answer, or its stop; None if neither is known."""
    since, until = moment.at - HELD_S, moment.at + SAME_S
    rows, _ = await history.page([moment.node], [], None, since, until, 0, MOST_ALIKE, number=INCIDENT)
    held = (row for row in rows if (row.cause == BLOCKED or is_stop(row)) and row.until >= moment.at - SAME_S)
    return next((row.line for row in held), None)


def _find_first_end(moment: Moment) -> str | None:
    return next((one.id for one in moment.events if isinstance(one, Crashed)), None)


def _is_restart_of(row: MomentRow, child: str | None) -> bool:
    """Return whether this child ended first and its supervisor restarted it."""
    moment = read_moment(row)
    if moment is None:
        return False
    first = next((one for one in moment.events if isinstance(one, Decided)), None)
    return first is not None and first.what == "restart" and _find_first_end(moment) == child


async def _find_program_end(history: MomentHistory, moment: Moment) -> Moment | None:
    """Return the restart of the program that ended because the root of its tree gave up; None if there was none."""
    given_up = {one.id for one in moment.events if isinstance(one, Decided) and one.what == "give_up"}
    if moment.program or moment.root.id not in given_up:
        return None
    until = moment.at + (moment.took or 0.0) + SAME_S
    rows, _ = await history.page([moment.node], [], None, moment.at, until, 0, MOST_ROWS)
    return await asyncio.to_thread(lambda: next(filter(None, map(_read_program_end, reversed(rows))), None))


def _read_program_end(row: MomentRow) -> Moment | None:
    moment = read_moment(row)
    return moment if moment is not None and moment.program and len(moment.events) > 1 else None  # a service has one


def _add_start_of_program(moment: Moment, end: Moment) -> Moment:
    """Return a restart in which the root gave up, with what the supervisor of the whole program did about it."""
    supervisor, tree, since = end.root, moment.root.id, end.at - moment.at
    reason = next((one.reason for one in end.events if isinstance(one, Crashed)), "shutdown")
    more = [
        Signalled(kind="signal", at=since, id=tree, to=supervisor.id, reason=reason),
        Decided(kind="decide", at=since, id=supervisor.id, what="pause", left=None, later=end.took, strategy=None),
    ]
    root = replace(supervisor, children=[moment.root])
    return moment.model_copy(update={"root": root, "events": [*moment.events, *more], "facts": None})


def _this() -> Operation:
    found = declared(show)
    assert found is not None
    return found


def _draw_now(ctx: Context, node: WatchedNode, audit: AuditLog, ref: Ref) -> Moment:
    """Return a restart from the events in memory. Raises `OperationError`."""
    now = Running(node.node, node.last_states)
    memory = Memory(otp.trace.history(node.node))
    group = groups(memory, lambda end: waits(now, end)).get(ref.number)
    if group is None:
        raise _not_found(ref.number, memory.events, ctx)
    try:
        return draw_moment(node, audit, memory, group, now, ctx.user.name)
    except NoSupervisor:
        raise OperationError(
            "restart_not_found",
            f"the process of event {ref.number} has no supervisor that restarts it",
            hint=_hint(ctx),
        ) from None


def draw_moment(
    node: WatchedNode, audit: AuditLog, memory: Memory, group: Group, now: Running, reader: str | None = None
) -> Moment:
    """Return a group of events as the operation does.

    Args:
        node: their node.
        audit: names the requests that ended processes.
        memory: the events of the node.
        group: the group.
        now: the present of the node.
        reader: the user who reads it; None to store it.

    Raises:
        NoSupervisor: no supervisor handles the end.
    """
    found = moment_of(memory, group, now)
    clock = Clock()
    origins = [origin_of(node, audit, reader, clock, step) for step in found.steps]
    summary = summary_of(one.step for one in origins) or "the events are no longer in memory"
    moment = describe_moment(found, clock, summary, origins)
    moment.ref, moment.node = str(Ref(run_of(node.node), found.id)), node.name
    moment.lost_beside = _list_lost(node, group)
    return moment


def _list_lost(node: WatchedNode, group: Group) -> str | None:
    """Return the messages that were lost with other processes than the first; None if there were none."""
    lost: list[str] = []
    for event in group.of("exited"):
        if event is not group.first and (found := LostMessages.of(node.last_states.messages_of(event.pid))) is not None:
            name = event.data.get("name") or event.data.get("what") or plain_pid(event.pid)
            count, colon, first = found.text.partition(":")
            lost.append(f"{count} of {safe_text(str(name))}{colon}{first}")
    return clip("; ".join(lost), LONGEST_LOST) if lost else None


def describe_program_end(tree: str, reason: str) -> str:
    """Return the clause about the end of the program of a tree."""
    return f"{tree}'s program ended: {reason}"


@dataclass(frozen=True, slots=True)
class ProgramEnd:
    """The end of the program of a tree, which a supervisor of the platform has started again.

    Args:
        tree: the name of the tree.
        reason: why its program ended, in words.
        at: time of the end, in seconds since 1970.
        took: seconds until the tree ran again.
        supervisor: the name of the supervisor.
        pid: the process that represents the new program.
    """

    tree: str
    reason: str
    at: float
    took: float
    supervisor: str
    pid: str

    @property
    def text(self) -> str:
        """Return what happened in one line, without its time.

        >>> ProgramEnd("Shop", "killed by signal 9", 0.0, 1.04, "playground", "0.41.0").text
        "Shop's program ended: killed by signal 9; playground restarted it after 1 s"
        """
        again = f"{self.supervisor} restarted it after {sentences.elapsed(self.took)}"
        return sentences.story(describe_program_end(self.tree, self.reason), again)

    def moment(self, node: str, ref: Ref) -> Moment:
        """Return it as a restart of the whole tree."""

        def one(id: str, kind: NodeKind, strategy: str | None, children: list[MomentNode]) -> MomentNode:
            return MomentNode(
                id=id, name=id.rpartition("/")[2], kind=kind, pid=None, strategy=strategy, limit=None, used=0,
                restart=None, state=None, children=children, more=0,
            )  # fmt: skip

        id, by, reason = f"{self.supervisor}/{self.tree}", self.supervisor, self.reason
        events: list[dict[str, Any]] = [
            {"kind": "crash", "at": 0.0, "id": id, "reason": reason, "crash": True},
            {"kind": "signal", "at": 0.0, "id": id, "to": by, "reason": reason},
            {"kind": "decide", "at": 0.0, "id": by, "what": "restart", "left": None, "later": None, "strategy": None},
            {"kind": "start", "at": self.took, "id": id, "by": by, "pid": self.pid, "state": None},
        ]
        root = one(by, "supervisor", "one_for_one", [one(id, "supervisor", None, [])])
        return Moment.model_validate(
            {
                "id": ref.number, "ref": str(ref), "node": node, "at": self.at, "took": self.took, "complete": True,
                "going_on": False, "summary": self.text, "line": None, "root": root, "events": events, "ghosts": {},
                "storm": 0, "program": True,
            }
        )  # fmt: skip


def describe_service_change(change: ServiceChange, ref: Ref) -> Moment:
    """Return the end or the next start of an attached service or a member as a restart of its program."""
    id = change.node
    top = MomentNode(
        id=id, name=id, kind="supervisor", pid=None, strategy=None, limit=None, used=0, restart=None, state=None,
        children=[], more=0,
    )  # fmt: skip
    failed = ON_REQUEST not in change.text
    event: dict[str, Any] = {"kind": "crash", "at": 0.0, "id": id, "reason": change.reason, "crash": failed}
    if change.reason is None:
        event = {"kind": "start", "at": 0.0, "id": id, "by": id, "pid": f"{change.os_pid}", "state": None}
    return Moment.model_validate(
        {
            "id": ref.number, "ref": str(ref), "node": id, "at": change.at, "took": 0.0, "complete": True,
            "going_on": False, "summary": change.text, "line": None, "root": top, "events": [event], "ghosts": {},
            "storm": 0, "program": True, "ran_on": change.ran_on,
        }
    )  # fmt: skip


def describe_row(row: MomentRow) -> str:
    """Return the line of a restart without a replay, after its time: at its end, it would be that of the last clause.

    >>> from superlearner.store import MomentRow
    >>> row = MomentRow("shop@127.0.0.1", "9f3a0c1b22d4", 7, 9, 0.0, 0.0, "checkout_sup gave up")
    >>> describe_row(row).endswith(" on 1 January 1970: checkout_sup gave up")
    True
    >>> lost = MomentRow(
    ...     "shop", "9f3a0c1b22d4", 7, 9, 0.0, 9.0, f"till was in handle_cast for 9 s {LAST_SEEN} 10:00:09"
    ... )
    >>> describe_row(lost).endswith(": till was in handle_cast for 9 s; it was last observed at 10:00:09")
    True
    """
    begun, ended = datetime.fromtimestamp(row.at), datetime.fromtimestamp(row.until)
    day, last_day = map(_day_of, (begun, ended))
    if row.line.startswith(OUTAGE):
        return row.line  # the line has its times
    if LAST_SEEN in row.line:
        told, _, seen = row.line.partition(f" {LAST_SEEN} ")
        return f"{begun:%H:%M:%S}{day}: {told}; it was last observed at {seen}"
    lasted = row.until - row.at >= 1 and (row.number == ANOMALY or is_incident(row))
    if lasted or (row.count > 1 and not row.events):
        first_day = "" if begun.date() == ended.date() else day
        return f"{begun:%H:%M:%S}{first_day} to {ended:%H:%M:%S}{last_day}: {row.line}"
    return f"{begun:%H:%M:%S}{day}: {row.line}"


def _day_of(at: datetime) -> str:
    return "" if at.date() == datetime.now().date() else f" on {at.day} {at:%B %Y}"


def _hint(ctx: Context) -> str:
    return f"`{command('restart.list', node=ctx.nodes.option_of(ctx.on))}` lists the restarts"


def _not_known(ref: Ref, ctx: Context) -> OperationError:
    return OperationError("restart_not_found", f"no restart {ref} is known", hint=_hint(ctx))


def _not_found(event: int, events: Sequence[TraceEvent], ctx: Context) -> OperationError:
    if not events or event < events[0].seq:
        return OperationError("restart_not_found", f"event {event} is no longer in memory", hint=_hint(ctx))
    known = any(one.seq == event for one in events)
    what = f"event {event} is not part of a restart" if known else f"there is no event {event} about a process"
    return OperationError("restart_not_found", what, hint=_hint(ctx))


def describe_moment(found: Found, clock: Clock, summary: str, origins: Sequence[Origin] = ()) -> Moment:
    """Return a restart as the operation does; `origins` are those of its steps."""
    asked = next((one for one in origins if one.request is not None), None)
    first = next((one for one in origins if one.step.kind == "exited"), None)
    return Moment.model_validate(
        {
            "id": found.id,
            "at": clock.wall(found.at_ns),
            "took": None if found.took_ns is None else found.took_ns / 1e9,
            "complete": found.complete,
            "going_on": found.going_on,
            "summary": summary,
            "request": None if asked is None else asked.request,
            "requester": None if asked is None else asked.requester,
            "signal": None if first is None else first.step.signal,
            "handled": None if first is None else first.handled,
            "lost": None if first is None else first.lost,
            "line": found.line,
            "root": found.root,
            "events": [_describe_happening(one, found.at_ns) for one in found.events],
            "ghosts": {name: {"also": ghost.also, "not": ghost.no} for name, ghost in found.ghosts.items()},
            "storm": found.storm,
            "storm_before": found.storm_before,
        }
    )


def _describe_happening(one: Happening, since: int) -> dict[str, Any]:
    later = None if one.later_ns is None else one.later_ns / 1e9
    return {**asdict(one), "at": (one.at_ns - since) / 1e9, "later": later}
