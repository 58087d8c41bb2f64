"""What a process opens in its event loop ends with it: connections, sockets and programs, under asyncio and uvloop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import ssl
import weakref
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import ChildSpec, GenServer, NoReply, Ok, Pid, Reply, Supervisor
from otp.kernel import holders
from otp.tests.shared.certificate_authority import Authority
from otp.tests.shared.loops import WITH_UVLOOP, turns

pytestmark = [
    pytest.mark.parametrize("loop", WITH_UVLOOP),
    pytest.mark.filterwarnings("ignore:unclosed <StreamWriter:ResourceWarning"),  # of a variable that is dropped first
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # how pytest reports it
]
Open = Callable[[], Awaitable[Any]]
LIMIT = 10  # seconds, for what takes milliseconds
HERE = "127.0.0.1"


@pytest.fixture(autouse=True)
def collect_unclosed() -> Iterator[None]:
    """Collect here what is left open on purpose, not in another test, where its warning would be an error."""
    yield
    gc.collect()


class Opener(GenServer[Any]):
    """Opens something, in `init` or on request, and keeps it as its state; any message makes it crash."""

    async def init(self, arg: tuple[Open, bool]) -> Any:
        opens, at_once = arg
        return Ok((opens, await opens() if at_once else None))

    async def handle_call(self, request: str, caller: Any, state: Any) -> Reply[Any]:
        return Reply("ok", (state[0], await state[0]()))

    def handle_info(self, message: Any, state: Any) -> NoReply[Any]:
        raise RuntimeError(message)


async def in_init(opens: Open) -> Pid:
    return await Opener.start((opens, True))


async def in_handle_call(opens: Open) -> Pid:
    pid = await Opener.start((opens, False))
    await GenServer.call(pid, "open")
    return pid


async def in_a_process(opens: Open) -> Pid:
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def opener() -> None:
        opened = await opens()
        ready.set_result(None)
        message = await otp.receive()
        raise RuntimeError(message, bool(opened))

    pid = otp.spawn(opener)
    await ready
    return pid


async def in_a_child_task(opens: Open) -> Pid:
    async def by_task() -> Any:
        return await asyncio.create_task(opens())  # type: ignore[arg-type]

    return await in_a_process(by_task)


PLACES = {place.__name__: place for place in (in_init, in_handle_call, in_a_process, in_a_child_task)}
ENDS = ("kill", "shutdown", "crash")


async def end(pid: Pid, how: str) -> None:
    ref = otp.monitor(pid)
    if how == "crash":
        otp.send(pid, how)
    else:
        otp.exit(pid, how)
    await otp.receive(ref)


class Peer:
    """A server of the test: greets, and waits for the end of its only connection."""

    def __init__(self, **options: Any) -> None:
        self.options: dict[str, Any] = options
        self.ended: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.address: Any = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        try:
            rest = await reader.read()
        except OSError:
            rest = b""
        if not self.ended.done():
            self.ended.set_result(rest)
        writer.close()

    async def __aenter__(self) -> Peer:
        if "path" in self.options:
            self.server = await asyncio.start_unix_server(self.serve, **self.options)
        else:
            self.server = await asyncio.start_server(self.serve, HERE, 0, **self.options)
            self.address = self.server.sockets[0].getsockname()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect, and wait for the greeting."""
        reader, writer = await asyncio.open_connection(*self.address)
        await reader.readline()
        return reader, writer

    async def lost(self) -> bytes:
        """Wait until the connection is closed; return what was sent over it."""
        return await asyncio.wait_for(asyncio.shield(self.ended), LIMIT)


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

        async def keep(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            pass

        async def opens() -> Any:
            server = await asyncio.start_server(keep, HERE, 0)
            otp.send(me, server.sockets[0].getsockname())
            return server

        pid = await in_init(opens)
        address = await otp.receive()
        opened = [await asyncio.open_connection(*address) for _ in range(5)]
        await turns(20)
        turn(asyncio.get_running_loop())
        await end(pid, "kill")
        for reader, writer in opened:
            with contextlib.suppress(ConnectionResetError):
                await asyncio.wait_for(reader.read(), LIMIT)
            writer.close()

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


def test_a_connection_that_was_handed_over_ends_with_the_other_process(loop: str) -> None:
    async def main() -> Any:
        me = otp.self()
        async with Peer() as peer:

            async def opens() -> None:
                reader, writer = await peer.connect()
                otp.controlling_process(writer, me)
                otp.send(me, (reader, writer))
                with pytest.raises(otp.Error, match="not_owner"):
                    otp.controlling_process(writer, me)

            first = await in_a_process(opens)
            _, writer = await otp.receive()
            await end(first, "kill")
            await turns(20)
            writer.write(b"survived")
            await writer.drain()

            async def takes() -> None:
                await otp.receive()

            second = otp.spawn(takes)
            otp.controlling_process(writer, second)
            await end(second, "kill")
            return await peer.lost()

    assert WITH_UVLOOP[loop](main) == b"survived"


def test_a_connection_that_is_handed_over_may_have_been_encrypted_later(loop: str, tmp_path: Path) -> None:
    tls = Authority(tmp_path).member("peer")
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(tls.cert, tls.key)
    client_side = ssl.create_default_context(cafile=tls.ca)
    client_side.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the default since Python 3.13

    async def main() -> Any:
        me = otp.self()
        got = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello\n")
            await writer.start_tls(server_side)
            got.set_result(await reader.read())
            writer.close()

        server = await asyncio.start_server(serve, HERE, 0)

        async def opens() -> None:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await reader.readline()
            await writer.start_tls(client_side, server_hostname=HERE)
            otp.controlling_process(writer, me)
            otp.send(me, writer)

        first = await in_a_process(opens)
        writer = await otp.receive()
        await end(first, "kill")
        await turns(20)
        writer.write(b"survived")
        writer.close()
        read = await asyncio.wait_for(got, LIMIT)
        server.close()
        return read

    assert WITH_UVLOOP[loop](main) == b"survived"


def test_an_accepted_connection_can_be_handed_over(loop: str) -> None:
    async def main() -> Any:
        me = otp.self()

        async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            otp.controlling_process(writer, me)
            otp.send(me, writer)

        async def opens() -> Any:
            server = await asyncio.start_server(greet, HERE, 0)
            otp.send(me, server.sockets[0].getsockname())
            return server

        pid = await in_init(opens)
        reader, mine = await asyncio.open_connection(*await otp.receive())
        writer = await otp.receive()
        await end(pid, "kill")
        await turns(20)
        writer.write(b"survived")
        writer.close()
        read = await asyncio.wait_for(reader.read(), LIMIT)
        mine.close()
        return read

    assert WITH_UVLOOP[loop](main) == b"survived"


@pytest.mark.parametrize("sees", ["waits", "writes"])
def test_a_connection_that_a_task_without_a_process_uses_survives(sees: str, loop: str) -> None:
    async def main() -> Any:
        tasks: list[Any] = []
        more: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with Peer() as peer:

            async def use(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                if sees == "waits":
                    await asyncio.wait([asyncio.ensure_future(reader.read()), more], return_when="FIRST_COMPLETED")
                else:
                    await more
                writer.write(b"survived")
                writer.close()

            async def opens() -> None:
                tasks.append(asyncio.create_task(use(*await peer.connect()), context=Context()))

            await end(await in_a_process(opens), "kill")
            await turns(20)
            more.set_result(None)
            return await peer.lost()

    assert WITH_UVLOOP[loop](main) == b"survived"


def test_a_connection_from_which_another_process_reads_survives(loop: str) -> None:
    async def main() -> Any:
        me = otp.self()

        async def send_later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            otp.send(me, writer)
            await reader.read()
            writer.close()

        async with await asyncio.start_server(send_later, HERE, 0) as server:

            async def reads(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
                otp.send(me, await reader.readline())

            async def opens() -> Any:
                reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
                otp.spawn(reads, reader, writer)
                return reader, writer

            pid = await in_init(opens)
            theirs = await otp.receive()
            await turns()
            await end(pid, "kill")
            await turns(20)
            theirs.write(b"survived\n")
            return await otp.receive(timeout=LIMIT)

    assert WITH_UVLOOP[loop](main) == b"survived\n"


def test_a_process_that_returns_leaves_its_connection_to_the_loop(loop: str) -> None:
    async def main() -> Any:
        kept: list[Any] = []
        async with Peer() as peer:

            async def opens() -> None:
                kept.append(await peer.connect())

            assert await otp.wait_down(otp.spawn(opens)) == "normal"
            await turns(20)
            kept[0][1].write(b"survived")
            kept[0][1].close()
            return await peer.lost()

    assert WITH_UVLOOP[loop](main) == b"survived"


def test_what_code_outside_processes_opens_stays_open_and_the_loop_gets_its_methods_back(loop: str) -> None:
    async def main() -> Any:
        async with Peer() as peer:
            async with otp.Node("guest") as node:
                during = set(vars(asyncio.get_running_loop()))
                connected = await asyncio.create_task(peer.connect(), context=Context())

                async def ends() -> None:
                    raise RuntimeError("crash")

                await otp.wait_down(node.spawn(ends))
            await turns(20)
            connected[1].write(b"survived")
            connected[1].close()
            return await peer.lost(), "create_connection" in during

    assert WITH_UVLOOP[loop](main) == (b"survived", True)


def test_a_loop_has_its_own_methods_when_its_nodes_are_closed(loop: str) -> None:
    async def program() -> Any:
        events = asyncio.get_running_loop()
        before = dict(vars(events))
        async with otp.Node("guest"):
            pass
        return {name for name in before.keys() | vars(events).keys() if before.get(name) != vars(events).get(name)}

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop if "uvloop" in loop else None) as runner:
        assert runner.run(program()) == set()
