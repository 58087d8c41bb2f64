"""The present of a node, as the reconstruction of a restart reads it: tables, names and states of what runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import otp
from otp import Node, Pid, observer
from otp.observer import LastStates
from superlearner.control.backoff import backoff_of
from superlearner.control.events import TraceEvent
from superlearner.control.names import display_name, registered_name
from superlearner.control.slots import DYNAMIC, window_of
from superlearner.control.terms import short_state
from superlearner.control.tree import supervisor_state, what_of

__all__ = ["Now", "RestartType", "Row", "Running", "Table", "rows_of", "waits"]

RestartType = Literal["permanent", "transient", "temporary"]


class Row(NamedTuple):
    """A child in a supervisor's table; `pid` is None if it does not run. A dynamic child has no id."""

    id: Any
    pid: Any
    restart: RestartType | None = None
    type: str = "worker"
    significant: bool = False
    restarting: bool = False

    @property
    def key(self) -> Any:
        """Its identity in the table."""
        return self.pid if self.id is None else self.id


@dataclass(frozen=True, slots=True)
class Table:
    """The flags of a supervisor and its children in start order; `times` are its newest restarts, in ns."""

    strategy: str | None
    max_restarts: Any
    max_seconds: Any
    auto_shutdown: str = "never"
    times: tuple[int, ...] = ()
    rows: Sequence[Row] = ()

    def used(self, at: int) -> int:
        """Return the restarts that counted at a time of the node clock."""
        if self.max_seconds is None:
            return 0
        oldest = 0 if self.max_seconds == "infinity" else at - round(self.max_seconds * 1e9)
        return sum(oldest <= time < at for time in self.times)

    @property
    def limit(self) -> tuple[int, float] | None:
        """The restarts allowed within seconds; None if there is no limit."""
        if self.max_restarts in (None, "infinity"):
            return None
        return self.max_restarts, window_of(self.max_seconds)


def rows_of(table: Table | None) -> Sequence[Row]:
    """Return the rows of a table; none if there is no table."""
    return () if table is None else table.rows


class Now(Protocol):
    """The present: what is read of the processes that run."""

    def alive(self, pid: Any) -> bool:
        """Return whether a process runs."""
        ...

    def parse(self, number: str) -> Any:
        """Return the process of a pid as text, or None."""
        ...

    def above(self, pid: Any) -> Any:
        """Return the living supervisor of a running child, or None."""
        ...

    def table(self, pid: Any) -> Table | None:
        """Return the table of a running supervisor, or None."""
        ...

    def last_flags(self, pid: Any) -> Table | None:
        """Return the flags of a supervisor that has ended, without rows; None if they are not known."""
        ...

    def name(self, pid: Any) -> str | None:
        """Return the name of a running process for readers."""
        ...

    def root_name(self, pid: Any) -> str | None:
        """Return the registered name of a running process."""
        ...

    def what(self, pid: Any) -> str:
        """Return the class or function of a running process."""
        ...

    def state(self, pid: Any) -> str | None:
        """Return the short state of a server, the last one if it has ended; without secrets."""
        ...

    def first_state(self, pid: Any) -> str | None:
        """Return the short state in which a server began; None if it is not known."""
        ...

    def has_backoff(self, supervisor: Any, id: Any) -> bool:
        """Return whether the platform starts the child of a running supervisor again after it gave up."""
        ...


class Running:
    """`Now` of a node. `last` has the last states of children that have ended, if they are kept."""

    def __init__(self, node: Node, last: LastStates | None = None) -> None:
        self._node = node
        self._last = last
        self._tables: dict[Pid, Table | None] = {}

    def alive(self, pid: Pid) -> bool:
        """Return whether a process runs."""
        return otp.is_alive(pid)

    def parse(self, number: str) -> Pid | None:
        """Return the process of a pid as text, or None."""
        try:
            return self._node.parse_pid(number)
        except ValueError:
            return None

    def above(self, pid: Pid) -> Pid | None:
        """Return the living supervisor of a running child, or None."""
        parent = otp.process_info(pid, "parent") if otp.is_alive(pid) else None
        return parent if parent is not None and supervisor_state(parent) is not None else None

    def table(self, pid: Pid) -> Table | None:
        """Return the table of a running supervisor, or None; it is read once."""
        if pid not in self._tables:
            self._tables[pid] = self._read(pid)
        return self._tables[pid]

    def last_flags(self, pid: Pid) -> Table | None:
        """Return the flags of a supervisor that has ended, without rows; None if they are not kept."""
        flags = None if self._last is None else self._last.flags_of(pid)
        if flags is None:
            return None
        return Table(flags.strategy, flags.max_restarts, flags.max_seconds, flags.auto_shutdown)

    def _read(self, pid: Pid) -> Table | None:
        state = supervisor_state(pid)
        if state is None:
            return None
        dynamic = state.strategy in DYNAMIC
        rows = [
            Row(
                None if dynamic else one.id, one.old if dynamic and one.pid is None else one.pid, one.spec.restart,
                one.spec.type, bool(one.spec.significant), one.restarting,
            )
            for one in state.children
        ]  # fmt: skip
        return Table(
            state.strategy, state.max_restarts, state.max_seconds, state.auto_shutdown, tuple(state.restarts), rows
        )

    def name(self, pid: Pid) -> str | None:
        """Return the name of a running process for readers."""
        return display_name(pid)

    def root_name(self, pid: Pid) -> str | None:
        """Return the registered name of a running process."""
        return registered_name(pid)

    def what(self, pid: Pid) -> str:
        """Return the class or function of a running process."""
        return what_of(pid)

    def state(self, pid: Pid) -> str | None:
        """Return the short state of a server, the last one if it has ended; without secrets. None for a supervisor."""
        if not otp.is_alive(pid):
            return None if self._last is None else self._last.of(pid)
        if supervisor_state(pid) is not None:
            return None
        seen = observer.seen_state(self._node, pid)
        return None if seen is None else short_state(seen.value)

    def first_state(self, pid: Pid) -> str | None:
        """Return the short state in which a server began, or that of now if none are kept; None for a supervisor."""
        if self._last is None:
            return self.state(pid) if otp.is_alive(pid) else None
        return self._last.first_of(pid)

    def has_backoff(self, supervisor: Pid, id: Any) -> bool:
        """Return whether the platform starts the child of a running supervisor again after it gave up."""
        children = backoff_of(self._node)
        return children is not None and otp.is_alive(supervisor) and children.restarts(registered_name(supervisor), id)


def waits(now: Now, event: TraceEvent) -> bool:
    """Return whether a supervisor is still handling the end of a child: it is due to be restarted."""
    table = now.table(event.pid) if now.alive(event.pid) else None
    id, child = event.data["id"], event.data.get("child")
    for row in rows_of(table):
        if id is None:
            if child is not None and row.pid is child:
                return True
        elif row.id == id:
            return row.restarting
    return False
