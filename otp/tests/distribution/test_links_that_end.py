"""Direct links that end or fail: they are dialled again while their nodes live, and end with their nodes."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from direct_sides import WAYS, A, B, Side, linked
from otp.distribution import NodeId, Session
from otp.distribution.actions import Down, Put
from otp.distribution.carriers import dialler as dialler_module
from otp.distribution.carriers import direct as links_module
from otp.distribution.carriers import limited_warnings
from otp.distribution.carriers import listener as listener_module
from otp.distribution.carriers.link_handshake import Greeting
from otp.distribution.carriers.stream_address import StreamAddress
from otp.unix_sockets import has_ended, process_of_peer

BOTH = pytest.mark.parametrize("way", list(WAYS))


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 30))


def break_off(side: Side, node: NodeId) -> None:
    """End a link as the system could, without an effect on the node at the other end."""
    side.link(node)._socket.shutdown(socket.SHUT_RDWR)


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
        return f"tcp/127.0.0.1:{closed.getsockname()[1]}"


async def relinked(a: Side, b: Side) -> None:
    """Return when two nodes have a new link."""
    assert (b.me, a.me) == (await a.linked.get(), await b.linked.get())


async def close(*sides: Side) -> None:
    for side in sides:
        await side.close()


@BOTH
def test_a_link_that_ends_is_dialled_again_and_no_living_node_counts_as_closed(way: str, sockets: Path) -> None:
    async def main() -> None:
        a, b = await linked(sockets, way)
        for side, node in ((a, B), (b, A), (a, B)):
            break_off(side, node)
            await relinked(a, b)
        assert a.closed.empty()
        assert b.closed.empty()
        await close(a, b)

    run(main)


@BOTH
def test_frames_that_are_put_while_a_link_is_dialled_again_are_sent_over_the_next_one(way: str, sockets: Path) -> None:
    async def main() -> None:
        a, b = await linked(sockets, way)
        ended = a.carrier._on_ended
        sent = [b"1", b"2", b"3"]
        a.carrier._on_ended = lambda node: (ended(node), [a.carrier.put(B, frame) for frame in sent])
        a.link(B).on_end = lambda: a.carrier._on_ended(B)
        break_off(a, B)
        assert [(A, frame) for frame in sent] == [await b.got.get() for _ in sent]
        await close(a, b)

    run(main)


def test_a_node_that_refused_a_link_is_dialled_again_after_a_growing_pause(
    monkeypatch: pytest.MonkeyPatch, sockets: Path
) -> None:
    monkeypatch.setattr(dialler_module, "SHORTEST_S", 0.01)
    monkeypatch.setattr(dialler_module, "LONGEST_S", 0.05)

    async def main() -> None:
        a, b = [await Side(node, sockets).start() for node in (A, B)]
        pauses, refusals = list[float](), 6
        again = a.carrier._dialler._again

        def seen(target: Any) -> None:
            pauses.append(target.pause)
            if len(pauses) == refusals:
                monkeypatch.setattr(links_module, "LINKS", 256)
            again(target)

        a.carrier._dialler._again = seen
        monkeypatch.setattr(links_module, "LINKS", 0)
        await a.carrier.connect(b.address)
        await relinked(a, b)
        assert [0.0, 0.01, 0.02, 0.04, 0.05, 0.05] == pauses
        await close(a, b)

    run(main)


def test_an_address_that_gives_no_link_is_dialled_for_a_while_and_one_that_was_configured_forever(
    monkeypatch: pytest.MonkeyPatch, sockets: Path
) -> None:
    monkeypatch.setattr(dialler_module, "ASKED_S", 0.05)

    async def main() -> None:
        a = await Side(A, sockets, connect=[refusing()]).start()
        dialler, given_up = a.carrier._dialler, asyncio.Event()
        give_up = dialler._give_up
        dialler._give_up = lambda target: (give_up(target), given_up.set())
        dialler.dial(StreamAddress.parse(refusing()), 0.1)
        await given_up.wait()
        [configured] = dialler._targets.values()
        assert a.closed.empty()
        with socket.create_server((configured.address.host, configured.address.port)) as server:
            server.setblocking(False)
            accepted, _ = await asyncio.get_running_loop().sock_accept(server)
            accepted.close()
        await close(a)

    run(main)


@BOTH
def test_an_address_that_refuses_after_its_link_belongs_to_a_node_that_has_ended_seen_from_both_sides(
    way: str, sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_module, "_remove", lambda _: None)  # a killed process leaves its socket behind

    async def main() -> None:
        for ends in (A, B):
            a, b = await linked(sockets, way)
            await b.tried.wait()
            gone, stays = (a, b) if ends == A else (b, a)
            await gone.close()
            assert ends == await stays.closed.get()
            assert {} == stays.carrier._dialler._targets, "nothing is left to dial"
            assert stays.link(ends) is None
            await stays.close()

    run(main)


def test_a_node_that_has_left_and_removed_its_socket_is_not_dialled_any_more(sockets: Path) -> None:
    async def main() -> None:
        a, b = await linked(sockets)
        await b.close()
        assert [(B, True), (B, False)] == [await a.hints.get(), await a.hints.get()]
        assert {} == a.carrier._dialler._targets
        assert a.closed.empty()
        await close(a)

    run(main)


def test_a_node_whose_process_has_ended_has_not_left_even_if_another_program_removed_its_socket(
    sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: a killed member stayed up until its heartbeats were missed if another program cleaned up first."""
    monkeypatch.setattr(dialler_module, "has_ended", lambda _: True)

    async def main() -> None:
        a, b = await linked(sockets)
        await b.close()
        assert B == await a.closed.get()
        assert {} == a.carrier._dialler._targets
        await close(a)

    run(main)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_process_at_the_other_end_has_ended_before_its_parent_reads_its_status() -> None:
    program = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); sys.stdin.read()"
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{folder}/s")
        server.listen()
        with subprocess.Popen([sys.executable, "-c", program, f"{folder}/s"], stdin=-1) as process:
            connected, _ = server.accept()
            found = process_of_peer(connected)
            assert found is not None
            assert process.pid == found[0]
            assert not has_ended(found)
            process.kill()
            assert b"" == connected.recv(1)
            assert has_ended(found)
            connected.close()
    assert has_ended(found)


def test_a_stranger_who_relays_between_two_nodes_gets_no_link_of_either(sockets: Path) -> None:
    """He could otherwise read their frames, and end a node for the others by closing his address."""

    async def main() -> None:
        a, b = [await Side(node, sockets, listen=WAYS["sealed"]).start() for node in (A, B)]
        address = StreamAddress.parse(b.address)
        ended, loop = asyncio.Event(), asyncio.get_running_loop()

        async def join(one: Relay) -> None:
            _, two = await loop.create_connection(lambda: Relay(ended), address.host, address.port)
            one.other, two.other = two, one
            two.transport.write(one.held)

        def accepted() -> Relay:
            one = Relay(ended)
            joins.append(asyncio.ensure_future(join(one)))
            return one

        joins: list[asyncio.Task[None]] = []
        stranger = await loop.create_server(accepted, "127.0.0.1", 0)
        host, port = stranger.sockets[0].getsockname()
        await a.carrier.connect(f"{host}:{port}", again=True)
        await ended.wait()
        assert (None, None) == (a.link(B), b.link(A))
        await a.carrier.connect(b.address)
        await relinked(a, b)
        await close(a, b)
        stranger.close()
        await asyncio.gather(*joins)

    run(main)


@BOTH
def test_a_node_is_not_taken_for_ended_when_its_address_cannot_be_reached_from_here(way: str, sockets: Path) -> None:
    """The loopback of a container is another one: its node dials this one, but not the other way around."""

    async def main() -> None:
        a, b = [await Side(node, sockets, listen=WAYS[way]).start() for node in (A, B)]
        shown = refusing() if way == "sealed" else f"unix/{sockets / 'elsewhere.sock'}"
        greeting = a.carrier._greeting
        a.carrier._greeting = lambda connected: Greeting(*greeting(connected)[:3], shown)
        for _ in range(2):
            await a.carrier.connect(b.address)
            await relinked(a, b)
            await b.tried.wait()
            break_off(a, B)
        await relinked(a, b)
        assert b.closed.empty()
        await close(a, b)

    run(main)


def test_a_node_is_not_taken_for_ended_when_its_address_never_gave_a_link(sockets: Path) -> None:
    async def main() -> None:
        a = await Side(A, sockets).start()
        failed = asyncio.Event()
        again = a.carrier._dialler._again
        a.carrier._dialler._again = lambda target: (again(target), target.timer and failed.set())
        await a.carrier.connect(refusing())
        await failed.wait()
        assert a.closed.empty()
        await close(a)

    run(main)


def test_a_silent_link_ends_when_its_node_is_superseded(monkeypatch: pytest.MonkeyPatch, sockets: Path) -> None:
    """A child that a node has forked keeps its sockets open."""
    monkeypatch.setattr(links_module, "SILENT_S", 0.05)

    async def main() -> None:
        a, b = await linked(sockets)
        ended = asyncio.Event()
        unlinked = a.carrier._dialler.unlinked
        a.carrier._dialler.unlinked = lambda node: (unlinked(node), ended.set())
        checked: asyncio.Queue[None] = asyncio.Queue()
        check = a.carrier._check
        a.carrier._check = lambda *link: (check(*link), checked.put_nowait(None))
        later = await Side(NodeId(B.name, B.creation + 1), sockets, connect=[a.address]).start()
        await relinked(a, later)
        for _ in range(3):
            b.carrier.put(A, b"still alive")
            assert (B, b"still alive") == await a.got.get()
            await checked.get()
            assert a.link(B) is not None, "a node that was superseded keeps its link while it sends"
        await ended.wait()
        assert a.link(B) is None
        assert a.closed.empty()
        await close(a, b, later)

    run(main)


def test_strangers_cause_one_warning_in_a_while_and_their_number_is_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, sockets: Path
) -> None:
    async def main() -> None:
        b = await Side(B, sockets, listen=WAYS["sealed"]).start()
        address = StreamAddress.parse(b.address)
        for number in range(201):
            if number == 200:
                monkeypatch.setattr(limited_warnings, "WARN_EVERY", 0.0)
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert b"" == await reader.read()
            writer.close()
            await writer.wait_closed()
        await close(b)

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
