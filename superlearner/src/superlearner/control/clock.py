"""Conversion between the node's clock and the wall clock; both are read together, when a converter is made."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

import otp

__all__ = ["Clock", "time_text", "timestamp", "wall_of"]


def timestamp(at: float | None = None) -> str:
    """Return a wall clock time (s), or now, in ISO 8601 with milliseconds and `Z`.

    >>> timestamp(1.5)
    '1970-01-01T00:00:01.500Z'
    """
    when = datetime.now(UTC) if at is None else datetime.fromtimestamp(at, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_text(at: float) -> str:
    """Return a time of day, with its date unless it is today."""
    when = datetime.fromtimestamp(at)
    return f"{'' if when.date() == datetime.now().date() else f'{when.day} {when:%B} '}{when:%H:%M:%S}"


def wall_of(offset: float, at_ns: int) -> float:
    """Return a time of the node's clock (ns) in wall clock seconds.

    `offset` is the wall clock time at which the node's clock was zero.

    >>> wall_of(1000.0, 2_500_000_000)
    1002.5
    """
    return round(offset + at_ns / 1e9, 6)


READINGS: Final = 3
"""Readings of both clocks. The operating system may interrupt one in between, but hardly all."""


def _read_clocks() -> tuple[float, float]:
    """Return the time that a reading of both clocks took, and the offset between them."""
    before, wall, after = otp.monotonic(), time.time(), otp.monotonic()
    return after - before, wall - (before + after) / 2


class Clock:
    """A converter from scheduler clock times to wall clock seconds; two of them agree to some microseconds."""

    def __init__(self) -> None:
        self.offset: float = min(_read_clocks() for _ in range(READINGS))[1]

    def now(self) -> float:
        """Return wall clock seconds that never run backwards."""
        return round(self.offset + otp.monotonic(), 6)

    def wall(self, at_ns: int) -> float:
        """Return a time of the node's clock (ns) in wall clock seconds."""
        return wall_of(self.offset, at_ns)
