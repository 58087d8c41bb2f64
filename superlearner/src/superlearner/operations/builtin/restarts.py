"""Restarts: what happened, in order, and the tree before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field

import otp
from superlearner.control.clock import Clock
from superlearner.control.events import ANSWERS, STARTS, TraceEvent, facts_of, is_restart
from superlearner.operations.builtin.errors import with_request
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, operation
from superlearner.operations.engine.audit import AuditLog
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import PageNumber, PerPage
from superlearner.operations.results.restarts import Moment, RestartLine
from superlearner.restarts.groups import Group, groups
from superlearner.restarts.memory import Memory
from superlearner.restarts.moments import (
    Happening,
    NoSupervisor,
    moment_of,
)
from superlearner.restarts.moments import Moment as Found
from superlearner.restarts.present import Running, waits
from superlearner.restarts.tables import Past

EventNumber = Annotated[
    int, Field(ge=1, description="the number of an event: an end, a stop, a start, a give-up", examples=[1204])
]
HINT = "restart.list lists the restarts in memory"


@operation("restart.show", http=("GET", "/restarts/{event}"), scope="read", errors=("restart_not_found",),
           short="id at summary took going_on complete storm")  # fmt: skip
async def show(
    ctx: Context,
    audit: AuditLog,
    /,
    event: EventNumber,
) -> Moment:
    """Show a restart.

    The tree before it and every signal, decision, stop and start in order, from the first cause to the last start; and
    what another strategy would have restarted. Read from the last 4,096 events of the node.
    """
    now = Running(ctx.node, ctx.watched.last_states)
    memory = Memory(otp.trace.history(ctx.node))
    group = groups(memory, lambda end: waits(now, end)).get(event)
    if group is None:
        raise _not_found(event, memory.events)
    try:
        found = moment_of(memory, group, now)
    except NoSupervisor:
        raise OperationError(
            "restart_not_found", f"the process of event {event} has no supervisor that restarts it", hint=HINT
        ) from None
    clock = Clock()
    told = [with_request(ctx, audit, step, clock.wall(step.at_ns)) for step in found.steps]
    summary = "; ".join(step.text for step, _ in told) or "the events are no longer in memory"
    return describe_moment(found, clock, summary, next((request for _, request in told if request), None))


@operation("restart.list", http=("GET", "/restarts"), scope="read",
           short="at name reason supervisor started gave_up event")  # fmt: skip
async def list_(ctx: Context, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[RestartLine]:
    """List the newest restarts.

    One line for each first cause among the last 4,096 events of the node, newest first.
    """
    now = Running(ctx.node)
    memory = Memory(otp.trace.history(ctx.node))
    found = {id(group): group for group in groups(memory, lambda end: waits(now, end)).values() if group.restarts}
    newest = sorted(found.values(), key=lambda group: -group.id)
    start = (page - 1) * per_page
    past, clock = Past(memory, now, 0), Clock()
    lines = [_describe_restart(group, past, clock) for group in newest[start : start + per_page]]
    return Paged(lines, len(newest), page, per_page)


def _not_found(event: int, events: Sequence[TraceEvent]) -> OperationError:
    if not events or event < events[0].seq:
        return OperationError("restart_not_found", f"event {event} is no longer in memory", hint=HINT)
    known = any(one.seq == event for one in events)
    what = f"event {event} is not part of a restart" if known else f"there is no event {event} about a process"
    return OperationError("restart_not_found", what, hint=HINT)


def describe_moment(found: Found, clock: Clock, summary: str, request: str | None = None) -> Moment:
    """Return a restart as the operation does."""
    return Moment.model_validate(
        {
            "id": found.id,
            "at": clock.wall(found.at_ns),
            "took": None if found.took_ns is None else found.took_ns / 1e9,
            "complete": found.complete,
            "going_on": found.going_on,
            "summary": summary,
            "request": request,
            "line": found.line,
            "root": found.root,
            "events": [_describe_happening(one, found.at_ns) for one in found.events],
            "ghosts": {name: {"also": ghost.also, "not": ghost.no} for name, ghost in found.ghosts.items()},
            "storm": found.storm,
        }
    )


def _describe_happening(one: Happening, since: int) -> dict[str, Any]:
    later = None if one.later_ns is None else one.later_ns / 1e9
    return {**asdict(one), "at": (one.at_ns - since) / 1e9, "later": later}


def _describe_restart(group: Group, past: Past, clock: Clock) -> RestartLine:
    first, answers = group.first, group.of(*ANSWERS)
    supervisor = (group.end or answers[0]).pid
    done = next((one for one in answers if is_restart(one) and one.pid is supervisor), None)
    return RestartLine(
        event=group.id,
        at=clock.wall(first.at),
        name=past.name(group.victim, past.id_of(group.victim)) if group.victim is not None else "unknown",
        reason=facts_of(first).reason if "reason" in first.data else "unknown",
        supervisor=past.name(supervisor, past.id_of(supervisor)),
        strategy=done.data["strategy"] if done is not None else past.strategy(supervisor, first.seq),
        started=sum(one.kind in STARTS for one in group.events),
        gave_up=any(one.kind == "gave_up" for one in answers),
        fallen=list(dict.fromkeys(past.name(one.pid, past.id_of(one.pid)) for one in group.of("gave_up"))),
    )
