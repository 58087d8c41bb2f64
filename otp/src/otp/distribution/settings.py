"""How patient a session is, and how much it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from otp.kernel.errors import BadArgument

__all__ = ["TEACHING", "Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in seconds, sizes in bytes; the defaults suit nodes that may compute for a while without a pause.

    `heartbeat`: how often each side says that it lives, and tries again to connect.
    `dead`: a node that was not heard for so long is down; at least two heartbeats.
    `window`: how much may be on its way without having been acknowledged. A carrier that drops what it cannot take
    wants less than it can take.
    `fragment`: a longer signal travels in pieces of this size, with heartbeats in between.
    `busy`: from here on a sender should wait, until half of it is gone (Erlang's `+zdbbl`, 1 MiB as there).
    `waiting`: more than this is never kept for one node: the connection ends instead.
    `signal`: the largest signal, sent or received.
    `auto_connect`: whether `send` without a connection tries one, and a node that the carrier finds is connected to.

    Raises `BadArgument` for values that cannot work together.

    >>> from otp.distribution import Settings
    >>> Settings(heartbeat=0.5).dead
    6.0

    Differences to Erlang/OTP: `net_ticktime` is 60 s there, because its ticks come from a thread that never waits for
    user code; here a process that computes for longer than `dead` makes its node look dead.
    """

    heartbeat: float = 1.0
    dead: float = 6.0
    window: int = 256 * 1024
    fragment: int = 64 * 1024
    busy: int = 1024 * 1024
    waiting: int = 64 * 1024 * 1024
    signal: int = 16 * 1024 * 1024
    auto_connect: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.heartbeat <= self.dead / 2:
            raise BadArgument(
                f"Settings: expected at least two heartbeats before a node is dead, got heartbeat={self.heartbeat} and "
                f"dead={self.dead}; try dead={6 * self.heartbeat if self.heartbeat > 0 else 6.0}"
            )
        if min(self.fragment, self.window, self.busy) <= 0 or self.signal > self.waiting:
            raise BadArgument(
                f"Settings: expected sizes above 0 and signal <= waiting, got {self}; try to leave out the sizes"
            )


TEACHING: Final = Settings(heartbeat=0.25, dead=1.0)
"""For lessons, where a person waits for what happens: a silent node is down after a second."""
