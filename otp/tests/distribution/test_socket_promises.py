"""The promises of a transport over real sockets, in real time: the checks of the simulated network.

Each signal says over which connection of its sender it went, and as which one.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from tools.certificate_authority import Authority

from otp.distribution import NodeId, Session, SessionTransport, Settings
from otp.distribution.carriers.direct import DirectCarrier
from otp.distribution.faults import Cut, Delay, Drop, Heal, Hold, Resume, Stall

SETTINGS = Settings(heartbeat=0.1, dead=0.4, fragment=400, buffer=50_000, signal=10_000)
MERGED_WITHIN = 10.0


class Life:
    """An incarnation of a node that checks its events; what is wrong is kept for the end."""

    def __init__(self, world: World, me: NodeId) -> None:
        self.world, self.me = world, me
        self.transport = SessionTransport(
            world.carrier(me.name),
            Session(me, b"s", SETTINGS),
            seed=world.seed,
        )
        self.up: dict[NodeId, int] = {}
        self.sent: Counter[NodeId] = Counter()
        self.got: dict[NodeId, tuple[int, int]] = {}
        self.newest: Counter[NodeId] = Counter()
        self.asleep = False
        self.begun = False

    def check(self, holds: bool, text: str) -> None:
        if not holds:
            self.world.wrong.append(f"{self.me}: {text}")

    def node_up(self, node: NodeId, epoch: int) -> None:
        self.check(node.name not in {other.name for other in self.up}, f"{node} came up twice")
        self.up[node], self.sent[node], self.got[node] = epoch, 0, (0, 0)
        self.world.changed.set()

    def node_down(self, node: NodeId, reason: str) -> None:
        self.check(node in self.up, f"{node} went down and was not up")
        self.up.pop(node, None)
        self.world.downs[reason] += 1

    def signal(self, node: NodeId, data: bytes) -> None:
        self.check(node in self.up, f"a signal of {node}, which is not up")
        sender, receiver, connection, number, _ = json.loads(data)
        self.check((sender, receiver) == (list(node), list(self.me)), "a signal of or for another node")
        last = self.got.get(node, (0, 0))
        if not last[0]:
            self.check(connection > self.newest[node], "a signal of a connection that ended")
            self.newest[node] = connection
            last = (connection, 0)
        self.check((connection, number) == (last[0], last[1] + 1), f"{connection}:{number} after {last}")
        self.got[node] = (connection, number)
        self.world.received += 1

    async def begin(self) -> None:
        self.begun = True
        await self.transport.start(self)

    def send(self, node: NodeId, size: int) -> None:
        if node in self.up and not self.transport.busy(node):
            number = self.sent[node] + 1
            signal = json.dumps([self.me, node, self.up[node], number, "x" * size]).encode()
            if self.transport.send(node, signal):
                self.sent[node] = number


class World:
    """Three nodes and their misfortunes, drawn from a seed; the times are those of this machine."""

    def __init__(self, seed: int, seconds: float, way: str, folder: Path) -> None:
        self.seed, self.seconds, self.way, self.folder = seed, seconds, way, folder
        self.random = random.Random(seed)
        self.group = secrets.token_hex(8)
        self.authority = Authority(folder)
        self.ports: list[str] = []
        self.wrong: list[str] = []
        self.downs: Counter[str] = Counter()
        self.received = 0
        self.lives: dict[str, Life] = {}
        self.tasks: list[asyncio.Task[None]] = []

    async def live(self) -> None:
        loop, pick = asyncio.get_running_loop(), self.random.uniform
        self.changed = asyncio.Event()
        for name in "abc":
            await self.begin(NodeId(name, 1))
        await self.merged()
        start = loop.time()
        for _ in range(int(self.seconds * 4)):
            loop.call_at(start + pick(0, self.seconds), self.go_wrong)
        for _ in range(int(self.seconds * 200)):
            loop.call_at(start + pick(0, self.seconds), self.chatter)
        over = asyncio.Event()
        loop.call_at(start + self.seconds, over.set)
        await over.wait()
        await asyncio.gather(*self.tasks)
        for life in self.lives.values():
            self.heal(life)
        await self.merged()
        for life in self.lives.values():
            await life.transport.stop()
            life.check(not life.up, "stopped, and not told of the end of a connection")
        assert not self.wrong
        assert self.received
        assert self.downs

    def carrier(self, name: str) -> Any:
        if self.way == "tls":
            tls = self.authority.member(name, host=name)
            return DirectCarrier(self.group, b"s", tls=tls, multicast="lo", silence=SETTINGS.dead)
        listen = "127.0.0.1:0" if self.way == "sealed" else "127.0.0.1"
        # Without a common listing, each node gets the ports of the earlier ones.
        listings = [self.folder] if self.way == "unix" else []
        made = DirectCarrier(self.group, b"s", folder=self.folder, listings=listings, listen=listen, connect=self.ports)
        start = made.start

        async def started(*args: Any) -> None:
            await start(*args)
            if self.way == "sealed":
                self.ports.append(made.address)

        made.start = started
        return made

    async def begin(self, me: NodeId) -> None:
        life = self.lives[me.name] = Life(self, me)
        await life.begin()

    async def merged(self) -> None:
        async def all_up() -> None:
            while any(other.me not in one.up for one, other in permutations(self.lives.values(), 2)):
                self.changed.clear()
                await self.changed.wait()

        await asyncio.wait_for(all_up(), MERGED_WITHIN)

    def chatter(self) -> None:
        one, other = self.random.sample(sorted(self.lives), 2)
        for _ in range(self.random.choice([1, 2, 10])):
            self.lives[one].send(self.lives[other].me, self.random.choice([0, 10, 300, 2_000]))

    def heal(self, life: Life) -> None:
        life.transport.inject(Heal())
        if life.asleep:
            life.asleep = False
            life.transport.inject(Resume())

    def go_wrong(self) -> None:
        draw = self.random
        one, other = draw.sample(sorted(self.lives), 2)
        life = self.lives[one]
        if not life.begun:
            return  # its predecessor still stops
        match draw.choice(["cut", "one way", "drop", "slow", "hold", "stall", "restart"]):
            case "cut":
                life.transport.inject(Cut(other))
            case "one way":
                life.transport.inject(Cut(other, "to"))
            case "drop":
                life.transport.inject(Drop(other, draw.uniform(0.01, 0.5)))
            case "slow":
                life.transport.inject(Delay(other, 0.0, 0.1))
            case "hold":
                life.transport.inject(Hold(other))
            case "stall" if not life.asleep:
                life.asleep = True
                life.transport.inject(Stall())
            case "restart":
                self.tasks.append(asyncio.ensure_future(self.restart(life)))
        asyncio.get_running_loop().call_later(draw.choice([0.05, 0.3, 0.6, 1.0]), self.heal, life)

    async def restart(self, life: Life) -> None:
        if self.lives[life.me.name] is life:
            self.heal(life)
            new = Life(self, NodeId(life.me.name, life.me.creation + 1))
            self.lives[life.me.name] = new
            await life.transport.stop()
            await new.begin()


WAYS = pytest.mark.parametrize("way", ["unix", "sealed", "tls"])


@pytest.mark.parametrize(("seed", "way"), [(1, "unix"), (2, "unix"), (1, "sealed"), (1, "tls"), (2, "tls")])
def test_the_promises_hold_over_sockets_whatever_goes_wrong(seed: int, way: str, sockets: Path) -> None:
    asyncio.run(World(seed, 3.0, way, sockets).live())


@WAYS
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_the_promises_hold_over_sockets_for_longer(seed: int, way: str, sockets: Path) -> None:
    asyncio.run(World(seed, 10.0, way, sockets).live())
