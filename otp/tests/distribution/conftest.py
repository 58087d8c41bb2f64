"""Two nodes, `a` and `b`, that reach each other by their distributions only."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

import otp
from otp.distribution import Distribution, NodeId, Session, SessionTransport, Settings
from otp.distribution.carriers.simulated import SimulatedNetwork
from otp.distribution.carriers.stream import StreamCarrier
from otp.kernel.values.errors import CallExit
from otp.testing import Scheduler

MODES: dict[str, tuple[dict[str, Any] | None, str]] = {
    "inline": ({"inline": True}, "memory"),
    "queued": ({"inline": False}, "memory"),
    "seed 1": ({"seed": 1}, "memory"),
    "session": ({"inline": True}, "simulated"),
    "session, seed 1": ({"seed": 1}, "simulated"),
    "session, stream": (None, "stream"),
}
"""How a node is scheduled, None in real time, and what connects the two: queues, or a session over a carrier."""


def over_a_network() -> Callable[[NodeId], Any]:
    """Return the carriers of a simulated network, by node."""
    return SimulatedNetwork(seed=1).carrier


def over_a_socket() -> Callable[[NodeId], Any]:
    """Return the carriers of the two ends of a socket pair."""
    ends = iter(socket.socketpair())
    return lambda _: StreamCarrier.over_socket(next(ends))


CARRIERS: dict[str, Callable[[], Callable[[NodeId], Any]]] = {"simulated": over_a_network, "stream": over_a_socket}


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
        if getattr(asyncio.get_running_loop(), "virtual", False):
            await otp.testing.advance(0.2)
            return
        # An answer follows what was said before; after a cut, a question of `a` would connect the two again.
        for here, there in ((self.at_b, "a"), (self.at_a, "b"), (self.at_b, "a")):
            if there in here.nodes():
                with suppress(CallExit):
                    await here.whereis("nobody", there)

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
            carrier = CARRIERS.get(MODES[request.param][1])
            carriers = carrier() if carrier is not None else None
            network: dict[NodeId, MemoryTransport] = {}

            def transport(me: NodeId) -> Any:
                if carriers is not None:
                    # In real time, what is sent after a cut would have connected the two again before the next line.
                    # Without `auto_connect` a node is greeted at each heartbeat, also the first time.
                    real = MODES[request.param][0] is None
                    settings = Settings(auto_connect=False, heartbeat=0.05) if real else Settings()
                    return SessionTransport(carriers(me), Session(me, b"cookie", settings))
                return MemoryTransport(network, me)

            async with AsyncExitStack() as stack:
                if MODES[request.param][0] is None:
                    await stack.enter_async_context(otp.Node("test"))  # as in virtual time
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

        scheduled = MODES[request.param][0]
        return asyncio.run(main()) if scheduled is None else Scheduler(**scheduled).run(main)

    return run
