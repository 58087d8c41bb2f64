"""The tree before a restart: everything that the restart touched, and some of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Literal

from superlearner.control.events import COUNTED, facts_of
from superlearner.control.slots import DYNAMIC, key_part
from superlearner.control.terms import plain_pid
from superlearner.restarts.groups import Group
from superlearner.restarts.present import RestartType, Row, Table, rows_of
from superlearner.restarts.tables import Past

__all__ = ["MOST_TOUCHED", "Drawing", "MomentNode", "NodeKind"]

MOST_TOUCHED: Final = 100
"""Limit of the drawn children of a supervisor that a restart stopped, started or ended."""
MOST_OTHERS: Final = 12
MOST_NODES: Final = 400
MOST_SEARCHED: Final = 500

NodeKind = Literal["supervisor", "dynamic_supervisor", "task_supervisor", "worker"]


@dataclass(slots=True, kw_only=True)
class MomentNode:
    """A process before the restart."""

    id: str = field(metadata={"description": "the path of its slot, such as `shop/checkout_sup/ledger`"})
    name: str
    kind: NodeKind
    pid: str | None = field(metadata={"description": "null: it did not run, or is unknown"})
    strategy: str | None
    limit: tuple[int, float] | None = field(metadata={"description": "restarts allowed within seconds; null: no limit"})
    used: int = field(metadata={"description": "earlier restarts that counted"})
    restart: RestartType | None
    state: str | None = field(
        metadata={"description": "its state now, if it still runs; null if unknown or hidden, and for a supervisor"}
    )
    ended: str | None = field(
        default=None, metadata={"description": "why it had ended, if it had not been restarted yet"}
    )
    children: list[MomentNode]
    more: int = field(metadata={"description": "number of children left out"})


class Drawing:
    """The drawing of one tree.

    Args:
        past: the tables before the restart.
        group: the events of the restart.
        ids: the ids that the restart touched, those that must be drawn first.
    """

    def __init__(self, past: Past, group: Group, ids: Iterable[str]) -> None:
        self.past = past
        self.rows: dict[str, Row] = {}
        """The drawn rows by their ids."""
        self.touched: dict[str, dict[Any, int]] = {}
        """The rank of each touched child by its key, by the id of its supervisor; those above them are touched, too."""
        seen: set[str] = set()
        for rank, id in enumerate(ids):
            while id not in seen and id in past.keys:
                seen.add(id)
                above = id.rpartition("/")[0]
                self.touched.setdefault(above, {})[past.keys[id]] = rank
                id = above
        self.at = group.first.at
        self.ended = {event.seq for event in group.of("exited")}
        self.used = {event.pid: event.data["used"] - 1 for event in reversed(group.of(*COUNTED))}
        self.left = MOST_NODES

    def draw(self, root: Any) -> MomentNode:
        """Return the node of a supervisor with everything below it."""
        past = self.past
        path = past.path(root) or plain_pid(root)
        table = past.table(past.above(root)) if past.above(root) is not None else None
        row = next((one for one in rows_of(table) if one.pid is root), None)
        return self._node(path, row or Row(past.id_of(root), root, type="supervisor"))

    def _node(self, path: str, row: Row) -> MomentNode:
        past, pid = self.past, row.pid
        self.left -= 1
        self.rows[path] = row
        node = MomentNode(
            id=path, name=past.name(pid, row.id), kind="worker", pid=None if pid is None else plain_pid(pid),
            strategy=None, limit=None, used=0, restart=row.restart, state=None, children=[], more=0,
        )  # fmt: skip
        end = past.memory.ends.get(pid)
        if end is not None and end.seq < past.since:
            node.ended = facts_of(end).reason
        elif pid is not None and not past.now.alive(pid) and (end is None or end.seq in self.ended):
            node.state = past.now.state(pid)  # of a process that went on, no state of then is known
        if row.type == "supervisor" and pid is not None:
            self._supervisor(node, pid, past.table_for(pid, self.touched.get(path, {})))
        elif row.type == "supervisor":
            node.kind = "supervisor"
        return node

    def _supervisor(self, node: MomentNode, pid: Any, table: Table) -> None:
        dynamic = table.strategy in DYNAMIC
        tasks = dynamic and self.past.what(pid) == "TaskSupervisor"
        node.kind = "task_supervisor" if tasks else "dynamic_supervisor" if dynamic else "supervisor"
        node.strategy, node.limit = table.strategy, table.limit
        node.used = self.used.get(pid, table.used(self.at))
        chosen = self._chosen(node.id, table.rows)
        for row in chosen:
            part = plain_pid(row.pid) if row.id is None else key_part(row.id)
            node.children.append(self._node(f"{node.id}/{part}", row))
        node.more = len(table.rows) - len(chosen)

    def _chosen(self, path: str, rows: Sequence[Row]) -> list[Row]:
        """Return the children to draw, in start order."""
        touched = self.touched.get(path, {})
        ranks = {at: touched[row.key] for at, row in enumerate(rows) if row.key in touched} if touched else {}
        chosen = set(sorted(ranks, key=ranks.__getitem__)[:MOST_TOUCHED])
        room = min(MOST_OTHERS - len(chosen), self.left - len(chosen))
        if room > 0:
            others = [at for at in range(len(rows)) if at not in chosen]
            chosen.update(others if len(others) <= room else self._named(others, rows, room))
        return [rows[at] for at in sorted(chosen)]

    def _named(self, places: list[int], rows: Sequence[Row], room: int) -> list[int]:
        """Return the places of the first children, those with names of their own before the others."""
        now = self.past.now
        named = (at for at in islice(places, MOST_SEARCHED) if rows[at].pid is not None and now.name(rows[at].pid))
        found = list(islice(named, room))
        taken = set(found)
        rest = (at for at in places if at not in taken)
        return found + list(islice(rest, room - len(found)))
