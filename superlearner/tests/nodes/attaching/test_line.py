"""The connection to the backend of a service: two nodes over a pair of sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

import otp
from otp.distribution import Distribution, NodeId, Session, SessionTransport
from otp.distribution.carriers.stream import StreamCarrier
from superlearner.backend import serve
from superlearner.demo import DemoOneForOne
from superlearner.nodes.attaching.line import ServiceLink
from superlearner.nodes.remote import NodeGone
from superlearner.operations.rights.users import OWNER as ADMIN
from superlearner.web.live import source_of

Inside = Callable[..., Any]
TILL = "till@127.0.0.1"
BEHIND = "behind.till@127.0.0.1"


@asynccontextmanager
async def connected() -> AsyncIterator[Any]:
    """Yield a node, the connection to its hidden backend, and a way to end it."""
    gate, behind = socket.socketpair()
    async with otp.Node("gate@127.0.0.1") as a, otp.Node(TILL) as node, otp.Node(BEHIND, hidden=True) as b:
        services = {"backend": await serve(b, node)}
        ends = [
            SessionTransport(StreamCarrier.over_socket(end), Session(NodeId(named.name, 1), b"cookie"))
            for named, end in ((a, gate), (b, behind))
        ]
        one = Distribution(a, ends[0], confined=True)
        two = Distribution(b, ends[1], services=services)
        async with one, two:
            await one.wait_connected(BEHIND, timeout=10)
            backend = await one.whereis("backend", BEHIND)
            assert backend is not None
            yield node, ServiceLink(backend), two.stop


def test_operations_and_pages_work_over_a_distribution_until_the_node_is_gone(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with connected() as (node, line, cut):
            await node.start(DemoOneForOne, None, name="demo_one_for_one")
            found = await running.platform.nodes.attach_remote(TILL, line)
            killed = await running.client.delete("/api/v1/processes/counter_1", params={"node": TILL})
            assert killed.json()["data"]["terminated"], killed.text
            await node.wait_registered("counter_1")
            tree = await running.get("/api/v1/system/process-tree", params={"node": TILL})
            assert [root["name"] for root in tree["data"]["roots"]] == ["demo_one_for_one"]
            source = await source_of(running.platform, "supervisors", found, {}, ADMIN)
            viewer = source.attach()
            async with asyncio.timeout(5):
                assert json.loads(await viewer.next())["r"] == 1
            waiting = asyncio.ensure_future(running.client.get("/api/v1/system/topology", params={"node": TILL}))
            await cut()
            answer = await waiting
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "node_unavailable")
            with pytest.raises(NodeGone):
                await found.facts(5.0)
            source.detach(viewer)
            running.platform.nodes.detach(TILL)

    inside(test)
