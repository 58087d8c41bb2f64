"""A node accepts others over several transports, each with its own rights."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from typing import Any

import pytest

import otp
from otp import GenServer, Ok, Reply, impl
from otp.distribution import Distribution, NodeId, Session, SessionTransport
from otp.distribution.carriers.simulated import SimulatedNetwork
from otp.testing import Scheduler


class Desk(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Any:
        return Reply(state, state)


async def node(stack: AsyncExitStack, network: SimulatedNetwork, name: str) -> tuple[otp.Node, Distribution]:
    """A node that comes by this network."""
    found = await stack.enter_async_context(otp.Node(name))
    distribution = Distribution(found, transport(network, NodeId(name, 7)))
    return found, await stack.enter_async_context(distribution)


def transport(network: SimulatedNetwork, me: NodeId) -> SessionTransport:
    return SessionTransport(network.carrier(me), Session(me, b"cookie"))


def test_who_comes_by_another_transport_has_its_rights_only() -> None:
    async def main() -> None:
        near, far = SimulatedNetwork(), SimulatedNetwork()
        async with AsyncExitStack() as stack:
            a, at_a = await node(stack, near, "a")
            _, at_b = await node(stack, near, "b")
            desk = await a.start(Desk, 1, name="desk")
            second = transport(far, NodeId("a", 7))
            await at_a.attach(second, services={"service": desk}, confined=True)
            _, at_c = await node(stack, far, "c")
            await at_a.wait_connected("b")
            await at_a.wait_connected("c")
            await at_b.wait_connected("a")
            await at_c.wait_connected("a")
            assert desk == at_a.pid("a", 7, desk.id)
            assert await at_b.whereis("desk", "a") is not None
            assert (None, True) == (await at_c.whereis("desk", "a"), await at_c.whereis("service", "a") is not None)
            await at_a.detach(second)
            assert ["b"] == at_a.nodes()

    Scheduler(seed=0).run(main)


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_name_that_is_taken_is_refused_to_who_comes_by_another_transport(name: str, caplog: Any) -> None:
    async def main() -> None:
        near, far = SimulatedNetwork(), SimulatedNetwork()
        async with AsyncExitStack() as stack:
            _, at_a = await node(stack, near, "a")
            _, at_b = await node(stack, near, "b")
            await at_a.wait_connected("b")
            await at_a.attach(transport(far, NodeId("a", 7)))
            door = at_a._doors[1]
            door.node_up(NodeId(name, 99), 1)
            assert ["b"] == at_a.nodes()
            door.signal(NodeId("b", 7), b"nonsense")
            door.node_down(NodeId("b", 7), "leave")
            assert ["b"] == at_a.nodes()
            assert at_a._up["b"].id == at_b.transport.me

    with caplog.at_level(logging.ERROR, "otp"):
        Scheduler(seed=0).run(main)
    assert f"node {name}#99 is refused by a: the name is taken" in caplog.text


def test_a_transport_of_another_creation_is_refused() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            _, at_a = await node(stack, SimulatedNetwork(), "a")
            with pytest.raises(otp.BadArgument, match=r"try NodeId\(node.name, node.creation\)"):
                await at_a.attach(transport(SimulatedNetwork(), NodeId("a", 8)))

    Scheduler(seed=0).run(main)
