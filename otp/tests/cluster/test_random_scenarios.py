"""Random faults end in one table and one process for each child, on the simulator and on real members."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tools.postgres import Postgres

from otp.cluster.scenarios import play, play_real
from otp.testing import Scheduler
from random_scenarios import failures, random_scenario

PROGRAM = Path(__file__).parents[3] / "examples" / "scenarios" / "worker_moves.py"


@pytest.mark.parametrize("seed", range(20))
def test_on_the_simulator(seed: int) -> None:
    scenario = random_scenario(seed, PROGRAM)
    assert [] == failures(scenario, Scheduler(seed=seed).run(lambda: play(scenario)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_on_real_members(seed: int) -> None:
    scenario = random_scenario(seed, PROGRAM)
    assert [] == failures(scenario, asyncio.run(play_real(scenario)))


@pytest.mark.program
def test_one_on_real_members() -> None:
    scenario = random_scenario(20, PROGRAM)
    assert [] == failures(scenario, asyncio.run(play_real(scenario)))


@pytest.mark.parametrize("seed", range(20))
def test_with_leases_on_the_simulator(seed: int) -> None:
    scenario = random_scenario(seed, PROGRAM, leases=True)
    assert [] == failures(scenario, Scheduler(seed=seed).run(lambda: play(scenario)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_with_leases_on_real_members(seed: int, postgres: Postgres) -> None:
    scenario = random_scenario(seed, PROGRAM, leases=True)
    assert [] == failures(scenario, asyncio.run(play_real(scenario, {"dsn": postgres.new_database()})))
