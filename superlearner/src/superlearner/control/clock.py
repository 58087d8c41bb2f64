"""The node's clock and the wall clock: one reading of both, and everything else follows from it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import otp

__all__ = ["Clock", "timestamp", "wall_of"]


def timestamp(at: float | None = None) -> str:
    """A time of the wall clock (seconds), or now, in ISO 8601 with milliseconds and `Z`.

    >>> timestamp(1.5)
    '1970-01-01T00:00:01.500Z'
    """
    when = datetime.now(UTC) if at is None else datetime.fromtimestamp(at, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def wall_of(offset: float, at_ns: int) -> float:
    """A time of the node's clock (ns) as wall clock seconds; `offset` is the wall clock at the clock's zero.

    >>> wall_of(1000.0, 2_500_000_000)
    1002.5
    """
    return round(offset + at_ns / 1e9, 6)


class Clock:
    """Turns times of the scheduler's clock into wall clock seconds; both clocks are read once."""

    def __init__(self) -> None:
        self.offset: float = time.time() - otp.monotonic()

    def now(self) -> float:
        """Wall clock seconds, never running backwards."""
        return round(self.offset + otp.monotonic(), 6)

    def wall(self, at_ns: int) -> float:
        """A time of the node's clock (ns) as wall clock seconds."""
        return wall_of(self.offset, at_ns)
