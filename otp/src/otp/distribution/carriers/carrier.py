"""The interface below a session: frames to a node, frames from a node, and hints about reachable nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol

from otp.distribution.node_id import NodeId

__all__ = ["ROOM", "Carrier", "OnFrame", "OnHint"]

ROOM: Final = 256 * 1024
"""Bytes of frames that may wait in a carrier: more would delay small frames behind them."""

OnFrame = Callable[[NodeId, bytes], None]
"""Called with the alleged sender of a frame, and the frame; neither has been checked."""

OnHint = Callable[[NodeId, bool], None]
"""Called when a node seems reachable (True) or gone (False): only a hint, which may be missing or wrong."""


class Carrier(Protocol):
    """A carrier of frames, each whole or not at all, in order per pair of nodes under normal conditions.

    It may lose frames. It calls back on the loop that ran `start`, never from inside `put`.
    """

    on_room: Callable[[NodeId], object]
    """Called when it takes frames for a node again, after `room` was 0."""

    async def start(self, me: NodeId, on_frame: OnFrame, on_hint: OnHint) -> None:
        """Become reachable as `me`."""
        ...

    def put(self, node: NodeId, frame: bytes) -> None:
        """Send or drop `frame`, without waiting or raising."""
        ...

    def room(self, node: NodeId) -> int:
        """Return how many bytes it takes for `node` now, without much more waiting in it; at most `ROOM`."""
        ...

    def arrived(self) -> Iterable[NodeId]:
        """Return the nodes of which bytes have arrived since the last call, also parts of frames, if it knows."""
        ...

    async def close(self) -> None:
        """Leave the network; frames already put are still sent if that needs no waiting."""
        ...
