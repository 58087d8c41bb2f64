"""The timers of a state machine by kind, as a value that is cheap to change at any size.

A machine is a value, so the timers of an earlier machine must not change. A few timers are copied with each change. Of
many, the newest value has the table, and an older one only its difference from the next newer one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["TimerTable", "with_timer", "without"]

FEW: Final = 32
"""Up to this number, timers are copied as fast as a difference is built."""


class _Absent:
    __slots__ = ()


_ABSENT: Final = _Absent()


class TimerTable(Mapping[Any, Any]):
    """A mapping whose changed copies share one table.

    Source: H. Baker, *Shallow Binding Makes Functional Arrays Fast* (1991).
    """

    __slots__ = ("_difference", "_table")

    def __init__(self, table: dict[Any, Any]) -> None:
        self._table: dict[Any, Any] | None = table
        self._difference: tuple[TimerTable, Any, Any] | None = None  # next newer table, kind, content here

    def changed(self, kind: Any, content: Any) -> TimerTable:
        """Return the timers with another content of one kind, or without it if the content is `_ABSENT`."""
        table = self._own_table()
        newer = TimerTable(table)
        self._table, self._difference = None, (newer, kind, table.get(kind, _ABSENT))
        _put(table, kind, content)
        return newer

    def _own_table(self) -> dict[Any, Any]:
        """Return this value's table; newer values now store their difference from it."""
        older: list[TimerTable] = []
        at = self
        while at._difference is not None:
            older.append(at)
            at = at._difference[0]
        table = at._table
        assert table is not None
        for one in reversed(older):
            assert one._difference is not None
            newer, kind, content = one._difference
            newer._table, newer._difference = None, (one, kind, table.get(kind, _ABSENT))
            _put(table, kind, content)
            one._table, one._difference = table, None
        return table

    def __getitem__(self, kind: Any) -> Any:
        return self._own_table()[kind]

    def __contains__(self, kind: object) -> bool:
        return kind in self._own_table()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._own_table())

    def __len__(self) -> int:
        return len(self._own_table())

    def __repr__(self) -> str:
        return repr(self._own_table())


def _put(table: dict[Any, Any], kind: Any, content: Any) -> None:
    if content is _ABSENT:
        table.pop(kind, None)
    else:
        table[kind] = content


def without(running: Mapping[Any, Any], kind: Any) -> Mapping[Any, Any]:
    """Return the timers except that of one kind."""
    if isinstance(running, TimerTable):
        return running.changed(kind, _ABSENT)
    return {other: content for other, content in running.items() if other != kind}


def with_timer(running: Mapping[Any, Any], kind: Any, content: Any) -> Mapping[Any, Any]:
    """Return the timers with another content of one kind."""
    if isinstance(running, TimerTable):
        return running.changed(kind, content)
    copied = {**running, kind: content}
    return copied if len(copied) <= FEW else TimerTable(copied)
