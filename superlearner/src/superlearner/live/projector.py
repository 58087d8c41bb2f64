"""A pure reducer from (model, event) to the page's model of a supervision tree.

`Projection` is the state of the page; `apply` applies the next trace event to it and returns the rows it changed.
Nothing here reads a clock, a table or the network: facts that an event lacks, such as the slots of a new supervisor,
come as a `Slot` argument, read by the caller at the same instant. So equal events give equal models, a snapshot plus
its deltas gives the later snapshot, and all of it is tested without a runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from itertools import takewhile
from typing import Any, Final

import msgspec

from otp.observer.prediction import is_restarted
from superlearner.control.events import (
    OF_CHILDREN,
    TraceEvent,
    act_of,
    facts_of,
    is_again,
    is_along,
    is_own_end,
    is_restart,
)
from superlearner.control.slots import (
    DYNAMIC,
    GROUPS,
    MAX_CHILDREN,
    Budget,
    LastExit,
    Slot,
    id_text,
    key_part,
    window_of,
)
from superlearner.live.projection import Projection, graft, patch, remove, row_of
from superlearner.live.rows import Row

__all__ = ["KINDS", "apply", "counts_after", "measure", "rest"]

KINDS: Final = OF_CHILDREN | {
    "start_failed", "strategy_changed", "placement_changed", "registered", "unregistered", "suspended", "resumed",
}  # fmt: skip
"""Kinds of events that change the tree."""

MAX_TIMES: Final = 64
MAX_CARRIED: Final = 200
LARGEST: Final = 2**53

replace = msgspec.structs.replace


def apply(model: Projection, event: TraceEvent, fresh: Slot | None = None) -> set[str]:
    """Apply an event to the model; return the keys of changed and removed rows.

    `fresh` is the slot, read at this instant, of the child that the event reports as started.
    """
    data = event.data
    at = model.wall(event.at)
    supervisor = row_of(model, facts_of(event).pid)
    match act_of(event):
        case "registered" | "unregistered":
            return patch(model, supervisor, name=id_text(data["name"]) if event.kind == "registered" else None)
        case _ if supervisor is None:
            return set()  # not in the tree yet: it will be added with all its children when its own start is reported
        case "suspended":
            model.started.setdefault(supervisor.pid or "", supervisor.since)
            return patch(model, supervisor, state="suspended", since=at, doing=facts_of(event).by)
        case "resumed" if supervisor.state == "suspended":
            return _goes_on(model, supervisor)
        case "strategy_changed" if fresh is not None:
            return patch(model, supervisor, strategy=fresh.strategy, budget=fresh.budget)
        case "start" | "restart":
            return _started(model, supervisor, event, at, fresh)
        case "end" | "stop":
            return _terminated(model, supervisor, event, at)
        case "restart_failed":
            return _restart_failed(model, supervisor, event, at)
        case "start_failed":
            facts = facts_of(event)
            last = LastExit(at, facts.reason, True, start=True, where=facts.where)
            return patch(model, model.rows.get(f"{supervisor.key}/{key_part(data['id'])}"), last=last)
        case "gave_up":
            return patch(model, supervisor, state="gave_up", since=at, budget=_spent(supervisor, data, at))
        case _:
            return set()


def measure(model: Projection, mailboxes: Mapping[str, int], stuck: Mapping[str, tuple[float, str]]) -> set[str]:
    """Apply measurements that events lack: mailbox lengths and long-running callbacks."""
    dirty: set[str] = set()
    for pid in model.started.keys() - model.by_pid.keys():
        del model.started[pid]
    for pid, key in model.by_pid.items():
        row = model.rows[key]
        if pid in stuck:
            since, doing = stuck[pid]
            if row.state in ("running", "stuck"):
                model.started.setdefault(pid, row.since)
                dirty |= patch(model, row, state="stuck", since=since, doing=doing, mailbox=mailboxes.get(pid))
            continue
        if row.state == "stuck":
            dirty |= _goes_on(model, row, mailbox=mailboxes.get(pid))
        elif row.mailbox != mailboxes.get(pid, row.mailbox):
            dirty |= patch(model, row, mailbox=mailboxes[pid])
    return dirty


def forget_deleted(model: Projection, parts: Callable[[str], Container[str] | None]) -> set[str]:
    """Remove stopped children that their supervisors no longer have, which no event reports.

    `parts` returns the key parts of a supervisor's children by its pid; None if they are not known.
    """
    dirty: set[str] = set()
    known: dict[str, Container[str] | None] = {}
    for row in [row for row in model.rows.values() if row.state == "stopped" and row.pid is None]:
        parent = model.rows.get(row.parent or "")
        if parent is None or parent.pid is None or row.key not in model.rows:
            continue
        if parent.pid not in known:
            known[parent.pid] = parts(parent.pid)
        there = known[parent.pid]
        if there is not None and row.key.removeprefix(f"{parent.key}/") not in there:
            dirty |= remove(model, row.key)
            dirty |= patch(model, model.rows[parent.key], children=max(0, (model.rows[parent.key].children or 1) - 1))
    return dirty


def rest(model: Projection, supervisor: str, id: str, again_at: float) -> set[str]:
    """Mark a child as waiting for a restart at a known time."""
    for row in model.rows.values():
        parent = None if row.parent is None else model.rows[row.parent]
        if row.id == id and row.pid is None and parent is not None and supervisor in (parent.name, parent.id):
            state = row.state if row.state == "gave_up" else "restarting"
            return patch(model, row, state=state, again_at=again_at)
    return set()


# Events


def _goes_on(model: Projection, row: Row, **fields: Any) -> set[str]:
    """Show a process as running since its start."""
    started = model.started.pop(row.pid or "", row.since)
    return patch(model, row, state="running", since=started, doing=None, **fields)


def counts_after(event: TraceEvent, before: Row | None) -> tuple[int, int]:
    """Return a child's restarts and those along after a start.

    They are counted from the row `before` if the event lacks them.
    """
    own, along = (0, 0) if before is None else (before.restarts, before.restarted_along)
    told = event.data.get("restarts")
    if type(told) is not int or not 0 <= told < LARGEST:
        told = own + is_again(event)
    elif told < own:  # it was deleted in between, so the counts start over
        along = 0
    return told, along + is_along(event)


def _started(model: Projection, supervisor: Row, event: TraceEvent, at: float, fresh: Slot | None) -> set[str]:
    dirty = patch(model, supervisor, budget=_spent(supervisor, event.data, at)) if is_restart(event) else set[str]()
    carried = model.carried.pop(facts_of(event).old or "", None)
    dirty |= _added(model, model.rows[supervisor.key], event, at, fresh, carried)
    key = model.by_pid.get(facts_of(event).child or "")
    if key is not None and carried is not None:  # a dynamic child has a new key; keep its history
        dirty |= patch(model, model.rows[key], last=carried.last)
    return dirty


def _added(
    model: Projection, supervisor: Row, event: TraceEvent, at: float, fresh: Slot | None, before: Row | None
) -> set[str]:
    data = event.data
    pid = facts_of(event).child or ""
    if pid in model.by_pid:
        return set()
    dynamic = supervisor.strategy in DYNAMIC
    part = pid if dynamic else key_part(data["id"])
    key = f"{supervisor.key}/{part}"
    siblings = model.children.setdefault(supervisor.key, [])
    if key not in model.rows and len(siblings) >= MAX_CHILDREN:
        return patch(model, supervisor, children=(supervisor.children or 0) + 1)
    if fresh is None:
        restarts, along = counts_after(event, before or model.rows.get(key))
        fresh = Slot(
            id_text(data["id"]), part, pid, None, str(data.get("type", "worker")), "",
            restart=data.get("restart"), restarts=restarts, restarted_along=along,
        )  # fmt: skip
    dirty = graft(model, fresh, supervisor.key, at)
    if key not in siblings:
        siblings.append(key)
        dirty |= patch(model, model.rows[supervisor.key], children=(supervisor.children or 0) + 1)
    return dirty


def _terminated(model: Projection, supervisor: Row, event: TraceEvent, at: float) -> set[str]:
    data, facts = event.data, facts_of(event)
    row = row_of(model, facts.child)
    if row is None or row.parent != supervisor.key:
        if data.get("child") is not None and supervisor.children and _counts_unlisted_children(model, supervisor):
            return patch(model, supervisor, children=supervisor.children - 1)
        return set()
    last = LastExit(at, facts.reason, facts.crash)
    if supervisor.strategy in DYNAMIC or row.restart == "temporary":
        _carry(model, row, last)
        dirty = remove(model, row.key)
        return dirty | patch(model, model.rows[supervisor.key], children=max(0, (supervisor.children or 1) - 1))
    comes_back = (
        is_restarted(row.restart, data["reason"]) if is_own_end(event) else _is_in_group(model, supervisor, row)
    )
    state = "restarting" if comes_back else "gave_up" if row.state == "gave_up" else "stopped"
    dirty = patch(model, row, pid=None, state=state, since=at, last=last, mailbox=None, doing=None)
    return dirty | _stop_below(model, row.key, at)


def _is_in_group(model: Projection, supervisor: Row, row: Row) -> bool:
    """Return whether a supervisor stops a child to start it again after a sibling that has ended."""
    siblings: Iterable[str] = model.children.get(supervisor.key, ())
    if supervisor.strategy not in GROUPS or supervisor.state == "gave_up":
        return False
    if supervisor.strategy == "rest_for_one":  # those after the child that has ended
        siblings = takewhile(lambda key: key != row.key, siblings)
    return any(model.rows[key].state == "restarting" for key in siblings)


def _restart_failed(model: Projection, supervisor: Row, event: TraceEvent, at: float) -> set[str]:
    data, facts = event.data, facts_of(event)
    dirty = patch(model, supervisor, budget=_spent(supervisor, data, at))
    row = model.rows.get(f"{supervisor.key}/{key_part(data['id'])}")
    last = LastExit(at, facts.reason, facts.crash)
    return dirty | patch(model, row, state="restarting", since=at, last=last)


# Rows


def _stop_below(model: Projection, key: str, at: float) -> set[str]:
    """Empty the static slots below a supervisor that ended; remove the others."""
    dirty: set[str] = set()
    dynamic = model.rows[key].strategy in DYNAMIC
    for child in list(model.children.get(key, ())):
        row = model.rows[child]
        if dynamic or row.restart == "temporary":
            dirty |= remove(model, child)
            continue
        if row.state != "stopped" or row.pid is not None:
            dirty |= patch(model, row, pid=None, state="stopped", since=at, mailbox=None, doing=None)
        dirty |= _stop_below(model, child, at)
    if dynamic and model.rows[key].children:
        dirty |= patch(model, model.rows[key], children=0)
    return dirty


def _carry(model: Projection, row: Row, last: LastExit) -> None:
    """Keep the data of a dynamic child that ended until its restart is reported."""
    if row.pid is not None:
        model.carried[row.pid] = replace(row, last=last)
    while len(model.carried) > MAX_CARRIED:
        del model.carried[next(iter(model.carried))]


def _spent(supervisor: Row, data: Mapping[str, Any], at: float) -> Budget | None:
    """Return the budget after a restart or attempt at `at`; None without a limit."""
    if data["allowed"] == "infinity":
        return None
    window = window_of(data["window"])
    times = supervisor.budget.times if supervisor.budget is not None else ()
    counted = (*(time for time in times if at - time <= window), at)[-MAX_TIMES:]
    return Budget(int(data["used"]), int(data["allowed"]), window, counted)


def _counts_unlisted_children(model: Projection, supervisor: Row) -> bool:
    return (supervisor.children or 0) > len(model.children.get(supervisor.key, ()))
