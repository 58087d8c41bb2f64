"""Distributed registries and supervisors: what type checkers are promised."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, assert_type

import otp
from otp import AlreadyRegistered, ChildSpec, DynamicSupervisor, Entry, GenServer, Pid, RegistryEntry
from otp.cluster import (
    Cluster,
    DistributedRegistry,
    DistributedSupervisor,
    DistributedVia,
    Drained,
    LeaseUnavailable,
    Member,
    Singleton,
)


async def registries(cluster: Cluster) -> None:
    assert_type(await DistributedRegistry.start_link(name="rooms", keys="duplicate"), Pid)
    assert_type(await DistributedRegistry.register("rooms", ("lobby", 1), {"seats": 3}, timeout="infinity"), Pid)
    many = await DistributedRegistry.register_many("rooms", [("lobby", 1), (7, None)])
    assert_type(many, dict[Hashable, AlreadyRegistered | LeaseUnavailable | None])
    assert_type(
        await DistributedRegistry.update_value("rooms", "lobby", lambda seats: seats + 1), tuple[Any, Any] | None
    )
    assert_type(await DistributedRegistry.unregister("rooms", "lobby"), None)
    assert_type(DistributedRegistry.lookup("rooms", "lobby"), list[Entry])
    assert_type(DistributedRegistry.select("rooms", lambda key, entry: entry.value > key), list[RegistryEntry])
    assert_type(DistributedRegistry.via("rooms", "lobby"), DistributedVia)
    await GenServer.call(DistributedRegistry.via("rooms", "lobby"), "hello")
    assert_type(DistributedRegistry.child_spec(name="rooms"), ChildSpec)
    assert_type(cluster.settle, float)
    await DistributedRegistry.start_link(name="rooms", keys="some")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    DistributedRegistry.register("rooms", "lobby")  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]


def first(id: Any, members: list[Member]) -> Member:
    return members[0]


async def supervisors(pid: Pid) -> None:
    assert_type(await DistributedSupervisor.start_link(name="workers", placement=first, settle=0.5), Pid)
    assert_type(await DistributedSupervisor.terminate_child("workers", pid), None)
    assert_type(DistributedSupervisor.whereis("workers", "w1"), Pid | None)
    assert_type((await DistributedSupervisor.count_children("workers")).active, int)
    assert_type([child.id for child in await DistributedSupervisor.which_children("workers")], list[Hashable])
    assert_type(await DistributedSupervisor.rebalance("workers"), Drained)
    assert_type(Singleton.child_spec(DynamicSupervisor, name="lobby"), ChildSpec)
    otp.Children([Singleton.child_spec((DynamicSupervisor, None), name="lobby")])
    await DistributedSupervisor.start_link(name="s", placement="random")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
