"""The tables of a registry: processes by key, and keys by process.

Both kinds guarantee that the entries of a key are in order of creation, and that all entries of a process are found
without a search when it ends.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator
from typing import Any, Literal, NamedTuple, Protocol

from otp.kernel.values.pids import Pid

__all__ = ["DuplicateTable", "Entry", "Kind", "RegistryEntry", "Table", "UniqueTable"]

Kind = Literal["unique", "duplicate"]


Wanted = Callable[[Any], bool]
"""A predicate that selects entries by their value."""


class Entry(NamedTuple):
    """A registration: the process and the value it registered with."""

    pid: Pid
    value: Any


class RegistryEntry(NamedTuple):
    """A row of `Registry.select`: an entry with its key.

    It unpacks as `key, pid, value`.

    >>> import otp
    >>> async def main():
    ...     await otp.Registry.start_link(keys="unique", name="rooms")
    ...     otp.Registry.register("rooms", "lobby", "open")
    ...     return [(row.key, row.value) for row in otp.Registry.select("rooms")]
    >>> otp.run(main)
    [('lobby', 'open')]
    """

    key: Hashable
    pid: Pid
    value: Any


class Table(Protocol):
    """The operations that a registry needs of its table."""

    def add(self, key: Hashable, entry: Entry) -> Pid | None:
        """Add an entry; return the pid that already holds a unique key, else `None`."""
        ...

    def remove(self, key: Hashable, pid: Pid, wanted: Wanted | None = None) -> int:
        """Remove the entries of `pid` under `key` whose value is `wanted` (default all); return how many."""
        ...

    def drop(self, pid: Pid) -> list[Hashable]:
        """Remove all entries of `pid`; return their keys."""
        ...

    def lookup(self, key: Hashable) -> list[Entry]:
        """Return the entries under `key`, oldest first."""
        ...

    def replace(self, key: Hashable, entry: Entry) -> None:
        """Give the entry of a unique key another value."""
        ...

    def keys(self, pid: Pid) -> list[Hashable]:
        """Return the keys of `pid`, oldest first, one for each entry."""
        ...

    def has(self, pid: Pid) -> bool:
        """Return whether `pid` has an entry."""
        ...

    def items(self) -> Iterator[tuple[Hashable, Entry]]:
        """Return all entries, by key."""
        ...

    def __len__(self) -> int: ...


def _sweep(table: dict[Hashable, Any], gone: Callable[[Any], bool]) -> None:
    """Remove entries whose key cannot be looked up, and other keys that cannot be hashed any more."""
    entries = list(table.items())
    table.clear()
    for key, entry in entries:
        if not gone(entry):
            with contextlib.suppress(Exception):
                table[key] = entry


class UniqueTable:
    """A table with one entry per key."""

    __slots__ = ("_by_key", "_by_pid")

    def __init__(self) -> None:
        self._by_key: dict[Hashable, Entry] = {}
        self._by_pid: dict[Pid, dict[Hashable, None]] = {}

    def add(self, key: Hashable, entry: Entry) -> Pid | None:
        holder = self._by_key.setdefault(key, entry)
        if holder is not entry:
            return holder.pid
        self._by_pid.setdefault(entry.pid, {})[key] = None
        return None

    def remove(self, key: Hashable, pid: Pid, wanted: Wanted | None = None) -> int:
        entry = self._by_key.get(key)
        if entry is None or entry.pid != pid or (wanted is not None and not wanted(entry.value)):
            return 0
        del self._by_key[key]
        keys = self._by_pid[pid]
        del keys[key]
        if not keys:
            del self._by_pid[pid]
        return 1

    def drop(self, pid: Pid) -> list[Hashable]:
        keys = list(self._by_pid.pop(pid, ()))
        for key in keys:
            try:
                whole = self._by_key[key].pid is pid
                if whole:
                    del self._by_key[key]
            except Exception:  # its hash has changed, or its `__hash__` or `__eq__` raises: remove the entry anyway
                whole = False
            if not whole:
                _sweep(self._by_key, lambda entry: entry.pid is pid)
        return keys

    def lookup(self, key: Hashable) -> list[Entry]:
        entry = self._by_key.get(key)
        return [] if entry is None else [entry]

    def replace(self, key: Hashable, entry: Entry) -> None:
        self._by_key[key] = entry

    def keys(self, pid: Pid) -> list[Hashable]:
        return list(self._by_pid.get(pid, ()))

    def has(self, pid: Pid) -> bool:
        return pid in self._by_pid

    def items(self) -> Iterator[tuple[Hashable, Entry]]:
        return iter(self._by_key.items())

    def __len__(self) -> int:
        return len(self._by_key)


class DuplicateTable:
    """A table with any number of entries per key, also several of one process."""

    __slots__ = ("_by_key", "_by_pid", "_next", "_numbers", "_size")

    def __init__(self) -> None:
        self._by_key: dict[Hashable, dict[int, Entry]] = {}
        self._by_pid: dict[Pid, dict[int, Hashable]] = {}
        self._numbers: dict[Pid, dict[Hashable, list[int]]] = {}  # entries of a process under a key
        self._next = 0
        self._size = 0

    def add(self, key: Hashable, entry: Entry) -> Pid | None:
        number = self._next = self._next + 1
        self._by_key.setdefault(key, {})[number] = entry
        self._by_pid.setdefault(entry.pid, {})[number] = key
        self._numbers.setdefault(entry.pid, {}).setdefault(key, []).append(number)
        self._size += 1
        return None

    def remove(self, key: Hashable, pid: Pid, wanted: Wanted | None = None) -> int:
        by_key = self._numbers.get(pid)
        numbers = None if by_key is None else by_key.get(key)
        if by_key is None or numbers is None:
            return 0
        entries, mine = self._by_key[key], self._by_pid[pid]
        removed = [number for number in numbers if wanted is None or wanted(entries[number].value)]
        if len(removed) == len(numbers):
            del by_key[key]
        else:
            gone = set(removed)
            by_key[key] = [number for number in numbers if number not in gone]
        for number in removed:
            del mine[number]
            self._forget(key, number)
        if not mine:
            del self._by_pid[pid], self._numbers[pid]
        return len(removed)

    def drop(self, pid: Pid) -> list[Hashable]:
        mine = self._by_pid.pop(pid, {})
        self._numbers.pop(pid, None)
        for number, key in mine.items():
            try:
                self._forget(key, number)
            except Exception:  # like `UniqueTable.drop`
                self._sweep(number)
        return list(mine.values())

    def _sweep(self, number: int) -> None:
        for entries in self._by_key.values():
            if entries.pop(number, None) is not None:
                self._size -= 1
        _sweep(self._by_key, lambda entries: not entries)

    def _forget(self, key: Hashable, number: int) -> None:
        entries = self._by_key[key]
        del entries[number]
        self._size -= 1
        if not entries:
            del self._by_key[key]

    def lookup(self, key: Hashable) -> list[Entry]:
        return list(self._by_key.get(key, {}).values())

    def replace(self, key: Hashable, entry: Entry) -> None:
        raise NotImplementedError("only a unique key has one value to replace")

    def keys(self, pid: Pid) -> list[Hashable]:
        return list(self._by_pid.get(pid, {}).values())

    def has(self, pid: Pid) -> bool:
        return pid in self._by_pid

    def items(self) -> Iterator[tuple[Hashable, Entry]]:
        for key, entries in self._by_key.items():
            for entry in entries.values():
                yield key, entry

    def __len__(self) -> int:
        return self._size
