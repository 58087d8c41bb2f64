"""Supervisors, registries and applications: what type checkers are promised."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Literal, assert_type

from otp import (
    Agent,
    Application,
    ChildInfo,
    Children,
    ChildSpec,
    Counts,
    DynamicSupervisor,
    Entry,
    GenServer,
    Ok,
    PartitionSupervisor,
    Pid,
    Registry,
    RegistryEntry,
    Shared,
    Supervisor,
    impl,
    whereis,
)


class Counter(GenServer[int]):
    @impl
    def init(self, arg: int) -> Ok[int]:
        return Ok(arg)


class Tree(Supervisor):
    @impl
    def init(self, arg: None) -> Children:
        return Children(
            [
                Counter,
                (Counter, 0),
                Counter.child_spec(Shared([0]), name="c", restart="transient", shutdown="brutal_kill"),
                ChildSpec("d", start=(Counter.start_link, 0), significant=True),
                {"id": "e", "start": (Counter.start_link, 0)},
            ],
            strategy="rest_for_one",
            max_restarts="infinity",
            auto_shutdown="any_significant",
        )


def specs() -> None:
    assert_type(Counter.child_spec(0, name="c", restart="transient"), ChildSpec)
    assert_type(ChildSpec("d", start=(Counter.start_link, 0)).replace(restart="temporary"), ChildSpec)
    Counter.child_spec(0, restart="always")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Counter.child_spec(0, shutdown="kill")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ChildSpec("d", start=Counter)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Children([Counter], strategy="one_for_some")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Children([3])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    Children([Counter], max_seconds="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def supervisors() -> None:
    sup = await Tree.start_link(None, name="tree")
    assert_type(sup, Pid)
    assert_type(await Supervisor.start_link_children([Counter]), Pid)
    assert_type(await Supervisor.which_children(sup), list[ChildInfo])
    assert_type(await Supervisor.count_children("tree"), Counts)
    assert_type((await Supervisor.count_children(sup)).active, int)
    assert_type(await Supervisor.get_childspec(sup, "id"), ChildSpec)
    assert_type(await Supervisor.start_child(sup, (Counter, 1)), Pid)
    assert_type(await Supervisor.start_child(sup, Counter.child_spec(1)), Pid | Any)
    assert_type(await Supervisor.restart_child(sup, "id"), Pid | Any)
    assert_type(await Supervisor.terminate_child(sup, "id"), None)
    assert_type(await Supervisor.delete_child(sup, "id"), None)
    assert_type(await Supervisor.stop(sup, "shutdown", "infinity"), None)
    for child in await Supervisor.which_children(sup):
        assert_type(child.id, Hashable)
        assert_type(child.pid, Pid | Literal["restarting"] | None)
    await Supervisor.which_children(whereis("tree"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await Supervisor.start_child(sup, 3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    Supervisor.terminate_child(sup, "id")  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]


async def dynamic_ones() -> None:
    rooms = await DynamicSupervisor.start_link(name="rooms", max_children=100)
    assert_type(rooms, Pid)
    assert_type(await DynamicSupervisor.start_child(rooms, Counter), Pid)
    assert_type(await DynamicSupervisor.which_children(rooms), list[ChildInfo])
    assert_type(await DynamicSupervisor.count_children("rooms"), Counts)
    assert_type(await DynamicSupervisor.terminate_child(rooms, rooms), None)
    await DynamicSupervisor.terminate_child(rooms, "id")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await DynamicSupervisor.start_link(max_children="many")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def partitions() -> None:
    assert_type(await PartitionSupervisor.start_link((Agent, dict), name="tills", partitions=2), Pid)
    assert_type(PartitionSupervisor.partitions("tills"), int)
    assert_type(await Agent.get(PartitionSupervisor.via("tills", "ada"), len), int)
    assert_type(await PartitionSupervisor.which_children("tills"), list[ChildInfo])
    await PartitionSupervisor.start_link((Agent, dict))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def registries(pid: Pid) -> None:
    assert_type(await Registry.start_link(keys="unique", name="rooms"), Pid)
    assert_type(Registry.register("rooms", "lobby", 1), Pid)
    assert_type(Registry.lookup("rooms", "lobby"), list[Entry])
    assert_type(Registry.lookup("rooms", "lobby")[0].pid, Pid)
    assert_type(Registry.keys("rooms", pid), list[Hashable])
    assert_type(Registry.select("rooms"), list[RegistryEntry])
    assert_type(Registry.select("rooms")[0].pid, Pid)
    assert_type(Registry.count("rooms"), int)
    assert_type(Registry.values("rooms", "lobby", pid), list[Any])
    assert_type(Registry.match("rooms", "lobby", ("de", ...)), list[Entry])
    Registry.dispatch("rooms", "lobby", lambda entries: len(entries))
    await Registry.start_link(keys="many", name="rooms")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Registry.register("rooms", ["lobby"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Registry.keys("rooms", "lobby")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


class Database(Application): ...


class Shop(Application):
    name = "shop"
    applications = (Database,)
    env = {"port": 4001}

    @impl
    async def start(self, kind: str, args: Any) -> Pid:
        return await Tree.start_link(None)


async def applications() -> None:
    assert_type(await Application.start(Shop, "permanent"), None)
    assert_type(await Application.ensure_all_started(Shop), list[str])
    assert_type(await Application.stop("shop"), None)
    assert_type((await Application.which_applications())[0].name, str)
    assert_type(Application.get_env(Shop, "port"), Any)
    await Application.start(Shop, "forever")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await Application.start(Counter)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
