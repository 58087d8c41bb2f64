"""Frames of a node that wait for a browser tab are bounded in number and in bytes."""

from __future__ import annotations

import asyncio
from typing import Any

from superlearner.live.deflate import SharedDeflate
from superlearner.live.relay import MOST_FRAME, RelayedViewer


class Asked:
    """A relay that counts requests for a snapshot."""

    def __init__(self) -> None:
        self.deflate = SharedDeflate()
        self.snapshots = 0

    def sync(self) -> None:
        self.snapshots += 1


def test_large_frames_do_not_pile_up_for_a_slow_viewer() -> None:
    """Regression: 50 frames were queued, whatever their length."""
    relay: Any = Asked()
    viewer = RelayedViewer(relay, 50)
    viewer.whole(b"{}")
    half = b" " * (MOST_FRAME // 2 + 1)
    for _ in range(5):
        viewer.offer(half)
    assert (True, 1) == (viewer.resync, relay.snapshots)
    viewer.whole(b'{"k":"s"}')
    assert b'{"k":"s"}' == asyncio.run(viewer.next())
