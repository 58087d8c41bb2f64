"""The start of the six counters: members that start together place them once."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import pytest

from otp.cluster.simulation import SimulatedCluster
from otp.testing import Scheduler, advance
from superlearner.demo.counters import COUNTERS, NAMES, CounterTree, DemoCounter

SETTLE = 1.0


def cluster(*members: str) -> SimulatedCluster:
    children = [CounterTree.child_spec(None, id="counter_tree")]
    return SimulatedCluster(members, children=children, allow=[DemoCounter], settle=SETTLE)


def places(sim: SimulatedCluster, at: str) -> Counter[str]:
    return Counter(pid.node for pid in sim.view(at).supervisors[COUNTERS].values())


def run(main: Any, seed: int = 1) -> None:
    Scheduler(seed=seed).run(main)


@pytest.mark.parametrize("seed", range(5))
def test_members_that_start_before_they_see_each_other_place_the_counters_without_a_conflict(
    seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def main() -> None:
        async with cluster("m1") as sim:
            sim.partition("m1", "m2", "m3")
            await sim.start("m2")
            await sim.start("m3")
            await advance(SETTLE / 4)
            sim.heal()
            await advance(3 * SETTLE)
            await sim.converge()
            assert {"m1": 2, "m2": 2, "m3": 2} == places(sim, "m2")
            assert [] == [event for event in sim.history if event.kind == "conflict"]

    run(main, seed)
    assert [] == [record.getMessage() for record in caplog.records if "conflict" in record.getMessage()]


def test_a_member_alone_starts_all_counters_after_the_settle_delay() -> None:
    async def main() -> None:
        async with cluster("m1") as sim:
            await advance(SETTLE + 0.1)
            assert {"m1": len(NAMES)} == places(sim, "m1")

    run(main)


def test_a_member_that_joins_while_the_counters_run_takes_its_share_at_once() -> None:
    async def main() -> None:
        async with cluster("m1") as sim:
            await advance(2 * SETTLE)
            await sim.start("m2")
            await advance(SETTLE / 2)
            assert {"m1": 3, "m2": 3} == places(sim, "m1")

    run(main)
