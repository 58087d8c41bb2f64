"""The limits of a session: times and buffer sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from otp.kernel.values.errors import BadArgument

__all__ = ["TEACHING", "Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The limits of a session: times in seconds, sizes in bytes.

    `heartbeat`: the interval of heartbeats and connection attempts.
    `dead`: a node that is silent for this long is down; at least two heartbeats.
    `fragment`: longer signals are sent in pieces of this size, with other signals and heartbeats in between.
    `buffer`: while more than this waits for a node, senders wait until half of it is sent (Erlang's `+zdbbl`); beyond
    four times as much, sending raises `Busy`.
    `signal`: the largest signal, sent or received.
    `lease_ttl`: a lease ends this long after its last renewal.
    `auto_connect`: whether `send` without a connection, and a hint of the carrier, start one.

    The defaults suit nodes that may compute for a while without a pause. Raises `BadArgument` for values that do not
    work together.

    >>> from otp.distribution import Settings
    >>> Settings(heartbeat=0.5).dead
    6.0

    Difference from Erlang/OTP: `net_ticktime` is 60 s there, because its ticks come from a thread that never waits for
    user code; here a process that computes for longer than `dead` makes its node look dead.
    """

    heartbeat: float = 1.0
    dead: float = 6.0
    fragment: int = 64 * 1024
    buffer: int = 64 * 1024 * 1024
    signal: int = 16 * 1024 * 1024
    auto_connect: bool = True
    lease_ttl: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.heartbeat <= self.dead / 2:
            raise BadArgument(
                f"Settings: expected at least two heartbeats before a node is dead, got heartbeat={self.heartbeat} and "
                f"dead={self.dead}; try dead={6 * self.heartbeat if self.heartbeat > 0 else 6.0}"
            )
        if not self.lease_ttl > 0:
            raise BadArgument(f"Settings: expected lease_ttl above 0, got {self.lease_ttl}; try lease_ttl=10.0")
        if min(self.fragment, self.buffer) <= 0 or self.signal > 4 * self.buffer:
            raise BadArgument(
                f"Settings: expected sizes above 0 and signal <= 4 * buffer, got {self}; try leaving out the sizes"
            )


TEACHING: Final = Settings(heartbeat=0.25, dead=1.0)
"""Settings for lessons, in which a person waits for events: a silent node is down after a second."""
