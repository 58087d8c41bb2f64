"""The rules of `node.wait_registered`: names of nodes and registries, and waits that cannot succeed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from first_process import first_process
from otp import Agent, BadArgument, Children, PartitionSupervisor, Registry, Supervisor, impl, testing

ROOM = Registry.via("rooms", "lobby")


class Tree(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Registry.child_spec(keys="unique", name="rooms")])


def waiting_for(name: Any, timeout: Any = "infinity") -> asyncio.Task[otp.Pid]:
    return asyncio.ensure_future(otp.node().wait_registered(name, timeout))


@first_process
async def test_a_key_of_a_registry_is_waited_for() -> None:
    """The wait compared the key with the names of the node, so it never returned."""
    await Registry.start_link(keys="unique", name="rooms")
    waiting = waiting_for(ROOM)
    other = await Agent.start(dict, name=Registry.via("rooms", "hall"))
    await testing.wait_all_idle()
    assert not waiting.done()
    room = await Agent.start(dict, name=ROOM)
    assert room == await waiting
    assert room == await otp.node().wait_registered(ROOM)
    assert other != room
    assert {} == otp.node().awaited  # type: ignore[attr-defined]


@first_process
async def test_a_registry_with_partitions_is_waited_for_like_any() -> None:
    await Registry.start_link(keys="unique", name="rooms", partitions=4)
    waiting = [waiting_for(Registry.via("rooms", key)) for key in range(8)]
    await testing.wait_all_idle()
    rooms = [await Agent.start(dict, name=Registry.via("rooms", key)) for key in range(8)]
    assert rooms == [await one for one in waiting]


@first_process
async def test_a_registry_that_a_partition_keeps_is_waited_for() -> None:
    await PartitionSupervisor.start_link(
        Registry.child_spec(keys="unique", name="rooms"), name="registries", partitions=1
    )
    via = Registry.via(PartitionSupervisor.via("registries", "lobby"), "lobby")
    waiting = waiting_for(via)
    await testing.wait_all_idle()
    assert await Agent.start(dict, name=via) == await waiting


@first_process
async def test_a_registry_that_does_not_run_yet_is_waited_for() -> None:
    waiting = waiting_for(ROOM)
    await testing.wait_all_idle()
    await Registry.start_link(keys="unique", name="rooms")
    assert await Agent.start(dict, name=ROOM) == await waiting


@first_process
async def test_a_registry_that_restarts_is_waited_for() -> None:
    await Tree.start_link()
    waiting = waiting_for(ROOM)
    await testing.wait_all_idle()
    first = otp.whereis("rooms")
    assert first is not None
    otp.exit(first, "kill")
    await otp.node().wait_registered("rooms")
    assert first != otp.whereis("rooms")
    assert await Agent.start(dict, name=ROOM) == await waiting


@first_process
async def test_a_wait_for_a_key_ends_with_its_time() -> None:
    await Registry.start_link(keys="unique", name="rooms")
    with pytest.raises(TimeoutError, match=r"took the name Registry.via\('rooms', 'lobby'\) within 2 s"):
        await otp.node().wait_registered(ROOM, timeout=2)
    assert 2.0 == otp.monotonic()
    assert {} == otp.node().awaited  # type: ignore[attr-defined]


@first_process
async def test_a_registry_given_by_its_pid_ends_the_wait_with_its_own_end() -> None:
    registry = await Registry.start_link(keys="unique", name="rooms")
    otp.unlink(registry)
    via = Registry.via(registry, "lobby")
    waiting = waiting_for(via)
    await testing.wait_all_idle()
    otp.exit(registry, "kill")
    with pytest.raises(BadArgument, match="has ended"):
        await waiting
    with pytest.raises(BadArgument, match="expected the name of a running registry"):
        await otp.node().wait_registered(via)
    assert {} == otp.node().awaited  # type: ignore[attr-defined]


@first_process
async def test_a_key_that_no_process_can_take_is_refused() -> None:
    await Registry.start_link(keys="duplicate", name="topics")
    await Agent.start(dict, name="agent")
    for name, told in (
        (Registry.via("topics", "news"), "expected a registry with keys='unique'"),
        (Registry.via("agent", "news"), "which is not a registry"),
        (PartitionSupervisor.via("agents", "ada"), "expected a name or Registry.via"),
        (otp.self(), "expected a pid, a name"),
    ):
        with pytest.raises(BadArgument, match=told):
            await otp.node().wait_registered(name)  # type: ignore[arg-type]


def test_each_node_is_asked_for_its_own_registry() -> None:
    async def main() -> None:
        async with otp.Node("a") as a, otp.Node("b") as b:
            for node in (a, b):
                await node.start(Tree)
            here = asyncio.ensure_future(a.wait_registered(ROOM))
            there = asyncio.ensure_future(a.wait_registered(Registry.via(("rooms", "b"), "lobby")))
            by_pair = asyncio.ensure_future(a.wait_registered(("till", "b")))

            async def start_in(name: Any) -> None:
                await Agent.start(dict, name=name)

            a.spawn(start_in, ROOM)
            b.spawn(start_in, ROOM)
            b.spawn(start_in, "till")
            assert ("a", "b", "b") == ((await here).node, (await there).node, (await by_pair).node)
            assert b.whereis("till") == await by_pair == await a.wait_registered(("till", b))

    asyncio.run(main())


@pytest.mark.parametrize("name", ["till", ("till", "b"), ROOM, Registry.via(("rooms", "b"), "lobby")], ids=repr)
def test_the_end_of_the_node_ends_the_wait(name: Any) -> None:
    """A wait for a name of a node that had closed never returned."""

    async def main() -> None:
        async with otp.Node("b") as b:
            waiting = asyncio.ensure_future(b.wait_registered(name))
            await asyncio.sleep(0)
            assert not waiting.done()
        with pytest.raises(BadArgument, match="node 'b' is closed"):
            await waiting
        if not isinstance(name, tuple):
            with pytest.raises(BadArgument, match=r"node 'b' is closed|no node 'b' here"):
                await b.wait_registered(name)

    asyncio.run(main())
