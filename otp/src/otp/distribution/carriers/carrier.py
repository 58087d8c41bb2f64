"""The seam below a session: frames to a node, frames from a node, and hints about who is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from otp.distribution.node_id import NodeId

__all__ = ["Carrier", "OnFrame", "OnHint"]

OnFrame = Callable[[NodeId, bytes], None]
"""Called with the node that says it has sent a frame, and the frame; nobody has checked either."""

OnHint = Callable[[NodeId, bool], None]
"""Called when a node seems to be there (True) or gone (False): only a hint, and either may be missing or wrong."""


class Carrier(Protocol):
    """Brings frames, each whole or not at all, those of one pair of nodes in their order while nothing goes wrong.

    It may lose frames.  It calls back on the loop that ran `start`, and never out of `put`.
    """

    async def start(self, me: NodeId, on_frame: OnFrame, on_hint: OnHint) -> None:
        """Be reachable as `me` from now on."""
        ...

    def put(self, node: NodeId, frame: bytes) -> None:
        """Send `frame` or drop it; never waits, never raises."""
        ...

    async def close(self) -> None:
        """Be gone; what was put before is still sent if that takes no waiting."""
        ...
