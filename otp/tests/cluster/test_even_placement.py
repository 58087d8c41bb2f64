"""The placement `"least_loaded"`: after losses, too, no member has two children more than another one."""

from __future__ import annotations

import asyncio
import random
from collections import Counter as Counts
from typing import Any

import pytest

from distributed_children import Counter, Slow
from otp.cluster import DistributedSupervisor
from otp.cluster.simulation import SimulatedCluster
from otp.testing import Scheduler, advance


def children(consistency: Any = "available") -> list[Any]:
    return [DistributedSupervisor.child_spec(name="workers", placement="least_loaded", consistency=consistency)]


def loads(sim: SimulatedCluster) -> list[int]:
    """Return the numbers of children of the living members."""
    found = Counts(pid.node for pid in sim.view(sim.alive[0]).supervisors["workers"].values())
    assert set(found) <= set(sim.alive)
    return [found[name] for name in sim.alive]


def spread_of(sim: SimulatedCluster) -> int:
    return max(loads(sim)) - min(loads(sim))


async def start(sim: SimulatedCluster, at: str, id: Any, kind: Any = Counter, arg: Any = 0) -> None:
    child = kind.child_spec(arg, id=id)
    await sim.on(at, lambda: DistributedSupervisor.start_child("workers", child))


def play(members: int, seed: int, consistency: Any = "available") -> None:
    """Start children on a cluster, then lose members, together or one after the other, until two are left."""
    draw = random.Random(f"{members} {seed}")

    async def main() -> None:
        is_leased = consistency == "lease"
        async with SimulatedCluster(
            members, children=children(consistency), allow=[Counter], leases=is_leased, settle=0.5
        ) as sim:
            count = draw.randint(1, 30)
            for number in range(count):
                await start(sim, draw.choice(sim.alive), draw.choice([number, f"w{number}", ("w", number)]))
            assert spread_of(sim) <= 1
            while len(sim.alive) > 2:
                for name in draw.sample(sim.alive, draw.randint(1, len(sim.alive) - 2)):
                    sim.kill(name)
                    if draw.random() < 0.3:
                        await advance(draw.uniform(0, 2))
                await sim.converge()
                assert count == sum(loads(sim))
                assert spread_of(sim) <= 1, (seed, loads(sim))

    Scheduler(seed=seed).run(main)


@pytest.mark.parametrize("members", range(3, 8))
def test_children_of_lost_members_are_spread_evenly(members: int) -> None:
    for seed in range(12):
        play(members, seed)


@pytest.mark.parametrize("members", [3, 5])
def test_children_of_lost_members_are_spread_evenly_in_lease_mode(members: int) -> None:
    for seed in range(4):
        play(members, seed, "lease")


def test_each_side_of_a_partition_is_even() -> None:
    async def main() -> None:
        async with SimulatedCluster(5, children=children(), allow=[Counter], settle=0.5) as sim:
            for number in range(20):
                await start(sim, "n1", number)
            sim.partition(["n1", "n2"], ["n3", "n4", "n5"])
            await sim.converge()
            sides = [Counts(pid.node for pid in sim.view(at).supervisors["workers"].values()) for at in ("n1", "n3")]
            assert [[10, 10], [6, 7, 7]] == [sorted(side.values()) for side in sides]

    Scheduler(seed=1).run(main)


def test_children_that_start_while_others_are_lost_count_these() -> None:
    async def main() -> None:
        async with SimulatedCluster(3, children=children(), allow=[Counter], settle=5) as sim:
            for number in range(9):
                await start(sim, "n1", number)
            sim.kill("n3")
            await advance(3)
            for number in range(9, 13):
                await start(sim, "n1", number)
            await sim.converge()
            assert [6, 7] == sorted(loads(sim))

    Scheduler(seed=1).run(main)


def test_a_child_whose_start_is_not_answered_yet_counts_once() -> None:
    async def main() -> None:
        async with SimulatedCluster(3, children=children(), allow=[Slow]) as sim:
            sim.delay("n2", "n3", 0.4)  # a start is answered once all members know the child
            for number in range(10):
                await start(sim, "n1", number, Slow, 0)
            starts = [asyncio.ensure_future(start(sim, "n1", number, Slow, 0)) for number in range(10, 14)]
            await advance(0.2)
            starts += [asyncio.ensure_future(start(sim, "n1", number, Slow, 0)) for number in range(14, 18)]
            await asyncio.gather(*starts)
            assert spread_of(sim) <= 1, loads(sim)

    for seed in range(10):
        Scheduler(seed=seed).run(main)


@pytest.mark.parametrize("placement", ["hash", "least_loaded"])
def test_a_plan_of_a_loss_says_where_the_children_start(placement: Any) -> None:
    async def main() -> None:
        workers = DistributedSupervisor.child_spec(name="workers", placement=placement)
        async with SimulatedCluster(4, children=[workers], allow=[Counter], settle=0.5) as sim:
            for number in range(20):
                await start(sim, "n1", number)
            before = sim.view("n1").supervisors["workers"]
            plan = sim["n1"].cluster.plan_loss("n2")
            assert {id for (_, id) in plan} == {id for id, pid in before.items() if pid.node == "n2"}
            sim.kill("n2")
            await sim.converge()
            after = sim.view("n1").supervisors["workers"]
            assert plan == {(name, id): after[id].node for name, id in plan}

    Scheduler().run(main)
