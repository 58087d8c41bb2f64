"""A clock for expiry times: it never goes back, so that what has expired stays expired."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["ForwardClock"]


class ForwardClock:
    """Seconds since 1970 that never decrease.

    When the system's clock is set back, it goes on from the latest time at the pace of the steady clock.

    Args:
        wall: seconds since 1970; may jump.
        steady: seconds from any origin; may not jump.

    >>> times = iter([100.0, 40.0, 41.0])
    >>> clock = ForwardClock(lambda: next(times), iter([0.0, 1.0, 2.0, 3.0]).__next__)
    >>> clock(), clock(), clock()
    (100.0, 101.0, 102.0)
    """

    __slots__ = ("_at", "_latest", "_steady", "_wall")

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._steady = steady
        self._latest = 0.0
        self._at = steady()

    def __call__(self) -> float:
        """Return the time."""
        at = self._steady()
        self._latest = max(self._wall(), self._latest + max(0.0, at - self._at) if self._latest else 0.0)
        self._at = at
        return self._latest

    def at_least(self, seconds: float) -> None:
        """Set the clock forward to a time that was recorded earlier, if it is behind."""
        self._latest = max(self(), seconds)
