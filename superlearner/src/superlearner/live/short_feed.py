"""A hub's feed in shorthand for the pages; the hub itself serves plain frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from superlearner.live.frames import encode
from superlearner.live.shorthand import Shorthand
from superlearner.live.viewer import Viewer

if TYPE_CHECKING:
    from superlearner.live.hub import Hub

__all__ = ["ShortFeed"]


class ShortFeed:
    """The viewers of a hub that read shorthand, and the encoder's state.

    Args:
        hub: the source of the frames.
    """

    def __init__(self, hub: Hub) -> None:
        self.viewers: set[Viewer] = set()
        self._hub = hub
        self._shorthand = Shorthand()
        self._of: Mapping[str, Any] | None = None
        self._encoded = b""

    def attach(self) -> Viewer:
        """Return a new viewer; its first frame is a snapshot."""
        if not self.viewers:
            self._shorthand, self._of = Shorthand(), None
        viewer = self._hub.attach(self)
        self.viewers.add(viewer)
        return viewer

    def detach(self, viewer: Viewer) -> None:
        """Remove a viewer."""
        self._hub.detach(viewer)

    def snapshot(self) -> bytes:
        """Return the snapshot, encoded once for all requests before the next event."""
        frame = self._hub.snapshot_frame()
        if frame is not self._of:
            self._of, self._encoded = frame, encode(self._shorthand.snapshot(frame, self._hub.frames.sent))
        return self._encoded

    def offer(self, frame: Mapping[str, Any]) -> None:
        """Send the next delta if there are viewers."""
        if not self.viewers:
            return
        encoded = encode(self._shorthand.delta(frame, self._hub.frames.sent))
        for viewer in self.viewers:
            viewer.offer(encoded)
