"""Simulated members of a cluster in the platform's program: `SingleNodeSimulator`.

A thin service on `otp.cluster.simulation.SimulatedCluster`, in real time. Each simulated member is a node of its own
with the counters of `superlearner.demo.counters`. It is added to the list of nodes, so pages and operations work on it.
The platform is no member: it sees all sides of a partition.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextvars import Context
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from otp import sentences
from superlearner.cluster.health import Partition, partition_of
from superlearner.cluster.members import Members
from superlearner.nodes.kinds import SIMULATED, SIMULATED_HOST
from superlearner.nodes.nodes import Nodes

if TYPE_CHECKING:
    from otp.cluster import Cluster, Member
    from otp.cluster.simulation import SimulatedCluster

__all__ = [
    "MOST_MEMBERS",
    "MOST_SEED",
    "SimulatedChild",
    "SimulatedFault",
    "SimulatedState",
    "SimulationRefused",
    "SingleNodeSimulator",
    "UnknownMember",
]

MOST_MEMBERS: Final = 12
MOST_SEED: Final = 2**32 - 1
KEPT: Final = 1000
"""Events of the simulator that are kept."""
JOIN_S: Final = 2.0
"""Seconds that a simulation which starts with the platform waits for it to join its real cluster."""
TRAFFIC: Final = ("frames_sent", "frames_received", "bytes_sent", "bytes_received")
FAILED: Final = "its failure was simulated"
ENDED: Final = "the simulation ended"


class SimulationRefused(Exception):
    """The simulation is not in the state that the request needs; the text says which it is, and what to try."""


class UnknownMember(LookupError):
    """No simulated member has this name."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"there is no simulated member {name!r}")
        self.known = known


@dataclass(frozen=True, slots=True)
class SimulatedState:
    """A simulated member as it is now, and what it sees itself."""

    name: str
    status: Literal["up", "failed"]
    incarnation: int | None = field(metadata={"description": "unique to each start; null for a failed member"})
    side: int | None = field(metadata={"description": "members with the same number are connected, directly or not"})
    sees: list[str] = field(metadata={"description": "the members that it is connected with, itself first"})
    lost: list[str] = field(metadata={"description": "the members that it has lost"})
    children: list[str] = field(metadata={"description": "the ids of the distributed children that run on it"})
    processes: int
    simulated: Literal[True] = True


@dataclass(frozen=True, slots=True)
class SimulatedFault:
    """A fault that is in effect: a failed member, or a cut between two members."""

    kind: Literal["fail", "cut"]
    members: list[str] = field(metadata={"description": "the failed member, or both ends of the cut"})
    one_way: bool = field(metadata={"description": "only frames from the first to the second member are lost"})


@dataclass(frozen=True, slots=True)
class SimulatedChild:
    """A child of a distributed supervisor, and the members on which it runs: two while a partition lasts."""

    supervisor: str
    key: str
    nodes: list[str]


@dataclass(frozen=True, slots=True)
class _Simulation:
    cluster: SimulatedCluster
    seed: int
    began: float


class SingleNodeSimulator:
    """The simulated cluster of one platform; without one, it costs nothing.

    The methods that change it wait until the change is made, not until the members agree about it. They run one after
    the other, outside of all processes, since the members outlive the request.

    Args:
        members: the cluster of the platform, which records the members that come and go.
        nodes: the list of nodes, to which simulated members are added.
    """

    def __init__(self, members: Members, nodes: Nodes) -> None:
        self._members = members
        self._nodes = nodes
        self._simulation: _Simulation | None = None
        self._cut: dict[str, float] = {}
        """The members that were cut off, and since when."""
        self._turn = asyncio.Lock()
        self._closed = False
        self._beginning: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        members.on_real = self._give_way

    # Changes

    async def start(self, count: int, seed: int | None = None) -> None:
        """Start members n1, n2, …; they are connected when this returns. Raises `SimulationRefused`."""
        await self._in_turn(partial(self._start, count, secrets.randbits(32) if seed is None else seed))

    def begin(self, count: int) -> None:
        """Start members with the platform, unless it finds real ones when it joins its cluster."""
        if count:
            self._beginning = asyncio.get_running_loop().create_task(self._begin(count), context=Context())

    async def begun(self) -> None:
        """Wait until the members that start with the platform are there."""
        if self._beginning is not None:
            await asyncio.wait([self._beginning])

    async def _begin(self, count: int) -> None:
        if self._members.way is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(JOIN_S):
                    await self._members.has_joined.wait()
        try:
            await self.start(count)
        except SimulationRefused as refused:
            self._members.tell("bad", f"no members are simulated: {refused}")

    async def end(self) -> None:
        """End all members. Raises `SimulationRefused`."""
        await self._in_turn(self._end)

    def _give_way(self, member: str) -> None:
        """End the simulation: a real member has joined, whose children would be mixed with the simulated ones."""

        async def end() -> None:
            if self._simulation is not None:
                self._members.tell("bad", f"the simulation ends: {member}, a real member, has joined the cluster")
                await self._end()

        if self._simulation is not None or self._turn.locked():
            self._ending = asyncio.get_running_loop().create_task(self._in_turn(end), context=Context())

    async def close(self) -> None:
        """End all members, if there are some, and start none again: the platform ends."""
        self._closed = True
        if self._beginning is not None:
            self._beginning.cancel()
        with contextlib.suppress(SimulationRefused):
            await self.end()

    async def fail(self, name: str) -> None:
        """End a member without notice, as `kill -9` does. Raises `UnknownMember`, `SimulationRefused`."""
        await self._in_turn(partial(self._fail, name))

    async def restart(self, name: str) -> None:
        """Start a failed member again. Raises `UnknownMember`, `SimulationRefused`."""
        await self._in_turn(partial(self._restart, name))

    async def partition(self, names: list[str]) -> None:
        """Cut members off from all others. Raises `UnknownMember`, `SimulationRefused`."""

        async def partition() -> None:
            side = self.find_side(names)
            others = [name for name in self.names if name not in side]
            self._get().cluster.partition(side, others)
            self._record_cut(side, f"from {', '.join(others)}")

        await self._in_turn(partition)

    async def cut(self, source: str, target: str, *, one_way: bool = False) -> None:
        """Lose what two members send to each other, or with `one_way` what `source` sends to `target`.

        Raises `UnknownMember`, `SimulationRefused`.
        """

        async def cut() -> None:
            pair = self.find_pair(source, target)
            self._get().cluster.cut(*pair, one_way)
            self._record_cut(pair[:1], f"from {pair[1]}{', which still reaches it' if one_way else ''}")

        await self._in_turn(cut)

    async def heal(self) -> None:
        """End all cuts; failed members stay so. Raises `SimulationRefused`."""

        async def heal() -> None:
            self._get().cluster.heal()
            cut, self._cut = self._cut, {}
            for name, since in cut.items():
                if name in (clusters := self.clusters()):
                    words = f"after a cut of {sentences.elapsed(round(time.time() - since))}"
                    self._members.record_cut(_own(clusters[name]), words, healed=True)

        await self._in_turn(heal)

    def _record_cut(self, names: Iterable[str], words: str) -> None:
        clusters = self.clusters()
        for name in names:
            if name in clusters:
                self._cut.setdefault(name, time.time())
                self._members.record_cut(_own(clusters[name]), words)

    async def _in_turn(self, change: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            async with self._turn:
                await change()

        # In a fresh context: a task of the calling process would end with it
        task = asyncio.get_running_loop().create_task(run(), context=Context())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(task)

    async def _start(self, count: int, seed: int) -> None:
        self.check_start()
        from otp.cluster.simulation import SimulatedCluster
        from superlearner.demo.counters import CounterTree, DemoCounter

        names = [f"n{number}@{SIMULATED_HOST}" for number in range(1, count + 1)]
        children = [CounterTree.child_spec(None, id="counter_tree", name="counter_tree")]
        cluster = SimulatedCluster(names, children=children, allow=[DemoCounter], check=False, seed=seed, kept=KEPT)
        await cluster.__aenter__()
        self._simulation = _Simulation(cluster, seed, time.time())
        self._members.simulated = names
        for name in names:
            self._attach(name)

    async def _end(self) -> None:
        cluster = self._get().cluster
        for name in cluster.alive:
            self._members.record_end(_own(cluster[name].cluster), "left", ENDED, SIMULATED)
        for name in self.names:
            self._members.ended.pop(name, None)
        self._simulation, self._members.simulated, self._cut = None, [], {}
        await cluster.__aexit__(None, None, None)

    async def _fail(self, name: str) -> None:
        name, cluster = self.find(name, "up"), self._get().cluster
        self._members.record_end(_own(cluster[name].cluster), "lost", FAILED, SIMULATED)
        cluster.kill(name)

    async def _restart(self, name: str) -> None:
        name, cluster = self.find(name, "failed"), self._get().cluster
        await cluster.start(name)
        self._attach(name)

    def _attach(self, name: str) -> None:
        found = self._get().cluster[name]
        self._nodes.attach(found.node, kind=SIMULATED)
        self._members.attached[name] = found.incarnation
        self._members.record_join(_own(found.cluster), was_there=False, kind=SIMULATED)

    # Checks

    def check_start(self) -> None:
        """Check that no other members are there. Raises `SimulationRefused`."""
        if self._closed:
            raise SimulationRefused("the platform is stopping")
        if self._simulation is not None:
            raise SimulationRefused(f"{_count(len(self.names))} already; end that simulation first")
        if real := [member.name for member in self._members.connected()[1:]]:
            raise SimulationRefused(f"real members are connected: {', '.join(real)}; end or disconnect them first")

    def check_running(self) -> None:
        """Check that there are simulated members. Raises `SimulationRefused`."""
        self._get()

    def _get(self) -> _Simulation:
        """Return the simulation. Raises `SimulationRefused` if none is running."""
        if self._simulation is None:
            real = ", ".join(member.name for member in self._members.connected()[1:])
            raise SimulationRefused(
                f"no members are simulated, and none can be while real ones are connected: {real}"
                if real
                else "no members are simulated; start a simulation first"
            )
        return self._simulation

    def find(self, name: str, status: Literal["up", "failed"] | None = None) -> str:
        """Return the full name of a member: `n1` is `n1@simulated`.

        Raises:
            UnknownMember: no simulated member has this name.
            SimulationRefused: there is no simulation, or the member has another status.
        """
        cluster = self._get().cluster
        full = name if "@" in name else f"{name}@{SIMULATED_HOST}"
        if full not in self.names:
            raise UnknownMember(name, self.names)
        if status == "up" and full not in cluster.alive:
            raise SimulationRefused(f"{full} has failed already; restart it first")
        if status == "failed" and full in cluster.alive:
            raise SimulationRefused(f"{full} is running; only a failed member can be restarted")
        return full

    def find_side(self, names: list[str]) -> list[str]:
        """Return the full names of one side of a partition. Raises `UnknownMember`, `SimulationRefused`."""
        side = list(dict.fromkeys(self.find(name) for name in names))
        if len(side) == len(self.names):
            raise SimulationRefused(f"expected fewer than all {len(side)} members, since the others are the other side")
        return side

    def find_pair(self, source: str, target: str) -> tuple[str, str]:
        """Return the full names of two members. Raises `UnknownMember`, `SimulationRefused`."""
        pair = self.find(source), self.find(target)
        if pair[0] == pair[1]:
            raise SimulationRefused(f"expected two members, got {pair[0]} twice")
        return pair

    # What there is

    @property
    def is_running(self) -> bool:
        """True if there are simulated members."""
        return self._simulation is not None

    @property
    def seed(self) -> int | None:
        """The seed of the delays in the network; None without a simulation."""
        return None if self._simulation is None else self._simulation.seed

    @property
    def began(self) -> float | None:
        """The start of the simulation in seconds since 1970; None without one."""
        return None if self._simulation is None else self._simulation.began

    @property
    def names(self) -> list[str]:
        """The names of all members, failed ones included; none without a simulation."""
        return self._members.simulated

    def clusters(self) -> dict[str, Cluster]:
        """Return the cluster of each running member, as that member sees it."""
        if self._simulation is None:
            return {}
        cluster = self._simulation.cluster
        return {name: cluster[name].cluster for name in self.names if name in cluster.alive}

    def members(self) -> list[Member]:
        """Return the running members, each as it describes itself."""
        return [_own(cluster) for cluster in self.clusters().values()]

    def partition_with(self, members: Members) -> Partition:
        """Return whether members are lost: real ones, else those outside the largest side of the simulated ones."""
        connected = len(members.connected())
        lost = list(members.lost().values()).count(False)
        if lost or self._simulation is None:
            return partition_of(connected, connected + lost)
        attached, gone = self._members.attached, self._members.gone
        sides = [[name for name in side if name in attached] for side in self.sides()]
        known = [name for name in self.names if name in attached or name in gone]
        return partition_of(max(map(len, sides), default=0), len(known))

    def sides(self) -> list[list[str]]:
        """Return the running members in groups that are connected, directly or over others."""
        sees = {name: [member.name for member in one.members()] for name, one in self.clusters().items()}
        sides: list[list[str]] = []
        left = list(sees)
        while left:
            side, found = list[str](), [left[0]]
            while found:
                name = found.pop()
                if name in left:
                    left.remove(name)
                    side.append(name)
                    found += sees[name]
            sides.append([name for name in sees if name in side])
        return sides

    def states(self) -> list[SimulatedState]:
        """Return each member with what it sees."""
        clusters = self.clusters()
        side_of = {name: number for number, side in enumerate(self.sides(), 1) for name in side}
        children = self.children()
        placed = {name: [child.key for child in children if name in child.nodes] for name in clusters}
        states: list[SimulatedState] = []
        for name in self.names:
            if (cluster := clusters.get(name)) is None:
                states.append(SimulatedState(name, "failed", None, None, [], [], [], 0))
                continue
            sees, lost = ([one.name for one in some] for some in (cluster.members(), cluster.lost()))
            states.append(
                SimulatedState(
                    name, "up", _own(cluster).incarnation, side_of[name], sees, lost, placed[name],
                    len(cluster.node.processes()),
                )
            )  # fmt: skip
        return states

    def faults(self) -> list[SimulatedFault]:
        """Return the faults that are in effect."""
        if self._simulation is None:
            return []
        cluster = self._simulation.cluster
        found = [SimulatedFault("fail", [name], False) for name in self.names if name not in cluster.alive]
        cuts = cluster.cuts
        for source, target in cuts:
            back = (target, source) in cuts
            if not back or source < target:
                found.append(SimulatedFault("cut", [source, target], not back))
        return found

    def children(self) -> list[SimulatedChild]:
        """Return the children of the distributed supervisors, each with the members on which it runs."""
        found: dict[tuple[str, str], list[str]] = {}
        for name, cluster in self.clusters().items():
            for (_, supervisor), entries in cluster.tables("supervisor").items():
                for key, pids in entries.items():
                    nodes = found.setdefault((supervisor, str(key)), [])
                    nodes += [name] * any(pid.node == name for pid in pids)
        return [SimulatedChild(supervisor, key, nodes) for (supervisor, key), nodes in sorted(found.items())]

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield each running member as `superlearner.cluster.status` describes a real one, with its traffic."""
        alive = self.clusters()
        for name, cluster in alive.items():
            own, sees = _own(cluster), [member.name for member in cluster.members()[1:]]
            away = [other for other in alive if other != name and other not in sees]
            yield {
                "name": name, "status": own.status, "incarnation": own.incarnation, "own": False,
                "os_pid": os.getpid(), "address": own.address, "http": None, "kind": "node", "version": own.version,
                "since": own.since, "round_trip_ms": None, "health": "healthy", "simulated": True, "observed": True,
                "evidence": f"it does not see {', '.join(away)}" if away else f"it sees {_count_others(len(sees))}",
                **self.traffic(name),
            }  # fmt: skip

    def traffic(self, name: str) -> dict[str, int]:
        """Return the frames and bytes between a running member and all others."""
        cluster = self.clusters()[name]
        each = [asdict(cluster.traffic(other)) for other in self.names if other != name]
        return {key: sum(one[key] for one in each) for key in TRAFFIC}


def _own(cluster: Cluster) -> Member:
    return cluster.members()[0]


def _count(members: int) -> str:
    return f"{members} simulated member{' runs' if members == 1 else 's run'}"


def _count_others(others: int) -> str:
    return f"{others} other member{'' if others == 1 else 's'}" if others else "no other member"
