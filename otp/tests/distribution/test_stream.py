"""Nodes joined by one stream of bytes: real sockets and pipes, and what people and machines do to them."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from otp.distribution import NodeId, Session, SessionTransport, Settings
from otp.distribution.carriers.stream import StreamCarrier

A, B = NodeId("a", 1), NodeId("b", 1)
PATIENT = Settings(heartbeat=30.0, dead=60.0)  # whatever happens here, no heartbeat finds it
HASTY = Settings(heartbeat=0.02, dead=0.1)
NARROW = Settings(buffer=1024 * 1024, signal=1024 * 1024)


class TransportLog:
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


def sockets(kind: str) -> tuple[socket.socket, socket.socket]:
    if kind == "pair":
        return socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = socket.create_connection(server.getsockname())
        return one, server.accept()[0]


def carriers(kind: str, **options: Any) -> tuple[StreamCarrier, StreamCarrier]:
    if kind == "pipes":
        (to_a, from_b), (to_b, from_a) = os.pipe(), os.pipe()
        return StreamCarrier.over_pipes(to_a, from_a, **options), StreamCarrier.over_pipes(to_b, from_b, **options)
    one, two = sockets(kind)
    return StreamCarrier.over_socket(one, **options), StreamCarrier.over_socket(two, **options)


async def joined(carrier: StreamCarrier, me: NodeId, cookie: bytes = b"s", **options: Any) -> tuple[Any, TransportLog]:
    told = TransportLog()
    transport = SessionTransport(carrier, Session(me, cookie, options.get("settings", PATIENT)))
    await transport.start(told)
    return transport, told


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 30))


def test_a_frame_over_tcp_does_not_wait_for_the_acknowledgement_of_the_one_before() -> None:
    one, two = sockets("tcp")
    with one, two:
        StreamCarrier.over_socket(one)
        assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not two.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("kind", ["pair", "tcp", "pipes"])
def test_signals_of_all_sizes_travel_in_order_in_both_directions(kind: str) -> None:
    signals = [random.Random(size).randbytes(size) for size in (0, 1, 100, 65_536, 65_537, 3_000_000, 5, 0)]

    async def main() -> None:
        one, two = carriers(kind)
        (a, at_a), (b, at_b) = await joined(one, A), await joined(two, B)
        assert (("up", B), ("up", A)) == (await at_a(), await at_b())
        assert all(a.send(B, signal) and b.send(A, signal) for signal in signals)
        assert signals == [await at_a() for _ in signals] == [await at_b() for _ in signals]
        await a.stop()
        assert ("down", B, "disconnect") == await at_a()
        assert ("down", A, "leave") == await at_b()
        await b.stop()

    run(main)


@pytest.mark.parametrize("kind", ["pair", "tcp", "pipes"])
def test_the_end_of_the_stream_is_the_end_of_the_node_long_before_a_heartbeat(kind: str) -> None:
    async def main() -> None:
        one, two = carriers(kind)
        (a, at_a), (_b, at_b) = await joined(one, A), await joined(two, B)
        await at_a(), await at_b()
        started = asyncio.get_running_loop().time()
        await two.close()
        assert ("down", B, "hint") == await at_a()
        assert asyncio.get_running_loop().time() - started < PATIENT.heartbeat / 10
        assert not a.send(B, b"anybody?")
        await a.stop()
        await _b.stop()

    run(main)


def test_a_process_that_is_killed_is_down_at_once() -> None:
    program = """
import asyncio, socket, sys
from otp.distribution import NodeId, Session, SessionTransport
from otp.distribution.carriers.stream import StreamCarrier
class Silent:
    node_up = signal = node_down = lambda self, *_: None
async def main():
    carrier = StreamCarrier.over_socket(socket.socket(fileno=int(sys.argv[1])))
    await SessionTransport(carrier, Session(NodeId("b", 1), b"s")).start(Silent())
    await asyncio.Event().wait()
asyncio.run(main())
"""

    async def main() -> None:
        one, two = socket.socketpair()
        child = subprocess.Popen([sys.executable, "-c", program, str(two.fileno())], pass_fds=[two.fileno()])
        two.close()
        try:
            a, at_a = await joined(StreamCarrier.over_socket(one), A)
            assert ("up", B) == await at_a()
        finally:
            child.kill()
            child.wait()
        assert ("down", B, "hint") == await at_a()
        await a.stop()

    run(main)


def test_a_node_that_falls_silent_while_its_stream_stands_is_found_by_the_heartbeat() -> None:
    """As a half-open TCP connection, whose other end was switched off without a word."""

    async def main() -> None:
        one, two = carriers("tcp")
        (a, at_a), (_b, at_b) = await joined(one, A, settings=HASTY), await joined(two, B, settings=HASTY)
        await at_a(), await at_b()
        two._writing.pause_reading()
        two.put = lambda *_: None
        assert ("down", B, "timeout") == await at_a()
        await a.stop()
        await _b.stop()

    run(main)


def test_a_side_that_does_not_read_takes_a_bounded_memory_and_no_time() -> None:
    async def main() -> None:
        one, two = carriers("pair", write_limit=100_000)
        (a, at_a), (b, at_b) = await joined(one, A, settings=NARROW), await joined(two, B)
        await at_a(), await at_b()
        two._writing.pause_reading()
        for _ in range(1_000):
            one.put(B, b"x" * 10_000)
        assert one._writing.get_write_buffer_size() < 100_000 + 10_010
        while not a.busy(B):
            a.send(B, b"x" * 10_000)
        waiter = asyncio.ensure_future(a.drained(B))
        await two.close()
        await waiter
        assert ("down", B, "hint") == await at_a()
        await a.stop()
        await b.stop()

    run(main)


def test_a_sender_that_waits_until_it_is_drained_sends_all_of_a_stream() -> None:
    async def main() -> None:
        one, two = carriers("pair")
        (a, at_a), (b, at_b) = await joined(one, A, settings=NARROW), await joined(two, B)
        await at_a(), await at_b()
        waited = 0
        for number in range(500):
            if a.busy(B):
                waited += 1
                await a.drained(B)
            assert a.send(B, number.to_bytes(4, "big") + b"x" * 20_000)
        assert [n.to_bytes(4, "big") for n in range(500)] == [(await at_b())[:4] for _ in range(500)]
        assert waited
        await a.stop()
        await b.stop()

    run(main)


def test_a_stream_with_a_small_limit_goes_on_once_the_other_side_reads() -> None:
    async def main() -> None:
        one, two = carriers("pair", write_limit=100_000)
        (a, at_a), (b, at_b) = await joined(one, A, settings=NARROW), await joined(two, B)
        await at_a(), await at_b()
        two._writing.pause_reading()
        while not a.busy(B):
            a.send(B, b"x" * 10_000)
        two._writing.resume_reading()
        await a.drained(B)
        assert at_a.queue.empty()  # they were not lost
        await a.stop()
        await b.stop()

    run(main)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "the other end: expected frames of at most 512 bytes, got one of 1195725856"),
        (b"\x00\x00\x00\x05hello", "the other end: expected a node that sends its name"),
        (b"\x00\x00\x00\x09otp 1 x b", "the other end: expected a node that sends its name"),
        (b"\x00\x00\x00\x0aotp 1 -1 b", "the other end: expected a node that sends its name"),
        (b"\x00\x00\x00\x08otp 1 1 ", "the other end: expected a node that sends its name"),
        (b"\x00\x00\x00\x09otp 1 1 \xff", "the other end: expected a node that sends its name"),
        (b"\x00\x00\x00\x09otp 1 1 b\xff\xff\xff\xff", "b#1: expected frames of at most 1048576 bytes"),
    ],
    ids=["another protocol", "no greeting", "no creation", "a strange creation", "no name", "no text", "a huge frame"],
)
def test_a_stream_of_nonsense_ends_with_a_text_that_names_the_node(said: bytes, problem: str) -> None:
    async def main() -> None:
        one, two = socket.socketpair()
        carrier = StreamCarrier.over_socket(one)
        a, at_a = await joined(carrier, A)
        reader, writer = await asyncio.open_connection(sock=two)
        writer.write(said)
        await reader.read()
        assert carrier.problem is not None
        assert carrier.problem.startswith(problem)
        assert at_a.queue.empty()
        writer.close()
        await a.stop()

    run(main)


def test_a_frame_that_is_cut_short_by_the_end_is_not_delivered() -> None:
    async def main() -> None:
        one, two = socket.socketpair()
        frames: asyncio.Queue[Any] = asyncio.Queue()
        carrier = StreamCarrier.over_socket(one)
        await carrier.start(A, lambda *frame: frames.put_nowait(frame), lambda *hint: frames.put_nowait(hint))
        _, writer = await asyncio.open_connection(sock=two)
        writer.write(b"\x00\x00\x00\x09otp 1 1 b" + b"\x00\x00\x00\x02hi" + b"\x00\x00\x00\x09trunc")
        writer.close()
        assert [(B, True), (B, b"hi"), (B, False)] == [await frames.get() for _ in range(3)]
        await carrier.close()
        assert frames.empty()

    run(main)


def test_a_node_of_another_name_than_expected_is_not_spoken_to() -> None:
    async def main() -> None:
        one, two = socket.socketpair()
        carrier = StreamCarrier.over_socket(one, expected_name="sandbox")
        a, at_a = await joined(carrier, A)
        b, at_b = await joined(StreamCarrier.over_socket(two), B)
        await carrier._over.wait()
        assert "sandbox: expected sandbox, got b#1; try the same version of otp on both sides" == carrier.problem
        assert at_a.queue.empty()
        assert at_b.queue.empty()
        await a.stop()
        await b.stop()

    run(main)


@pytest.mark.parametrize("cookies", [(b"s", b"t"), (b"t", b"s")], ids=["the other one's", "ours"])
def test_a_wrong_cookie_keeps_the_other_side_out_of_the_runtime(
    cookies: tuple[bytes, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        one, two = carriers("pair")
        (a, at_a), (b, at_b) = await joined(one, A, cookies[0]), await joined(two, B, cookies[1])
        told = asyncio.Event()
        session_do, refusals = a._do_one, 0

        def watch(action: Any) -> None:
            nonlocal refusals
            session_do(action)
            refusals += "cookie" in getattr(action, "text", "")
            if refusals:
                told.set()

        a._do_one = watch
        await told.wait()
        assert not a.send(B, b"let me in")
        assert not b.nodes()
        await a.stop()
        await b.stop()
        assert at_a.queue.empty()
        assert at_b.queue.empty()

    run(main)
    assert "a#1 refused something of b#1: expected a proof of this node's cookie" in caplog.text.replace(
        "b#1: b#1", "b#1"
    )


def test_somebody_between_two_nodes_who_records_all_of_it_can_do_nothing_with_it_later() -> None:
    async def main() -> None:
        one, two = carriers("tcp")
        recorded: list[bytes] = []
        take = two.data_received
        two.data_received = lambda data: (recorded.append(bytes(data)), take(data))
        (a, at_a), (b, at_b) = await joined(one, A), await joined(two, B)
        assert (("up", B), ("up", A)) == (await at_a(), await at_b())
        a.send(B, b"pay 100")
        assert b"pay 100" == await at_b()
        assert b"pay 100" in b"".join(recorded)
        await a.stop()
        await b.stop()

        one, two = socket.socketpair()  # the same node again, which has drawn new nonces
        again, at_again = await joined(StreamCarrier.over_socket(one), B)
        reader, writer = await asyncio.open_connection(sock=two)
        writer.write(b"".join(recorded))
        writer.write_eof()
        await reader.read()
        assert at_again.queue.empty()
        await again.stop()
        writer.close()

    run(main)
