"""What a process opens in its event loop ends with it: connections, sockets and programs, under asyncio and uvloop."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import weakref
from collections import Counter
from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest
from tools.certificate_authority import Authority

import otp
from openers import (
    ENDS,
    HERE,
    LIMIT,
    PLACES,
    Opener,
    Peer,
    end,
    in_a_process,
    in_init,
)
from otp import ChildSpec, Pid, Supervisor
from otp.kernel.tables import holders
from otp.tests.shared.loops import WITH_UVLOOP, turns

pytestmark = [
    pytest.mark.usefixtures("collect_unclosed"),
    pytest.mark.parametrize("loop", WITH_UVLOOP),
    pytest.mark.filterwarnings("ignore:unclosed <StreamWriter:ResourceWarning"),  # of a variable that is dropped first
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # how pytest reports it
]


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("place", PLACES)
def test_a_connection_ends_with_the_process_that_opened_it(place: str, how: str, loop: str) -> None:
    async def main() -> Any:
        async with Peer() as peer:
            await end(await PLACES[place](peer.connect), how)
            return await peer.lost()

    assert WITH_UVLOOP[loop](main) == b""


class Lazy:
    """A lazy proxy, which creates its object when its `__class__` is read."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError("created by the search")

    __module__: Any = property(lambda _: None)  # pyright: ignore[reportIncompatibleVariableOverride]


@pytest.mark.parametrize("how", ["kill", "crash"])
@pytest.mark.parametrize("makes", [lambda: weakref.proxy(Authority.__new__(Authority)), Lazy], ids=["proxy", "lazy"])
def test_proxies_are_not_resolved_when_a_connection_ends(makes: Any, how: str, loop: str) -> None:
    async def main() -> Any:
        async with Peer() as peer:

            async def opens() -> Any:
                _, writer = await peer.connect()
                around: Any = writer.transport.get_protocol()
                around.refers = [makes(), around]
                return writer

            await end(await in_init(opens), how)
            return await peer.lost()

    assert WITH_UVLOOP[loop](main) == b""


def _calls_by_turn(
    holder: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[Callable[[asyncio.AbstractEventLoop], None], Counter[int]]:
    """Count the calls of a function by turn of the loop; return what begins to count the turns, and the calls."""
    function = getattr(holder, name)
    number, calls = [0], Counter[int]()

    def counted(*args: Any) -> Any:
        calls[number[0]] += 1
        return function(*args)

    monkeypatch.setattr(holder, name, counted)

    def turn(loop: asyncio.AbstractEventLoop) -> None:
        number[0] += 1
        loop.call_soon(turn, loop, context=Context())

    return turn, calls


def test_many_connections_of_a_process_are_examined_in_several_turns(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn, examined = _calls_by_turn(holders, "_find_referenced", monkeypatch)
    monkeypatch.setattr(holders, "DRAIN_NS", -1)  # each one takes longer

    async def main() -> None:
        me = otp.self()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            otp.send(me, "ended")

        server = await asyncio.start_server(serve, HERE, 0)
        address = server.sockets[0].getsockname()

        async def opens() -> Any:
            return [await asyncio.open_connection(*address) for _ in range(5)]

        pid = await in_init(opens)
        await turns(20)
        turn(asyncio.get_running_loop())
        await end(pid, "kill")
        for _ in range(5):
            assert "ended" == await otp.receive(timeout=LIMIT)
        server.close()

    WITH_UVLOOP[loop](main)
    assert {1: 5} == Counter(examined.values())


def test_the_end_of_many_processes_scans_the_heap_once_a_turn(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    turn, scans = _calls_by_turn(holders._References, "_referrers", monkeypatch)

    async def main() -> Any:
        kept: list[Any] = []
        peers = [Peer() for _ in range(6)]
        pids: list[Pid] = []
        for peer in peers:
            await peer.__aenter__()

            async def opens(peer: Peer = peer) -> None:
                kept.append(await peer.connect())

            pids.append(await in_a_process(opens))
        turn(asyncio.get_running_loop())
        for pid in pids:
            await end(pid, "kill")
        for peer in peers:
            await peer.lost()
            await peer.__aexit__()

    WITH_UVLOOP[loop](main)
    assert len(scans) >= 6
    assert 1 == max(scans.values())


class Client:
    """A client that neither Python nor `otp` defines."""

    __module__ = "library"

    def __init__(self, streams: Any) -> None:
        self.streams = streams


def test_the_search_ends_at_the_nearest_holder(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Further references to the client, through many objects, are not followed."""
    turn, scans = _calls_by_turn(holders._References, "_referrers", monkeypatch)

    async def main() -> int:
        me = otp.self()

        async def holds(of: Any) -> None:
            otp.send(me, "holds")
            await otp.receive()
            del of

        async with Peer() as peer:

            async def opens() -> None:
                otp.send(me, Client(await peer.connect()))
                await otp.receive()

            opener = otp.spawn(opens)
            client = await otp.receive(timeout=LIMIT)
            chain = [client]
            for _ in range(30):
                chain = [chain]
            holding = [otp.spawn(holds, client), otp.spawn(holds, chain)]
            for _ in holding:
                await otp.receive(otp.Is("holds"), timeout=LIMIT)
            streams = client.streams
            del client, chain
            turn(asyncio.get_running_loop())
            await end(opener, "kill")
            await turns(100)
            assert not streams[1].is_closing()
            needed = len(scans)
            for pid in holding:
                await end(pid, "kill")
            assert await peer.lost() == b""
            return needed

    assert WITH_UVLOOP[loop](main) in range(1, 10)


@pytest.mark.parametrize("how", ENDS)
def test_a_writer_that_is_kept_elsewhere_does_not_keep_its_connection_open(how: str, loop: str) -> None:
    async def main() -> Any:
        kept: list[Any] = []
        async with Peer() as peer:

            async def opens() -> None:
                kept.append(await peer.connect())

            await end(await in_a_process(opens), how)
            return await peer.lost(), kept[0][1].is_closing()

    assert WITH_UVLOOP[loop](main) == (b"", True)


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("keeps", [True, False], ids=["kept writer", "handler returned"])
def test_an_accepted_connection_without_a_task_ends_with_its_process(keeps: bool, how: str, loop: str) -> None:
    async def main() -> Any:
        kept: list[Any] = []
        address: list[Any] = []

        async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello\n")
            if keeps:
                kept.append(writer)

        async def opens() -> asyncio.Server:
            server = await asyncio.start_server(greet, HERE, 0)
            address.append(server.sockets[0].getsockname())
            return server

        pid = await in_init(opens)
        reader, writer = await asyncio.open_connection(*address[0])
        first = await reader.readline()
        await end(pid, how)
        rest = await asyncio.wait_for(reader.read(), LIMIT)
        writer.close()
        return first, rest

    assert WITH_UVLOOP[loop](main) == (b"hello\n", b"")


@pytest.mark.parametrize("how", ["kill", "shutdown"])
def test_a_paused_connection_ends_with_its_process(how: str, loop: str) -> None:
    """Regression: a transport that does not read is not among the sockets that the loop watches."""

    async def main() -> Any:
        async with Peer() as peer:

            async def opens() -> Any:
                reader, writer = await peer.connect()
                writer.transport.pause_reading()
                return reader, writer

            await end(await in_init(opens), how)
            return await peer.lost()

    assert WITH_UVLOOP[loop](main) == b""


@pytest.mark.parametrize("how", ["kill", "shutdown"])
def test_unix_sockets_end_with_their_process(how: str, loop: str, tmp_path: Path) -> None:
    async def main() -> Any:
        path = str(tmp_path / "socket")
        async with Peer(path=path) as peer:
            await end(await in_init(lambda: asyncio.open_unix_connection(path)), how)
            lost = await peer.lost()
        other = str(tmp_path / "other")

        async def ignore(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            pass

        pid = await in_init(lambda: asyncio.start_unix_server(ignore, other))
        reader, writer = await asyncio.open_unix_connection(other)
        await turns()
        await end(pid, how)
        rest = await asyncio.wait_for(reader.read(), LIMIT)
        writer.close()
        await turns()  # a loop that is not ours closes it in the next turn
        with socket.socket(socket.AF_UNIX) as late, pytest.raises(OSError):
            late.connect(other)
        return lost, rest

    assert WITH_UVLOOP[loop](main) == (b"", b"")


@pytest.mark.parametrize("how", ["kill", "shutdown"])
def test_the_port_of_a_datagram_endpoint_is_free_after_its_process(how: str, loop: str) -> None:
    async def main() -> None:
        events = asyncio.get_running_loop()
        with socket.socket(type=socket.SOCK_DGRAM) as free:
            free.bind((HERE, 0))
            address = free.getsockname()
        await end(await in_init(lambda: events.create_datagram_endpoint(asyncio.DatagramProtocol, address)), how)
        await turns()
        with socket.socket(type=socket.SOCK_DGRAM) as again:
            again.bind(address)

    WITH_UVLOOP[loop](main)


@pytest.mark.parametrize("how", ["kill", "shutdown"])
def test_encrypted_connections_end_with_their_process(how: str, loop: str, tmp_path: Path) -> None:
    tls = Authority(tmp_path).member("peer")
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(tls.cert, tls.key)
    client_side = ssl.create_default_context(cafile=tls.ca)
    client_side.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the default since Python 3.13

    async def main() -> Any:
        async with Peer(ssl=server_side) as peer:

            async def encrypted() -> Any:
                return await asyncio.open_connection(*peer.address, ssl=client_side)

            await end(await in_init(encrypted), how)
            first = await peer.lost()
        async with Peer() as plain:
            kept: list[Any] = []

            async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                kept.append(writer)

            listener = await in_init(lambda: _listen(greet, plain, server_side))
            reader, writer = await asyncio.open_connection(*plain.address, ssl=client_side)
            await turns()
            await end(listener, how)
            rest = await asyncio.wait_for(reader.read(), LIMIT)
            writer.transport.abort()
        return first, rest

    assert WITH_UVLOOP[loop](main) == (b"", b"")


async def _listen(handler: Any, peer: Peer, context: ssl.SSLContext) -> asyncio.Server:
    server = await asyncio.start_server(handler, HERE, 0, ssl=context)
    peer.address = server.sockets[0].getsockname()
    return server


class Programs:
    """Programs whose output goes into a pipe, which ends when the last of them does."""

    def __init__(self) -> None:
        self.read, self.write = os.pipe()

    async def start(self, script: str) -> Any:
        started = await asyncio.create_subprocess_exec(
            "sh", "-c", script, stdout=self.write, stdin=asyncio.subprocess.PIPE
        )
        os.close(self.write)
        first = await asyncio.to_thread(os.read, self.read, 1)
        assert first == b"."
        return started

    async def rest(self) -> bytes:
        with os.fdopen(self.read, "rb") as output:
            return await asyncio.wait_for(asyncio.to_thread(output.read), LIMIT)


@pytest.mark.parametrize("how", ENDS)
def test_a_program_of_asyncio_ends_with_its_process(how: str, loop: str) -> None:
    async def main() -> Any:
        programs = Programs()
        started: list[Any] = []

        async def opens() -> None:
            started.append(await programs.start("printf .; exec sleep 60"))

        await end(await in_a_process(opens), how)
        return await programs.rest(), await asyncio.wait_for(started[0].wait(), LIMIT)

    assert WITH_UVLOOP[loop](main) == (b"", -9 if how == "kill" else -15)


def test_a_program_is_asked_to_end_before_it_is_killed_within_the_shutdown_time(loop: str) -> None:
    """The supervisor waits for it, before it starts the next child."""

    async def main() -> Any:
        programs = Programs()
        started: list[Any] = []

        async def stubborn() -> None:
            started.append(await programs.start("trap '' TERM; printf .; exec sleep 60"))

        spec = ChildSpec("child", start=(Opener.start_link, (stubborn, True)), shutdown=0.05)
        tree = await Supervisor.start_link_children([spec], strategy="one_for_one")
        await Supervisor.terminate_child(tree, "child")
        return await programs.rest(), await asyncio.wait_for(started[0].wait(), LIMIT)

    assert WITH_UVLOOP[loop](main) == (b"", -9)
