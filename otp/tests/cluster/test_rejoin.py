"""Distributed registries and supervisors of a node that leaves its cluster and joins one again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

import otp
from distributed_children import Counter, Slow
from otp import Children, GenServer, Supervisor
from otp.behaviours.registry.registry import AlreadyRegistered
from otp.cluster import DistributedRegistry, DistributedSupervisor, Singleton
from otp.cluster.simulation import SimulatedCluster
from otp.testing import Scheduler, advance


def run(main: Any) -> Any:
    return Scheduler(seed=1).run(main)


async def own(key: Any) -> None:
    await DistributedRegistry.register("rooms", key)
    await otp.receive()


@contextlib.asynccontextmanager
async def cluster(**options: Any) -> AsyncIterator[tuple[SimulatedCluster, otp.Node]]:
    """A cluster of `n1` and of a node `n2` that goes on when it leaves."""
    async with otp.Node("n2") as node, SimulatedCluster(1, **options) as sim:
        await sim.join(node)
        yield sim, node


async def rejoin(sim: SimulatedCluster, node: otp.Node, seconds: float = 1) -> None:
    """Let a node leave, and join again after a while."""
    await sim.stop(node.name)
    await advance(seconds)
    await sim.join(node)


def rooms(sim: SimulatedCluster, at: str) -> dict[Any, str]:
    return {key: pid.node for key, pid in sim.view(at).registries["rooms"].items()}


def test_a_registry_continues_in_the_cluster_that_its_node_joins_again() -> None:
    async def main() -> None:
        async with cluster() as (sim, node):
            for name in sim.alive:
                await sim[name].node.start(DistributedRegistry, name="rooms")
                sim.spawn(name, own, name)
            await advance(1)
            await sim.stop("n2")
            await advance(1)
            assert {"n1": "n1"} == rooms(sim, "n1")
            refused = node.spawn(own, "x")
            assert "NotMember" == (await otp.wait_down(refused))[0].type_name
            await sim.join(node)
            assert {"n1": "n1", "n2": "n2"} == rooms(sim, "n2")
            with pytest.raises(AlreadyRegistered):
                await sim.on("n2", DistributedRegistry.register, "rooms", "n1")
            sim.spawn("n2", own, "x")
            await advance(1)
            assert {"n1": "n1", "n2": "n2", "x": "n2"} == rooms(sim, "n1") == rooms(sim, "n2")

    run(main)


def test_a_key_that_was_granted_elsewhere_meanwhile_stays_there() -> None:
    async def main() -> None:
        async with cluster() as (sim, node):
            for name in sim.alive:
                await sim[name].node.start(DistributedRegistry, name="rooms")
            loser = sim.spawn("n2", own, "x")
            ended = asyncio.ensure_future(otp.wait_down(loser))
            await advance(1)
            await sim.stop("n2")
            await advance(1)
            winner = sim.spawn("n1", own, "x")
            await advance(1)
            await sim.join(node)
            tag, key, pid = await ended
            assert ("name_conflict", ("rooms", "x"), winner.number) == (tag, key, pid.number)
            await sim.converge()
            assert {"x": "n1"} == rooms(sim, "n1") == rooms(sim, "n2")

    run(main)


def test_a_registry_with_duplicate_keys_shows_its_entries_again() -> None:
    async def main() -> None:
        async with cluster() as (sim, node):
            for name in sim.alive:
                await sim[name].node.start(DistributedRegistry, name="rooms", keys="duplicate")
                sim.spawn(name, own, "x")
            await advance(1)
            await rejoin(sim, node)
            await sim.converge()
            for name in sim.alive:
                assert ["n1", "n2"] == sorted(pid.node for pid in sim.view(name).registries["rooms"]["x"])

    run(main)


def test_a_supervisor_continues_with_the_children_of_the_others() -> None:
    async def main() -> None:
        async with cluster(allow=[Counter, Slow], settle=1) as (sim, node):
            for name in sim.alive:
                await sim[name].node.start(DistributedSupervisor, name="workers")

            async def start(at: str, child: Any) -> Any:
                return await sim.on(at, lambda: DistributedSupervisor.start_child("workers", child, on="n2"))

            await start("n1", Counter.child_spec(0, id="a"))
            await rejoin(sim, node, 0)
            await advance(5)
            assert "n1" == (await sim.on("n2", DistributedSupervisor.whereis, "workers", "a")).node
            pid = await start("n1", Counter.child_spec(0, id="b"))
            assert ("n2", 0) == (pid.node, await sim.on("n1", GenServer.call, pid, "next"))
            await sim.converge()

    run(main)


def test_a_singleton_starts_again_on_a_node_that_is_alone() -> None:
    async def main() -> None:
        async with cluster(allow=[Counter]) as (sim, node):
            await node.start(Supervisor, Children([Singleton.child_spec(Counter, name="lobby")]))
            await advance(1)
            first = sim.view("n2").supervisors["lobby"]["lobby"]
            await rejoin(sim, node)
            await advance(1)
            again = sim.view("n2").supervisors["lobby"]["lobby"]
            assert again.number != first.number

    run(main)
