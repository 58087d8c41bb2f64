"""Global names: one owner in a cluster, and one survivor after each conflict."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

import otp
from later_meeting import meet_later
from otp import AlreadyStarted, GenServer, Ok, Reply, impl
from otp.behaviours.registry.registry import AlreadyRegistered
from otp.cluster import Global
from otp.cluster.simulation import SimulatedCluster
from otp.kernel.values.errors import BadArgument
from otp.testing import Scheduler, advance
from random_faults import run_with_faults


class Lobby(GenServer[str]):
    @impl
    def init(self, arg: str) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: str) -> Any:
        return Reply((state, request), state)


async def owner_of(name: str) -> None:
    try:
        await Global.register(name)
    except AlreadyRegistered:
        return
    if await otp.receive() == "unregister":
        await Global.unregister(name)
        await otp.receive()


def run(main: Any) -> Any:
    return Scheduler(seed=1).run(main)


async def owners(sim: SimulatedCluster, name: str = "x") -> list[str | None]:
    await advance(0.2)
    pids = [await sim.on(at, Global.whereis, name) for at in sim.alive]
    return [None if pid is None else pid.node for pid in pids]


def test_all_members_see_an_owner_until_it_ends() -> None:
    async def main() -> None:
        async with SimulatedCluster(3) as sim:
            first = sim.spawn("n1", owner_of, "x")
            assert ["n1"] * 3 == await owners(sim)
            assert ["x"] == await sim.on("n3", Global.names)
            otp.send(first, "unregister")
            assert [None] * 3 == await owners(sim)
            sim.spawn("n2", owner_of, "x")
            assert ["n2"] * 3 == await owners(sim)
            await sim.on("n3", Global.unregister, "x")
            assert [None] * 3 == await owners(sim)
            sim.spawn("n3", owner_of, "x")
            assert ["n3"] * 3 == await owners(sim)
            sim.kill("n3")
            await sim.converge()
            assert [None] * 2 == await owners(sim)

    run(main)


def test_a_race_has_one_winner_and_kills_nobody() -> None:
    async def attempt(name: str) -> str:
        try:
            await Global.register(name, otp.self())
        except AlreadyRegistered as error:
            return error.pid.node
        await advance(1)
        return "owner"

    async def main() -> None:
        async with SimulatedCluster(3) as sim:
            for round_ in range(10):
                found = await asyncio.gather(*(sim.on(at, attempt, f"x{round_}") for at in sim.alive))
                assert 1 == found.count("owner"), found
                assert {sim.alive[found.index("owner")]} == set(found) - {"owner"}
            assert [] == [event for event in sim.history if event.kind == "conflict"]

    run(main)


def test_names_for_starts_and_destinations() -> None:
    async def main() -> None:
        async with SimulatedCluster(2) as sim:
            name = Global.via("lobby")
            await sim.on("n1", lambda: Lobby.start("first", name=name))
            await advance(0.1)
            assert ("first", "hi") == await sim.on("n2", GenServer.call, name, "hi")
            with pytest.raises(AlreadyStarted):
                await sim.on("n2", lambda: Lobby.start("second", name=name))

    run(main)


def test_after_a_partition_one_owner_survives_whom_the_reason_names() -> None:
    async def main() -> None:
        async with SimulatedCluster(3) as sim:
            sim.partition("n1", ["n2", "n3"])
            await sim.converge()
            one, other = sim.spawn("n1", owner_of, "x"), sim.spawn("n3", owner_of, "x")
            assert ["n1", "n3", "n3"] == await owners(sim)
            ended = asyncio.ensure_future(otp.wait_down(other))
            sim.heal()
            await sim.converge()
            assert ["n1"] * 3 == await owners(sim)
            reason = await ended
            assert ("name_conflict", "x", ("n1", one.number)) == (*reason[:2], (reason[2].node, reason[2].number))

    run(main)


@pytest.mark.parametrize(("first", "later"), [(100, 0), (0, 100), (5, 5)])
def test_when_two_clusters_meet_the_names_of_the_older_one_stay(first: int, later: int) -> None:
    """By the times of the claims alone, the cluster with fewer names would win."""

    async def main() -> None:
        async with SimulatedCluster(1) as sim:
            owner, reason = await meet_later(sim, owner_of, first, later)
            assert ["n1", "n1"] == await owners(sim)
            assert ("name_conflict", "x", "n1", owner.number) == (*reason[:2], reason[2].node, reason[2].number)
            assert first + later + 1 == len(await sim.on("n2", Global.names))
            assert otp.is_alive(owner)

    run(main)


def test_members_of_a_younger_cluster_keep_the_order_of_their_claims_among_each_other() -> None:
    async def main() -> None:
        async with SimulatedCluster(1) as sim:
            sim.partition("n1", ["n2", "n3"])
            await advance(5)
            await sim.start("n2")
            await sim.start("n3")
            await sim.converge()
            for at, name in (("n1", "x"), ("n2", "x"), ("n3", "y"), ("n1", "z")):
                sim.spawn(at, owner_of, name)
                await advance(0.1)
            sim.heal()
            await sim.converge()
            assert (["n1"] * 3, ["n3"] * 3, ["n1"] * 3) == (
                await owners(sim, "x"),
                await owners(sim, "y"),
                await owners(sim, "z"),
            )
            sim.partition("n1", ["n2", "n3"])  # now it is one cluster: the older claim wins
            await sim.converge()
            for at, name in (("n2", "w"), *(("n1", f"n1 {number}") for number in range(5)), ("n1", "w")):
                sim.spawn(at, owner_of, name)
                await advance(0.1)
            sim.heal()
            await sim.converge()
            assert ["n2"] * 3 == await owners(sim, "w")

    run(main)


def test_a_name_has_an_owner_left_when_members_of_a_younger_cluster_adopt_the_older_one_in_turn() -> None:
    """Regression: one that had adopted it judged by the old date of another's claim, and both owners ended."""

    async def main(draw: random.Random) -> None:
        async with SimulatedCluster(1) as sim:  # it checks the rules
            sim.partition("n1", ["n2", "n3"])
            await advance(1)
            await sim.start("n2")
            await sim.start("n3")
            for at in ("n1", "n2", "n3"):
                for name in draw.sample("abc", 2):
                    sim.spawn(at, owner_of, name)
                    await advance(0.1)
            sim.heal()
            await sim.converge()
            await advance(1)
            for name in "abc":
                assert 1 == len(set(await owners(sim, name)))

    for seed in range(100):
        Scheduler(seed=seed).run(main, random.Random(seed))


def test_bad_arguments() -> None:
    async def main() -> None:
        async with SimulatedCluster(2) as sim:
            there = sim.spawn("n2", otp.receive)
            for wrong, text in (
                (lambda: Global.register("x", there), "expected a process of 'n1'"),
                (lambda: Global.register([]), "can be hashed"),
                (lambda: Global.send("x", 1), "no process has the name 'x'"),
            ):
                with pytest.raises(BadArgument, match=text):
                    await sim.on("n1", wrong)
            assert not await sim.on("n1", Global.unregister, "x")

    run(main)


def register_some(sim: SimulatedCluster, draw: random.Random) -> None:
    sim.spawn(draw.choice(sim.alive), owner_of, draw.choice("abc"))


@pytest.mark.parametrize("first", range(0, 30, 10))
def test_no_rule_is_broken_whatever_goes_wrong(first: int) -> None:
    for seed in range(first, first + 10):
        assert [] == run_with_faults(seed, register_some), f"seed {seed}"
