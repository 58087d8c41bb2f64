"""`SimulatedCluster`: members, faults and views, in virtual and in real time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import Any

import pytest

import otp
from otp import GenServer, Ok, Reply, impl
from otp.cluster import DistributedRegistry, MemberDown, MemberUp
from otp.cluster.simulation import HistoryViolation
from otp.distribution import TEACHING, Settings
from otp.kernel.values.errors import BadArgument, CallExit, Exit
from otp.testing import Scheduler, SimulatedCluster, advance

LOST = TEACHING.dead + 3 * TEACHING.heartbeat


class Echo(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply((state, request), state)


def run(main: Any, seed: int = 1) -> Any:
    return Scheduler(seed=seed).run(main)


def seen(sim: SimulatedCluster) -> dict[str, list[str]]:
    return {name: sorted(sim.view(name).members) for name in sim.alive}


def all_of(*names: str) -> dict[str, list[str]]:
    return {name: list(names) for name in names}


def test_the_block_begins_with_all_members_connected() -> None:
    async def main() -> None:
        async with SimulatedCluster(3) as sim:
            assert ["n1", "n2", "n3"] == sim.names == sim.alive
            assert all_of("n1", "n2", "n3") == seen(sim)
            assert 1 == sim["n2"].incarnation == sim.view("n1").members["n2"].incarnation
            assert "n2" == sim["n2"].node.name

    run(main)


def test_names_of_members_may_be_given() -> None:
    async def main() -> None:
        async with SimulatedCluster(["left", "right"]) as sim:
            assert all_of("left", "right") == seen(sim)

    run(main)


def test_a_member_runs_functions_and_returns_or_raises() -> None:
    async def where() -> str:
        return otp.node().name

    async def fail() -> None:
        raise LookupError("nothing there")

    async def main() -> None:
        async with SimulatedCluster(2) as sim:
            assert "n2" == await sim.on("n2", where)
            assert 7 == await sim.on("n1", lambda a, b: a + b, 3, 4)
            with pytest.raises(LookupError, match="nothing there"):
                await sim.on("n1", fail)
            running = asyncio.ensure_future(sim.on("n1", otp.receive))
            await advance(0.1)
            sim.kill("n1")
            with pytest.raises(Exit) as ended:
                await running
            assert "killed" == ended.value.reason

    run(main)


def test_children_start_on_each_member_and_are_called_across() -> None:
    def children(name: str) -> list[Any]:
        return [Echo.child_spec(name, name="echo")]

    async def main() -> None:
        async with SimulatedCluster(2, children=children) as sim:
            assert ("n2", "hello") == await sim.on("n1", GenServer.call, ("echo", "n2"), "hello")
            sim.kill("n2")
            with pytest.raises(CallExit) as failed:
                await sim.on("n1", GenServer.call, ("echo", "n2"), "hello")
            assert ("nodedown", "n2") == failed.value.cause_reason
            await sim.start("n2")
            await sim.converge()
            assert ("n2", "again") == await sim.on("n1", GenServer.call, ("echo", "n2"), "again")

    run(main)


def test_a_partition_is_seen_by_both_sides_and_heals() -> None:
    async def main() -> None:
        async with SimulatedCluster(3) as sim:
            sim.partition("n1", ["n2", "n3"])
            began = sim.now
            await sim.converge()
            assert TEACHING.dead / 2 < sim.now - began < LOST
            assert {"n1": ["n1"], "n2": ["n2", "n3"], "n3": ["n2", "n3"]} == seen(sim)
            assert ["n2", "n3"] == sorted(sim.view("n1").lost)
            sim.heal()
            await sim.converge()
            assert all_of("n1", "n2", "n3") == seen(sim)
            assert {} == sim.view("n1").lost

    run(main)


def test_overlapping_partitions_stay() -> None:
    async def main() -> None:
        async with SimulatedCluster(3) as sim:
            sim.cut("n1", "n3")
            await sim.converge()
            assert {"n1": ["n1", "n2"], "n2": ["n1", "n2", "n3"], "n3": ["n2", "n3"]} == seen(sim)
            sim.heal("n1", "n3")
            await sim.converge()
            assert all_of("n1", "n2", "n3") == seen(sim)

    run(main)


def test_a_cut_of_one_way_is_a_cut_for_both() -> None:
    async def main() -> None:
        async with SimulatedCluster(2) as sim:
            sim.cut("n1", "n2", one_way=True)
            await sim.converge()
            assert {"n1": ["n1"], "n2": ["n2"]} == seen(sim)

    run(main)


def test_a_killed_member_does_nothing_more_and_starts_again_with_a_higher_incarnation() -> None:
    done: list[str] = []

    async def tidy() -> None:
        try:
            await otp.receive()
        finally:
            done.append("tidied")

    async def main() -> None:
        async with SimulatedCluster(2) as sim:
            pid = sim.spawn("n2", tidy)
            await advance(0.1)
            sim.kill("n2")
            assert ["n1"] == sim.alive
            assert not otp.is_alive(pid)
            await sim.converge()
            assert ["n2"] == list(sim.view("n1").lost)
            await sim.start("n2")
            await sim.converge()
            assert 2 == sim["n2"].incarnation == sim.view("n1").members["n2"].incarnation

    run(main)


def test_a_stopped_member_leaves() -> None:
    async def main() -> None:
        async with SimulatedCluster(2) as sim:
            await sim.stop("n2")
            await sim.converge()
            assert ["n1"] == sim.alive
            assert ({}, ["n1"]) == (sim.view("n1").lost, list(sim.view("n1").members))
            reasons = [event.data["reason"] for event in sim.history if event[1:3] == ("n1", "member_down")]
            assert ["left"] == reasons

    run(main)


def test_a_stalled_member_is_lost_and_comes_back_when_it_resumes() -> None:
    async def main() -> None:
        async with SimulatedCluster(3) as sim:
            sim.stall("n2")
            await advance(TEACHING.dead / 2)
            assert "n2" in sim.view("n1").members
            await advance(LOST)
            assert ["n2"] == list(sim.view("n1").lost)
            sim.resume("n2")
            await sim.converge()
            assert all_of("n1", "n2", "n3") == seen(sim)

    run(main)


def test_delayed_and_dropped_frames() -> None:
    async def main() -> None:
        async with SimulatedCluster(2, children=lambda name: [Echo.child_spec(name, name="echo")]) as sim:
            began = sim.now
            await sim.on("n1", GenServer.call, ("echo", "n2"), "quick")
            assert sim.now - began < 0.05
            sim.delay("n1", "n2", 0.2)
            began = sim.now
            await sim.on("n1", GenServer.call, ("echo", "n2"), "slow")
            assert 0.4 <= sim.now - began < 0.5
            sim.heal()
            sim.drop("n1", "n2", 1.0)
            await sim.converge()
            assert {"n1": ["n1"], "n2": ["n2"]} == seen(sim)

    run(main)


def test_a_skewed_clock_changes_timestamps_only() -> None:
    async def main() -> None:
        async with SimulatedCluster(1) as sim:
            sim.skew("n2", 7200)
            await sim.start("n2")
            await sim.converge()
            members = sim.view("n1").members
            assert 7000 < members["n2"].since - members["n1"].since < 7300

    run(main)


def test_faults_may_name_members_that_do_not_run_yet() -> None:
    async def main() -> None:
        async with SimulatedCluster(1) as sim:
            sim.cut("n1", "n2")
            await sim.start("n2")
            await sim.converge()
            assert {"n1": ["n1"], "n2": ["n2"]} == seen(sim)

    run(main)


def test_a_node_of_yours_joins_and_outlives_the_block() -> None:
    async def main() -> None:
        async with otp.Node("mine") as node:
            async with SimulatedCluster(2) as sim:
                cluster = await sim.join(node)
                await sim.converge()
                assert ["mine", "n1", "n2"] == sorted(sim.view("n1").members)
                assert 3 == len(cluster.members())
            assert [] == cluster.members()
            assert "open" == node.life

    run(main)


def test_monitors_of_a_member_are_told() -> None:
    async def watch(events: list[Any], cluster: Any) -> None:
        cluster.monitor()
        while True:
            events.append(await otp.receive())

    async def main() -> None:
        async with SimulatedCluster(2) as sim:
            events: list[Any] = []
            sim.spawn("n1", watch, events, sim["n1"].cluster)
            await asyncio.sleep(0)
            sim.cut("n1", "n2")
            await sim.converge()
            assert [MemberUp, MemberUp, MemberDown] == list(map(type, events))
            assert "timeout" == events[-1].reason

    run(main)


def test_the_same_seed_gives_the_same_history_and_another_one_another() -> None:
    async def main() -> Any:
        async with SimulatedCluster(3) as sim:
            sim.drop("n1", "n2", 0.5)
            await advance(5)
            return sim.history

    assert run(main, 1) == run(main, 1) != run(main, 2)


def test_in_real_time() -> None:
    async def main() -> None:
        async with SimulatedCluster(2) as sim:
            sim.kill("n2")
            await sim.converge(timeout=20)
            assert ["n2"] == list(sim.view("n1").lost)

    asyncio.run(main())


def test_the_history_has_what_happened_and_notes() -> None:
    async def main() -> None:
        async with SimulatedCluster(2) as sim:
            await sim.on("n1", sim.note, "seen")
            sim.note("asked")
            sim.cut("n1", "n2")
            assert [("n1", "seen"), ("", "cut")] == [
                event[1:3] for event in sim.history if event.kind in ("seen", "cut")
            ]
            assert {"a": "n1", "b": "n2", "one_way": False} == sim.history[-1].data
            assert [] == sim.check()

    run(main)


def test_leaving_the_block_checks_the_history() -> None:
    async def main(check: bool, fails: bool = False) -> None:
        async with SimulatedCluster(1, check=check) as sim:
            sim.note("member_down", of="n9", incarnation=4, reason="timeout")
            if fails:
                raise LookupError

    with pytest.raises(
        HistoryViolation, match=r"R8 at .*'n9': test received MemberDown of n9#4, which was not up"
    ) as found:
        run(lambda: main(True))
    assert ["R8"] == [violation.rule for violation in found.value.violations]
    run(lambda: main(False))
    with pytest.raises(LookupError):
        run(lambda: main(True, True))


def test_views_that_do_not_agree_are_told() -> None:
    async def main() -> None:
        async with SimulatedCluster(2) as sim:
            sim.cut("n1", "n2")
            with pytest.raises(TimeoutError, match="n1 sees n1, n2, and reaches n1"):
                await sim.converge(timeout=0.1)
            sim["n1"].cluster.disconnect("n2")
            sim.heal()
            await sim.converge()
            assert {"n1": ["n1"], "n2": ["n2"]} == seen(sim)

    run(main)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda sim: SimulatedCluster(0), "expected a number or different names"),
        (lambda sim: SimulatedCluster(["a", "a"]), "expected a number or different names"),
        (lambda sim: sim["n9"], "no member 'n9' runs here; try one of n1, n2"),
        (lambda sim: sim.kill("n9"), "no member 'n9' runs here"),
        (lambda sim: sim.partition(["n1"]), "expected two sides"),
        (lambda sim: sim.drop("n1", "n2", 5), "expected 0.0 to 1.0, got 5"),
        (lambda sim: sim.delay("n1", "n2", -1), "expected 0 or more, got -1"),
        (lambda sim: sim.heal("n1"), "expected two members or none"),
    ],
)
def test_bad_arguments(wrong: Any, text: str) -> None:
    async def main() -> None:
        async with SimulatedCluster(2) as sim:
            with pytest.raises(BadArgument, match=text):
                wrong(sim)
            with pytest.raises(BadArgument, match="it is running"):
                await sim.start("n1")

    run(main)


def test_fifty_members_form_part_and_heal_with_few_messages() -> None:
    async def main() -> None:
        async with SimulatedCluster(50, settings=Settings(heartbeat=1, dead=2)) as sim:
            sent = sum(event.kind == "sent" for event in sim.history)
            assert sent < 4 * 50 * 49  # each member sends each other one some messages, not one about each third
            sim.partition(sim.names[:5], sim.names[5:])
            await sim.converge()
            assert 45 == len(sim.view("n50").members)
            sim.heal()
            await sim.converge()
            assert 50 == len(sim.view("n1").members)

    Scheduler(seed=1, inline=True).run(main)


def test_converge_waits_for_tables_of_members_that_see_different_members() -> None:
    """Only the tables of members that see the same members were compared."""

    async def own() -> None:
        await DistributedRegistry.register("topics", "news")
        await otp.receive()

    async def main() -> None:
        topics = DistributedRegistry.child_spec(name="topics", keys="duplicate")
        async with SimulatedCluster(3, children=[topics]) as sim:
            sim["n1"].cluster.disconnect("n3")
            sim.cut("n1", "n2")
            await advance(LOST)
            sim.spawn("n1", own)
            await advance(1)
            sim.heal()
            sim.delay("n1", "n2", 0.2)
            await sim.converge()
            assert [["n1"], ["n1"], []] == [
                [pid.node for pid in sim.view(at).registries["topics"].get("news", [])] for at in sim.alive
            ]

    run(main)


SHORT_HISTORY = """
from otp.testing import Scheduler, SimulatedCluster, advance

async def main():
    async with SimulatedCluster(6) as sim:
        sim.kill("n2")
        await sim.stop("n3")
        await sim.converge()
        return sim.history

print(Scheduler(seed=1).run(main))
"""


def test_a_seed_gives_the_same_history_with_other_hashes_of_texts() -> None:
    """Members greeted each other in the order of a set."""
    histories = {
        subprocess.check_output(
            [sys.executable, "-c", SHORT_HISTORY], env=os.environ | {"PYTHONHASHSEED": str(hashes)}, timeout=60
        )
        for hashes in range(3)
    }
    assert 1 == len(histories)
