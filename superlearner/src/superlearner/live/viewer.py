"""A viewer of a live page: a bounded queue; a snapshot if it falls behind."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Protocol

from superlearner.live.deflate import SharedDeflate

__all__ = ["Snapshots", "Viewer"]


class Snapshots(Protocol):
    """A source of snapshots."""

    def snapshot(self) -> bytes:
        """Return a snapshot of the whole page."""
        ...


class Viewer:
    """A bounded queue of frames for one browser tab.

    Args:
        hub: the source of snapshots.
        limit: frames it may lag behind.
        deflate: the compressor of the source, for viewers that take compressed frames; None if it has none.
    """

    def __init__(self, hub: Snapshots, limit: int, deflate: SharedDeflate | None = None) -> None:
        self._hub = hub
        self._shared = deflate
        self._deflate: SharedDeflate | None = None
        self.limit = limit
        self._frames: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self.resync = True
        self.closed = False
        self._wake.set()

    def compress(self) -> None:
        """Get compressed frames from now on, if the source has a compressor. Call it before the first frame."""
        self._deflate = self._shared

    def offer(self, frame: bytes) -> None:
        """Add a frame; beyond the limit, drop the queue and schedule a snapshot."""
        if self.resync:
            return
        if len(self._frames) >= self.limit:
            self.want_snapshot()
            return
        self._frames.append(frame if self._deflate is None else self._deflate.delta(frame))
        self._wake.set()

    def want_snapshot(self) -> None:
        """Drop the queue; the next frame is a snapshot."""
        self._frames.clear()
        self.resync = True
        self._wake.set()

    def look(self, asked: Mapping[str, str]) -> None:
        """Change the visible range; ignored by topics that are shown as a whole."""

    def close(self) -> None:
        """End the queue: the hub has closed."""
        self.closed = True
        self._wake.set()

    def _whole(self, frame: bytes) -> bytes:
        return frame if self._deflate is None else self._deflate.snapshot(frame)

    async def next(self) -> bytes | None:
        """Wait for the next frame; None when the hub has ended."""
        await self._wake.wait()
        if self.closed:
            return None
        if self.resync:
            frame = self._whole(self._hub.snapshot())
            self.resync = False
        else:
            frame = self._frames.popleft()
        if not self._frames:
            self._wake.clear()
        return frame
