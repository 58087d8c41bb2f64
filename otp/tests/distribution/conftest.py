"""Two nodes, `a` and `b`, that reach each other by their distributions only."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

import otp
from otp.distribution import Distribution, NodeId, Session, SessionTransport
from otp.distribution.carriers.simulated import SimulatedNetwork
from otp.testing import Scheduler

MODES: dict[str, tuple[dict[str, Any], bool]] = {
    "inline": ({"inline": True}, False),
    "queued": ({"inline": False}, False),
    "seed 1": ({"seed": 1}, False),
    "session": ({"inline": True}, True),
    "session, seed 1": ({"seed": 1}, True),
}
"""How a node is scheduled, and whether a real session over a simulated network connects the two."""


class MemoryTransport:
    """Signals go from queue to queue of one loop; a connection is cut and made when a test says so."""

    def __init__(self, network: dict[NodeId, MemoryTransport], me: NodeId) -> None:
        self.me = me
        self.network = network
        self.peers: dict[NodeId, list[int]] = {}
        self.events: Any = None
        self.asked: list[bytes] = []

    async def start(self, events: Any) -> None:
        self.events = events
        self.network[self.me] = self

    def connect(self, node: NodeId) -> None:
        other = self.network.get(node)
        if other is not None and node not in self.peers:
            self.peers[node] = other.peers[self.me] = [1]
            self._soon(self.events.node_up, node, 1)
            self._soon(other.events.node_up, self.me, 1)

    def _soon(self, function: Any, *args: Any) -> None:
        asyncio.get_running_loop().call_soon(function, *args)

    def send(self, node: NodeId, signal: bytes, sender: int = 0) -> bool:
        connection = self.peers.get(node)
        if connection is None:
            return False
        self.asked.append(signal)
        other = self.network[node]
        self._soon(lambda: connection[0] and other.events.signal(self.me, signal))
        return True

    def disconnect(self, node: NodeId) -> None:
        connection = self.peers.pop(node, None)
        if connection is not None:
            connection[0] = 0
            other = self.network[node]
            del other.peers[self.me]
            self._soon(self.events.node_down, node, "disconnect")
            self._soon(other.events.node_down, self.me, "leave")

    def nodes(self) -> frozenset[NodeId]:
        return frozenset(self.peers)

    def busy(self, node: NodeId) -> bool:
        return False

    def full(self, node: NodeId) -> bool:
        return False

    async def drained(self, node: NodeId) -> None:
        return None

    def inject(self, fault: Any) -> None:
        raise NotImplementedError

    async def stop(self) -> None:
        for node in list(self.peers):
            self.disconnect(node)
        self.network.pop(self.me, None)


class Two:
    """The nodes `a` and `b`, connected, and what connects them."""

    def __init__(self, a: otp.Node, b: otp.Node, at_a: Distribution, at_b: Distribution) -> None:
        self.a, self.b = a, b
        self.at_a, self.at_b = at_a, at_b

    async def settle(self) -> None:
        """Until what was said has arrived and was answered."""
        await otp.testing.advance(0.2)

    def cut(self) -> None:
        """End the connection."""
        self.at_a.disconnect("b")

    async def join(self) -> None:
        """Make the connection, or make it again."""
        await self.at_a.connect(self.at_b.transport.me)
        await self.at_b.wait_connected("a")

    async def on(self, node: otp.Node, fn: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        """Run `fn` as a process of the node; what it returns or raises."""
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def run() -> None:
            try:
                result = await fn(*args)
            except Exception as error:
                done.set_exception(error)
            else:
                done.set_result(result)

        pid = node.spawn(run)
        ended = asyncio.ensure_future(otp.wait_down(pid))
        await asyncio.wait([done, ended], return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            raise AssertionError(f"the process on {node.name} ended with {ended.result()!r}")
        await ended
        return done.result()


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A private folder with a short path, as Unix sockets need it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture(params=list(MODES))
def two(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Runs an async function with `Two`, in each of the legal orders."""

    def run(test: Callable[[Two], Awaitable[Any]], **options: Any) -> Any:
        async def main() -> Any:
            _, session = MODES[request.param]
            network: Any = SimulatedNetwork(seed=1) if session else {}

            def transport(me: NodeId) -> Any:
                if session:
                    return SessionTransport(network.carrier(me), Session(me, b"cookie"))
                return MemoryTransport(network, me)

            async with AsyncExitStack() as stack:
                here = options.pop("here", None)
                a = await stack.enter_async_context(otp.Node("a"))
                b = await stack.enter_async_context(otp.Node("b"))
                at_a = Distribution(a, transport(NodeId("a", 101)), **(await here(a) if here else {}))
                at_b = Distribution(b, transport(NodeId("b", 202)), **options)
                await stack.enter_async_context(at_a)
                await stack.enter_async_context(at_b)
                both = Two(a, b, at_a, at_b)
                await both.join()
                return await test(both)

        return Scheduler(**MODES[request.param][0]).run(main)

    return run
