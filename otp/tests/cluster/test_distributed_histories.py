"""Random histories of distributed registries and supervisors: no rule is broken, and planted bugs are found."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pytest

import otp
from distributed_children import Counter, Stateful
from many_seeds import share_of
from otp import GenServer
from otp.behaviours.registry.registry import AlreadyRegistered
from otp.cluster import DistributedRegistry, DistributedSupervisor
from otp.cluster.claims import Claims
from otp.cluster.entries import Entries
from otp.cluster.placements import Placements
from otp.cluster.simulation import SimulatedCluster, Violation
from random_faults import find_violations, quietly, run_long_history, run_rejoining_history

CHILDREN = [
    DistributedRegistry.child_spec(name="rooms"),
    DistributedRegistry.child_spec(name="topics", keys="duplicate"),
    DistributedSupervisor.child_spec(name="workers", max_restarts=1000),
]
LEAST_LOADED = [
    *CHILDREN[:2],
    DistributedSupervisor.child_spec(name="workers", max_restarts=1000, placement="least_loaded"),
]


async def _own(registry: str, key: Any) -> None:
    with suppress(AlreadyRegistered, TimeoutError):
        await DistributedRegistry.register(registry, key)
        if await otp.receive() == "unregister":
            await DistributedRegistry.unregister(registry, key)
            await otp.receive()


def change_registries(sim: SimulatedCluster, draw: random.Random) -> None:
    """Register a key, or let an owner go."""
    at, key = draw.choice(sim.alive), draw.choice("abcdefgh")
    table = draw.choice(["rooms", "rooms", "topics"])
    if draw.random() < 0.6:
        sim.spawn(at, _own, table, key)
        return
    found = sim.view(at).registries.get(table, {}).get(key)
    if found:
        otp.send(found[0] if isinstance(found, list) else found, draw.choice(["end", "unregister"]))


def change_supervisors(sim: SimulatedCluster, draw: random.Random) -> None:
    """Start a child, end one, let one crash, or move some."""
    at, id = draw.choice(sim.alive), draw.choice("abcdefgh")
    choice = draw.random()
    if choice < 0.5:
        restart = draw.choice(["permanent", "permanent", "transient", "temporary"])
        kind = draw.choice([Counter, Stateful])
        child = kind.child_spec(0, id=id, restart=restart)
        sim.spawn(at, lambda: quietly(DistributedSupervisor.start_child, child, on=draw.choice([None, *sim.names])))
    elif choice < 0.6:
        sim.spawn(at, quietly, DistributedSupervisor.terminate_child, id)
    elif choice < 0.65:
        sim.spawn(at, quietly, DistributedSupervisor.rebalance)
    elif (pid := sim.view(at).supervisors.get("workers", {}).get(id)) is not None:
        sim.spawn(at, GenServer.cast, pid, draw.choice(["crash", "normal"]))


def change_some(sim: SimulatedCluster, draw: random.Random) -> None:
    draw.choice([change_registries, change_supervisors])(sim, draw)


def history(seed: int) -> list[Violation]:
    children = LEAST_LOADED if seed % 2 else CHILDREN
    Counter.ended.clear()  # reasons name processes, and these keep their whole cluster alive
    return run_long_history(seed, change_some, children, allow=[Counter, Stateful], settle=0.5)


@pytest.mark.parametrize(
    "first", [0, 5, *(pytest.param(first, marks=pytest.mark.repeated) for first in range(10, 50, 5))]
)
def test_no_rule_is_broken_whatever_goes_wrong(first: int) -> None:
    for seed in range(first, first + 5):
        assert [] == history(seed), f"seed {seed}"


def test_an_orphan_starts_though_the_member_that_granted_it_left_before_the_start_failed() -> None:
    """Regression: members kept the grant of a start that had failed, and waited for it without end."""
    assert [] == history(3492)


def test_no_rule_is_broken_by_nodes_that_join_again() -> None:
    for seed in range(12):
        found = run_rejoining_history(seed, change_some, CHILDREN, allow=[Counter, Stateful], settle=0.5)
        assert [] == found, f"seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize("first", share_of(range(100, 2_100, 10)))
def test_no_rule_is_broken_in_two_thousand_histories(first: int) -> None:
    for seed in range(first, first + 10):
        assert [] == history(seed), f"seed {seed}"


# Planted bugs


def short(seed: int) -> list[Violation]:
    return run_long_history(
        seed, change_some, CHILDREN, operations=60, faults=6, seconds=15, allow=[Counter, Stateful], settle=0.5
    )


disagreement = SimulatedCluster._disagreement
SEEDS = range(100)


def members_only(sim: Any) -> str | None:
    """Compare members, as a simulation without tables would."""
    found = disagreement(sim)
    return None if found is not None and ("table" in found or "settle" in found) else found


def test_r1_finds_an_owner_that_ignores_a_lost_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Claims, "_lose", lambda *_: None)
    assert find_violations("R1", SEEDS, short) is not None


@pytest.mark.parametrize("entries", [Claims, Entries])
@pytest.mark.parametrize("rule", ["R2", "R7"])
def test_r2_and_r7_find_entries_that_are_not_listed_after_a_partition(
    monkeypatch: pytest.MonkeyPatch, entries: Any, rule: str
) -> None:
    monkeypatch.setattr(entries, "send_all", lambda *_: None)
    monkeypatch.setattr(SimulatedCluster, "_disagreement", members_only)
    assert find_violations(rule, SEEDS, short) is not None


def test_r3_finds_a_conflict_that_both_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    enter = Claims._enter

    def lose_always(self: Any, key: Any, claim: Any) -> None:
        mine = self._claims.get(key, {}).get(self._membership.me.name)
        if mine is not None and mine.pid is not claim.pid:
            self._lose(key, mine.pid, claim.pid, mine.time)
        enter(self, key, claim)

    monkeypatch.setattr(Claims, "_enter", lose_always)
    assert find_violations("R3", SEEDS, short) is not None


def test_r4_finds_children_that_do_not_start_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Placements, "_place", lambda *_: None)
    assert find_violations("R4", SEEDS, short) is not None


def test_r4_finds_children_that_start_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    decide = Placements._decide

    def wait(self: Any) -> None:
        self._decide = lambda: decide(self)
        self._timer = self._loop.call_later(5, self._decide)

    monkeypatch.setattr(Placements, "_decide", wait)
    seeds = range(60, 160)  # in only a few histories must a late child run by then
    assert find_violations("R4", seeds, short) is not None


def test_r4_finds_a_child_that_runs_on_after_a_lost_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    init = Placements.__init__
    monkeypatch.setattr(Placements, "__init__", lambda self, *args: init(self, *args[:-1], lambda *_: None))
    assert find_violations("R4", SEEDS, short) is not None
