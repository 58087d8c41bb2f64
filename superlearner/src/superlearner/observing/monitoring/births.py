"""Start times of processes, estimated from readings of a node's counter."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Final

__all__ = ["Births"]

KEPT: Final = 20_000
"""Readings that are kept; beyond that, every second one is dropped."""


class Births:
    """Number of processes started, over time.

    Args:
        look: returns the current time and count; called for a process newer than the last reading, so that its
            estimate stays the same.

    >>> births = Births()
    >>> births.note(100.0, 5)
    >>> births.note(102.0, 9)
    >>> births.of(3), births.of(7), births.of(12)
    (None, 101.0, 102.0)
    """

    def __init__(self, look: Callable[[], tuple[float, int]] | None = None) -> None:
        self._look = look
        self._at: list[float] = []
        self._spawned: list[int] = []

    def note(self, at: float, spawned: int) -> None:
        """Record that `spawned` processes had been started by `at` (wall clock)."""
        if self._spawned and spawned <= self._spawned[-1]:
            return
        self._at.append(at)
        self._spawned.append(spawned)
        if len(self._at) > KEPT:
            del self._at[1::2]
            del self._spawned[1::2]

    def of(self, number: int) -> float | None:
        """Return the approximate start time of a process; None before the first reading.

        The estimate is the middle between the two readings around it.
        """
        if self._look is not None and self._spawned and number > self._spawned[-1]:
            self.note(*self._look())
        place = bisect_left(self._spawned, number)
        if place == 0:
            return None
        if place == len(self._at):
            return self._at[-1]
        return round((self._at[place - 1] + self._at[place]) / 2, 3)
