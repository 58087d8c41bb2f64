"""The page's model of supervision trees: rows, their order, and their changes.

`projector` applies trace events to it. Neither module reads a clock, a table or the network.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from superlearner.control.clock import wall_of
from superlearner.control.slots import GROUPS, Slot, id_text, key_part
from superlearner.live.rows import Row, label

__all__ = ["Projection", "below", "called", "graft", "name_of", "patch", "put", "remove", "row_of", "slot_of"]

replace = msgspec.structs.replace


@dataclass(slots=True)
class Projection:
    """The model: rows by key, the order of children, and the row of each pid.

    Attributes:
        offset: wall clock seconds at the zero of the node's clock.
        rows: all rows, in no particular order; `walk` gives the order.
        children: keys of a supervisor's children, in start order.
        by_pid: key of the row of a living pid.
        started: start times of the pids that do not answer; their rows have the time since which they do not.
        removed: keys removed since the last frame, even if they have been added again.
        restarts: total of all supervisors of the node; set by the owner of the model.
    """

    offset: float = 0.0
    rows: dict[str, Row] = field(default_factory=dict[str, Row])
    roots: list[str] = field(default_factory=list[str])
    children: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    by_pid: dict[str, str] = field(default_factory=dict[str, str])
    carried: dict[str, Row] = field(default_factory=dict[str, Row])
    started: dict[str, float] = field(default_factory=dict[str, float])
    removed: set[str] = field(default_factory=set[str])
    restarts: int = 0

    def wall(self, at_ns: int) -> float:
        """Return a time of the node's clock in wall clock seconds."""
        return wall_of(self.offset, at_ns)

    def walk(self) -> Iterator[Row]:
        """Iterate over all rows, parents before children, siblings in start order."""
        pending = list(reversed(self.roots))
        while pending:
            key = pending.pop()
            yield self.rows[key]
            pending.extend(reversed(self.children.get(key, ())))

    def before(self, key: str) -> str | None:
        """Return the sibling before a row, None for the first one."""
        parent = self.rows[key].parent
        siblings = self.roots if parent is None else self.children[parent]
        index = siblings.index(key)
        return siblings[index - 1] if index else None


def graft(model: Projection, slot: Slot, parent: str | None, at: float) -> set[str]:
    """Add a slot with everything below it: a root or a (re)started supervisor."""
    key = slot.part if parent is None else f"{parent}/{slot.part}"
    old = model.rows.get(key)
    if old is not None and (old.kind != slot.kind or old.parent != parent):
        remove(model, key)
        old = None
    row = _row_of_slot(slot, key, parent, at)
    if old is not None:
        row = _continued(model, old, row)
    if slot.suspended is not None and slot.pid is not None:
        model.started.setdefault(slot.pid, row.since)
        row = replace(row, state="suspended", since=slot.suspended.at, doing=slot.suspended.by)
    dirty = put(model, row)
    if slot.kind == "supervisor":
        keys = [f"{key}/{child.part}" for child in slot.children]
        for gone in [k for k in model.children.get(key, ()) if k not in set(keys)]:
            dirty |= remove(model, gone)
        stayed = set(model.children.get(key, ()))
        if [k for k in keys if k in stayed] != model.children.get(key, []):
            model.removed |= stayed  # their order changed, which a frame expresses by removing and adding them
            dirty |= stayed
        for child in _with_group(slot):
            dirty |= graft(model, child, key, at)
        model.children[key] = keys
    return dirty


def _with_group(supervisor: Slot) -> Sequence[Slot]:
    """Return the children; those that the strategy restarts with another one count as restarting, too."""
    children = supervisor.children
    first = next((place for place, child in enumerate(children) if child.restarting), None)
    if first is None or supervisor.strategy not in GROUPS:
        return children
    begin = first if supervisor.strategy == "rest_for_one" else 0
    return [
        dataclasses.replace(child, restarting=True) if place >= begin and child.pid is None else child
        for place, child in enumerate(children)
    ]


def row_of(model: Projection, pid: str | None) -> Row | None:
    """Return the row of a living process, None if it is not on the page."""
    key = None if pid is None else model.by_pid.get(pid)
    return None if key is None else model.rows[key]


def slot_of(supervisor: Row, id: Any, pid: str | None = None) -> str:
    """Return the key of a child's slot; without an id, the pid identifies the child."""
    return f"{supervisor.key}/{pid if id is None else key_part(id)}"


def called(model: Projection, supervisor: Row, id: Any, otherwise: str = "a child") -> str:
    """Return a child's name, or `otherwise` for a child without an id."""
    if id is None:
        return otherwise
    return label(model.rows.get(slot_of(supervisor, id))) or id_text(id)


def name_of(model: Projection, key: str | None) -> str | None:
    """Return the name of the process in a slot."""
    return None if key is None else label(model.rows[key])


def below(model: Projection, key: str) -> Iterator[Row]:
    """Return the rows below a row."""
    for child in model.children.get(key, ()):
        yield model.rows[child]
        yield from below(model, child)


def put(model: Projection, row: Row) -> set[str]:
    """Add or replace a row; return its key if that changed anything."""
    old = model.rows.get(row.key)
    if old == row:
        return set()
    if old is not None and old.pid is not None and old.pid != row.pid:
        model.by_pid.pop(old.pid, None)
    if row.pid is not None:
        model.by_pid[row.pid] = row.key
    model.rows[row.key] = row
    if old is None and row.parent is None:
        model.roots.append(row.key)
    return {row.key}


def patch(model: Projection, row: Row | None, **fields: Any) -> set[str]:
    """Change some fields of a row; do nothing without a row."""
    return set() if row is None else put(model, replace(model.rows[row.key], **fields))


def remove(model: Projection, key: str) -> set[str]:
    """Remove a row and everything below it from the model."""
    gone: set[str] = set()
    pending = [key]
    while pending:
        current = pending.pop()
        row = model.rows.pop(current, None)
        if row is None:
            continue
        gone.add(current)
        pending.extend(model.children.pop(current, ()))
        if row.pid is not None and model.by_pid.get(row.pid) == current:
            del model.by_pid[row.pid]
        siblings = model.roots if row.parent is None else model.children.get(row.parent, [])
        if current in siblings:
            siblings.remove(current)
    model.removed |= gone
    return gone


def _row_of_slot(slot: Slot, key: str, parent: str | None, at: float) -> Row:
    state = "running" if slot.pid is not None else "restarting" if slot.restarting else "stopped"
    return Row(
        key=key,
        parent=parent,
        id=slot.id,
        name=slot.name,
        pid=slot.pid,
        kind=slot.kind,
        what=slot.what,
        strategy=slot.strategy,
        restart=slot.restart,
        state=state,
        since=slot.since or at,
        restarts=slot.restarts,
        restarted_along=slot.restarted_along,
        last=slot.last,
        budget=slot.budget,
        mailbox=None if slot.pid is None else 0,
        children=slot.child_count,
        critical=slot.critical,
    )


def _continued(model: Projection, old: Row, row: Row) -> Row:
    """Return the new row, with the fields of the old row that its supervisor does not supply."""
    if row.pid == old.pid and (row.pid is not None or row.state == old.state):  # it was only read again
        row = replace(row, since=model.started.get(row.pid or "", old.since))
    if row.pid is None:  # keep the class and name of the process that will run in it again
        row = replace(row, what=old.what or row.what, name=old.name)
    return replace(row, last=row.last if old.last is None or old.last.start else old.last)
