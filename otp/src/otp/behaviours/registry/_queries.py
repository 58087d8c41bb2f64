"""Queries of a registry: its entries by key, by process and by value."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from otp.behaviours.registry._match import matcher
from otp.behaviours.registry._table import DuplicateTable, Entry, Kind, RegistryEntry, Table, UniqueTable
from otp.behaviours.server.child_spec import Startable
from otp.kernel.ends.death import forget_link
from otp.kernel.ends.wording import KeyTable
from otp.kernel.steps.signals import link_processes
from otp.kernel.tables.names import whereis
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import Process, off_exit, on_exit

if TYPE_CHECKING:
    from otp.kernel.values.terms import Dest

__all__ = ["RegistryQueries", "TableState", "state_of"]


class TableState(KeyTable):
    """The table of a registry, read by all processes, like an ETS table of Erlang."""

    __slots__ = ("kind", "meta", "pid", "table")

    registry: ClassVar[str] = "Registry"
    """The name of the class in errors."""

    def __init__(self, kind: Kind, pid: Process) -> None:
        self.kind: Kind = kind
        self.pid: Process = pid
        self.table: Table = UniqueTable() if kind == "unique" else DuplicateTable()
        self.meta: dict[Hashable, Any] = {}

    def first_key(self, p: Process) -> tuple[Any] | None:
        """Return the oldest key that names a process; the keys of a duplicate registry are topics."""
        return next(((key,) for key in self.table.keys(p)), None) if self.kind == "unique" else None

    def tie(self, process: Process, ended: Callable[[Any], object]) -> None:
        """Link a process that gets its first entry with the registry; `ended(process)` is called at its end."""
        on_exit(process, self, ended)
        if process is not self.pid:
            link_processes(process, self.pid)

    def untie(self, process: Process) -> None:
        """Remove the link of a process without entries."""
        off_exit(process, self)
        if process is not self.pid.parent:  # its link is that of start_link
            forget_link(process, self.pid)
            forget_link(self.pid, process)


S = TypeVar("S", bound=TableState)


def state_of(registry: Dest, what: str, kind: type[S], *, unique: bool = False) -> S:
    """Return the table of a running registry of a kind. Raises `BadArgument` if there is none."""
    pid = registry if isinstance(registry, Pid) else whereis(registry)
    state = pid.state if isinstance(pid, Process) else None
    name = kind.registry
    if not isinstance(state, kind):
        if isinstance(state, TableState):
            got = f"a {state.registry}; try {state.registry}.{what}"
            raise BadArgument(f"{name}.{what}({registry!r}, …): expected the name of a running {name}, got {got}")
        got = "an unregistered name" if pid is None else f"{pid}, which is not a registry"
        raise BadArgument(
            f"{name}.{what}({registry!r}, …): expected the name of a running registry, got {got}; "
            f"try {name}.start_link(keys=…, name={registry!r}), or start it before its users in their supervisor"
        )
    if unique and state.kind != "unique":
        raise BadArgument(
            f"{name}.{what}({registry!r}, …): expected a registry with keys='unique', got keys='duplicate'; "
            f"try {name}.dispatch to reach all processes of a key"
        )
    return state


def _table(registry: Dest, what: str) -> Table:
    return state_of(registry, what, TableState).table


class RegistryQueries(Startable):
    """The queries that `Registry` and `DistributedRegistry` share."""

    __slots__ = ()

    @staticmethod
    def lookup(registry: Dest, key: Hashable) -> list[Entry]:
        """Return the entries under `key`, oldest first; of a unique registry one or none."""
        return _table(registry, "lookup").lookup(key)

    @staticmethod
    def match(registry: Dest, key: Hashable, pattern: Any) -> list[Entry]:
        """Return the entries under `key` whose value matches `pattern`, oldest first.

        A pattern is a value in which `...` stands for anything; for a dict it names keys that must exist. A type, a
        predicate and the patterns of `receive` (`Tag("admin")`, `Is(User, role="admin")`) work as well.

        Difference from Elixir: `...` replaces `:_`, and predicates replace guards.

        >>> import otp
        >>> from otp import Registry
        >>> async def main():
        ...     await Registry.start_link(keys="duplicate", name="topics")
        ...     Registry.register("topics", "news", ("de", 1)), Registry.register("topics", "news", ("en", 2))
        ...     return [entry.value for entry in Registry.match("topics", "news", ("de", ...))]
        >>> otp.run(main)
        [('de', 1)]
        """
        is_meant = matcher(pattern)
        return [entry for entry in _table(registry, "match").lookup(key) if is_meant(entry.value)]

    @staticmethod
    def count_match(registry: Dest, key: Hashable, pattern: Any) -> int:
        """Return the number of entries that `match` finds."""
        return len(RegistryQueries.match(registry, key, pattern))

    @staticmethod
    def dispatch(registry: Dest, key: Hashable, fn: Callable[[list[Entry]], object]) -> None:
        """Call `fn` once, in the calling process, with the entries under `key`, if there are any."""
        entries = _table(registry, "dispatch").lookup(key)
        if entries:
            fn(entries)

    @staticmethod
    def keys(registry: Dest, pid: Pid) -> list[Hashable]:
        """Return the keys of `pid`, oldest first; a key occurs once per registration."""
        return _table(registry, "keys").keys(pid)

    @staticmethod
    def values(registry: Dest, key: Hashable, pid: Pid) -> list[Any]:
        """Return the values that `pid` registered under `key`."""
        return [entry.value for entry in RegistryQueries.lookup(registry, key) if entry.pid == pid]

    @staticmethod
    def count(registry: Dest) -> int:
        """Return the number of entries."""
        return len(_table(registry, "count"))

    @staticmethod
    def select(registry: Dest, where: Callable[[Any, Entry], bool] | None = None) -> list[RegistryEntry]:
        """Return all entries, or those for which `where(key, entry)` is true.

        An entry has `key`, `pid` and `value`, and unpacks as that tuple.

        Difference from Elixir: a predicate replaces a match specification.

        >>> import otp
        >>> from otp import Registry
        >>> async def main():
        ...     await Registry.start_link(keys="unique", name="rooms")
        ...     Registry.register("rooms", "lobby", 3), Registry.register("rooms", "hall", 0)
        ...     [(key, pid, value)] = Registry.select("rooms", lambda key, entry: entry.value > 0)
        ...     return key, value, [entry.key for entry in Registry.select("rooms")]
        >>> otp.run(main)
        ('lobby', 3, ['lobby', 'hall'])
        """
        items = _table(registry, "select").items()
        return [
            RegistryEntry(key, entry.pid, entry.value) for key, entry in items if where is None or where(key, entry)
        ]

    @staticmethod
    def count_select(registry: Dest, where: Callable[[Any, Entry], bool]) -> int:
        """Return the number of entries that `select` finds."""
        return len(RegistryQueries.select(registry, where))

    @staticmethod
    def put_meta(registry: Dest, key: Hashable, value: Any) -> None:
        """Store a value with the registry itself, for its lifetime."""
        state_of(registry, "put_meta", TableState).meta[key] = value

    @staticmethod
    def meta(registry: Dest, key: Hashable, default: Any = None) -> Any:
        """Return the value stored by `put_meta`, or `default`."""
        return state_of(registry, "meta", TableState).meta.get(key, default)

    @staticmethod
    def delete_meta(registry: Dest, key: Hashable) -> None:
        """Remove a value stored by `put_meta`, if there is one."""
        state_of(registry, "delete_meta", TableState).meta.pop(key, None)
