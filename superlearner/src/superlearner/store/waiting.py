"""Accepted rows that wait to be written, beyond the life of the service."""

from __future__ import annotations

from collections import Counter, deque
from itertools import islice
from typing import Any, Final

__all__ = ["LIMIT", "Row", "Waiting"]

LIMIT: Final = 50_000
"""Rows that may wait; about 20 s of a crash storm, some tens of megabytes."""

Row = tuple[str, dict[str, Any]]
"""The name of a table, and the values of one of its rows."""


class Waiting:
    """A bounded queue that drops a row only after it is written.

    When full, it refuses and counts new rows.

    >>> waiting = Waiting(limit=2)
    >>> [waiting.put("audit", {"number": number}) for number in range(3)]
    [True, True, False]
    >>> [values["number"] for table, values in waiting.first(10)], waiting.dropped["audit"]
    ([0, 1], 1)
    >>> waiting.settle(2)
    >>> waiting.accepted, waiting.settled, len(waiting)
    (2, 2, 0)
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.accepted = 0
        self.settled = 0
        """Accepted rows that no longer wait."""
        self.dropped: Counter[str] = Counter()
        """Rows refused because too many waited, or rejected by the database, by table."""
        self._rows: deque[Row] = deque()

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, table: str, values: dict[str, Any]) -> bool:
        """Accept or refuse a row; return whether it was accepted."""
        if len(self._rows) >= self.limit:
            self.dropped[table] += 1
            return False
        self._rows.append((table, values))
        self.accepted += 1
        return True

    def first(self, count: int) -> list[Row]:
        """Return the oldest rows; they stay in the queue."""
        return list(islice(self._rows, count))

    def settle(self, count: int) -> None:
        """Remove the oldest rows: they are written."""
        for _ in range(count):
            self._rows.popleft()
        self.settled += count
