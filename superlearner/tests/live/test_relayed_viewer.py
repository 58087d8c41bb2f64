"""Frames of a node that wait for a browser tab are bounded; a subscription that has ended gets no more viewers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from superlearner.live.deflate import SharedDeflate
from superlearner.live.relay import MOST_FRAME, Relay, RelayedViewer, Relays
from superlearner.nodes.remote import NodeGone
from superlearner.nodes.remote.protocol import Attach, Attached, Close, Failed, Frame


class CountingRelay:
    """A relay that counts requests for a snapshot."""

    def __init__(self) -> None:
        self.deflate = SharedDeflate()
        self.snapshots = 0

    def sync(self) -> None:
        self.snapshots += 1


def test_large_frames_do_not_pile_up_for_a_slow_viewer() -> None:
    """Regression: 50 frames were queued, whatever their length."""
    relay: Any = CountingRelay()
    viewer = RelayedViewer(relay, 50)
    viewer.whole(b"{}")
    half = b" " * (MOST_FRAME // 2 + 1)
    for _ in range(5):
        viewer.offer(half)
    assert (True, 1) == (viewer.resync, relay.snapshots)
    viewer.whole(b'{"k":"s"}')
    assert b'{"k":"s"}' == asyncio.run(viewer.next())


class ShortLivedNode:
    """A node whose subscriptions end after one frame, as `ends` says; the last one stays."""

    name = there = "far@127.0.0.1"

    def __init__(self, *ends: Callable[[], Frame | Failed]) -> None:
        self.ends: list[Callable[[], Any]] = list(ends)
        self.subscriptions = 0
        self.closed: list[int] = []
        self.frames: dict[int, int] = {}

    async def ask(self, request: Any, _expected: Any, _seconds: float) -> Any:
        if isinstance(request, Attach):
            self.subscriptions += 1
            return Attached(self.subscriptions)
        number = request.number
        self.frames[number] = self.frames.get(number, 0) + 1
        if self.frames[number] == 1:
            return Frame(b'{"k":"s","seq":%d}' % number, closed=False)
        if number <= len(self.ends):
            return self.ends[number - 1]()
        forever: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        return await forever

    def cast(self, request: Any) -> None:
        if isinstance(request, Close):
            self.closed.append(request.number)


def closed() -> Frame:
    return Frame(None, closed=True)


def failed() -> Failed:
    return Failed("timeout", "too late")


def gone() -> Frame:
    raise NodeGone("far@127.0.0.1 is gone")


@pytest.mark.parametrize(
    "end",
    [lambda: Frame(None, closed=True), lambda: Failed("timeout", "too late"), gone],
    ids=["ended", "failed", "gone"],
)
@pytest.mark.parametrize("way", ["new", "held"])
def test_an_ended_relay_is_not_handed_to_the_next_viewer(end: Callable[[], Frame | Failed], way: str) -> None:
    """Regression: it was, until the last viewer had left, and that viewer waited for ever. `held`: it was looked up
    before the end, as a web socket does that is accepted meanwhile."""

    async def main() -> None:
        far: Any = ShortLivedNode(end)
        relays = Relays({})
        ended = relays.of(far, "supervisors", {})
        first = ended.attach()
        assert (b'{"k":"s","seq":1}', None) == (await first.next(), await first.next())
        assert (0, [1]) == (len(relays), far.closed)
        relay = ended if way == "held" else relays.of(far, "supervisors", {})
        second = relay.attach()
        assert b'{"k":"s","seq":2}' == await second.next()
        ended.detach(first)
        third = relay.attach()
        assert (2, False) == (far.subscriptions, third.closed)
        if way == "new":
            assert (True, 1) == (relays.of(far, "supervisors", {}) is relay, len(relays))
        relay.detach(second)
        relay.detach(third)
        assert len(relays) == 0

    asyncio.run(asyncio.wait_for(main(), 10))


def test_a_viewer_that_comes_as_the_last_one_leaves_gets_its_frames() -> None:
    async def main() -> None:
        far: Any = ShortLivedNode()
        relay = Relay(far, "supervisors", {}, {}, lambda _relay: None)
        first = relay.attach()
        assert b'{"k":"s","seq":1}' == await first.next()
        relay.detach(first)
        second = relay.attach()
        assert b'{"k":"s","seq":2}' == await second.next()
        assert ([1], False) == (far.closed, second.closed)
        relay.detach(second)

    asyncio.run(asyncio.wait_for(main(), 10))


def test_a_closed_viewer_that_asks_for_a_snapshot_ends() -> None:
    async def main() -> bytes | None:
        relay: Any = CountingRelay()
        viewer = RelayedViewer(relay, 50)
        viewer.close()
        viewer.want_snapshot()
        return await asyncio.wait_for(viewer.next(), 10)

    assert asyncio.run(main()) is None
