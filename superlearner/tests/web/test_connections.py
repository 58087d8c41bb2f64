"""Connections that do nothing or too much, on a real socket: each is closed, and others do not wait."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import websockets

from superlearner.base.descriptors import allow_descriptors

pytestmark = pytest.mark.program

Run = Callable[..., Any]
TOKEN = "a-token-of-the-tests-that-is-long-enough"
HOST = b"Host: localhost\r\n"


OPEN: contextvars.ContextVar[contextlib.AsyncExitStack] = contextvars.ContextVar("what a test has open")


@pytest.fixture
def lines(inside: Run) -> Run:
    """As `inside`; what `connect` has opened is closed in the end."""

    def run(test: Callable[[Any], Any], **settings: Any) -> None:
        async def main(platform: Any) -> None:
            async with contextlib.AsyncExitStack() as stack:
                OPEN.set(stack)
                await test(platform)

        inside(main, **settings)

    return run


async def connect(port: int, sent: bytes = b"", *, room: int | None = None) -> Any:
    """Open a connection and send bytes; `room` limits what it receives before it reads."""
    sock = socket.socket()
    if room is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=room or 65_536)
    OPEN.get().push_async_callback(hang_up, writer)
    writer.write(sent)
    return reader, writer


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def end_of(reader: asyncio.StreamReader) -> bytes:
    """Read until the other side closes."""
    try:
        return await reader.read(-1)
    except ConnectionResetError:
        return b""


def code(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]["code"]


def port_of(platform: Any) -> int:
    return platform.platform.listener.port


def test_a_head_that_does_not_come_ends_its_connection(lines: Run) -> None:
    async def test(platform: Any) -> None:
        port = port_of(platform)
        silent, _ = await connect(port)
        begun, writer = await connect(port, b"GET / HTTP/1.1\r\n" + HOST)
        writer.write(b"X")  # letter by letter: the time is that of the whole head
        again, _ = await connect(port, b"GET /health/live HTTP/1.1\r\n" + HOST + b"\r\nGET / HT")
        assert await end_of(silent) == b""
        assert code(await end_of(begun)) == (408, "request_timeout")
        assert (await end_of(again)).startswith(b"HTTP/1.1 200")
        assert len(platform.running.web.connections) == 0

    lines(test, head_timeout=0.2, keep_alive=0.2)


def test_a_connection_that_asks_nothing_more_ends(lines: Run) -> None:
    async def test(platform: Any) -> None:
        reader, _ = await connect(port_of(platform), b"GET /health/live HTTP/1.1\r\n" + HOST + b"\r\n")
        assert (await end_of(reader)).startswith(b"HTTP/1.1 200")

    lines(test, keep_alive=0.1)


def test_a_body_that_does_not_come_is_refused(lines: Run) -> None:
    post = b"POST /api/v1/traces HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"

    async def test(platform: Any) -> None:
        port = port_of(platform)
        with_length, _ = await connect(port, post + b"Content-Length: 9\r\n\r\n{")
        in_pieces, _ = await connect(port, post + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
        for reader in (with_length, in_pieces):
            assert code(await end_of(reader)) == (408, "request_timeout")

    lines(test, body_timeout=0.1, keep_alive=0.1, head_timeout=0.1)


def test_a_body_of_50_mb_is_refused_before_it_comes(lines: Run) -> None:
    post = b"POST /api/v1/traces HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"

    async def test(platform: Any) -> None:
        port = port_of(platform)
        announced, _ = await connect(port, post + b"Content-Length: 50000000\r\n\r\n")
        assert code(await end_of(announced)) == (413, "body_too_large")
        reader, writer = await connect(port, post + b"Transfer-Encoding: chunked\r\n\r\n")
        piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        for _ in range(800):
            writer.write(piece)
            try:
                await writer.drain()
            except OSError:
                break
        assert (await reader.readline()).startswith(b"HTTP/1.1 413")

    lines(test, keep_alive=0.1)


def test_bodies_that_come_at_once_have_room_together(lines: Run) -> None:
    async def test(platform: Any) -> None:
        post = (
            b"POST /api/v1/traces HTTP/1.1\r\n"
            + HOST
            + b"Content-Type: application/json\r\nContent-Length: 900\r\n\r\n"
        )
        first, _ = await connect(port_of(platform), post + b" " * 800)
        second, _ = await connect(port_of(platform), post + b" " * 800)
        done, waiting = await asyncio.wait(
            {asyncio.ensure_future(end_of(reader)) for reader in (first, second)}, return_when="FIRST_COMPLETED"
        )
        assert [code(task.result()) for task in done] == [(503, "service_unavailable")]
        assert [code(await task) for task in waiting] == [(408, "request_timeout")]

    lines(test, max_bodies=1000, body_timeout=2, keep_alive=0.1, head_timeout=0.1)


@pytest.mark.parametrize("path", ["/api/v1/tokens", "/sign-in"])
def test_uploads_of_visitors_without_a_credential_take_no_memory_from_others(lines: Run, path: str) -> None:
    """As 64 anonymous uploads of 1 MB did: an owner's request was answered with 503."""
    media = b"application/json" if path.startswith("/api") else b"application/x-www-form-urlencoded"
    head = b"POST %s HTTP/1.1\r\n" % path.encode() + HOST + b"Content-Type: " + media + b"\r\n"
    owner = head.replace(media, b"application/json").replace(path.encode(), b"/api/v1/traces")

    async def test(platform: Any) -> None:
        port = port_of(platform)
        for _ in range(8):
            await connect(port, head + b"Content-Length: 700000\r\n\r\n" + b" " * 650_000)
        sent = owner + b"Authorization: Bearer " + TOKEN.encode() + b"\r\nContent-Length: 600000\r\n\r\n"
        reader, _ = await connect(port, sent + b" " * 599_998 + b"{}")
        assert code(await end_of(reader)) == (422, "validation_error")

    lines(test, auth="all", max_bodies=700_000, keep_alive=0.1, head_timeout=0.1)


def test_an_upload_without_the_scope_is_refused_before_its_body_comes(lines: Run) -> None:
    async def test(platform: Any) -> None:
        post = b"POST /api/v1/tokens HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
        reader, _ = await connect(port_of(platform), post + b"Content-Length: 9\r\n\r\n{")
        assert code(await end_of(reader)) == (403, "missing_scope")

    lines(test, keep_alive=0.1, head_timeout=0.1)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"x" * 70_000, (431, "head_too_large")),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 12_000, (431, "head_too_large")),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", (400, "malformed_request")),
        (b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", (400, "malformed_request")),
        (b"GET / HTTP/1.1\r\n\r\n", (400, "malformed_request")),
    ],
)
def test_bytes_that_are_not_a_request_get_an_error_in_the_envelope(
    lines: Run, sent: bytes, expected: tuple[int, str]
) -> None:
    async def test(platform: Any) -> None:
        reader, _ = await connect(port_of(platform), sent)
        assert code(await end_of(reader)) == expected

    lines(test)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /live/supervisors HTTP/1.1\r\nContent-Length: 2\r\n",
        b"GET /live/supervisors HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
        b"GET /live/supervisors?" + b"x" * 10_000 + b" HTTP/1.1\r\n",
        b"GET /live/supervisors HTTP/1.1\r\n" + b"a: b\r\n" * 200,
    ],
)
def test_an_invalid_web_socket_handshake_ends_its_connection(lines: Run, sent: bytes) -> None:
    """Regression: such connections were neither answered nor closed, and together took all the room."""
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

    async def test(platform: Any) -> None:
        reader, _ = await connect(port_of(platform), sent + HOST + upgrade + key)
        assert code(await asyncio.wait_for(end_of(reader), 5)) == (400, "malformed_request")

    lines(test)


def test_an_answer_that_is_not_read_ends_its_connection(lines: Run) -> None:
    async def test(platform: Any) -> None:
        platform.platform.listener._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        get = b"GET /api/v1/arsenal/docs HTTP/1.1\r\n" + HOST + b"\r\n"
        reader, writer = await connect(port_of(platform), get, room=4096)
        lost = writer.transport.get_extra_info("socket")
        assert lost is not None
        connections = platform.running.web.connections
        ended = asyncio.Event()
        leave = connections.leave

        def leaves(one: Any) -> None:
            leave(one)
            ended.set()

        connections.leave = leaves
        await asyncio.wait_for(ended.wait(), 60)  # the document is made first
        taken = await end_of(reader)
        assert len(taken) < 300_000

    lines(test, send_timeout=0.3)


def test_slow_readers_together_have_a_limit_and_the_slowest_goes(lines: Run) -> None:
    async def test(platform: Any) -> None:
        platform.platform.listener._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        connections, most = platform.running.web.connections, 0
        mark_slow, seen, all_slow = connections.mark_slow, dict[Any, None](), asyncio.Event()

        def watched(one: Any) -> None:
            nonlocal most
            mark_slow(one)
            most = max(most, sum(each.unsent() for each in connections._slow))
            seen[one] = None
            if len(seen) == 20:
                all_slow.set()

        connections.mark_slow = watched
        get = b"GET /api/v1/arsenal/docs HTTP/1.1\r\n" + HOST + b"\r\n"
        readers = [await connect(port_of(platform), get, room=4096) for _ in range(20)]
        await all_slow.wait()
        slowest = next(iter(seen)).transport
        assert slowest.is_closing()
        at = slowest.get_extra_info("peername")
        (reader,) = [reader for reader, writer in readers if writer.get_extra_info("sockname") == at]
        assert len(await end_of(reader)) < 300_000
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port_of(platform)}") as client:
            assert (await client.get("/health/ready")).status_code == 200
        assert 0 < most <= 3_000_000

    lines(test, max_unsent=3_000_000)  # three times what one of them takes


def test_when_there_are_too_many_the_one_goes_that_waited_longest(lines: Run) -> None:
    async def test(platform: Any) -> None:
        port = port_of(platform)
        first, _ = await connect(port)
        for _ in range(9):
            await connect(port)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert (await client.get("/health/ready")).status_code == 200
        assert await end_of(first) == b""
        assert len(platform.running.web.connections) <= 10

    lines(test, max_connections=10)


def test_when_all_are_at_work_a_new_one_is_refused(lines: Run) -> None:
    post = b"POST /api/v1/traces HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 9\r\n"

    async def test(platform: Any) -> None:
        port = port_of(platform)
        busy = [await connect(port, post + b"Expect: 100-continue\r\n\r\n") for _ in range(10)]
        for reader, _ in busy:
            assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        late, _ = await connect(port)
        assert code(await end_of(late)) == (503, "service_unavailable")

    lines(test, max_connections=10)


@pytest.mark.parametrize("kind", ["text", "ping", "pieces"])
def test_a_web_socket_that_does_not_stop_talking_is_closed(lines: Run, kind: str) -> None:
    async def test(platform: Any) -> None:
        url = f"ws://127.0.0.1:{port_of(platform)}/live/supervisors"
        async with websockets.connect(url, ping_interval=None) as talker:
            frame = {"text": b"\x81\x82\0\0\0\0{}", "ping": b"\x89\x80\0\0\0\0", "pieces": b"\x00\x80\0\0\0\0"}[kind]
            flood = (b"\x01\x80\0\0\0\0" if kind == "pieces" else b"") + frame * 100_000
            talker.transport.write(flood)
            with pytest.raises(websockets.ConnectionClosed):
                async for _ in talker:
                    pass
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port_of(platform)}") as client:
            assert (await client.get("/health/ready")).status_code == 200

    lines(test)


def test_a_message_that_is_too_long_for_a_page_is_refused(lines: Run) -> None:
    async def test(platform: Any) -> None:
        async with websockets.connect(f"ws://127.0.0.1:{port_of(platform)}/live/supervisors") as talker:
            await talker.send("x" * 70_000)
            with pytest.raises(websockets.ConnectionClosed) as closed:
                async for _ in talker:
                    pass
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009

    lines(test)


def test_a_thousand_slow_connections_do_not_keep_others_waiting(start: Run) -> None:
    """Silent ones, half heads, half bodies, readers that do not read; everybody else is answered meanwhile."""
    allow_descriptors(4096)
    program = start(SUPERLEARNER_HEAD_TIMEOUT="4", SUPERLEARNER_BODY_TIMEOUT="4", SUPERLEARNER_KEEP_ALIVE="4")
    port = httpx.URL(program.url).port
    assert port is not None
    post = (
        b"POST /api/v1/traces HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 999\r\n\r\n{"
    )
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    kinds = [
        b"",
        b"GET / HTTP/1.1\r\nHo",
        post,
        b"GET /static/tree/supervisors.js HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /live/supervisors HTTP/1.1\r\n" + HOST + upgrade + key,
    ]

    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        client = httpx.AsyncClient(base_url=program.url, timeout=10)
        async with client, contextlib.AsyncExitStack() as stack:
            OPEN.set(stack)
            before = memory(program.process.pid)
            slow = [await connect(port, kinds[number % len(kinds)], room=4096) for number in range(1000)]
            waits: list[float] = []
            for _ in range(50):
                begun = loop.time()
                assert (await client.get("/api/v1/supervisors")).status_code == 200
                waits.append(loop.time() - begun)
            grown = memory(program.process.pid) - before
            assert grown < 100_000_000, grown
            for number, (reader, _) in enumerate(slow):
                if number % len(kinds) < 4:
                    await end_of(reader)
            assert (await client.get("/health/ready")).status_code == 200
        return waits

    waits = asyncio.run(asyncio.wait_for(main(), 60))
    assert sorted(waits)[47] < 1.0
    assert program.end()[0] == 0


def memory(process: int) -> int:
    """Bytes that a process has in memory."""
    with open(f"/proc/{process}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096
