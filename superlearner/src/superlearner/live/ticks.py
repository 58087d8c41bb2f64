"""Messages between hubs and their clock: the hub and what is due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import otp
from otp import Node

if TYPE_CHECKING:
    from superlearner.live.hub import Hub

__all__ = ["LIVE", "Asked", "Tick", "send_tick"]

LIVE: Final = "live"
"""The registered name of the clock."""

Asked = Literal["frame", "watched", "beat"]


class Tick:
    """A message to the clock. Compare by type: anyone may send to a named process."""

    __slots__ = ("asked", "hub")

    def __init__(self, hub: Hub, asked: Asked) -> None:
        self.hub = hub
        self.asked: Asked = asked


def send_tick(carrier: Node, hub: Hub, asked: Asked, wait: float = 0.0) -> None:
    """Send the clock on `carrier` a hub's request, due immediately or in `wait` seconds."""
    clock = carrier.whereis(LIVE)
    if clock is None:
        return  # the clock is starting and will ask all hubs what is due
    if wait > 0:
        otp.send_after(wait, clock, Tick(hub, asked))
    else:
        otp.send(clock, Tick(hub, asked))
