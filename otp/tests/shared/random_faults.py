"""Simulated clusters whose members and network go wrong at random, by a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, suppress
from typing import Any

import otp
from otp import AlreadyStarted, CallExit, NotFound, StartError
from otp.cluster.simulation import SimulatedCluster, Violation
from otp.distribution import Settings
from otp.testing import Scheduler, advance

__all__ = [
    "FAULTS_END",
    "Work",
    "find_violations",
    "quietly",
    "run_long_history",
    "run_rejoining_history",
    "run_with_faults",
]

FAULTS_END = 6.0
Work = Callable[[SimulatedCluster, random.Random], Any]
"""Carries out one operation."""
_BAD = ("cut", "one way", "drop", "delay", "stall", "kill")
SETTINGS = Settings(heartbeat=0.25, dead=0.5)


class _Faults:
    """Random faults in a simulated cluster, until it heals."""

    def __init__(self, sim: SimulatedCluster, seed: int, work: Work) -> None:
        self.sim = sim
        self.random = random.Random(seed)
        self.work = work
        self.gone: list[str] = []

    async def run(self, steps: int) -> None:
        for _ in range(steps):
            await advance(self.random.uniform(0, 2 * FAULTS_END / steps))
            self.go_wrong()
            self.work(self.sim, self.random)
        self.sim.heal()
        for name in self.sim.alive:
            self.sim.resume(name)
        for name in list(self.gone):
            await self.sim.start(name)
        self.work(self.sim, self.random)
        await self.sim.converge()

    async def run_long(self, operations: int, faults: int, seconds: float) -> None:
        """Carry out so many operations and faults in so many seconds, with as many members in the end as at first."""
        members, count = len(self.sim.alive), 0
        for number in range(operations):
            await advance(self.random.uniform(0, 2 * seconds / operations))
            if number % (operations // faults) == 0:
                if self.random.random() < 0.3:
                    self.heal()
                self.go_wrong(_BAD)
                count += 1
                if self.gone and self.random.random() < 0.5:
                    await self.sim.start(self.gone.pop(0))
            self.work(self.sim, self.random)
        assert count >= faults
        self.heal()
        for name in self.gone:
            await self.sim.start(name)
        assert members == len(self.sim.alive)
        await self.sim.converge()

    def heal(self) -> None:
        self.sim.heal()
        for name in [*self.sim.alive, *self.sim.stores]:
            self.sim.resume(name)

    def go_wrong(self, choices: tuple[str, ...] = (*_BAD, "heal", "heal", "nothing")) -> None:
        sim, draw = self.sim, self.random
        if len(sim.alive) < 2:
            return
        one, other = draw.sample(sim.alive, 2)
        match draw.choice(choices):
            case "cut":
                sim.cut(one, other)
            case "one way":
                sim.cut(one, other, one_way=True)
            case "drop":
                sim.drop(one, other, draw.uniform(0.05, 0.5))
            case "delay":
                sim.delay(one, other, draw.uniform(0.0, 0.3))
            case "stall":
                sim.stall(one)
            case "kill" if len(sim.alive) > 2:
                sim.kill(one)
                self.gone.append(one)
            case "heal":
                self.heal()
            case _:
                pass


async def quietly(operation: Callable[..., Any], *args: Any, **options: Any) -> None:
    """Carry out an operation on the supervisor "workers", which faults may make fail."""
    with suppress(AlreadyStarted, StartError, NotFound, CallExit, otp.BadArgument):
        await operation("workers", *args, **options)


async def _say(count: int, name: str) -> None:
    for number in range(count):
        otp.send(("listener", name), number)


async def _listen() -> None:
    otp.register("listener", otp.self())
    while True:
        await otp.receive()


def send_some(sim: SimulatedCluster, draw: random.Random) -> None:
    """Let one member send messages to another one."""
    if len(sim.alive) > 1:
        one, other = draw.sample(sim.alive, 2)
        sim.spawn(one, _say, draw.randint(1, 5), other)


def run_with_faults(seed: int, work: Work = send_some, steps: int = 12) -> list[Violation]:
    """Return the violations in a history of a random run."""

    async def main() -> list[Violation]:
        async with SimulatedCluster(
            3, settings=SETTINGS, check=False, children=[otp.Task.child_spec(_listen, restart="permanent")]
        ) as sim:
            await _Faults(sim, seed, work).run(steps)
            return sim.check()

    return Scheduler(seed=seed, inline=True).run(main)


def run_long_history(
    seed: int,
    work: Work,
    children: list[Any],
    operations: int = 200,
    faults: int = 20,
    seconds: float = 60.0,
    **options: Any,
) -> list[Violation]:
    """Return the violations in a history of 3 to 7 members."""

    async def main() -> list[Violation]:
        members = random.Random(seed).randint(3, 7)
        async with SimulatedCluster(members, settings=SETTINGS, check=False, children=children, **options) as sim:
            await _Faults(sim, seed, work).run_long(operations, faults, seconds)
            return sim.check()

    return Scheduler(seed=seed, inline=True).run(main)


class _Rejoins(_Faults):
    """Random faults in a simulated cluster, some of whose nodes leave and join again."""

    def __init__(self, sim: SimulatedCluster, seed: int, work: Work, nodes: list[otp.Node]) -> None:
        super().__init__(sim, seed, work)
        self.nodes = nodes
        self.away: list[otp.Node] = []

    async def run_rejoins(self, operations: int, seconds: float) -> None:
        for _ in range(operations):
            await advance(self.random.uniform(0, 2 * seconds / operations))
            if self.random.random() < 0.15:
                if self.random.random() < 0.3:
                    self.heal()
                await self.go_away_or_wrong()
            self.work(self.sim, self.random)
        self.heal()
        for node in self.away:
            await self.sim.join(node)
        await self.sim.converge()

    async def go_away_or_wrong(self) -> None:
        draw = self.random
        if self.away and draw.random() < 0.5:
            await self.sim.join(self.away.pop(0))
        elif draw.random() < 0.5:
            node = draw.choice(self.nodes)
            if node not in self.away:
                await self.sim[node.name].cluster.leave(drain=draw.random() < 0.5)
                await self.sim.stop(node.name)
                self.away.append(node)
        else:
            self.go_wrong(("cut", "one way", "drop", "delay", "stall"))


def run_rejoining_history(seed: int, work: Work, children: list[Any], **options: Any) -> list[Violation]:
    """Return the violations in a history of 5 members, 3 of which leave and join again with their processes."""

    async def main() -> list[Violation]:
        async with AsyncExitStack() as stack:
            nodes = [await stack.enter_async_context(otp.Node(name)) for name in ("m1", "m2", "m3")]
            async with SimulatedCluster(2, settings=SETTINGS, check=False, children=children, **options) as sim:
                for node in nodes:
                    await sim.join(node)
                await sim.converge()
                await _Rejoins(sim, seed, work, nodes).run_rejoins(100, 40)
                return sim.check()

    return Scheduler(seed=seed, inline=True).run(main)


def find_violations(
    rule: str, seeds: Iterable[int], run: Callable[[int], list[Violation]] = run_with_faults
) -> int | None:
    """Return the first seed whose history breaks a rule, None if no one does."""
    for seed in seeds:
        try:
            violations = run(seed)
        except TimeoutError:
            continue  # a planted bug may keep members from agreeing
        if any(violation.rule == rule for violation in violations):
            return seed
    return None
