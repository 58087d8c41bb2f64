"""A platform and a second member with a tree, over a simulated network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import otp
from otp import Children, GenServer, Ok, Supervisor, impl
from otp.cluster import Cluster
from otp.distribution import TEACHING
from otp.distribution.carriers.simulated import SimulatedNetwork
from superlearner.backend import serve
from superlearner.cluster.hosting import SANDBOXES, SandboxHost
from superlearner.cluster.members import MEMBERSHIP, MembershipService
from superlearner.cluster.ways import BACKEND, Way
from superlearner.demo.counters import DemoCounter
from superlearner.nodes.kinds import MEMBER

Inside = Callable[..., Any]
COOKIE = "a cookie of the test"
B = "b@127.0.0.1"
BEARER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


class Till(GenServer[int]):
    @impl
    def init(self, coins):
        return Ok(coins)


class Kiosk(Supervisor):
    @impl
    def init(self, arg):
        return Children([Till.child_spec(7, id="till", name="till")])


class Both:
    """The platform, the cluster of its second member, and that member's node."""

    def __init__(self, platform: Any, there: Cluster, node: otp.Node) -> None:
        self.platform = platform
        self.there = there
        self.node = node

    async def get(self, path: str, status: int = 200, method: str = "GET", **more: Any) -> Any:
        answer = await self.platform.client.request(method, f"/api/v1/cluster{path}", headers=BEARER, **more)
        assert answer.status_code == status, answer.text
        return answer.json()["data" if status == 200 else "error"]

    async def until_nodes(self, check: Callable[[set[str]], bool]) -> None:
        """Wait until the nodes have the expected names."""
        changed = asyncio.Event()
        nodes = self.platform.platform.nodes
        nodes.listen(lambda _: changed.set())
        while not check({one.name for one in nodes}):
            await changed.wait()
            changed.clear()


@asynccontextmanager
async def clustered(platform: Any, folder: Path, launcher: Any = None) -> AsyncIterator[Both]:
    """Let the platform and a member join a cluster; with a launcher, the member starts sandboxes."""
    members, home = platform.platform.members, platform.platform.node
    network = SimulatedNetwork()
    async with otp.Node(B) as node, otp.Node(f"backend.{B}", hidden=True) as hidden:
        services = {BACKEND: await serve(hidden, node, kind=MEMBER)}
        if launcher is not None:
            services[SANDBOXES] = await hidden.start(SandboxHost, launcher)
        await node.start(Kiosk, None, name="kiosk")
        there = await Cluster.join(
            node, cookie=COOKIE, carrier=network.carrier, services=services, settings=TEACHING,
            meta={"kind": "node", "os_pid": 4711}, allow=[DemoCounter],
        )  # fmt: skip
        members.cluster = await Cluster.join(
            home, cookie=COOKIE, carrier=network.carrier, settings=TEACHING, allow=[DemoCounter]
        )
        members.way, members.is_ready = Way(folder), True
        await home.start(MembershipService, members, name=MEMBERSHIP)
        both = Both(platform, there, node)
        await both.until_nodes(lambda names: B in names)
        yield both
        await members.leave()
        await there.leave()
