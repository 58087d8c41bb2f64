"""The children of supervisors at an earlier time: their tables now, and the events since."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, Final

from superlearner.control.events import COUNTED, ENDS, STARTS, TraceEvent, is_restart, is_stop
from superlearner.control.slots import DYNAMIC, id_text, key_part
from superlearner.control.terms import plain_pid
from superlearner.restarts.memory import Events, Memory
from superlearner.restarts.present import Now, Row, Table, rows_of

__all__ = ["Past"]

SEQ: Final = attrgetter("seq")
ATTEMPTS: Final = COUNTED - {"gave_up"}
"""Kinds of events that report one restart that counts."""
FLAGS: Final = ("strategy", "max_restarts", "max_seconds", "auto_shutdown")
UNKNOWN: Final = Table(None, None, None)


class Past:
    """The tables of a node at the time of an event.

    Args:
        events: of the node, oldest first.
        now: its present.
        since: the number of the event.
    """

    def __init__(self, events: Events, now: Now, since: int) -> None:
        self.now = now
        self.since = since
        self.memory = Memory.of(events)
        self.keys: dict[str, Any] = {}
        """The key of each row by the path that was asked for."""
        self._paths: dict[Any, str | None] = {}
        self._tables: dict[Any, Table] = {}

    # Places

    def above(self, pid: Any) -> Any:
        """Return the supervisor of a process, which may have ended; None if unknown."""
        told = self.memory.mentions.get(pid)
        return self.now.above(pid) if told is None else told.pid

    def id_of(self, pid: Any) -> Any:
        """Return the id of a child; None for a dynamic one."""
        told = self.memory.mentions.get(pid)
        if told is not None:
            return told.data["id"]
        above = self.now.above(pid)
        table = None if above is None else self.now.table(above)
        return next((row.id for row in rows_of(table) if row.pid is pid), None)

    def first(self, pid: Any) -> Any:
        """Return the process that was a dynamic child at the time, for one that replaced it."""
        start = self.memory.start(pid)
        while start is not None and start.seq > self.since and start.data["id"] is None and is_restart(start):
            pid = start.data["old"]
            start = self.memory.start(pid)
        return pid

    def path(self, pid: Any) -> str | None:
        """Return the key of a process's slot; None if it is neither a child nor a supervisor."""
        if pid not in self._paths:
            self._paths[pid] = self._path(pid)
        return self._paths[pid]

    def _path(self, pid: Any) -> str | None:
        above = self.above(pid)
        if above is None:
            is_root = pid in self.memory.doings or self.now.table(pid) is not None
            return key_part(self.root_name(pid) or plain_pid(pid)) if is_root else None
        return self.path_of(above, self.id_of(pid), pid)

    def path_of(self, supervisor: Any, id: Any, pid: Any) -> str:
        """Return the key of a supervisor's slot."""
        key = self.first(pid) if id is None else id
        found = f"{self.path(supervisor)}/{plain_pid(key) if id is None else key_part(id)}"
        self.keys[found] = key
        return found

    # Processes

    def root_name(self, pid: Any) -> str | None:
        """Return the registered name of a process, which may have ended."""
        return self.now.root_name(pid) if self.now.alive(pid) else self._ended_name(pid)

    def _ended_name(self, pid: Any) -> str | None:
        end = self.memory.ends.get(pid)
        name = None if end is None else end.data.get("name")
        return None if name is None else id_text(name)

    def known_name(self, pid: Any, id: Any) -> str | None:
        """Return the name of a process for readers: its own, else its id as a child, else None."""
        name = self.now.name(pid) if self.now.alive(pid) else self._ended_name(pid)
        return id_text(id) if name is None and id is not None else name

    def name(self, pid: Any, id: Any) -> str:
        """Return the name of a child for readers; that of a dynamic one may be its class and pid."""
        if pid is None:
            return id_text(id)
        return self.known_name(pid, id) or f"{self.what(pid)} {plain_pid(pid)}".strip()

    def what(self, pid: Any) -> str:
        """Return the class or function of a process, which may have ended."""
        if self.now.alive(pid):
            return self.now.what(pid)
        end = self.memory.ends.get(pid)
        return "" if end is None or end.data.get("what") is None else id_text(end.data["what"])

    # Tables

    def successor(self, pid: Any) -> Table | None:
        """Return the table of the supervisor that runs now in the slot of `pid`, which may be itself."""
        found = self.now.table(pid) if self.now.alive(pid) else None
        above = self.above(pid)
        if found is not None or above is None:
            return found
        table, id = self.successor(above), self.id_of(pid)
        row = next((one for one in rows_of(None if id is None else table) if one.id == id), None)
        return None if row is None or row.pid is None else self.now.table(row.pid)

    def table(self, pid: Any) -> Table:
        """Return the table of a supervisor at the time of the event, as far as memory reaches."""
        if pid not in self._tables:
            self._tables[pid] = self._table(pid)
        return self._tables[pid]

    def table_for(self, pid: Any, keys: Collection[Any]) -> Table:
        """Return the table of a supervisor, with those children among `keys` that it had only after the restart.

        They did not run before: temporary children that had ended, and others that were not restarted.
        """
        table, successor = self.table(pid), self.successor(pid)
        if not keys or successor is None or table.strategy in DYNAMIC:
            return table
        known = {row.key for row in table.rows}
        new = [row._replace(pid=None) for row in successor.rows if row.key in keys and row.key not in known]
        return replace(table, rows=_ordered([*table.rows, *new], successor.rows, [])) if new else table

    def strategy(self, pid: Any, seq: int) -> str | None:
        """Return the strategy of a supervisor at the time of another event."""
        before, after = self._split(pid, seq)
        base, known = self._base(pid)
        return _flags(base, after, before, known=known).strategy

    def _lives(self, pid: Any) -> bool:
        return self.now.alive(pid) and self.now.table(pid) is not None

    def _base(self, pid: Any) -> tuple[Table, bool]:
        """Return the table of the supervisor now in the slot of `pid`, and whether its flags are those of `pid`."""
        successor, lives = self.successor(pid) or UNKNOWN, self._lives(pid)
        last = None if lives else self.now.last_flags(pid)
        return successor if last is None else replace(last, times=successor.times, rows=successor.rows), lives or bool(
            last
        )

    def _split(self, pid: Any, seq: int) -> tuple[list[TraceEvent], list[TraceEvent]]:
        """Return the events of a supervisor before and after an event."""
        doings = self.memory.doings.get(pid, [])
        return doings[: bisect_left(doings, seq, key=SEQ)], doings[bisect_right(doings, seq, key=SEQ) :]

    def _table(self, pid: Any) -> Table:
        successor = self.successor(pid) or UNKNOWN
        lives = self._lives(pid)
        before, after = self._split(pid, self.since)
        rows = _Rows(successor.rows if lives else [], self)
        for event in reversed(after):
            rows.undo(event)
        found = rows.list_rows()
        if not lives:
            orderly = any(map(is_stop, after))
            told = self.memory.mentions.get(pid)
            known = found if orderly else _started(before, found, self)
            whole = orderly or (told is not None and told.kind in STARTS)
            found = _completed(known, successor.rows, whole=whole)
        if not lives or rows.added:
            order = [event.data["id"] for event in before if event.kind in STARTS and not event.cause]
            found = _ordered(found, successor.rows, order)
        base, known = self._base(pid)
        if not lives:  # the restarts of its successor are not its own
            base = replace(base, times=tuple(one.at for one in before if one.kind in ATTEMPTS))
        return replace(_flags(base, after, before, known=known), rows=found)

    def row(self, id: Any, pid: Any, like: Row | None = None) -> Row:
        """Return the row of a child from events; `like` is the row of its successor."""
        told = self.memory.mentions.get(pid)
        while told is not None and is_restart(told):
            earlier = self.memory.mentions.get(told.data["old"])
            told = None if earlier is told else earlier
        started = told is not None and told.kind in STARTS
        restart = told.data["restart"] if told is not None and started else None
        if like is not None:
            return like._replace(pid=pid, restart=restart or like.restart, restarting=False)
        return Row(id, pid, restart, told.data["type"] if told is not None and started else "worker")


class _Rows:
    """The rows of a table, changed back event by event, newest first."""

    def __init__(self, rows: Sequence[Row], past: Past) -> None:
        self.past = past
        self.rows = {row.key: row._replace(restarting=False) if row.restarting else row for row in rows}
        self.added = False
        self.fresh: set[Any] = set()
        """Keys of children of which no event tells that they were there before."""

    def undo(self, event: TraceEvent) -> None:
        if event.kind in STARTS:
            self._undo_start(event)
        elif event.kind in ENDS:
            id, pid = event.data["id"], event.data["child"]
            if id is not None:
                self._put(id, pid)
            else:
                self.added = True
                self.rows.setdefault(pid, self.past.row(None, pid))

    def _undo_start(self, event: TraceEvent) -> None:
        id, new, old = event.data["id"], event.data["child"], event.data["old"]
        if id is not None:
            self._put(id, old if is_restart(event) else None)
            if not event.cause and old is None:
                self.fresh.add(id)
        elif old is None:
            self.rows.pop(new, None)
        else:  # in the place of its successor
            self.rows = {
                old if key is new else key: self.past.row(None, old, row) if key is new else row
                for key, row in self.rows.items()
            }

    def _put(self, id: Any, pid: Any) -> None:
        like = self.rows.get(id)
        self.added = self.added or like is None
        self.rows[id] = self.past.row(id, pid, like)
        self.fresh.discard(id)

    def list_rows(self) -> list[Row]:
        return [row for key, row in self.rows.items() if key not in self.fresh]


def _started(before: list[TraceEvent], rows: list[Row], past: Past) -> list[Row]:
    """Return the children of a supervisor that ended at once: no event tells of them but those of their starts."""
    running: dict[Any, Row] = {}
    for event in before:
        id, child = event.data.get("id"), event.data.get("child")
        if event.kind in STARTS:
            if id is None:
                running.pop(event.data["old"], None)
            running[child if id is None else id] = past.row(id, child)
        elif event.kind in ENDS:
            running.pop(child if id is None else id, None)
    return list({**running, **{row.key: row for row in rows}}.values())


def _completed(rows: list[Row], successors: Sequence[Row], *, whole: bool) -> list[Row]:
    """Return the rows of a supervisor that has ended with the facts of their successors; `whole`: none is missing."""
    like = {row.id: row for row in successors if row.id is not None}
    known = [
        row._replace(significant=like[row.id].significant, restart=row.restart or like[row.id].restart,
                     type=like[row.id].type) if row.id in like else row
        for row in rows
    ]  # fmt: skip
    if whole:
        return known
    return known + [row._replace(pid=None) for id, row in like.items() if all(one.id != id for one in rows)]


def _ordered(rows: list[Row], successors: Sequence[Row], order: list[Any]) -> list[Row]:
    """Return rows in start order, which the successors have, or else the events of the starts; dynamic ones by pid."""
    if all(row.id is None for row in rows):
        return sorted(rows, key=_number)
    place = {id: at for at, id in enumerate(dict.fromkeys(order)) if id is not None}
    if not all(row.key in place for row in rows):
        place = {row.key: at for at, row in enumerate(successors)}
    keys: list[tuple[float, int]] = []
    last = -1.0
    for at, row in enumerate(rows):
        last = place.get(row.key, last)
        keys.append((last, at))
    return [row for _, row in sorted(zip(keys, rows, strict=True), key=lambda pair: pair[0])]


def _number(row: Row) -> int:
    """Return the number of a row's process: one that was started later has a higher one."""
    number = plain_pid(row.pid).split(".")[1:2]
    return int(number[0]) if number else 0


def _flags(table: Table, after: list[TraceEvent], before: list[TraceEvent], *, known: bool) -> Table:
    """Return the flags as they were: those of the first event since that names them, else of the last before.

    If no event names them and they are `known`, they are those of `table`; else `table` is that of its successor.
    """
    for event in after:
        data = event.data
        if event.kind == "strategy_changed":
            return replace(table, **{flag: data["before"][flag] for flag in FLAGS})
        if event.kind in COUNTED:
            table = replace(table, max_restarts=data["allowed"], max_seconds=data["window"])
            if is_restart(event):
                return replace(table, strategy=data["strategy"])
    if known and table.strategy:
        return table
    last = next((event for event in reversed(before) if is_restart(event) or event.kind == "strategy_changed"), None)
    if last is None:
        return table
    if last.kind == "strategy_changed":
        return replace(table, **{flag: last.data[flag] for flag in FLAGS})
    return replace(table, strategy=last.data["strategy"])
