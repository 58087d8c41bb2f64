"""Direct links that end or fail: they are dialled again while their nodes live, and end with their nodes."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from direct_sides import SECRET, A, B, Side, linked
from otp.distribution import NodeId, Session
from otp.distribution.actions import Down, Put
from otp.distribution.carriers import dialler as dialler_module
from otp.distribution.carriers import direct_links as links_module
from otp.distribution.carriers import limited_warnings
from otp.distribution.carriers.zenoh import ZenohCarrier


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 30))


def break_off(side: Side, node: NodeId) -> None:
    """End a link as the system could, without an effect on the node at the other end."""
    side.links._links[node]._socket.shutdown(socket.SHUT_RDWR)


class Relay(asyncio.Protocol):
    """One side of a stranger who relays: what it receives goes out through the `other` one."""

    transport: Any = None
    other: Relay | None = None
    held = b""

    def __init__(self, ended: asyncio.Event) -> None:
        self.ended = ended

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self.held += data
        else:
            self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None:
            self.other.transport.close()
        self.ended.set()


def refusing() -> str:
    """Return an address of this machine at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"127.0.0.1:{closed.getsockname()[1]}"


async def relinked(a: Side, b: Side) -> None:
    """Return when two nodes have a new link."""
    assert (await a.switches.get())[1] == (await b.switches.get())[1]


def test_a_link_that_ends_is_dialled_again_and_no_living_node_counts_as_closed() -> None:
    async def main() -> None:
        a, b, _ = await linked()
        for side, node in ((a, B), (b, A), (a, B)):
            break_off(side, node)
            await relinked(a, b)
        assert a.closed.empty()
        assert b.closed.empty()
        a.links.close()
        b.links.close()

    run(main)


def test_a_node_that_refused_a_link_is_dialled_again_after_a_growing_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialler_module, "SHORTEST_S", 0.01)
    monkeypatch.setattr(dialler_module, "LONGEST_S", 0.05)

    async def main() -> None:
        a, b = Side(A), Side(B)
        pauses, refusals = list[float](), 6
        again = a.links._dialler._again

        def seen(node: NodeId, known: Any) -> None:
            pauses.append(known.pause)
            if len(pauses) == refusals:
                monkeypatch.setattr(links_module, "LINKS", 256)
            again(node, known)

        a.links._dialler._again = seen
        monkeypatch.setattr(links_module, "LINKS", 0)
        a.links.dial(B, b.announced)
        await relinked(a, b)
        assert [0.0, 0.01, 0.02, 0.04, 0.05, 0.05] == pauses
        a.links.close()
        b.links.close()

    run(main)


def test_an_address_that_refuses_after_its_link_belongs_to_a_node_that_has_ended_seen_from_both_sides() -> None:
    async def main() -> None:
        for ends in (A, B):
            a, b, _ = await linked()
            await b.tried.wait()
            gone, stays = (a, b) if ends == A else (b, a)
            gone.links.close()
            assert ends == await stays.closed.get()
            assert {} == stays.links._dialler._nodes, "nothing is left to dial"
            assert not stays.links.put(ends, b"")
            stays.links.close()

    run(main)


def test_a_forged_address_is_not_the_one_that_a_link_proves() -> None:
    async def main() -> None:
        a, b = Side(A), Side(B)
        address = refusing()
        forged = [f"{address}/{side.announced.partition('/')[2]}" for side in (a, b)]
        connected = a.links._dialler._on_connected
        a.links._dialler._on_connected = lambda *known: (connected(*known), a.links.dial(B, forged[1]))
        b.links.dial(A, forged[0])
        a.links.dial(B, b.announced)
        await relinked(a, b)
        a.links.dial(B, forged[1])
        b.links.dial(A, forged[0])
        break_off(a, B)
        await relinked(a, b)
        assert a.closed.empty()
        assert b.closed.empty()
        a.links.close()
        b.links.close()

    run(main)


def test_a_stranger_who_relays_between_two_nodes_gets_no_link_of_either() -> None:
    """He could otherwise read their frames, and end a node for the others by closing his address."""

    async def main() -> None:
        a, b = Side(A), Side(B)
        address, _, key = b.announced.partition("/")
        ended, loop = asyncio.Event(), asyncio.get_running_loop()

        async def join(one: Relay) -> None:
            _, two = await loop.create_connection(lambda: Relay(ended), *address.split(":"))
            one.other, two.other = two, one
            two.transport.write(one.held)

        def accepted() -> Relay:
            one = Relay(ended)
            joins.append(asyncio.ensure_future(join(one)))
            return one

        joins: list[asyncio.Task[None]] = []
        stranger = await loop.create_server(accepted, "127.0.0.1", 0)
        host, port = stranger.sockets[0].getsockname()
        a.links.dial(B, f"{host}:{port}/{key}")
        await ended.wait()
        assert (False, False) == (a.links.put(B, b""), b.links.put(A, b""))
        a.links.dial(B, b.announced)
        await relinked(a, b)
        a.links.close()
        b.links.close()
        stranger.close()
        await asyncio.gather(*joins)

    run(main)


def test_an_address_that_cannot_be_reached_from_here_says_nothing_about_its_node() -> None:
    """The loopback of a container is another one: its node dials this one, but not the other way around."""

    async def main() -> None:
        a, b = Side(A), Side(B)
        a.links._announced = f"{refusing()}/{a.announced.partition('/')[2]}"
        for _ in range(2):
            a.links.dial(B, b.announced)
            await relinked(a, b)
            await b.tried.wait()
            break_off(a, B)
        await relinked(a, b)
        assert b.closed.empty()
        a.links.close()
        b.links.close()

    run(main)


def test_announcements_of_strangers_change_nothing_for_a_node_that_has_had_a_link() -> None:
    async def main() -> None:
        a, b, _ = await linked()
        forged = f"127.0.0.1:9/{'0' * 32}"
        a.links.gone(B, forged)
        assert {} == a.links._doubted, "only its own announcement counts"
        for number in range(300):
            a.links.dial(NodeId(f"stranger{number}", 1), f"[::1]:{number + 1}/{'0' * 32}")
        assert len(a.links._dialler._nodes) <= dialler_module.NODES
        unlinked = a.links._dialler.unlinked
        a.links._dialler.unlinked = lambda node: (a.links.dial(B, forged), unlinked(node), a.links.dial(B, forged))
        break_off(a, B)
        await relinked(a, b)
        a.links.gone(B, b.announced)
        assert [B] == list(a.links._doubted)
        a.links.close()
        b.links.close()

    run(main)


def test_an_address_that_never_gave_a_link_says_nothing_about_its_node() -> None:
    async def main() -> None:
        a, b = Side(A), Side(B)
        b.links.close()
        failed = asyncio.Event()
        again = a.links._dialler._again
        a.links._dialler._again = lambda node, known: (again(node, known), known.timer and failed.set())
        a.links.dial(B, b.announced)
        await failed.wait()
        assert a.closed.empty()
        a.links.gone(B)
        assert {} == a.links._dialler._nodes
        a.links.close()

    run(main)


def test_a_node_that_is_no_longer_announced_is_soon_not_dialled_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        a, b, _ = await linked()
        assert b.links._server
        b.links._loop.remove_reader(b.links._server)  # it is stopped: the system connects, and it answers nothing
        monkeypatch.setattr(links_module, "FIRST_S", 0.05)
        forgotten, failures = asyncio.Event(), list[NodeId]()
        fail, forget = a.links._dialler.failed, a.links._dialler._forget
        a.links._dialler.failed = lambda node, known: (failures.append(node), fail(node, known))
        a.links._dialler._forget = lambda node: (forget(node), forgotten.set())
        a.links.gone(B)
        timer = a.links._doubted[B]
        break_off(a, B)
        await forgotten.wait()
        assert timer.cancelled()
        assert len(failures) < 10
        assert {} == a.links._dialler._nodes
        assert a.closed.empty()
        a.links.close()
        b.links.close()

    run(main)


@pytest.mark.parametrize("superseded", [False, True])
def test_a_silent_link_ends_when_its_node_is_no_longer_announced_or_superseded(
    monkeypatch: pytest.MonkeyPatch, superseded: bool
) -> None:
    """A child that a node has forked keeps its sockets open."""
    monkeypatch.setattr(links_module, "SILENT_S", 0.05)

    async def main() -> None:
        a, b, number = await linked()
        a.links.switched(number)
        b.links.switched(number)
        ended = asyncio.Event()
        unlinked = a.links._dialler.unlinked
        a.links._dialler.unlinked = lambda node: (unlinked(node), ended.set())
        checked: asyncio.Queue[None] = asyncio.Queue()
        check = a.links._check
        a.links._check = lambda *link: (check(*link), checked.put_nowait(None))
        if superseded:
            a.links.dial(NodeId(B.name, B.creation + 1), b.announced)
        else:
            a.links.gone(B)
        for _ in range(3):
            b.links.put(A, b"still alive")
            assert (B, b"still alive") == await a.got.get()
            await checked.get()
            assert a.links.put(B, b""), "a node that the carrier has lost keeps its link while it sends"
        await ended.wait()
        assert not a.links.put(B, b"")
        assert a.closed.empty()
        a.links.close()
        b.links.close()

    run(main)


def test_a_node_that_is_announced_again_keeps_its_link() -> None:
    async def main() -> None:
        a, b, _ = await linked()
        a.links.gone(B)
        b.links.gone(A)
        timers = [a.links._doubted[B], b.links._doubted[A]]
        a.links.dial(B, b.announced)
        b.links.dial(A, a.announced)
        assert [True, True] == [timer.cancelled() for timer in timers]
        break_off(a, B)
        await relinked(a, b)
        a.links.close()
        b.links.close()

    run(main)


def test_strangers_cause_one_warning_in_a_while_and_their_number_is_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        b = Side(B)
        host, _, port = b.announced.partition("/")[0].partition(":")
        for number in range(201):
            if number == 200:
                monkeypatch.setattr(limited_warnings, "WARN_EVERY", 0.0)
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert b"" == await reader.read()
            writer.close()
            await writer.wait_closed()
        b.links.close()

    with caplog.at_level(logging.WARNING, "otp.distribution"):
        run(main)
    first, last = [record.getMessage() for record in caplog.records]
    assert "expected frames of at most" in first
    assert "(199 earlier warnings were not logged)" in last


def test_a_node_whose_process_has_ended_is_down_without_a_probe() -> None:
    sessions = {node: Session(node, b"secret", probes=True) for node in (A, B)}
    todo = [(A, action) for action in sessions[A].connect(0.0, B)]
    for at, action in todo:
        if isinstance(action, Put):
            todo += [(action.node, new) for new in sessions[action.node].receive(0.0, at, action.frame)]
    assert {B} == sessions[A].nodes()
    assert [Down(B, "hint")] == sessions[A].closed(B)
    assert [] == sessions[A].closed(B)


def test_zenoh_says_which_announcements_have_gone_and_whose_process_has_ended() -> None:
    async def main() -> None:
        group = secrets.token_hex(8)
        one, two = (ZenohCarrier(group, secret=SECRET) for _ in "ab")
        events: asyncio.Queue[Any] = asyncio.Queue()
        one.on_closed = lambda node: events.put_nowait(("closed", node))
        await one.start(A, lambda *_: None, lambda *_: None)
        assert one._links
        switch, gone = one._links._switch, one._links.gone
        one._links._switch = lambda *sent: (switch(*sent), events.put_nowait("linked"))
        one._links.gone = lambda node, text: (gone(node, text), events.put_nowait(("gone", node)))
        await two.start(B, lambda *_: None, lambda *_: None)
        assert "linked" == await events.get()
        await two.close()
        assert {("closed", B), ("gone", B)} == {await events.get(), await events.get()}
        await one.close()

    run(main)
