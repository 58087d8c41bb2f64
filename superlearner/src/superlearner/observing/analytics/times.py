"""Times of repeated events, counted over sliding windows."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from typing import Final

__all__ = ["Times"]

NS: Final = 1_000_000_000
EXACT: Final = 10_000
SECONDS: Final = 3_700
"""A little more than the longest window, an hour."""


class Times:
    """Ordered times in ns: the newest 10,000, and a count per second for an hour.

    >>> times = Times()
    >>> for at in (1, 5, 5, 9):
    ...     times.add(at)
    >>> times.total, times.since(5), times.last
    (4, 3, 9)
    """

    __slots__ = ("_exact", "_older", "total")

    def __init__(self) -> None:
        self.total = 0
        self._exact = array("q")
        self._older: deque[list[int]] = deque(maxlen=SECONDS)

    def add(self, at: int) -> None:
        """Add a time."""
        self.total += 1
        self._exact.append(at)
        if len(self._exact) >= 2 * EXACT:
            for old in self._exact[:EXACT]:
                second = old // NS
                if self._older and self._older[-1][0] == second:
                    self._older[-1][1] += 1
                else:
                    self._older.append([second, 1])
            del self._exact[:EXACT]

    def since(self, at: int) -> int:
        """Count the times at `at` or later, older ones by the full second."""
        position = bisect_left(self._exact, at)
        found = len(self._exact) - position
        if position == 0 and self._older:
            first = at // NS
            found += sum(count for second, count in self._older if second >= first)
        return found

    def newest(self, since: int, most: int = EXACT) -> Sequence[int]:
        """Return the times at `since` or later, oldest first; at most the newest `most`."""
        position = max(bisect_left(self._exact, since), len(self._exact) - most)
        return self._exact[position:]

    @property
    def last(self) -> int | None:
        """The last time; None if there is none."""
        return self._exact[-1] if self._exact else None
