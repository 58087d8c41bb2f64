"""Planned moves: children of a member that leaves run elsewhere at once, and take their state along."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from distributed_children import Counter, Late, Stateful, by_first_letter
from otp import GenServer
from otp.cluster import DistributedSupervisor, Singleton
from otp.cluster.simulation import SimulatedCluster
from otp.distribution import TEACHING
from otp.kernel.values.errors import CallExit
from otp.testing import Scheduler, advance

WORKERS = DistributedSupervisor.child_spec(name="workers", handoff_timeout=2)


def run(main: Any, seed: int = 1) -> Any:
    return Scheduler(seed=seed).run(main)


def cluster(members: int = 3, children: Any = (WORKERS,), settle: float = 30) -> SimulatedCluster:
    return SimulatedCluster(members, children=children, allow=[Counter, Stateful], settle=settle)


async def start(sim: SimulatedCluster, id: str, on: str, arg: Any = "begun", kind: Any = Stateful) -> Any:
    child = kind.child_spec(arg, id=id)
    return await sim.on("n1", lambda: DistributedSupervisor.start_child("workers", child, on=on))


async def ask(sim: SimulatedCluster, id: str, request: Any = "state", at: str = "n1") -> Any:
    """Call a child where it runs now."""
    pid = await sim.on(at, DistributedSupervisor.whereis, "workers", id)
    return await sim.on(at, GenServer.call, pid, request)


def where(sim: SimulatedCluster, id: str, at: str = "n1") -> str:
    return sim.view(at).supervisors["workers"][id].node


def test_a_member_that_stops_hands_its_children_over_without_a_settle_delay() -> None:
    async def main() -> None:
        async with cluster() as sim:
            pid = await start(sim, "w", "n3")
            for number in range(3):
                await sim.on("n1", GenServer.cast, pid, number)
            began = sim.now
            await sim.stop("n3")
            assert TEACHING.dead > sim.now - began
            assert ["begun", 0, 1, 2, "moved"] == await ask(sim, "w")
            assert where(sim, "w") in ("n1", "n2")
            await sim.converge()

    run(main)


def test_drain_says_what_moved_and_no_child_starts_there_afterwards() -> None:
    async def main() -> None:
        async with cluster() as sim:
            await start(sim, "w", "n3")
            await start(sim, "plain", "n3", 0, Counter)
            drained = await sim["n3"].cluster.drain()
            assert ({("workers", "w"), ("workers", "plain")}, []) == (set(drained.moved), drained.kept)
            for number in range(20):
                await start(sim, f"more{number}", "n3" if number == 0 else "n9")
            assert "n3" not in {pid.node for pid in sim.view("n1").supervisors["workers"].values()}
            assert "leaving" == next(member.status for member in sim.view("n1").members.values() if member.name == "n3")

    run(main)


def test_a_drain_with_nowhere_to_go_keeps_the_children_running() -> None:
    async def main() -> None:
        async with cluster(1) as sim:
            await start(sim, "w", "n1")
            assert ([], [("workers", "w")]) == await sim["n1"].cluster.drain()
            assert ["begun"] == await ask(sim, "w")

    run(main)


def test_a_call_is_answered_and_its_effect_handed_over_or_fails_with_the_reason_of_the_move() -> None:
    async def calls(sim: SimulatedCluster, outcomes: list[Any]) -> None:
        number = 0
        while True:
            try:
                pid = await sim.on("n1", DistributedSupervisor.whereis, "workers", "w")
                await sim.on("n1", GenServer.call, pid, ("add", number))
                outcomes.append(number)
            except CallExit as error:
                outcomes.append(error.cause_reason)
            number += 1
            await advance(0.001)

    async def main() -> None:
        async with cluster() as sim:
            await start(sim, "w", "n3")
            outcomes: list[Any] = []
            calling = asyncio.ensure_future(calls(sim, outcomes))
            await advance(0.02)
            await sim.stop("n3")
            await advance(0.02)
            calling.cancel()
            kept = await ask(sim, "w")
            answered = [one for one in outcomes if isinstance(one, int)]
            assert set(answered) <= {one[1] for one in kept if isinstance(one, tuple)}
            failed = [one for one in outcomes if not isinstance(one, int)]
            assert {("shutdown", "moved"), "noproc"} >= set(failed), failed
            assert len(answered) > 5

    run(main)


def test_a_child_whose_handoff_is_late_or_fails_starts_with_init_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with cluster() as sim:
            await start(sim, "late", "n3", "slow")
            await start(sim, "wrong", "n3", "bad")
            await sim.stop("n3")
            assert ["slow"] == await ask(sim, "late")
            assert ["bad"] == await ask(sim, "wrong")

    run(main)
    assert "child 'late' moves without its state on n3, supervisor 'workers': its handoff took longer than 2 s" in (
        caplog.text
    )
    assert "its handoff failed: CannotTravel(" in caplog.text


def test_a_child_that_refuses_to_take_over_starts_with_init_where_it_was() -> None:
    async def main() -> None:
        async with cluster() as sim:
            await start(sim, "w", "n3", "refuses")
            drained = await sim["n3"].cluster.drain(timeout=5)
            assert [("workers", "w")] == drained.kept
            assert ["refuses"] == await ask(sim, "w", at="n3")

    run(main)


def test_a_child_that_ends_instead_of_moving_is_not_said_to_have_moved() -> None:
    async def drain(sim: SimulatedCluster) -> Any:
        return await sim["n2"].cluster.drain(timeout=5)

    async def rebalance(sim: SimulatedCluster) -> Any:
        return await sim.on("n1", DistributedSupervisor.rebalance, "workers")

    async def main(move: Any) -> tuple[set[Any], set[Any]]:
        placed = DistributedSupervisor.child_spec(name="workers", placement=by_first_letter, handoff_timeout=2)
        async with SimulatedCluster(2, children=[placed], allow=[Late, Stateful]) as sim:
            for id, kind, arg in (("a1", Stateful, "slow"), ("a2", Late, 0), ("a3", Stateful, "begun")):
                await start(sim, id, "n2", arg, kind)
            Late.missing = 2  # it starts neither on n1 nor on n2 again
            moving = asyncio.ensure_future(move(sim))
            await advance(1)
            await sim.on("n1", DistributedSupervisor.terminate_child, "workers", "a1")
            moved, kept = await moving
            return set(moved), set(kept)

    Late.missing = 0
    assert ({("workers", "a3")}, set()) == run(lambda: main(drain))
    Late.missing = 0
    assert ({"a3"}, {"a1", "a2"}) == run(lambda: main(rebalance))


@pytest.mark.parametrize("placement", ["hash", "least_loaded"])
def test_children_that_a_full_member_refuses_move_to_another_one_with_their_state(placement: Any) -> None:
    def children(name: str) -> list[Any]:
        room: Any = 0 if name == "n2" else "infinity"
        return [DistributedSupervisor.child_spec(name="workers", placement=placement, max_children=room)]

    async def main() -> None:
        async with cluster(3, children) as sim:
            pids = {f"w{number}": await start(sim, f"w{number}", "n3") for number in range(8)}
            for id, pid in pids.items():
                await sim.on("n1", GenServer.cast, pid, id)
            await sim.stop("n3")
            for id in pids:
                state = await ask(sim, id)
                assert ["begun", id] == state[:2]
                assert {"moved"} == set(state[2:])
                assert "n1" == where(sim, id)

    run(main)


def test_a_child_that_crashes_before_its_handoff_is_restarted_and_moves_then() -> None:
    async def main() -> None:
        async with cluster() as sim:
            pid = await start(sim, "w", "n3")
            sim.spawn("n1", GenServer.call, pid, "wait")
            await advance(0.1)
            await sim.on("n1", GenServer.cast, pid, "crash")
            await sim.stop("n3")
            assert ["begun", "moved"] == await ask(sim, "w")

    run(main)


@pytest.mark.parametrize("victim", ["n2", "n3"])
def test_a_member_that_is_killed_in_the_middle_of_a_handoff_leaves_the_child_running_once(victim: str) -> None:
    async def main(after: float) -> None:
        async with cluster(3, settle=0.5) as sim:
            await start(sim, "w", "n3")
            sim.cut("n1", "n3")  # it can only move to n2
            await advance(TEACHING.dead + 1)
            leaving = asyncio.ensure_future(sim.stop("n3") if victim == "n2" else sim["n3"].cluster.leave())
            await advance(after)
            sim.kill(victim)
            await asyncio.gather(leaving, return_exceptions=True)
            sim.heal()
            await sim.converge()
            alive = sim.alive[0]
            found = [sim.view(at).supervisors["workers"]["w"] for at in sim.alive]
            assert 1 == len({(pid.node, pid.number) for pid in found})
            assert "begun" == (await ask(sim, "w", at=alive))[0]

    for after in (0, 0.001, 0.005, 0.02, 0.1):
        run(lambda after=after: main(after))


def test_a_singleton_moves_with_its_state() -> None:
    child: Any = Stateful.child_spec("begun")
    lobby = Singleton.child_spec(child, name="lobby")

    async def main() -> None:
        async with cluster(children=[lobby]) as sim:
            pid = await sim.on("n1", DistributedSupervisor.whereis, "lobby", "lobby")
            await sim.on("n1", GenServer.cast, pid, "kept")
            (other, *_) = [name for name in sim.alive if name != pid.node]
            await sim.stop(pid.node)
            again = await sim.on(other, DistributedSupervisor.whereis, "lobby", "lobby")
            assert ["begun", "kept", "moved"] == await sim.on(other, GenServer.call, again, "state")

    run(main)


def test_rebalance_takes_the_state_along() -> None:
    async def main() -> None:
        async with cluster(2) as sim:
            pids = {f"w{number}": await start(sim, f"w{number}", "n9") for number in range(12)}
            for id, pid in pids.items():
                await sim.on("n1", GenServer.cast, pid, id)
            await sim.start("n3")
            await sim.converge()
            moved = (await sim.on("n3", DistributedSupervisor.rebalance, "workers")).moved
            assert moved
            for id in pids:
                assert ["begun", id, *(["moved"] if id in moved else [])] == await ask(sim, id)

    run(main)


def test_bad_arguments() -> None:
    async def main() -> None:
        async with cluster(1) as sim:
            with pytest.raises(otp.BadArgument, match="drain\\(timeout=…\\)"):
                await sim["n1"].cluster.drain(timeout=-1)
            with pytest.raises(otp.BadArgument, match="handoff_timeout=…"):
                await sim.on("n1", lambda: DistributedSupervisor.start_link(name="more", handoff_timeout="soon"))  # pyright: ignore[reportArgumentType]

    run(main)
