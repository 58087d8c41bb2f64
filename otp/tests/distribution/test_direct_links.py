"""Direct links between nodes of one machine: frames over a socket, and the switch from a carrier to a link."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from direct_sides import SECRET, A, B, Side, linked
from otp.distribution import NodeId
from otp.distribution.carriers.direct_link import FRAMES, DirectLink
from otp.distribution.carriers.direct_links import FIRST, HOLD_S, DirectLinks
from otp.distribution.carriers.stream import FRAME_LIMIT, WRITE_LIMIT
from otp.distribution.carriers.zenoh import ZenohCarrier

END = "the end"


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 30))


def link(end: socket.socket) -> tuple[DirectLink, asyncio.Queue[Any]]:
    """Return a link that is read, and what it has received."""
    got: asyncio.Queue[Any] = asyncio.Queue()
    made = DirectLink(asyncio.get_running_loop(), end, got.put_nowait, lambda: got.put_nowait(END))
    made.resume()
    return made, got


# one link


def test_frames_of_all_sizes_arrive_whole_and_in_order_also_in_bursts() -> None:
    frames = [bytes([size % 251]) * size for size in (0, 1, 100, 5_000, 40_000, FRAME_LIMIT, 3, *range(2_000))]

    async def main() -> None:
        one, two = socket.socketpair()
        (a, _), (b, got) = link(one), link(two)
        for frame in frames:
            a.put(frame)
        assert frames == [await got.get() for _ in frames]
        a.close()
        assert await got.get() == END
        b.close()

    run(main)


def test_a_frame_is_sent_at_once_and_a_burst_with_one_system_call() -> None:
    async def main() -> None:
        one, two = socket.socketpair()
        a, _ = link(one)
        two.setblocking(False)
        a.put(b"first")
        assert two.recv(100) == b"\0\0\0\5first"
        a._sent_at = float("inf")  # the next frames follow closely, however slow this machine is
        for _ in range(3):
            a.put(b"x")
        with pytest.raises(BlockingIOError):
            two.recv(100)
        await asyncio.get_running_loop().sock_recv_into(two, memoryview(got := bytearray(100)))
        assert got.startswith(b"\0\0\0\1x" * 3 + b"\0")
        a.close()
        two.close()

    run(main)


def test_close_sends_a_burst_that_waits() -> None:
    async def main() -> None:
        one, two = socket.socketpair()
        (a, _), (b, got) = link(one), link(two)
        for number in range(5):
            a.put(bytes([number]))
        a.close()
        a.close()
        a.put(b"too late")
        assert [b"\0", b"\1", b"\2", b"\3", b"\4", END] == [await got.get() for _ in range(6)]
        b.close()

    run(main)


def test_frames_to_a_side_that_does_not_read_are_dropped_whole_without_waiting() -> None:
    async def main() -> None:
        one, two = socket.socketpair()
        (a, _), (b, got) = link(one), link(two)
        b.pause()
        size = 100_000
        for number in range(2 * WRITE_LIMIT // size):
            a.put(bytes([number]) * size)
        assert len(a._waiting) <= WRITE_LIMIT + size + 4
        b.resume()
        first = await got.get()
        assert first == bytes(size)
        number = 1
        while number * size < WRITE_LIMIT:
            assert bytes([number]) * size == await got.get()
            number += 1
        a.close()
        b.close()

    run(main)


def test_a_frame_over_the_limit_ends_the_link_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        one, two = socket.socketpair()
        _, got = link(two)
        one.sendall((FRAME_LIMIT + 1).to_bytes(4, "big"))
        assert await got.get() == END
        one.close()

    with caplog.at_level(logging.WARNING, "otp.distribution"):
        run(main)
    assert "expected frames of at most" in caplog.text


def test_a_frame_that_cannot_be_handled_is_reported_and_the_next_one_is() -> None:
    async def main() -> None:
        loop, reports = asyncio.get_running_loop(), list[Any]()
        loop.set_exception_handler(lambda _, context: reports.append(context["message"]))
        one, two = socket.socketpair()
        (a, _), (b, got) = link(one), link(two)
        b.on_frame = lambda frame: got.put_nowait(frame) if frame else secrets.token_bytes(-1)
        a.put(b"")
        a.put(b"good")
        assert await got.get() == b"good"
        assert len(reports) == 1
        a.close()
        b.close()

    run(main)


def test_small_frames_of_one_read_leave_the_loop_to_others_in_between() -> None:
    async def main() -> None:
        loop, count = asyncio.get_running_loop(), 4_000
        one, two = socket.socketpair()
        turns, taken, done = [0], list[int](), asyncio.Event()

        def turn() -> None:
            turns[0] += 1
            if not done.is_set():
                loop.call_soon(turn)

        def take(_: bytes) -> None:
            taken.append(turns[0])
            if len(taken) == count:
                done.set()

        link = DirectLink(loop, two, take, lambda: None)
        one.sendall(bytes(4) * count)
        turn()
        link.resume()
        await done.wait()
        assert max(taken.count(each) for each in set(taken)) <= FRAMES
        one.close()
        link.close()

    run(main)


# the links of a node


def test_a_link_is_read_when_the_last_frame_of_the_carrier_has_arrived() -> None:
    async def main() -> None:
        a, b, number = await linked()
        assert a.links.put(B, b"1")
        assert b.links.put(A, b"2")
        a.links.switched(number)
        assert (B, b"2") == await a.got.get()
        assert b.got.empty()
        b.links.switched(number)
        assert (A, b"1") == await b.got.get()
        a.links.close()
        assert not a.links.put(B, b"too late")
        b.links.close()

    run(main)


def test_a_link_whose_switch_was_lost_is_read_after_a_moment() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        a, b, _ = await linked()
        begun = loop.time()
        a.links.put(B, b"1")
        a.links.put(B, b"2")
        assert (A, b"1") == await b.got.get()
        assert loop.time() - begun > HOLD_S / 2
        assert (A, b"2") == await b.got.get()
        a.links.close()
        b.links.close()

    run(main)


def test_a_switch_may_come_before_its_link_and_unknown_ones_are_harmless() -> None:
    async def main() -> None:
        a, b = Side(A), Side(B)
        for size in (0, 15, 16, 17, 1_000):
            for _ in range(300):
                a.links.switched(secrets.token_bytes(size))
        assert len(a.links._switched) <= 256
        a.links._switch = lambda _, number: b.links.switched(number)
        a.links.dial(B, b.announced)
        _, number = await b.switches.get()
        a.links.switched(number)
        assert b.links.put(A, b"hello")
        assert (B, b"hello") == await a.got.get()
        a.links.close()
        b.links.close()

    run(main)


def test_who_has_not_seen_the_announcement_gets_no_link() -> None:
    async def main() -> None:
        a, b = Side(A), Side(B)
        address, _, key = b.announced.partition("/")
        host, _, port = address.partition(":")
        a.links.dial(B, f"{address}/{'0' * 32}")
        for said in (b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\0", b"\0\0\0\x23" + bytes(32) + b"a/1", b"\0\0\x08\x01"):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(said)
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
        assert not a.links.put(B, b"")
        assert not b.links.put(A, b"")
        for wrong in ("", "x", f"10.0.0.1:{port}/{key}", f"127.0.0.1:99999/{key}", f"{address}/xyz", f"999.1:1/{key}"):
            a.links.dial(NodeId("c", 1), wrong)
            assert [B] == list(a.links._dialler._nodes)
        a.links.close()
        b.links.close()

    run(main)


def test_more_silent_strangers_than_are_allowed_are_refused_and_members_are_linked_after_them() -> None:
    async def main() -> None:
        a, b = Side(A), Side(B)
        host, _, port = b.announced.partition("/")[0].partition(":")
        strangers = [await asyncio.open_connection(host, int(port)) for _ in range(FIRST + 1)]
        assert await strangers[-1][0].read() == b""
        for _, writer in strangers:
            writer.close()
            await writer.wait_closed()
        a.links.dial(B, b.announced)
        assert (B, (await b.switches.get())[1]) == await a.switches.get()
        a.links.close()
        b.links.close()

    run(main)


def test_a_node_that_is_gone_has_no_link_and_its_next_announcement_leads_to_a_new_one() -> None:
    async def main() -> None:
        a, b, number = await linked()
        a.links.switched(number)
        b.links.close()
        next_b = NodeId(B.name, B.creation + 1)
        again = Side(next_b)
        ended = a.links._links[B]
        over = asyncio.Event()
        before = ended.on_end
        ended.on_end = lambda: (before(), over.set())
        await over.wait()
        assert not a.links.put(B, b"")
        a.links.dial(next_b, again.announced)
        assert (next_b, (await again.switches.get())[1]) == (await a.switches.get())[0:2]
        a.links.close()
        again.links.close()

    run(main)


def test_a_loop_that_cannot_watch_sockets_has_no_links() -> None:
    async def main() -> None:
        class Loop(asyncio.SelectorEventLoop):
            def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
                raise NotImplementedError

        loop = asyncio.get_running_loop()
        links = DirectLinks(A, loop, print, print, SECRET)
        loop.add_reader = Loop.add_reader.__get__(loop)
        assert links.listen("127.0.0.1") is None
        links.close()

    run(main)


def test_a_node_that_does_not_know_the_secret_gets_no_link_in_either_direction() -> None:
    async def main() -> None:
        for mine, other in ((A, B), (B, A)):
            member, stranger = Side(mine), Side(other, b"a guess")
            dropped: asyncio.Queue[Any] = asyncio.Queue()
            for links in (member.links, stranger.links):
                drop = links._drop
                links._drop = lambda link, drop=drop: (drop(link), dropped.put_nowait(link))
            member.links.dial(other, stranger.announced)
            stranger.links.dial(mine, member.announced)
            await dropped.get()  # the one that listens has refused it
            await dropped.get()
            assert not member.links.put(other, b"a frame")
            assert not stranger.links.put(mine, b"a frame")
            member.links.close()
            stranger.links.close()

    run(main)


# with Zenoh


@pytest.mark.parametrize("listen", ["127.0.0.1", "localhost", "::1"])
def test_nodes_that_zenoh_has_found_send_each_other_frames_over_a_link(listen: str) -> None:
    async def main() -> None:
        group, heard = secrets.token_hex(8), asyncio.Queue[Any]()
        one, two = (ZenohCarrier(group, listen=listen, secret=SECRET) for _ in "ab")
        await one.start(A, lambda *_: None, lambda *_: None)
        switched = asyncio.Event()
        assert one._links
        switch = one._links._switch
        one._links._switch = lambda *sent: (switch(*sent), switched.set())
        await two.start(B, lambda *frame: heard.put_nowait(frame), lambda *_: None)
        await switched.wait()
        one._send = lambda *_: heard.put_nowait("Zenoh")
        one.put(B, b"hello")
        assert (A, b"hello") == await heard.get()
        await one.close()
        await two.close()

    run(main)


def test_a_node_without_links_is_reached_over_zenoh() -> None:
    async def main() -> None:
        group, heard = secrets.token_hex(8), asyncio.Queue[Any]()
        one, two = ZenohCarrier(group, secret=SECRET), ZenohCarrier(group)
        await one.start(A, lambda *frame: heard.put_nowait(frame), lambda *_: None)
        met = asyncio.Event()
        await two.start(B, lambda *frame: heard.put_nowait(frame), lambda *_: met.set())
        await met.wait()
        two.put(A, b"1")
        assert (B, b"1") == await heard.get()
        one.put(B, b"2")
        assert (A, b"2") == await heard.get()
        assert one._links
        assert not one._links._links
        await one.close()
        await two.close()

    run(main)
