"""The six promises of a transport, on a simulated network on which everything goes wrong; each seed is a history.

Every signal says who sent it, over which connection of theirs, and as which one, so that the receiver knows at each
signal whether something was lost, doubled, reordered or kept from before.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import permutations
from typing import Any

import pytest

from many_seeds import share_of
from otp.distribution import NodeId, Session, SessionTransport, Settings
from otp.distribution.carriers.simulated import SimulatedNetwork
from otp.distribution.faults import Cut, Delay, Drop, Hold, Resume, Stall
from otp.distribution.frames import Hello, decode
from otp.testing.virtual_loop import VirtualLoop

FAULTS_END = 8.0
SETTINGS = Settings(heartbeat=0.25, dead=1.0, fragment=400, buffer=3_000, signal=4_000, auto_connect=False)
MERGED_WITHIN = 2 * SETTINGS.dead
"""Seconds after the last fault in which all nodes are connected with all: time-out, greeting, slow frames."""
HELLOS_PER_PAIR_AND_HEARTBEAT = 8
"""A connection takes six frames when both sides greet at once, and each side greets once a heartbeat."""


class Life:
    """An incarnation of a node that sends numbered signals and checks its events."""

    def __init__(self, world: World, me: NodeId) -> None:
        self.world = world
        self.me = me
        session = Session(me, b"secret", SETTINGS, nonce=world.random.randbytes, probes=world.probes)
        self.transport = SessionTransport(Tapped(world, me), session, seed=world.random.getrandbits(32))
        self.up: dict[NodeId, int] = {}
        self.sent: Counter[NodeId] = Counter()  # over the present connection
        self.got: dict[NodeId, list[int]] = {}  # connection of the sender and number of its last signal, while up
        self.newest: Counter[NodeId] = Counter()  # newest connection of each sender
        self.received: Counter[NodeId] = Counter()
        self.downs: Counter[str] = Counter()
        self.asleep = False

    def node_up(self, node: NodeId, epoch: int) -> None:
        assert node not in self.up, f"{node} came up twice"
        assert node.name not in {other.name for other in self.up}, f"two runs of {node.name} are up"
        assert epoch > max(self.up.values(), default=0)
        self.up[node] = epoch
        self.sent[node] = 0
        self.got[node] = [0, 0]

    def signal(self, node: NodeId, data: bytes) -> None:
        assert node in self.up, f"a signal of {node}, which is not up"
        sender, receiver, connection, number, filling = json.loads(data)
        assert (sender, receiver) == (list(node), list(self.me)), "a signal of another node, or for another one"
        last = self.got[node]
        if not last[0]:
            assert connection > self.newest[node], "a signal of a connection that ended"
            self.newest[node] = last[0] = connection
        assert [connection, number] == [last[0], last[1] + 1], "lost, doubled or out of order without a node_down"
        assert set(filling) <= {"x"}, "the pieces of two signals are mixed"
        last[1] = number
        self.received[node] += 1

    def node_down(self, node: NodeId, reason: str) -> None:
        assert node in self.up, f"{node} went down and was not up"
        del self.up[node], self.got[node]
        self.downs[reason] += 1

    def send(self, node: NodeId, size: int) -> bool:
        if node not in self.up:
            assert not self.transport.send(node, b"nothing")
            return False
        number = self.sent[node] + 1
        sent = self.transport.send(node, json.dumps([self.me, node, self.up[node], number, "x" * size]).encode())
        if sent:
            self.sent[node] = number
        return sent


class Tapped:
    """A carrier whose frames the world counts, and keeps, to put them on the line again some time later."""

    def __init__(self, world: World, me: NodeId) -> None:
        self.world = world
        self.inner = world.network.carrier(me)
        self.room, self.arrived = self.inner.room, self.inner.arrived
        self.on_room: Any = None

    async def start(self, me: NodeId, on_frame: Any, on_hint: Any) -> None:
        self.inner.on_room = self.on_room
        await self.inner.start(me, on_frame, on_hint)

    def put(self, node: NodeId, frame: bytes) -> None:
        if isinstance(decode(node, frame, 10_000), Hello):
            self.world.hellos[int(self.world.loop.time() / SETTINGS.heartbeat)] += 1
        self.world.recorded.append((self.inner.me, node, frame))
        self.inner.put(node, frame)

    async def close(self) -> None:
        await self.inner.close()


class World:
    """Some nodes, their traffic and their misfortunes, all drawn from one seed."""

    def __init__(self, seed: int, faults: int = 10, probes: bool = False) -> None:
        self.probes = probes
        # A node that restarted waits until its predecessor, whose last frames may be late, is given up.
        self.merged_within = MERGED_WITHIN + (SETTINGS.dead if probes else 0.0)
        self.random = random.Random(seed)
        self.loop = VirtualLoop()
        slowest = self.random.choice([0.002, 0.02, 0.1])
        self.network = SimulatedNetwork(seed, 0.0005, slowest, hints=self.random.random() < 0.3, room=1_500)
        self.names = "abcd"[: self.random.choice([2, 2, 3, 4])]
        self.lives: dict[str, Life] = {}
        self.hellos: Counter[int] = Counter()
        self.recorded: list[tuple[NodeId, NodeId, bytes]] = []
        self.all: list[Life] = []
        self.errors: list[BaseException] = []
        self.faults = faults
        self.merged_at = 0.0
        self.loop.set_exception_handler(lambda _, context: self.errors.append(context["exception"]))

    def run(self) -> World:
        try:
            self.loop.run_until_complete(self.live())
        finally:
            self.loop.close()
        return self

    async def live(self) -> None:
        for name in self.names:
            await self.begin(name, 1)
        pick = self.random.uniform
        for _ in range(self.faults):
            self.at(pick(0.3, FAULTS_END), self.go_wrong)
        for _ in range(40 * len(self.names)):
            self.at(pick(0.0, FAULTS_END + 1.0), self.chatter)
        self.end = self.loop.create_future()
        self.at(FAULTS_END, self.heal)
        self.at(FAULTS_END + self.merged_within, self.after_merging)
        self.at(FAULTS_END + self.merged_within + 1.0, self.end.set_result, None)
        await self.end
        self.check_the_end()
        for life in self.lives.values():
            await life.transport.stop()
            assert not life.up, "stopped, and not told of the end of a connection"

    def at(self, when: float, what: Any, *args: Any) -> None:
        self.loop.call_at(when, what, *args)

    async def begin(self, name: str, creation: int) -> None:
        life = self.lives[name] = Life(self, NodeId(name, creation))
        self.all.append(life)
        await life.transport.start(life)
        for other in self.lives.values():
            if other is not life:
                life.transport.connect(other.me)

    def chatter(self) -> None:
        life = self.lives[self.random.choice(self.names)]
        if life.asleep:
            return
        node = self.lives[self.random.choice(self.names)].me
        if node in life.up:
            for _ in range(self.random.choice([1, 1, 2, 10])):
                if not life.transport.busy(node) or self.random.random() < 0.1:
                    life.send(node, self.random.choice([0, 10, 10, 300, 2_000]))

    def go_wrong(self) -> None:
        draw = self.random
        one, other = draw.sample(self.names, 2)
        life, later = self.lives[one], self.loop.time() + draw.choice([0.05, 0.4, 0.9, 1.3, 3.0])
        match draw.choice(["cut", "one way", "drop", "slow", "hold", "stall", "restart", "replay", "leave", "forge"]):
            case "cut":
                self.network.cut(one, other)
                self.at(later, self.network.heal)
            case "one way":
                self.network.fault(one, other, Cut(other))
                self.at(later, self.network.heal)
            case "drop":
                self.network.fault(one, other, Drop(other, draw.uniform(0.01, 0.5)))
                self.at(later, self.network.heal)
            case "slow":
                self.network.fault(one, other, Delay(other, 0.0, draw.choice([0.1, 0.6, 1.0])))
                self.at(later, self.network.heal)
            case "hold":
                self.network.fault(one, other, Hold(other))
                self.at(later, self.network.heal)
            case "stall" if not life.asleep:
                life.asleep = True
                life.transport.inject(Stall())
                self.at(later, self.resume, life)
            case "restart":
                self.network.crash(one)
                self.loop.create_task(self.restart(life))
            case "replay" if self.recorded:
                for _ in range(draw.choice([1, 5, 20])):
                    source, target, frame = draw.choice(self.recorded)
                    self.network._deliver((source, target, frame))
            case "leave":
                life.transport.disconnect(self.lives[other].me)
                self.at(later, life.transport.connect, self.lives[other].me)
            case "forge":
                self.network._deliver(
                    (NodeId(other, draw.choice([1, 2])), life.me, draw.randbytes(draw.choice([0, 5, 50])))
                )

    async def restart(self, life: Life) -> None:
        await life.transport.stop()
        if self.lives[life.me.name] is life:
            await self.begin(life.me.name, life.me.creation + 1)

    def resume(self, life: Life) -> None:
        life.asleep = False
        life.transport.inject(Resume())

    def heal(self) -> None:
        self.network.heal()
        for life in self.lives.values():
            if life.asleep:
                self.resume(life)
        for one, other in permutations(self.lives.values(), 2):
            one.transport.connect(other.me)  # who left comes back

    def after_merging(self) -> None:
        self.connections = {name: dict(life.up) for name, life in self.lives.items()}
        self.before = Counter({(life.me, node): n for life in self.lives.values() for node, n in life.received.items()})
        for life in self.lives.values():
            for node in life.up:
                assert life.send(node, 2_000)

    def check_the_end(self) -> None:
        if self.errors:
            raise self.errors[0]
        for name, life in self.lives.items():
            others = {other.me for other in self.lives.values() if other is not life}
            assert set(self.connections[name]) == others, f"{life.me} sees {set(self.connections[name])} of {others}"
            assert life.up == self.connections[name], f"{life.me}: connections changed although nothing went wrong"
            assert life.transport.nodes() == others
            for node in others:
                assert self.before[life.me, node] + 1 == life.received[node], f"{life.me} missed a signal of {node}"
        pairs = len(self.names) * (len(self.names) - 1)
        last = int((FAULTS_END + self.merged_within) / SETTINGS.heartbeat)
        assert 0 == sum(self.hellos[beat] for beat in range(last + 1, last + 4)), "hellos although all are connected"
        assert max(self.hellos.values()) <= HELLOS_PER_PAIR_AND_HEARTBEAT * pairs, f"a storm: {self.hellos}"


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_the_promises_hold_whatever_goes_wrong(first: int) -> None:
    for seed in range(first, first + 50):
        check(seed)


@pytest.mark.parametrize("first", range(0, 100, 50))
def test_they_hold_for_nodes_that_probe_others_before_they_give_them_up(first: int) -> None:
    for seed in range(first, first + 50):
        check(seed, probes=True)


@pytest.mark.slow
@pytest.mark.parametrize("first", share_of(range(0, 10_000, 200)))
def test_the_promises_hold_in_ten_thousand_histories(first: int) -> None:
    for seed in range(first, first + 200):
        check(seed)


def check(seed: int, probes: bool = False) -> None:
    try:
        World(seed, probes=probes).run()
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error
