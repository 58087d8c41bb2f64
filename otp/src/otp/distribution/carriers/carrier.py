"""The interface below a session: frames to a node, frames from a node, and hints about reachable nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from otp.distribution.node_id import NodeId

__all__ = ["Carrier", "OnFrame", "OnHint"]

OnFrame = Callable[[NodeId, bytes], None]
"""Called with the alleged sender of a frame, and the frame; neither has been checked."""

OnHint = Callable[[NodeId, bool], None]
"""Called when a node seems reachable (True) or gone (False): only a hint, which may be missing or wrong."""


class Carrier(Protocol):
    """A carrier of frames, each whole or not at all, in order per pair of nodes under normal conditions.

    It may lose frames. It calls back on the loop that ran `start`, never from inside `put`.
    """

    async def start(self, me: NodeId, on_frame: OnFrame, on_hint: OnHint) -> None:
        """Become reachable as `me`."""
        ...

    def put(self, node: NodeId, frame: bytes) -> None:
        """Send or drop `frame`, without waiting or raising."""
        ...

    async def close(self) -> None:
        """Leave the network; frames already put are still sent if that needs no waiting."""
        ...
