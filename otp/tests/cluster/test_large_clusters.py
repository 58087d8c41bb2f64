"""Clusters of many members: they form, lose members, part and heal, and tell each other little more than once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from otp.cluster.membership import Membership
from otp.distribution import TEACHING, NodeId, Settings
from otp.testing import Scheduler, SimulatedCluster, advance

MEMBERS = 200
CALM = Settings(heartbeat=1.0, dead=2.0)


def run(main: Any) -> Any:
    return Scheduler(seed=1).run(main)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_hundred_members_form_lose_three_part_and_heal() -> None:
    async def main() -> None:
        async with SimulatedCluster(MEMBERS, settings=CALM) as sim:
            assert sim.names == sim.alive == sorted(sim.view("n7").members, key=sim.names.index)
            for lost in ("n1", "n2"):
                sim.kill(lost)
            sim.stall("n3")
            await sim.converge()
            assert {"n1", "n2", "n3"} == sim.view("n200").lost.keys()
            sim.resume("n3")
            half = sim.alive[: MEMBERS // 2]
            sim.partition(half, sim.alive[MEMBERS // 2 :])
            await sim.converge()
            assert set(half) == sim.view("n4").members.keys()
            sim.heal()
            await sim.converge()
            assert {"n1", "n2"} == sim.view("n200").lost.keys()
            assert MEMBERS - 2 == len(sim.view("n200").members)

    run(main)


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The names of members in the lists that members send, counted by kind of message."""
    counted: Counter[str] = Counter()
    before = Membership.told

    def count(self: Membership, node: NodeId, message: tuple[Any, ...]) -> None:
        counted[message[1]] += sum(len(part) for part in message if isinstance(part, list))
        before(self, node, message)

    monkeypatch.setattr(Membership, "told", count)
    return counted


def test_lists_of_members_grow_with_the_square_of_their_number(listed: Counter[str]) -> None:
    async def main() -> None:
        async with SimulatedCluster(50, settings=Settings(heartbeat=0.05, dead=0.5)):
            assert listed.total() < 6 * 50 * 50

    run(main)


def test_members_that_agree_send_no_lists(listed: Counter[str]) -> None:
    async def main() -> None:
        async with SimulatedCluster(12, settings=CALM) as sim:
            await advance(5 * sim.settings.heartbeat)
            listed.clear()
            await advance(20 * sim.settings.heartbeat)
            assert 0 == listed.total()

    run(main)


def test_members_that_missed_the_news_of_each_other_meet_within_three_heartbeats(clusters: Any) -> None:
    """Two join at once, by different members of a cluster that is too large to send each new member to all."""

    async def main(world: Any) -> None:
        old = [await world.join("m1")]
        old += [await world.join(f"m{n}", connect=["sim/m1"]) for n in range(2, 15)]
        for member in old:
            await member.wait_size(14)
        new = await asyncio.gather(world.join("x", connect=["sim/m1"]), world.join("y", connect=["sim/m9"]))
        began = asyncio.get_running_loop().time()
        for member in new:
            await member.wait_size(16)
        assert asyncio.get_running_loop().time() - began < 3 * TEACHING.heartbeat

    clusters(main, hints=False)
