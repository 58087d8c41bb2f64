"""Removal of the oldest rows of tables that only grow: by number and by age."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from superlearner.store.database import Database

__all__ = ["Pruning", "RowRetention"]

DAY_S: Final = 86_400.0
AGAIN_S: Final = 3600.0
"""Seconds between two looks for rows that are too old."""
AT_ONCE: Final = 5000
"""Rows of one transaction: other writes run between two of them."""


@dataclass(frozen=True, slots=True)
class RowRetention:
    """The rows of a table that are kept; `days` None keeps them whatever their age."""

    rows: int
    days: float | None = None
    emptied: int | None = None
    """The rows that keep their data; `days` is then the age at which a row loses its data, not the row."""


class Pruning:
    """Enforcement of what is kept of each table.

    It counts what was written since.

    Args:
        kept: by table, a function that returns the current limits.
        now: the wall clock, in seconds since 1970.
    """

    def __init__(self, kept: Mapping[str, Callable[[], RowRetention]], now: Callable[[], float] = time.time) -> None:
        self._kept = kept
        self._now = now
        self._written: Counter[str] = Counter()
        self._looked: dict[str, float] = {}

    def count(self, rows: Iterable[tuple[str, Any]]) -> None:
        """Count rows that were written."""
        self._written.update(table for table, _ in rows)

    async def work(self, database: Database) -> None:
        """Remove what is too much or too old; at most a hundredth above the limit stays."""
        for table, kept in self._kept.items():
            limits, now = kept(), self._now()
            least = limits.rows if limits.emptied is None else limits.emptied
            if self._written[table] > least // 100:
                self._written[table] = 0
                await database.prune(table, limits.rows)
                if limits.emptied is not None:
                    await database.empty(table, limits.emptied)
            looked = self._looked.get(table)
            if limits.days is not None and (looked is None or abs(now - looked) >= AGAIN_S):  # the clock may jump
                until = now - limits.days * DAY_S
                if limits.emptied is not None:
                    await database.empty_before(table, until)
                    self._looked[table] = now
                    continue
                while await database.delete_oldest(table, {"until": until}, AT_ONCE) == AT_ONCE:
                    pass
                self._looked[table] = now
