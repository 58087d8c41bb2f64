"""Nodes that reach each other over Zenoh on this machine: real sockets, and what machines and strangers do to them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import zenoh

from otp.distribution import NodeId, Session, SessionTransport, Settings
from otp.distribution.carriers.zenoh import ZenohCarrier, settings_for
from otp.distribution.carriers.zenoh_settings import config_for

A, B = NodeId("a", 1), NodeId("b", 1)
PATIENT = settings_for(Settings(heartbeat=10.0, dead=60.0))
HASTY = settings_for(Settings(heartbeat=0.1, dead=0.5))
PROGRAM = """
import asyncio, sys
from otp.distribution import NodeId, Session, SessionTransport
from otp.distribution.carriers.zenoh import ZenohCarrier, settings_for
from otp.distribution.settings import Settings
class Echo:
    node_up = node_down = lambda self, *_: None
    def signal(self, node, data):
        transport.send(node, data)
async def main():
    global transport
    session = Session(NodeId("b", int(sys.argv[2])), b"s", settings_for(Settings(heartbeat=0.1, dead=0.5)))
    transport = SessionTransport(ZenohCarrier(sys.argv[1]), session)
    await transport.start(Echo())
    await asyncio.Event().wait()
asyncio.run(main())
"""


class Told:
    """The events of a transport, in order; `await told()` returns the next one."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    def node_up(self, node: NodeId, epoch: int) -> None:
        self.queue.put_nowait(("up", node))

    def signal(self, node: NodeId, data: bytes) -> None:
        self.queue.put_nowait(data)

    def node_down(self, node: NodeId, reason: str) -> None:
        self.queue.put_nowait(("down", node, reason))

    async def __call__(self) -> Any:
        return await self.queue.get()


class Heard:
    """The frames and hints of a carrier, in order; `await heard()` returns the next one."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    async def start(self, carrier: ZenohCarrier, me: NodeId) -> ZenohCarrier:
        await carrier.start(me, lambda *frame: self.queue.put_nowait(frame), lambda *hint: self.queue.put_nowait(hint))
        return carrier

    async def __call__(self) -> Any:
        return await self.queue.get()


@pytest.fixture
def group() -> str:
    return secrets.token_hex(8)


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 30))


async def joined(carrier: ZenohCarrier, me: NodeId, settings: Settings = PATIENT) -> tuple[SessionTransport, Told]:
    told = Told()
    transport = SessionTransport(carrier, Session(me, b"s", settings))
    await transport.start(told)
    return transport, told


def stranger(group: str, **more: Any) -> zenoh.Session:
    """A session of Zenoh without a carrier, which may say what it likes."""
    import json

    config = zenoh.Config()
    for key, value in {**config_for(group, "tcp/127.0.0.1:0", [], "lo", None), **more}.items():
        config.insert_json5(key, json.dumps(value))
    return zenoh.open(config)


# finding and sending


def test_two_nodes_find_each_other_and_signals_of_all_sizes_keep_their_order(group: str) -> None:
    signals = [bytes(size % 251 for size in range(count)) for count in (0, 1, 100, 65_536, 65_537, 3_000_000, 5, 0)]

    async def main() -> None:
        (a, at_a), (b, at_b) = await joined(ZenohCarrier(group), A), await joined(ZenohCarrier(group), B)
        assert (("up", B), ("up", A)) == (await at_a(), await at_b())
        assert all(a.send(B, signal) and b.send(A, signal) for signal in signals)
        assert signals == [await at_a() for _ in signals] == [await at_b() for _ in signals]
        await a.stop()
        assert ("down", B, "disconnect") == await at_a()
        assert ("down", A, "leave") == await at_b()
        await b.stop()

    run(main)
