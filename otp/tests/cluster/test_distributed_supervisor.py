"""Distributed supervisors: each child runs once in the cluster, on another member after the loss of its own."""

from __future__ import annotations

import asyncio
from collections import Counter as Counts
from typing import Any

import pytest

import otp
from distributed_children import Counter, Cranky, Picky, Slow, by_first_letter, fail_to_place
from otp import AlreadyStarted, GenServer, Ignore, NotFound, StartError
from otp.cluster import CannotTravel, DistributedSupervisor, Singleton
from otp.cluster.simulation import SimulatedCluster
from otp.distribution import TEACHING
from otp.kernel.values.errors import BadArgument
from otp.testing import Scheduler, advance

WORKERS = DistributedSupervisor.child_spec(name="workers")
ALLOW = [Counter, Cranky, Picky, Slow]
LOST = TEACHING.dead + 3 * TEACHING.heartbeat


def run(main: Any, seed: int = 1) -> Any:
    return Scheduler(seed=seed).run(main)


def cluster(members: int = 3, children: Any = (WORKERS,), **options: Any) -> SimulatedCluster:
    return SimulatedCluster(members, **({"children": children, "allow": ALLOW} | options))


async def start(sim: SimulatedCluster, at: str, id: str, on: str | None = None, **options: Any) -> Any:
    """Start a counter from a member, and return its pid."""
    child = Counter.child_spec(0, id=id, **options)
    return await sim.on(at, lambda: DistributedSupervisor.start_child("workers", child, on=on))


def places(sim: SimulatedCluster, supervisor: str = "workers") -> dict[Any, str]:
    """Return the member of each child, as all members see it."""
    tables = [sim.view(at).supervisors[supervisor] for at in sim.alive]
    views = [{id: pid.node for id, pid in table.items()} for table in tables]
    assert all(view == views[0] for view in views), views
    return views[0]


def test_a_child_starts_on_the_member_that_placement_chooses_and_all_know_it() -> None:
    async def main() -> None:
        async with cluster() as sim:
            pids = {f"w{number}": await start(sim, "n1", f"w{number}") for number in range(30)}
            assert {id: pid.node for id, pid in pids.items()} == places(sim)
            assert {"n1", "n2", "n3"} == set(places(sim).values())
            there = await sim.on("n2", DistributedSupervisor.whereis, "workers", "w7")
            assert pids["w7"].number == there.number
            assert [0, 1] == [await sim.on("n3", GenServer.call, there, "next") for _ in range(2)]
            children = await sim.on("n3", DistributedSupervisor.which_children, "workers")
            assert set(pids) == {child.id for child in children}
            assert (30, 30, 0, 30) == await sim.on("n2", DistributedSupervisor.count_children, "workers")

    run(main)


def test_a_preferred_member_and_other_placements() -> None:
    async def least() -> None:
        async with cluster(
            children=[DistributedSupervisor.child_spec(name="workers", placement="least_loaded")]
        ) as sim:
            await asyncio.gather(*(start(sim, "n1", f"w{number}") for number in range(9)))
            assert {"n1": 3, "n2": 3, "n3": 3} == Counts(places(sim).values())

    async def function() -> None:
        placed = DistributedSupervisor.child_spec(name="workers", placement=by_first_letter)
        async with cluster(children=[placed]) as sim:
            for id in ("a1", "b1", "a2"):
                await start(sim, "n2", id)
            assert {"a1": "n1", "b1": "n3", "a2": "n1"} == places(sim)
            await start(sim, "n2", "a3", on="n2")
            assert "n2" == places(sim)["a3"]
            await start(sim, "n2", "a4", on="n9")
            assert "n1" == places(sim)["a4"]

    run(least)
    run(function)


def test_an_id_is_unique_in_the_cluster_and_generated_without_one() -> None:
    async def main() -> None:
        async with cluster() as sim:
            first = await start(sim, "n1", "w")
            with pytest.raises(AlreadyStarted) as caught:
                await start(sim, "n2", "w")
            assert (first.node, first.number) == (caught.value.pid.node, caught.value.pid.number)
            race = await asyncio.gather(*(start(sim, at, "x") for at in sim.alive * 5), return_exceptions=True)
            assert 14 == sum(isinstance(found, AlreadyStarted) for found in race)
            for at in sim.alive:
                await sim.on(at, DistributedSupervisor.start_child, "workers", (Counter, 0))
            assert 5 == len(places(sim))
            assert [] == [event for event in sim.history if event.kind == "conflict"]

    run(main)


def test_a_child_that_crashes_is_restarted_on_its_member() -> None:
    async def main() -> None:
        async with cluster() as sim:
            first = await start(sim, "n1", "w", on="n2")
            await sim.on("n2", GenServer.cast, first, "crash")
            await advance(0.1)
            assert {"w": "n2"} == places(sim)
            again = await sim.on("n3", DistributedSupervisor.whereis, "workers", "w")
            assert again.number != first.number
            assert 0 == await sim.on("n3", GenServer.call, again, "next")

    run(main)


def test_permanent_and_transient_children_of_a_killed_member_start_elsewhere_after_the_settle_delay() -> None:
    async def main() -> None:
        async with cluster(settle=2) as sim:
            for restart in ("permanent", "transient", "temporary"):
                await start(sim, "n2", restart, on="n1", restart=restart)
            sim.kill("n1")
            began = sim.now
            await advance(LOST)
            children = await sim.on("n2", DistributedSupervisor.which_children, "workers")
            assert {("permanent", "restarting"), ("transient", "restarting")} == {(c.id, c.pid) for c in children}
            assert 0 == (await sim.on("n3", DistributedSupervisor.count_children, "workers")).active
            with pytest.raises(AlreadyStarted):
                await start(sim, "n3", "permanent")
            await sim.converge()
            assert 2 < sim.now - began < LOST + 2 + 1
            assert {"permanent", "transient"} == set(places(sim))
            assert {"n2", "n3"} >= set(places(sim).values())

    run(main)


def test_children_stay_where_they_are_when_a_member_is_back_before_the_settle_delay() -> None:
    async def main() -> None:
        async with cluster(settle=5) as sim:
            first = await start(sim, "n2", "w", on="n1")
            sim.partition("n1", ["n2", "n3"])
            await advance(LOST)
            assert 0 == (await sim.on("n2", DistributedSupervisor.count_children, "workers")).active
            sim.heal()
            await sim.converge()
            await advance(10)
            assert first.number == (await sim.on("n3", DistributedSupervisor.whereis, "workers", "w")).number

    run(main)


def test_a_child_that_ended_during_a_short_partition_does_not_start_elsewhere() -> None:
    async def main() -> None:
        async with cluster(settle=5) as sim:
            await start(sim, "n2", "w", on="n1", restart="transient")
            first = await sim.on("n1", DistributedSupervisor.whereis, "workers", "w")
            sim.partition("n1", ["n2", "n3"])
            await advance(LOST)
            await sim.on("n1", GenServer.cast, first, "normal")
            await advance(0.1)
            sim.heal()
            await sim.converge()
            await advance(10)
            assert {} == places(sim)

    run(main)


def test_after_a_partition_the_older_child_stays_and_the_other_one_is_terminated_with_the_reason() -> None:
    async def main() -> None:
        Counter.ended.clear()
        async with cluster() as sim:
            first = await start(sim, "n2", "w", on="n1")
            sim.partition("n1", ["n2", "n3"])
            await sim.converge()
            second = await sim.on("n2", DistributedSupervisor.whereis, "workers", "w")
            assert second.node in ("n2", "n3")
            sim.heal()
            await sim.converge()
            assert {"w": "n1"} == places(sim)
            (reason,) = Counter.ended
            assert ("name_conflict", ("workers", "w"), first.number) == (*reason[:2], reason[2].number)
            await advance(5)
            assert {"w": "n1"} == places(sim)  # the loser is not restarted

    run(main)


def test_a_child_that_loses_its_id_while_it_is_restarted_is_terminated() -> None:
    async def main() -> None:
        async with cluster(2, settle=0.5) as sim:
            child = Slow.child_spec(6, id="w")
            await sim.on("n1", lambda: DistributedSupervisor.start_child("workers", child, on="n1"))
            sim.partition("n1", "n2")
            await advance(LOST + 8)
            younger = await sim.on("n2", DistributedSupervisor.whereis, "workers", "w")
            assert "n2" == younger.node
            await sim.on("n2", GenServer.cast, younger, "crash")
            sim.heal()
            await sim.converge()
            await advance(10)
            assert {"w": "n1"} == places(sim)
            assert 0 == len(await sim.on("n2", lambda: otp.whereis("workers").state))

    run(main)


def test_a_child_is_terminated_by_its_id_or_its_pid_from_any_member() -> None:
    async def main() -> None:
        async with cluster(settle=3) as sim:
            terminate = DistributedSupervisor.terminate_child
            for id in ("a", "b", "c"):
                await start(sim, "n1", id, on="n2")
            await sim.on("n3", terminate, "workers", "a")
            pid = await sim.on("n1", DistributedSupervisor.whereis, "workers", "b")
            await sim.on("n1", terminate, "workers", pid)
            assert {"c": "n2"} == places(sim)
            for wrong in ("a", pid):
                with pytest.raises(NotFound):
                    await sim.on("n1", terminate, "workers", wrong)
            sim.kill("n2")
            await advance(LOST)
            await sim.on("n1", terminate, "workers", "c")  # while it waits to start elsewhere
            await sim.converge()
            await advance(10)
            assert {} == places(sim)

    run(main)


def test_a_child_that_is_terminated_before_all_have_missed_its_member_does_not_start_elsewhere() -> None:
    async def main() -> None:
        async with cluster(settle=3) as sim:
            ids = [f"w{number}" for number in range(6)]
            for id in ids:
                await start(sim, "n1", id, on="n1")
            sim.cut("n1", "n2")
            await advance(LOST)
            assert set(ids) == set(sim.view("n3").supervisors["workers"])
            sim.kill("n1")
            for id in ids:
                await sim.on("n2", DistributedSupervisor.terminate_child, "workers", id)
            await advance(LOST + 10)
            await sim.converge()
            assert {} == places(sim)

    run(main)


def test_a_child_that_is_terminated_while_it_starts_elsewhere_is_gone() -> None:
    async def main() -> None:
        async with cluster(settle=1) as sim:
            for number in range(4):
                child = Slow.child_spec(2, id=f"w{number}")
                await sim.on("n1", lambda: DistributedSupervisor.start_child("workers", child, on="n1"))
            sim.kill("n1")
            await advance(LOST + 1.5)  # the first ones start, the others wait for them
            assert {} == places(sim)
            for number in range(4):
                await sim.on("n2", DistributedSupervisor.terminate_child, "workers", f"w{number}")
            await advance(20)
            await sim.converge()
            assert {} == places(sim)
            for at in sim.alive:
                state = await sim.on(at, lambda: otp.whereis("workers").state)
                assert 0 == len(state)

    run(main)


def test_a_member_joins_without_a_move_and_rebalance_moves_children_once() -> None:
    async def main() -> None:
        Counter.ended.clear()
        async with cluster(2) as sim:
            for number in range(20):
                await start(sim, "n1", f"w{number}")
            before = places(sim)
            await sim.start("n3")
            await sim.converge()
            assert before == places(sim)
            moved, kept = await sim.on("n2", DistributedSupervisor.rebalance, "workers")
            await sim.converge()
            assert [] == kept
            assert {id for id, at in places(sim).items() if at == "n3"} == set(moved) != set()
            assert [("shutdown", "moved")] * len(moved) == Counter.ended
            assert before.keys() == places(sim).keys()
            assert ([], []) == await sim.on("n2", DistributedSupervisor.rebalance, "workers")

    run(main)


def test_a_child_that_cannot_start_on_its_new_member_stays() -> None:
    async def main() -> None:
        async with cluster(2, children=lambda name: [full if name == "n3" else WORKERS]) as sim:
            for number in range(12):
                await start(sim, "n1", f"w{number}")
            before = places(sim)
            await sim.start("n3")
            await sim.converge()
            moved, kept = await sim.on("n1", DistributedSupervisor.rebalance, "workers")
            await sim.converge()
            assert ([], 0) != (moved, len(kept))
            assert before.keys() == places(sim).keys()
            assert 1 == list(places(sim).values()).count("n3")

    full = DistributedSupervisor.child_spec(name="workers", max_children=1)
    run(main)


def test_a_full_member_and_one_that_does_not_allow_the_child_are_passed_over() -> None:
    async def main() -> None:
        one = DistributedSupervisor.child_spec(name="workers", max_children=1)
        async with cluster(2, children=[one]) as sim:
            assert {"n1", "n2"} == {(await start(sim, "n1", id)).node for id in ("a", "b")}
            with pytest.raises(StartError) as full:
                await start(sim, "n1", "c")
            assert "max_children" == full.value.reason
        async with cluster(3, allow=[]) as sim:
            pids = [await start(sim, "n2", f"w{number}") for number in range(5)]
            assert {"n2"} == {pid.node for pid in pids}  # it starts its own without permission
            sim.kill("n2")
            await sim.converge()
            assert {} == places(sim)  # no other member may start them, which is logged

    run(main)


def test_a_child_for_which_no_member_has_room_waits_for_one() -> None:
    async def main() -> None:
        one = DistributedSupervisor.child_spec(name="workers", max_children=1)
        async with cluster(2, children=[one], check=False) as sim:  # R4 does not know that there is no room
            await start(sim, "n1", "a", on="n1")
            await start(sim, "n1", "b", on="n2")
            sim.kill("n2")
            await advance(10)
            children = await sim.on("n1", DistributedSupervisor.which_children, "workers")
            assert [("a", False), ("b", True)] == [(child.id, child.pid == "restarting") for child in children]
            await sim.start("n3")
            await sim.converge()
            assert {"a": "n1", "b": "n3"} == places(sim)

    run(main)


def test_a_start_that_fails_leaves_the_id_free() -> None:
    async def main() -> None:
        async with cluster() as sim:
            for _ in range(2):
                with pytest.raises(StartError) as failed:
                    await sim.on("n1", DistributedSupervisor.start_child, "workers", Cranky.child_spec(0, id="w"))
                assert "cranky" == failed.value.reason
            await start(sim, "n2", "w")

    run(main)


@pytest.mark.parametrize("on", ["n1", "n2"])
def test_a_start_that_is_ignored_leaves_the_id_free(on: str) -> None:
    async def main() -> None:
        async with cluster() as sim:
            for at in sim.alive:
                child = Picky.child_spec("nowhere", id="w")
                found = await sim.on(at, lambda: DistributedSupervisor.start_child("workers", child, on=on))
                assert isinstance(found, Ignore)
            await start(sim, "n3", "w")

    run(main)


def test_a_child_that_is_ignored_after_a_loss_leaves_the_id_free() -> None:
    async def main() -> None:
        async with cluster() as sim:
            for number in range(6):
                child = Picky.child_spec("n1", id=f"w{number}")
                await sim.on("n1", lambda: DistributedSupervisor.start_child("workers", child, on="n1"))
            sim.kill("n1")
            await sim.converge()
            assert {} == places(sim)
            for number in range(6):
                await start(sim, "n2", f"w{number}")

    run(main)


def test_a_supervisor_that_gives_up_loses_the_child_and_the_others_start_elsewhere() -> None:
    async def main() -> None:
        async with cluster() as sim:
            for id in ("good", "bad"):
                await start(sim, "n1", id, on="n2")
            for _ in range(4):
                bad = await sim.on("n1", DistributedSupervisor.whereis, "workers", "bad")
                await sim.on("n1", GenServer.cast, bad, "crash")
                await advance(0.1)
            assert 1 == len(await sim.on("n1", DistributedSupervisor.which_children, "workers"))
            await sim.converge()
            assert ["good"] == list(places(sim))

    run(main)


def test_a_member_that_leaves_stops_its_children_and_they_start_elsewhere() -> None:
    async def main() -> None:
        async with cluster() as sim:
            first = await start(sim, "n1", "w", on="n2")
            await sim["n2"].cluster.leave()
            await advance(0.1)
            assert first.number not in sim["n2"].node.process_table
            await advance(3)
            found = await sim.on("n1", DistributedSupervisor.whereis, "workers", "w")
            assert found.node in ("n1", "n3")

    run(main)


def test_after_a_disconnect_on_purpose_children_do_not_start_elsewhere() -> None:
    async def main() -> None:
        async with cluster(2) as sim:
            await start(sim, "n1", "w", on="n2")
            sim["n1"].cluster.disconnect("n2")
            await sim.converge()
            await advance(10)
            assert [{}, {"w": "n2"}] == [
                {id: pid.node for id, pid in sim.view(at).supervisors["workers"].items()} for at in sim.alive
            ]

    run(main)


def test_children_of_a_member_that_joined_late_are_started_by_it_too() -> None:
    async def main() -> None:
        async with cluster(2) as sim:
            for number in range(20):
                await start(sim, "n1", f"w{number}", on="n1")
            await sim.start("n3")
            await sim.converge()
            sim.kill("n1")
            await sim.converge()
            assert {"n2", "n3"} == set(places(sim).values())
            assert 20 == len(places(sim))

    run(main)


def test_a_singleton_runs_once_and_comes_back() -> None:
    async def main() -> None:
        lobby = Singleton.child_spec((Counter, 0), name="lobby")
        async with cluster(children=[lobby]) as sim:
            (first,) = places(sim, "lobby").values()
            sim.kill(first)
            await sim.converge()
            (second,) = places(sim, "lobby").values()
            assert first != second
            await sim.start(first)
            await sim.converge()
            assert {"lobby": second} == places(sim, "lobby")

    run(main)


def test_a_singleton_that_does_not_start_says_why(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        for number, reason in enumerate([42, None]):
            lobby = Singleton.child_spec((Cranky, reason), name=f"lobby{number}")
            async with cluster(1, children=[lobby]):
                await advance(0.1)

    run(main)
    assert ["42", "'cranky'"] == [line.rpartition(": ")[2] for line in caplog.messages]


def test_what_cannot_travel_is_refused_with_its_path() -> None:
    async def main() -> None:
        async with cluster(1) as sim:
            base = Counter.child_spec(0, id="w")
            for child, path in (
                (base.replace(start=(Counter.start_link, 0, {"db": object()})), "start.args[1]['db']"),
                (Counter.child_spec(0, id=("w", object())), "id[1]"),
                (base.replace(start=(lambda: None,)), "start"),
                (Counter.child_spec(0, id="w", name=otp.Registry.via("r", "x")), "start.kwargs['name']"),
            ):
                with pytest.raises(CannotTravel) as caught:
                    await sim.on("n1", DistributedSupervisor.start_child, "workers", child)
                assert path == caught.value.path
                assert "expected" in caught.value.why
            assert {} == places(sim)

    run(main)


def test_bad_arguments() -> None:
    async def main() -> None:
        async with cluster(2) as sim:
            begin = DistributedSupervisor.start_link
            for wrong, text in (
                (lambda: begin(name=1), "expected a str"),
                (lambda: begin(name="s", placement="somewhere"), "expected 'hash', 'least_loaded' or a function"),
                (lambda: begin(name="s", placement=lambda *_: "n1"), "other members can import"),
                (lambda: begin(name="s", consistency="lease"), "expected a cluster with a store of leases, got none"),
                (
                    lambda: Singleton.child_spec(Counter, name="s", consistency="strong"),
                    "expected 'available' or 'lease'",
                ),
                (lambda: begin(name="s", settle=-1), "settle"),
                (
                    lambda: DistributedSupervisor.start_child("none", Counter),
                    "expected the name of a supervisor that runs on this member",
                ),
                (lambda: DistributedSupervisor.whereis("none", "w"), "got an unregistered name"),
            ):
                with pytest.raises(BadArgument, match=text):
                    await sim.on("n1", wrong)
            with pytest.raises(StartError, match="distributed"):
                await sim.on("n1", otp.DynamicSupervisor.start_child, "workers", (Counter, 0))
        nowhere = DistributedSupervisor.child_spec(name="workers", placement=fail_to_place)
        async with cluster(2, children=[nowhere]) as sim:
            with pytest.raises(BadArgument, match="expected one of"):
                await start(sim, "n1", "w")

    run(main)


def test_another_placement_elsewhere_is_refused() -> None:
    async def other() -> Any:
        otp.process_flag("trap_exit", True)
        with pytest.raises(
            StartError, match="another member has the supervisor 'workers' with placement='hash'"
        ) as error:
            await DistributedSupervisor.start_link(name="workers", placement="least_loaded")
        return error.value.reason

    async def main() -> None:
        async with cluster(2, children=lambda name: [WORKERS] if name == "n1" else []) as sim:
            assert ("incompatible", ("supervisor", "workers"), "least_loaded", "hash") == await sim.on("n2", other)

    run(main)
