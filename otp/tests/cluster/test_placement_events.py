"""The event `placement_changed`: a child that runs on another member than before, and why."""

from __future__ import annotations

from typing import Any

from distributed_children import Counter, Stateful
from otp import GenServer, sentences, trace
from otp.cluster import DistributedSupervisor
from otp.cluster.simulation import SimulatedCluster
from otp.testing import Scheduler, advance

FIELDS = ["supervisor", "id", "child", "from_member", "to_member", "reason", "down"]
WORKERS = DistributedSupervisor.child_spec(name="workers")


def run(main: Any) -> Any:
    return Scheduler(seed=1).run(main)


def cluster(members: int = 3) -> SimulatedCluster:
    return SimulatedCluster(members, children=[WORKERS], allow=[Counter, Stateful], settle=0.5)


async def start(sim: SimulatedCluster, on: str, kind: Any = Counter) -> Any:
    child = kind.child_spec(0, id="w")
    return await sim.on("n1", lambda: DistributedSupervisor.start_child("workers", child, on=on))


def changes(sim: SimulatedCluster) -> dict[str, list[Any]]:
    """Return the data of the events on each member that runs."""
    found = {name: trace.history(sim[name].node) for name in sim.alive}
    kept = {name: [one.data for one in events if one.kind == "placement_changed"] for name, events in found.items()}
    assert all(FIELDS == list(data) for of in kept.values() for data in of)
    return kept


def test_the_new_member_of_a_child_reports_its_old_one_and_how_long_it_was_down() -> None:
    async def main() -> None:
        async with cluster() as sim:
            await start(sim, "n3")
            sim.kill("n3")
            await sim.converge()
            pid = await sim.on("n1", DistributedSupervisor.whereis, "workers", "w")
            seen = changes(sim)
            (data,) = seen.pop(pid.node)
            assert [[]] == list(seen.values())
            assert ("w", "n3", pid.node) == (data["id"], data["from_member"], data["to_member"])
            assert pid.number == data["child"].number
            assert "connection_lost" == data["reason"]
            assert 0.49 < data["down"] < 1

    run(main)


def test_a_child_that_starts_restarts_or_stays_has_not_changed_its_place() -> None:
    async def main() -> None:
        async with cluster() as sim:
            pid = await start(sim, "n1")
            await sim.on("n1", GenServer.cast, pid, "crash")
            await advance(1)
            assert {"n1": [], "n2": [], "n3": []} == changes(sim)

    run(main)


def test_a_member_that_leaves_is_the_reason_of_a_planned_move() -> None:
    async def main() -> None:
        async with cluster() as sim:
            await start(sim, "n3", Stateful)
            await sim.stop("n3")
            await sim.converge()
            ((data,),) = filter(None, changes(sim).values())
            assert ("n3", "leaving", None) == (data["from_member"], data["reason"], data["down"])

    run(main)


def test_a_rebalance_is_the_reason_of_a_move_from_a_member_that_stays() -> None:
    async def main() -> None:
        async with cluster(2) as sim:
            there = "n1" if "n2" == (await start(sim, "n9")).node else "n2"
            await sim.on("n1", DistributedSupervisor.terminate_child, "workers", "w")
            here = "n2" if there == "n1" else "n1"
            await start(sim, there, Stateful)
            await sim.on("n1", DistributedSupervisor.rebalance, "workers")
            ((data,),) = filter(None, changes(sim).values())
            assert (there, here, "rebalance") == (data["from_member"], data["to_member"], data["reason"])

    run(main)


def test_the_member_of_the_younger_child_reports_a_conflict() -> None:
    async def main() -> None:
        async with cluster(2) as sim:
            await start(sim, "n1")
            sim.partition("n1", "n2")
            await sim.converge()
            sim.heal()
            await sim.converge()
            assert [] == changes(sim)["n1"]
            moved, conflict = changes(sim)["n2"]
            assert ("n1", "n2") == (moved["from_member"], moved["to_member"])
            assert ("n2", "n1", "name_conflict") == tuple(
                conflict[key] for key in ("from_member", "to_member", "reason")
            )
            text = sentences.moved("w", "n2", "n1", conflict["reason"], conflict["down"])
            assert "w ran on both n1 and n2: the older one, on n1, stays, and the one on n2 has ended" == text

    run(main)
