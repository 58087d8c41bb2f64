"""Copies of process states; they outlive the processes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

__all__ = ["Backup", "Backups", "Why"]

MOST: Final = 200
MOST_OF_ONE: Final = 20

Why = Literal["asked", "before set", "before update", "before restore"]


@dataclass(frozen=True, slots=True)
class Backup:
    """A copied state; `shown` is its redacted JSON, `copied` whether that worked."""

    id: str
    at: str
    pid: str
    name: str | None
    what: str
    why: Why
    label: str
    value: Any
    shown: Any
    copied: bool

    def value_again(self) -> Any:
        """Return a fresh copy of the state for a process; the backup keeps its own."""
        return _copied(self.value)[0] if self.copied else self.value


class Backups:
    """The newest backups of one platform: 20 per process, 200 in all.

    >>> backups = Backups()
    >>> kept = backups.keep(
    ...     at="2026-01-01T00:00:00.000Z",
    ...     pid="0.9.0",
    ...     name="till",
    ...     what="Till",
    ...     why="asked",
    ...     label="",
    ...     value=[1],
    ...     shown=[1],
    ... )
    >>> kept.value_again(), [one.id for one in backups.of("0.12.0", "till")]
    ([1], ['b1'])
    """

    def __init__(self) -> None:
        self._kept: dict[str, Backup] = {}
        self._number = 0

    def keep(
        self, *, at: str, pid: str, name: str | None, what: str, why: Why, label: str, value: Any, shown: Any
    ) -> Backup:
        """Copy and keep a state; the oldest backups are dropped."""
        self._number += 1
        value, copied = _copied(value)
        backup = Backup(f"b{self._number}", at, pid, name, what, why, label, value, shown, copied)
        self._kept[backup.id] = backup
        for older in list(self.of(pid, name))[MOST_OF_ONE:]:
            del self._kept[older.id]
        while len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
        return backup

    def of(self, pid: str, name: str | None) -> Iterator[Backup]:
        """Yield the backups of a process, and of others that had its name; newest first."""
        for backup in reversed(list(self._kept.values())):
            if backup.pid == pid or (name is not None and backup.name == name):
                yield backup

    def forget(self, backup: Backup) -> None:
        """Drop a backup."""
        self._kept.pop(backup.id, None)


def _copied(value: Any) -> tuple[Any, bool]:
    try:
        return copy.deepcopy(value), True
    except Exception:  # a socket, a lock, or the state's own `__deepcopy__`
        return value, False
