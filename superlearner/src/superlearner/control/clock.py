"""Conversion between the node's clock and the wall clock; both are read once."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import Final

import otp

__all__ = ["Clock", "timestamp", "wall_of"]

SHORTEST_S: Final = 0.1
"""Shortest suspension that is noticed; the two clocks are not read at the same moment."""


def timestamp(at: float | None = None) -> str:
    """Return a wall clock time (s), or now, in ISO 8601 with milliseconds and `Z`.

    >>> timestamp(1.5)
    '1970-01-01T00:00:01.500Z'
    """
    when = datetime.now(UTC) if at is None else datetime.fromtimestamp(at, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def wall_of(offset: float, at_ns: int) -> float:
    """Return a time of the node's clock (ns) in wall clock seconds.

    `offset` is the wall clock time at which the node's clock was zero.

    >>> wall_of(1000.0, 2_500_000_000)
    1002.5
    """
    return round(offset + at_ns / 1e9, 6)


class Clock:
    """A converter from scheduler clock times to wall clock seconds.

    The clock of a node stops while the machine is suspended, so times after a suspension get another offset than those
    before. Where the kernel does not tell how long it was suspended, they lag.
    """

    def __init__(self) -> None:
        self.offset: float = time.time() - otp.monotonic()
        """Wall clock time at which the node's clock was zero, for the times after the latest suspension."""
        self._suspended = _suspended_s()
        self._read_ns = 0
        self._earlier: list[tuple[int, float]] = []
        """The offsets before suspensions: each with the last time (ns) at which it was known to be right."""

    def now(self) -> float:
        """Return wall clock seconds that never run backwards."""
        self._follow()
        return round(self.offset + otp.monotonic(), 6)

    def wall(self, at_ns: int) -> float:
        """Return a time of the node's clock (ns) in wall clock seconds."""
        self._follow()
        for until_ns, offset in self._earlier:
            if at_ns <= until_ns:
                return wall_of(offset, at_ns)
        return wall_of(self.offset, at_ns)

    def _follow(self) -> None:
        suspended = _suspended_s()
        if suspended - self._suspended >= SHORTEST_S:
            self._earlier.append((self._read_ns, self.offset))
            self.offset += suspended - self._suspended
            self._suspended = suspended
        self._read_ns = round(otp.monotonic() * 1e9)


def _suspended_s() -> float:
    """Return how many seconds the machine has been suspended since its start; 0.0 if unknown."""
    if sys.platform != "linux":
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
