"""Clusters of simulated members, for tests in virtual time."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import otp
from otp.cluster import Cluster, MemberDown, MemberLeaving, MemberUp
from otp.distribution import NodeId, Settings
from otp.distribution.carriers.simulated import SimulatedNetwork
from otp.distribution.faults import Resume, Stall
from otp.testing import advance

__all__ = ["SETTINGS", "Clusters", "Fixed", "MembershipLog", "me", "names", "settle"]

SETTINGS = Settings(heartbeat=0.25, dead=1.0)


class Fixed:
    """Incarnations that a test chooses."""

    def __init__(self, first: int) -> None:
        self.last = first - 1
        self.raised: list[int] = []

    def next(self) -> int:
        self.last += 1
        return self.last

    def raise_to(self, known: int) -> None:
        self.raised.append(known)
        self.last = max(self.last, known)


class Clusters:
    """A simulated network, and the members on it."""

    def __init__(self, stack: AsyncExitStack, **network: Any) -> None:
        self.stack = stack
        self.hints = network.get("hints", True)
        self.network = SimulatedNetwork(**network)
        self.incarnation = 0
        self.nodes: dict[Cluster, otp.Node] = {}

    async def node(self, name: str) -> otp.Node:
        return await self.stack.enter_async_context(otp.Node(name))

    async def join(self, name: str, node: otp.Node | None = None, **options: Any) -> Cluster:
        """Start a member; each start has a higher incarnation than all before."""
        node = node or await self.node(name)
        self.incarnation += 1
        options = {"incarnations": Fixed(self.incarnation), "settings": SETTINGS, "cookie": "secret"} | options
        cluster = await Cluster.join(node, **({"carrier": self.network.carrier} | options))
        self.nodes[cluster] = node
        return cluster

    async def form(self, *names: str) -> list[Cluster]:
        """Start members, and wait until each sees all."""
        found = [await self.join(names[0])]
        for name in names[1:]:
            found.append(await self.join(name, connect=() if self.hints else f"sim/{names[0]}"))
        for cluster in found:
            await cluster.wait_size(len(names))
        return found

    async def kill(self, cluster: Cluster) -> None:
        """End a member like `kill -9`: the others are told nothing by it."""
        me = cluster.distribution.transport.me
        self.network.crash(me.name, me.creation)
        await cluster.leave()

    def stall(self, cluster: Cluster) -> None:
        cluster.distribution.transport.inject(Stall())

    def resume(self, cluster: Cluster) -> None:
        cluster.distribution.transport.inject(Resume())


def names(cluster: Cluster) -> list[str]:
    return [member.name for member in cluster.members()]


def me(cluster: Cluster) -> NodeId:
    return cluster.distribution.transport.me


class MembershipLog:
    """What a process that monitors a cluster receives, in order."""

    def __init__(self, cluster: Cluster) -> None:
        self.events: list[Any] = []

        async def run() -> None:
            cluster.monitor()
            while True:
                message = await otp.receive()
                match message:
                    case MemberUp(_, member):
                        self.events.append(("up", str(member)))
                    case MemberLeaving(_, member):
                        self.events.append(("leaving", str(member)))
                    case MemberDown(_, member, reason):
                        self.events.append(("down", str(member), reason))
                    case _:
                        self.events.append(message)

        cluster.node.spawn(run)

    def take(self) -> list[Any]:
        found, self.events = self.events, []
        return found


async def settle(seconds: float = 0.1) -> None:
    """Let virtual time pass, in which what was sent arrives."""
    await advance(seconds)
