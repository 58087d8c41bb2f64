"""Starts of children of distributed supervisors: what they return, failures, and members lost meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from distributed_children import Counter, Late, Slow, SlowOn, by_first_letter, start_with_object, start_with_word
from otp import AlreadyStarted, StartError
from otp.cluster import DistributedSupervisor, Singleton
from otp.cluster.choosing import rendezvous
from otp.cluster.simulation import SimulatedCluster
from otp.distribution import TEACHING
from otp.testing import Scheduler, advance

WORKERS = DistributedSupervisor.child_spec(name="workers")
LOST = TEACHING.dead + 3 * TEACHING.heartbeat


def run(main: Any) -> Any:
    return Scheduler(seed=1).run(main)


def starts(sim: SimulatedCluster) -> list[str]:
    """Return the members on which children have started, in order."""
    return [event.member for event in sim.history if event.kind == "child_started"]


def id_granted_by(granter: str, members: list[str]) -> str:
    """Return an id, beginning with `a`, that a member grants."""
    return next(id for id in (f"a{number}" for number in range(100)) if rendezvous(id, members) == granter)


@pytest.mark.parametrize("on", ["n1", "n2"])
def test_a_start_returns_what_its_function_returns_with_the_pid(on: str) -> None:
    async def start(sim: SimulatedCluster, function: Any) -> Any:
        spec = otp.ChildSpec("w", (function,))
        return await sim.on("n1", lambda: DistributedSupervisor.start_child("workers", spec, on=on))

    async def main() -> None:
        async with SimulatedCluster(2, children=[WORKERS], allow=[start_with_word, start_with_object]) as sim:
            pid, extra = await start(sim, start_with_word)
            assert (on, "word") == (pid.node, extra)
            await sim.on("n1", DistributedSupervisor.terminate_child, "workers", "w")
            with pytest.raises(StartError, match=r"at extra\['lock'\]: expected plain terms") as caught:
                await start(sim, start_with_object)
            assert "cannot_travel" == caught.value.reason[0]
            await advance(1)
            assert [] == await sim.on("n2", DistributedSupervisor.which_children, "workers")

    run(main)


def test_a_child_starts_once_though_the_member_that_granted_its_id_is_lost() -> None:
    async def main() -> None:
        async with SimulatedCluster(3, children=[WORKERS], allow=[Counter, Slow]) as sim:
            id = id_granted_by("n3", sim.alive)
            slow, fast = Slow.child_spec(5, id=id), Counter.child_spec(0, id=id)
            first = asyncio.ensure_future(
                sim.on("n1", lambda: DistributedSupervisor.start_child("workers", slow, on="n1"))
            )
            await advance(0.5)
            sim.kill("n3")
            await advance(LOST)
            with pytest.raises(AlreadyStarted) as caught:
                await sim.on("n2", lambda: DistributedSupervisor.start_child("workers", fast, on="n2"))
            assert (await first).number == caught.value.pid.number
            assert ["n1"] == starts(sim)

    run(main)


def test_an_orphan_starts_once_though_the_member_that_granted_its_id_is_lost() -> None:
    async def main() -> None:
        placed = DistributedSupervisor.child_spec(name="workers", placement=by_first_letter)
        async with SimulatedCluster(4, children=[placed], allow=[Slow], settle=1) as sim:
            id = id_granted_by("n3", ["n2", "n3", "n4"])
            slow = Slow.child_spec(4, id=id)
            await sim.on("n1", lambda: DistributedSupervisor.start_child("workers", slow))
            sim.kill("n1")
            await advance(LOST + 1.5)
            sim.kill("n3")
            await sim.start("n1")  # from now on, it is the first by name
            await advance(10)
            await sim.converge()
            assert ["n1", "n2"] == starts(sim)

    run(main)


def test_a_child_that_was_restarted_during_its_move_is_known_to_all() -> None:
    """A third member dropped the claim of the restarted child, because its move arrived after the restart."""

    async def main() -> None:
        async with SimulatedCluster(3, children=[WORKERS], allow=[SlowOn]) as sim:
            id = id_granted_by("n2", sim.alive)  # by the same hash, it is placed there
            child = SlowOn.child_spec(("n2", 5), id=id)
            await sim.on("n1", lambda: DistributedSupervisor.start_child("workers", child, on="n1"))
            sim.spawn("n1", DistributedSupervisor.rebalance, "workers")
            await advance(0.5)
            sim.cut("n1", "n2")
            await advance(5)
            assert ["n1", "n1", "n2"] == starts(sim)
            sim.heal()
            await sim.converge()
            assert ["n1", "n1", "n1"] == [sim.view(at).supervisors["workers"][id].node for at in sim.alive]

    run(main)


def test_a_child_does_not_move_to_a_member_on_which_it_runs() -> None:
    """Two of its processes ran there after a partition, and its old member waited for the end of the move."""

    async def main() -> None:
        async with SimulatedCluster(2, children=[WORKERS], allow=[Counter], settle=0.5) as sim:
            id = id_granted_by("n2", sim.alive)
            child = Counter.child_spec(0, id=id)
            first = await sim.on("n2", lambda: DistributedSupervisor.start_child("workers", child))
            sim.cut("n1", "n2")
            await advance(LOST + 1)
            assert ["n2", "n1"] == starts(sim)
            sim.heal()
            sim.delay("n1", "n2", 0.2)
            placements = (await sim.on("n1", otp.whereis, "workers")).state.placements
            while placements.supervisor("n2") is None:
                await advance(0.01)
            await sim.on("n1", DistributedSupervisor.rebalance, "workers")
            await sim.converge()
            assert ["n2", "n1"] == starts(sim)
            assert first.number == sim.view("n1").supervisors["workers"][id].number

    run(main)


def test_the_child_of_a_singleton_is_tried_again_until_it_starts() -> None:
    async def main() -> None:
        Late.missing = 4
        lobby = Singleton.child_spec(Late, name="lobby")
        async with SimulatedCluster(2, children=[lobby], allow=[Late]) as sim:
            assert [] == starts(sim)
            await advance(20)
            assert 1 == len(starts(sim))
            assert 1 == len(await sim.on("n1", DistributedSupervisor.which_children, "lobby"))

    run(main)
