"""The links of the Zenoh carrier: sockets that close at once, and nodes that have lost each other."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
import zenoh

from otp.distribution import NodeId
from otp.distribution.carriers import zenoh as carrier_module
from otp.distribution.carriers.lingering import borrowed, close_without_waiting
from otp.distribution.carriers.zenoh import ZenohCarrier

A, B = NodeId("a", 1), NodeId("b", 1)
TEN_S = struct.pack("ii", 1, 10)


def lingers(one: socket.socket) -> int:
    return struct.unpack("ii", one.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))[0]


def locator(address: tuple[Any, ...]) -> str:
    host, port = address[:2]
    return f"tcp/[{host}]:{port}" if ":" in host else f"tcp/{host}:{port}"


@pytest.fixture(params=["127.0.0.1", "::1"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.create_server((request.param, 0), family=family) as server:
        here = socket.create_connection(server.getsockname()[:2])
        there, _ = server.accept()
        with here, there:
            for each in (here, there):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, TEN_S)
            yield here, there


def test_a_socket_is_found_by_its_addresses_and_closes_at_once(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    before = set(os.listdir("/dev/fd"))
    assert 1 == close_without_waiting([(locator(here.getsockname()), locator(here.getpeername()))])
    assert (0, 1) == (lingers(here), lingers(there)), "the other end is a socket of its own"
    assert before == set(os.listdir("/dev/fd"))
    with open(os.devnull) as no_socket, pytest.raises(OSError, match="socket"):
        borrowed(no_socket.fileno()).__enter__()
    assert before == set(os.listdir("/dev/fd"))
    here.sendall(b"still open")
    assert b"still open" == there.recv(100)


@pytest.mark.parametrize("target", ["tcp/127.0.0.1:9", "udp/127.0.0.1:9", "tcp/example.org:9", "", "tls/[::1]:9?x=1#y"])
def test_addresses_without_a_socket_change_nothing(target: str) -> None:
    assert 0 == close_without_waiting([("tcp/127.0.0.1:8", target)])


def all_linked(carrier: ZenohCarrier) -> list[Any]:
    session = carrier._session
    assert session is not None
    return session.info.links()


async def met(carrier: ZenohCarrier, me: NodeId) -> asyncio.Queue[tuple[NodeId, bool]]:
    hints: asyncio.Queue[tuple[NodeId, bool]] = asyncio.Queue()
    await carrier.start(me, lambda *_: None, lambda *hint: hints.put_nowait(hint))
    return hints


def test_no_link_holds_a_thread_when_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Zenoh would hold one of its threads for ten seconds for each link to a lost network."""
    monkeypatch.setattr(carrier_module, "LOOK_EVERY", 0.01)

    async def main() -> None:
        found: asyncio.Queue[int] = asyncio.Queue()

        def seen(links: Any) -> int:
            number = close_without_waiting(links)
            found.put_nowait(number)
            return number

        monkeypatch.setattr(carrier_module, "close_without_waiting", seen)
        group = secrets.token_hex(8)
        one, two = ZenohCarrier(group, multicast=None), ZenohCarrier(group, multicast=None)
        hints = await met(one, A)
        await met(two, B)
        await one.connect(two.address)
        assert (B, True) == await hints.get()
        await found.get()
        while any(map(lingers, sockets())):  # links may still be on their way
            await found.get()
        await one.close()
        await two.close()

    asyncio.run(asyncio.wait_for(main(), 30))


def sockets() -> Iterator[socket.socket]:
    """Yield the connected sockets of this program."""
    for each in os.listdir("/dev/fd"):
        try:
            with borrowed(int(each)) as same:
                if same.family in (socket.AF_INET, socket.AF_INET6) and same.type == socket.SOCK_STREAM:
                    same.getpeername()
                    yield same
        except OSError:
            continue


def cut(link: Any) -> None:
    """Close a link of this program, as a network could."""
    ends = {link.src.partition("/")[2], link.dst.partition("/")[2]}
    for each in os.listdir("/dev/fd"):
        try:
            with borrowed(int(each)) as same:
                if {"{}:{}".format(*same.getsockname()), "{}:{}".format(*same.getpeername())} == ends:
                    same.shutdown(socket.SHUT_RDWR)
        except (OSError, TypeError, IndexError):
            continue


async def cut_all(hints: asyncio.Queue[tuple[NodeId, bool]], carrier: ZenohCarrier, other: ZenohCarrier) -> None:
    """Close all links between two nodes, of which there are one or two, until the first one has lost the other."""
    session, there = carrier._session, other._session
    assert session is not None
    assert there is not None
    loop, lost = asyncio.get_running_loop(), asyncio.Event()

    def changed(event: Any) -> None:
        if event.kind == zenoh.SampleKind.PUT and str(event.link.zid) == str(there.zid()) and not lost.is_set():
            loop.call_soon_threadsafe(cut, event.link)

    listener = session.info.declare_link_events_listener(changed, history=True)
    assert (B, False) == await hints.get()
    lost.set()
    listener.undeclare()


def test_nodes_that_lost_each_other_are_introduced_again() -> None:
    """Zenoh does not connect again with a node that it was introduced to."""

    async def main() -> None:
        group = secrets.token_hex(8)
        one, two = ZenohCarrier(group, multicast=None), ZenohCarrier(group, multicast=None)
        hints = await met(one, A)
        await met(two, B)
        await one.connect(two.address)
        assert (B, True) == await hints.get()
        await cut_all(hints, one, two)
        await one.connect(two.address)  # known: nothing to do
        await asyncio.gather(*(one.connect(two.address, again=True) for _ in range(5)))
        assert (B, True) == await hints.get()
        assert 2 == one._guides
        await one.close()
        await two.close()

    asyncio.run(asyncio.wait_for(main(), 30))
