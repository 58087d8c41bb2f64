"""Process groups: who is in them, on all members, whatever happens."""

from __future__ import annotations

import random
from typing import Any

import pytest

import otp
from otp.cluster import GroupJoin, GroupLeave, pg
from otp.kernel.values.errors import BadArgument
from otp.testing import Scheduler, SimulatedCluster, advance
from random_faults import run_with_faults


async def member_of(group: str, times: int = 1) -> None:
    for _ in range(times):
        pg.join(group)
    if await otp.receive() == "leave":
        pg.leave(group)
        await otp.receive()


def run(main: Any) -> Any:
    return Scheduler(seed=1).run(main)


async def nodes(sim: SimulatedCluster, at: str, group: str = "g") -> list[str]:
    await advance(0.1)
    return await sim.on(at, lambda: [pid.node for pid in pg.members(group)])


def test_all_members_see_who_joins_and_leaves_and_ends() -> None:
    async def main() -> None:
        async with SimulatedCluster(3) as sim:
            first = sim.spawn("n1", member_of, "g", 2)
            other = sim.spawn("n2", member_of, "g")
            assert ["n1", "n1", "n2"] == await nodes(sim, "n1")
            assert ["n2", "n1", "n1"] == await nodes(sim, "n2")
            assert ["n1", "n1", "n2"] == sorted(await nodes(sim, "n3"))
            assert [] == await sim.on("n3", pg.local_members, "g")
            assert ["g"] == await sim.on("n3", pg.groups)
            otp.send(first, "leave")
            assert ["n1", "n2"] == sorted(await nodes(sim, "n3"))
            otp.send(other, "end")
            assert ["n1"] == await nodes(sim, "n3")
            sim.kill("n1")
            await sim.converge()
            assert [] == await nodes(sim, "n3")
            assert [] == await sim.on("n3", pg.groups)

    run(main)


def test_a_new_member_and_a_healed_one_see_all_and_scopes_are_apart() -> None:
    async def main() -> None:
        async with SimulatedCluster(2) as sim:
            sim.spawn("n1", member_of, "g")
            sim.cut("n1", "n2")
            await sim.converge()
            assert [] == await nodes(sim, "n2")
            sim.spawn("n2", member_of, "g")
            sim.heal()
            await sim.start("n3")
            await sim.converge()
            for name in sim.alive:
                assert ["n1", "n2"] == sorted(await nodes(sim, name))
                assert [] == await sim.on(name, lambda: pg.members("g", scope="other"))

    run(main)


def test_broadcasts_reach_all_once_for_each_join() -> None:
    async def listen(got: list[Any], times: int) -> None:
        for _ in range(times):
            pg.join("g")
        while True:
            got.append((otp.node().name, await otp.receive()))

    async def main() -> None:
        async with SimulatedCluster(2) as sim:
            got: list[Any] = []
            sim.spawn("n1", listen, got, 1)
            sim.spawn("n2", listen, got, 2)
            await advance(0.1)
            assert 3 == await sim.on("n1", pg.broadcast, "g", "hello")
            await advance(0.1)
            assert [("n1", "hello"), ("n2", "hello"), ("n2", "hello")] == sorted(got)

    run(main)


def test_a_monitor_is_notified() -> None:
    async def watch(got: list[Any]) -> None:
        ref, present = pg.monitor("g")
        got.append([pid.node for pid in present])
        for _ in range(3):
            message = await otp.receive()
            assert ref == message.ref
            got.append((type(message), [pid.node for pid in message.pids]))
        assert pg.demonitor(ref)

    async def main() -> None:
        async with SimulatedCluster(2) as sim:
            got: list[Any] = []
            sim.spawn("n1", member_of, "g")
            watcher = sim.spawn("n1", watch, got)
            await advance(0.1)
            sim.spawn("n2", member_of, "g")
            await advance(0.1)
            sim.cut("n1", "n2")
            await sim.converge()
            sim.heal()
            await sim.converge()
            assert [["n1"], (GroupJoin, ["n2"]), (GroupLeave, ["n2"]), (GroupJoin, ["n2"])] == got
            assert not otp.is_alive(watcher)

    run(main)


def test_bad_arguments() -> None:
    async def main() -> None:
        async with SimulatedCluster(2) as sim:
            there = sim.spawn("n2", otp.receive)
            with pytest.raises(BadArgument, match="expected a process of 'n1'"):
                await sim.on("n1", pg.join, "g", there)
            with pytest.raises(BadArgument, match="can be hashed"):
                await sim.on("n1", pg.members, ["g"])
            gone = sim.spawn("n1", lambda: None)
            await otp.wait_down(gone)
            with pytest.raises(BadArgument, match="which has ended"):
                await sim.on("n1", pg.join, "g", gone)
            assert not await sim.on("n1", pg.leave, "g")

    run(main)


def join_some(sim: SimulatedCluster, draw: random.Random) -> None:
    sim.spawn(draw.choice(sim.alive), member_of, draw.choice("ab"))


@pytest.mark.parametrize("first", range(0, 20, 10))
def test_tables_are_equal_after_whatever_goes_wrong(first: int) -> None:
    for seed in range(first, first + 10):
        assert [] == run_with_faults(seed, join_some), f"seed {seed}"
