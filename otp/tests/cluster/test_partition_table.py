"""The table *Under a partition* of `docs/cluster.md`, as far as other files have no test of a row."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import otp
from distributed_children import Counter
from otp.behaviours.registry.registry import AlreadyRegistered
from otp.cluster import DistributedRegistry, DistributedSupervisor
from otp.cluster.simulation import SimulatedCluster
from otp.distribution import TEACHING
from otp.testing import Scheduler, advance

CHILDREN = [DistributedRegistry.child_spec(name="rooms"), DistributedSupervisor.child_spec(name="workers")]


def cluster() -> SimulatedCluster:
    return SimulatedCluster(3, children=CHILDREN, allow=[Counter])


async def own(key: str) -> None:
    with suppress(AlreadyRegistered):
        await DistributedRegistry.register("rooms", key)
        await otp.receive()


async def start(sim: SimulatedCluster, at: str, id: str) -> Any:
    child = Counter.child_spec(0, id=id)
    return await sim.on(at, lambda: DistributedSupervisor.start_child("workers", child, on=at))


def seen(sim: SimulatedCluster, at: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the members of the owners and of the children that a member sees."""
    view = sim.view(at)
    tables: list[dict[str, Any]] = [view.registries["rooms"], view.supervisors["workers"]]
    keys, children = ({key: pid.node for key, pid in table.items()} for table in tables)
    return keys, children


def test_a_free_key_is_granted_on_both_sides() -> None:
    async def main() -> None:
        async with cluster() as sim:
            sim.partition("n1", ["n2", "n3"])
            await sim.converge()
            for at in ("n1", "n2"):
                sim.spawn(at, own, "x")
                assert at == (await start(sim, at, "w")).node
            await advance(0.1)
            assert ({"x": "n1"}, {"w": "n1"}) == seen(sim, "n1")
            assert ({"x": "n2"}, {"w": "n2"}) == seen(sim, "n2") == seen(sim, "n3")

    Scheduler(seed=1).run(main)


def test_each_side_sees_its_own_owners_and_children() -> None:
    async def main() -> None:
        async with cluster() as sim:
            pids = [sim.spawn(at, own, f"of {at}") for at in sim.alive]
            for at in sim.alive:
                await start(sim, at, f"on {at}")
            sim.partition("n1", ["n2", "n3"])
            await advance(TEACHING.dead + 3 * TEACHING.heartbeat)
            assert ({"of n1": "n1"}, {"on n1": "n1"}) == seen(sim, "n1")
            assert {"of n2": "n2", "of n3": "n3"} == seen(sim, "n2")[0]
            await sim.converge()  # after the settle delay the children of the others run here, too
            assert {"on n1": "n1", "on n2": "n1", "on n3": "n1"} == seen(sim, "n1")[1]
            assert ("n2", "n3") == (seen(sim, "n3")[1]["on n2"], seen(sim, "n3")[1]["on n3"])
            assert all(map(otp.is_alive, pids))

    Scheduler(seed=1).run(main)


def test_a_child_that_is_terminated_on_one_side_runs_on_the_other_one() -> None:
    async def main() -> None:
        async with cluster() as sim:
            await start(sim, "n1", "w")
            sim.partition("n1", ["n2", "n3"])
            await sim.converge()
            await sim.on("n2", DistributedSupervisor.terminate_child, "workers", "w")
            assert [{"w": "n1"}, {}, {}] == [seen(sim, at)[1] for at in sim.alive]
            sim.heal()
            await sim.converge()
            assert [{"w": "n1"}] * 3 == [seen(sim, at)[1] for at in sim.alive]

    Scheduler(seed=1).run(main)


def test_a_heal_takes_less_than_dead_and_two_seconds() -> None:
    async def main() -> None:
        async with cluster() as sim:
            sim.partition("n1", ["n2", "n3"])
            await sim.converge()
            for at in ("n1", "n2"):
                for number in range(100):
                    sim.spawn(at, own, f"x{number}")
                for number in range(20):
                    await start(sim, at, f"w{number}")
            sim.heal()
            began = sim.now
            await sim.converge()
            assert sim.now - began < TEACHING.dead + 2
            assert seen(sim, "n1") == seen(sim, "n2") == seen(sim, "n3")
            assert [100, 20] == list(map(len, seen(sim, "n1")))

    Scheduler(seed=1).run(main)
