"""One browser tab at the live page: a bounded queue of frames, and a snapshot for whoever falls behind."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Protocol

__all__ = ["Snapshots", "Viewer"]


class Snapshots(Protocol):
    """Where a viewer gets a snapshot from."""

    def snapshot(self) -> bytes:
        """The whole page at this instant."""
        ...


class Viewer:
    """One browser tab: a bounded queue of frames.

    Args:
        hub: where snapshots come from.
        limit: frames it may lag behind.
    """

    def __init__(self, hub: Snapshots, limit: int) -> None:
        self._hub = hub
        self.limit = limit
        self._frames: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self.resync = True
        self.closed = False
        self._wake.set()

    def offer(self, frame: bytes) -> None:
        """The next frame; beyond the limit all is dropped and a snapshot will follow."""
        if self.resync:
            return
        if len(self._frames) >= self.limit:
            self.want_snapshot()
            return
        self._frames.append(frame)
        self._wake.set()

    def want_snapshot(self) -> None:
        """Forget what is queued; the next frame is a snapshot."""
        self._frames.clear()
        self.resync = True
        self._wake.set()

    def look(self, asked: Mapping[str, str]) -> None:
        """It looks at another part of what there is; most topics are looked at as a whole."""

    def close(self) -> None:
        """The hub ends."""
        self.closed = True
        self._wake.set()

    async def next(self) -> bytes | None:
        """Wait for the next frame; None when the hub has ended."""
        await self._wake.wait()
        if self.closed:
            return None
        if self.resync:
            frame = self._hub.snapshot()
            self.resync = False
        else:
            frame = self._frames.popleft()
        if not self._frames:
            self._wake.clear()
        return frame
