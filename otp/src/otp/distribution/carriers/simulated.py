"""A network in memory: nodes of one event loop, frames with delays, connections that can be cut.

Under `otp.testing` the loop's time is virtual, and the whole network including faults is a function of its seed.

>>> from otp.distribution import NodeId
>>> network = SimulatedNetwork(seed=7)
>>> a = network.carrier(NodeId("a", 1))
>>> network.names()
[]
"""

# A carrier calls methods of its network that are for this module only.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable

from otp.distribution.carriers.carrier import ROOM, OnFrame, OnHint
from otp.distribution.faults import Cut, Delay, Drop, Heal, Hold
from otp.distribution.line import Line
from otp.distribution.node_id import NodeId
from otp.kernel.values.errors import BadArgument

__all__ = ["SimulatedCarrier", "SimulatedNetwork"]


class SimulatedNetwork:
    """A network that connects its carriers.

    A frame takes `least` to `most` seconds and keeps its order. Delays are drawn with `seed`. `hints` reports nodes
    that come and go to the carriers, like a discovery service: with a delay, and across a cut when it heals. `room`
    bytes fit between two nodes, like the buffers of a socket.
    """

    def __init__(
        self, seed: int = 0, least: float = 0.0005, most: float = 0.005, hints: bool = True, room: int = ROOM
    ) -> None:
        self._room = room
        self._between: Counter[tuple[str, str]] = Counter()  # bytes on the way
        self._random = random.Random(seed)
        self._least = least
        self._most = most
        self._hints = hints
        self._carriers: dict[NodeId, SimulatedCarrier] = {}
        self._lines: dict[tuple[str, str], Line[tuple[NodeId, NodeId, bytes]]] = {}
        self._apart: set[tuple[str, str]] = set()

    def carrier(self, me: NodeId) -> SimulatedCarrier:
        """Return a carrier for `me`. Two incarnations of one name may be in the network at the same time."""
        return SimulatedCarrier(self, me)

    def names(self) -> list[str]:
        """Return the names of the reachable nodes, in order."""
        return sorted({node.name for node in self._carriers})

    def fault(self, source: str, target: str, fault: Cut | Drop | Delay | Hold | Heal) -> None:
        """Apply a fault to the direction from `source` to `target`, or heal it; the other direction is separate."""
        self._line(source, target).apply(fault)
        if isinstance(fault, Cut | Hold):
            self._apart.add((source, target))
        elif isinstance(fault, Heal):
            self._rejoin(source, target)

    def cut(self, one: str, other: str) -> None:
        """Lose all frames between two nodes, in both directions."""
        self.fault(one, other, Cut(other))
        self.fault(other, one, Cut(one))

    def heal(self) -> None:
        """End all faults."""
        for (source, target), line in list(self._lines.items()):
            line.apply(Heal())
            self._rejoin(source, target)

    def crash(self, name: str, creation: int | None = None) -> None:
        """Remove a node without notice, as `kill -9` does; frames it has sent still arrive.

        Without `creation`, all incarnations of the name are removed.
        """
        for carrier in list(self._carriers.values()):
            if carrier.me.name == name and creation in (None, carrier.me.creation):
                self._leave(carrier)

    def _enter(self, carrier: SimulatedCarrier) -> None:
        self.crash(*carrier.me)
        others = list(self._carriers.values())
        self._carriers[carrier.me] = carrier
        self._tell(carrier.me, present=True)
        for other in others:
            self._hint(carrier, other.me, present=True)

    def _leave(self, carrier: SimulatedCarrier) -> None:
        if self._carriers.get(carrier.me) is carrier:
            del self._carriers[carrier.me]
            self._tell(carrier.me, present=False)

    def _tell(self, node: NodeId, present: bool) -> None:
        for other in list(self._carriers.values()):
            if other.me != node:
                self._hint(other, node, present)

    def _find(self, seeker: SimulatedCarrier, address: str) -> None:
        found = [other for other in self._carriers.values() if other.address == address]
        apart = any((other.me.name, seeker.me.name) in self._apart for other in found)
        if not found or apart:
            raise ConnectionError(f"no node is reachable at {address!r}; try one of {self.names()}")
        for other in found:
            delay = self._random.uniform(self._least, self._most)
            asyncio.get_running_loop().call_later(delay, self._deliver_hint, seeker, other.me, True)

    def _rejoin(self, source: str, target: str) -> None:
        """Find nodes again after a cut."""
        if (source, target) in self._apart:
            self._apart.discard((source, target))
            for to in [carrier for carrier in self._carriers.values() if carrier.me.name == target]:
                for node in [node for node in self._carriers if node.name == source and node != to.me]:
                    self._hint(to, node, present=True)

    def _hint(self, to: SimulatedCarrier, node: NodeId, present: bool) -> None:
        if self._hints and (node.name, to.me.name) not in self._apart:
            delay = self._random.uniform(self._least, self._most)
            asyncio.get_running_loop().call_later(delay, self._deliver_hint, to, node, present)

    def _deliver_hint(self, to: SimulatedCarrier, node: NodeId, present: bool) -> None:
        if self._carriers.get(to.me) is to and to.on_hint is not None:
            to.on_hint(node, present)

    def _line(self, source: str, target: str) -> Line[tuple[NodeId, NodeId, bytes]]:
        line = self._lines.get((source, target))
        if line is None:
            loop = asyncio.get_running_loop()
            line = self._lines[source, target] = Line(loop, self._random, self._deliver, self._least, self._most)
        return line

    def room(self, source: str, target: str) -> int:
        """Return how many bytes still fit between two nodes, in this direction."""
        return max(0, self._room - self._between[source, target])

    def _put(self, source: SimulatedCarrier, target: NodeId, frame: bytes) -> None:
        if self._carriers.get(source.me) is source:
            ends = source.me.name, target.name
            self._between[ends] += len(frame)
            if not self._line(*ends).put((source.me, target, frame)):
                self._between[ends] -= len(frame)

    def _deliver(self, item: tuple[NodeId, NodeId, bytes]) -> None:
        source, target, frame = item
        ends = source.name, target.name
        was_full = self._between[ends] >= self._room
        self._between[ends] -= len(frame)
        sender = self._carriers.get(source)
        if was_full and sender is not None and self.room(*ends) > 0:
            asyncio.get_running_loop().call_soon(sender.on_room, target)
        carrier = self._carriers.get(target)
        if carrier is not None and carrier.on_frame is not None:
            carrier.on_frame(source, frame)


class SimulatedCarrier:
    """A node's end of a `SimulatedNetwork`; created by `SimulatedNetwork.carrier`.

    `address` is `"sim/"` and the name of the node.
    """

    simulated = True

    def __init__(self, network: SimulatedNetwork, me: NodeId) -> None:
        self._network = network
        self.me = me
        self.address: str = f"sim/{me.name}"
        self.on_room: Callable[[NodeId], object] = lambda _: None
        self.on_frame: OnFrame | None = None
        self.on_hint: OnHint | None = None

    async def start(self, me: NodeId, on_frame: OnFrame, on_hint: OnHint) -> None:
        """Enter the network; raises `BadArgument` for another node than the carrier's."""
        if me != self.me:
            raise BadArgument(f"SimulatedCarrier.start: expected {self.me}, got {me}; try network.carrier({me!r})")
        self.on_frame = on_frame
        self.on_hint = on_hint
        self._network._enter(self)

    def put(self, node: NodeId, frame: bytes) -> None:
        """Send `frame` to `node`; dropped if this node is not in the network."""
        self._network._put(self, node, frame)

    def room(self, node: NodeId) -> int:
        """Return how many bytes still fit on the way to `node`."""
        return self._network.room(self.me.name, node.name)

    def arrived(self) -> Iterable[NodeId]:
        """Return no node: frames arrive whole."""
        return ()

    async def connect(self, address: str, *, again: bool = False) -> None:
        """Find the node at an address; raises `ConnectionError` if none is reachable there."""
        self._network._find(self, address)

    async def close(self) -> None:
        """Leave the network."""
        self._network._leave(self)
