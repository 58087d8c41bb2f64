"""Random histories of registries and supervisors in lease mode, with faults of the store: no rule is broken."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pytest

import otp
from distributed_children import Noting
from many_seeds import share_of
from otp import GenServer, StartError
from otp.behaviours.registry.registry import AlreadyRegistered
from otp.cluster import DistributedRegistry, DistributedSupervisor
from otp.cluster.claims import plain
from otp.cluster.lease_claims import LeaseClaims
from otp.cluster.leases import MemoryLeases
from otp.cluster.placed_state import PlacedState
from otp.cluster.simulation import SimulatedCluster, Violation
from otp.cluster.simulation.simulated_leases import STORE
from random_faults import find_violations, quietly, run_long_history, run_rejoining_history

CHILDREN = [
    DistributedRegistry.child_spec(name="rooms", consistency="lease"),
    DistributedRegistry.child_spec(name="topics", keys="duplicate"),
    DistributedSupervisor.child_spec(name="workers", max_restarts=1000, consistency="lease"),
]
LEAST_LOADED = [
    *CHILDREN[:2],
    DistributedSupervisor.child_spec(name="workers", max_restarts=1000, consistency="lease", placement="least_loaded"),
]


async def _own(sim: SimulatedCluster, key: Any) -> None:
    """Own a key, and note each message, or second, at which the owner begins to work."""
    with suppress(AlreadyRegistered, StartError):
        await DistributedRegistry.register("rooms", key)
        message, me = "work", otp.self()
        while message == "work":
            message = "work"
            with suppress(otp.ReceiveTimeout):
                message = await otp.receive(timeout=1)
            sim.note("handling", table=("registry", "rooms"), key=key, pid=plain(me))
        if message == "unregister":
            await DistributedRegistry.unregister("rooms", key)
            await otp.receive()


async def _share(key: Any) -> None:
    await DistributedRegistry.register("topics", key)
    await otp.receive()


def change_registry(sim: SimulatedCluster, draw: random.Random) -> None:
    """Register a key, or send an owner a message."""
    at, key = draw.choice(sim.alive), draw.choice("abcdefgh")
    choice = draw.random()
    if choice < 0.4:
        sim.spawn(at, _own, sim, key)
    elif choice < 0.5:
        sim.spawn(at, _share, key)
    elif choice < 0.6:
        for pid in sim.view(at).registries.get("topics", {}).get(key, ())[:1]:
            otp.send(pid, "end")
    elif pid := sim.view(at).registries.get("rooms", {}).get(key):
        otp.send(pid, draw.choice(["work", "work", "work", "end", "unregister"]))


def change_supervisor(sim: SimulatedCluster, draw: random.Random) -> None:
    """Start a child, end one, let one work or crash, or move some."""
    at, id = draw.choice(sim.alive), draw.choice("abcdefgh")
    choice = draw.random()
    if choice < 0.4:
        restart = draw.choice(["permanent", "permanent", "transient", "temporary"])
        child = Noting.child_spec(id, id=id, restart=restart)
        sim.spawn(at, lambda: quietly(DistributedSupervisor.start_child, child, on=draw.choice([None, *sim.names])))
    elif choice < 0.47:
        sim.spawn(at, quietly, DistributedSupervisor.terminate_child, id)
    elif choice < 0.52:
        sim.spawn(at, quietly, DistributedSupervisor.rebalance)
    elif (pid := sim.view(at).supervisors.get("workers", {}).get(id)) is not None:
        sim.spawn(at, GenServer.cast, pid, draw.choice(["work", "work", "work", "crash", "normal"]))


def change_some_or_the_store(sim: SimulatedCluster, draw: random.Random) -> None:
    """Let something go wrong between a member and the store of leases, or end that; mostly change a table."""
    Noting.note = sim.note
    member = draw.choice(sim.alive)
    match draw.choices(["cut", "part", "delay", "stall", "resume", "heal", ""], [2, 2, 1, 1, 2, 2, 120])[0]:
        case "cut":
            sim.cut(member, STORE)
        case "part":
            sim.partition(member, [*(name for name in sim.alive if name != member), STORE])
        case "delay":
            sim.delay(member, STORE, draw.uniform(0, 2))
        case "stall":
            sim.stall(STORE)
        case "resume":
            sim.resume(STORE)
        case "heal":
            sim.heal(member, STORE)
        case _:
            draw.choice([change_registry, change_supervisor])(sim, draw)


def history(seed: int, **options: Any) -> list[Violation]:
    children = LEAST_LOADED if seed % 2 else CHILDREN
    return run_long_history(
        seed, change_some_or_the_store, children, leases=True, allow=[Noting], settle=0.5, **options
    )


@pytest.mark.parametrize("first", [0, *(pytest.param(first, marks=pytest.mark.repeated) for first in range(6, 24, 6))])
def test_no_rule_is_broken_in_lease_mode(first: int) -> None:
    for seed in range(first, first + 6):
        assert [] == history(seed), f"seed {seed}"


def test_no_rule_is_broken_in_lease_mode_by_nodes_that_join_again() -> None:
    for seed in range(6):
        found = run_rejoining_history(seed, change_some_or_the_store, CHILDREN, leases=True, allow=[Noting], settle=0.5)
        assert [] == found, f"seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize("first", share_of(range(100, 600, 10)))
def test_no_rule_is_broken_in_five_hundred_histories_in_lease_mode(first: int) -> None:
    for seed in range(first, first + 10):
        assert [] == history(seed), f"seed {seed}"


# Planted bugs


disagreement = SimulatedCluster._disagreement


def members_only(sim: Any) -> str | None:
    """Compare members, as a simulation without tables would."""
    found = disagreement(sim)
    return None if found is not None and ("table" in found or "settle" in found) else found


def find(rule: str) -> int | None:
    return find_violations(rule, range(20), lambda seed: history(seed, seconds=30.0))


@pytest.mark.parametrize("owners", [(PlacedState, "kill_all"), (LeaseClaims, "end_owners")])
def test_r6_finds_owners_that_outlive_their_lease(monkeypatch: pytest.MonkeyPatch, owners: Any) -> None:
    monkeypatch.setattr(*owners, lambda _: None)
    monkeypatch.setattr(SimulatedCluster, "_disagreement", members_only)
    assert find("R6") is not None


def test_r6_finds_a_store_that_ends_sessions_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryLeases, "_is_open", lambda *_: False)
    monkeypatch.setattr(MemoryLeases, "_check", lambda *_: None)
    monkeypatch.setattr(SimulatedCluster, "_disagreement", members_only)
    assert find("R6") is not None
