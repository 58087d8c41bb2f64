"""Frames over one direct link between nodes of a machine: whole, in order, limited and sealed."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from otp.distribution.carriers.direct_link import FRAMES, DirectLink
from otp.distribution.carriers.seal import SEAL
from otp.distribution.carriers.stream import FRAME_LIMIT, WRITE_LIMIT

END = "the end"


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 30))


def link(end: socket.socket) -> tuple[DirectLink, asyncio.Queue[Any]]:
    """Return a link that is read, and what it has received."""
    got: asyncio.Queue[Any] = asyncio.Queue()
    made = DirectLink(asyncio.get_running_loop(), end, got.put_nowait, lambda: got.put_nowait(END))
    made.resume()
    return made, got


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


def test_a_frame_is_sent_at_once() -> None:
    async def main() -> None:
        one, two = socket.socketpair()
        a, _ = link(one)
        two.setblocking(False)
        for frame in (b"first", b"second"):
            a.put(frame)
            assert two.recv(100) == len(frame).to_bytes(4, "big") + frame
        a.close()
        two.close()

    run(main)


def test_a_link_takes_more_within_a_turn_of_the_loop_once_the_other_side_has_read() -> None:
    async def main() -> None:
        one, two = socket.socketpair()
        a, _ = link(one)
        two.setblocking(False)
        for _ in range(3):
            while a.room:
                a.put(b"x" * 1_000)
            assert received(two)
            while received(two):
                pass
        a.close()
        two.close()

    run(main)


def received(end: socket.socket) -> bytes:
    with suppress(BlockingIOError):
        return end.recv(1 << 20)
    return b""


def test_frames_put_before_close_arrive() -> None:
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


@pytest.mark.parametrize("sealed", [False, True])
def test_frames_that_a_broken_stream_refuses_are_kept_for_the_next_one(sealed: bool) -> None:
    async def main() -> None:
        one, two = socket.socketpair()
        a, got = link(one)
        if sealed:
            a.seal(b"k" * 32, b"l" * 32)
        two.close()
        for frame in (b"first", b"second"):  # before the loop can notice the end
            a.put(frame)
        assert await got.get() == END
        assert a.refused == [b"first", b"second"]

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


# seals


def test_sealed_frames_of_all_sizes_arrive_whole_and_in_order() -> None:
    frames = [bytes([size % 251]) * size for size in (0, 1, 100, 40_000, FRAME_LIMIT, 3, *range(500))]

    async def main() -> None:
        one, two = socket.socketpair()
        (a, at_a), (b, at_b) = link(one), link(two)
        a.seal(b"1", b"2")
        b.seal(b"2", b"1")
        b.limit = FRAME_LIMIT + SEAL
        for frame in frames:
            a.put(frame)
        assert frames == [await at_b.get() for _ in frames]
        b.put(b"back")
        assert await at_a.get() == b"back"
        a.close()
        b.close()

    run(main)


def sealed(*frames: bytes) -> list[bytes]:
    """Return frames as the side with key `1` sends them: length, frame and seal."""
    sent: list[bytes] = []

    async def main() -> None:
        one, two = socket.socketpair()
        a, _ = link(one)
        a.seal(b"1", b"2")
        for frame in frames:
            a.put(frame)
            sent.append(two.recv(100))
        a.close()
        two.close()

    run(main)
    return sent


FIRST_AND_SECOND = sealed(b"first", b"second")


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ([FIRST_AND_SECOND[0], FIRST_AND_SECOND[0]], [b"first"]),
        ([FIRST_AND_SECOND[1], FIRST_AND_SECOND[0]], []),
        ([FIRST_AND_SECOND[0][:-1] + b"x", FIRST_AND_SECOND[1]], []),
        ([FIRST_AND_SECOND[0].replace(b"first", b"First"), FIRST_AND_SECOND[1]], []),
        ([b"\0\0\0\4kill", FIRST_AND_SECOND[0]], []),
        ([b"\0\0\0\0", FIRST_AND_SECOND[0]], []),
        ([FIRST_AND_SECOND[0], b"\0\0\0\x14kill" + bytes(SEAL), FIRST_AND_SECOND[1]], [b"first"]),
    ],
    ids=["replayed", "reordered", "another seal", "another frame", "no seal", "empty", "injected"],
)
def test_a_frame_without_its_seal_ends_the_link(
    said: list[bytes], taken: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        one, two = socket.socketpair()
        b, got = link(two)
        b.seal(b"2", b"1")
        one.sendall(b"".join(said))
        assert [*taken, END] == [await got.get() for _ in [*taken, END]]
        one.close()

    with caplog.at_level(logging.WARNING, "otp.distribution"):
        run(main)
    assert "expected frames that its other end has sealed" in caplog.text


def test_a_frame_that_comes_back_to_its_sender_ends_the_link() -> None:
    async def main() -> None:
        one, two = socket.socketpair()
        a, got = link(one)
        a.seal(b"1", b"2")
        a.put(b"first")
        two.sendall(await asyncio.get_running_loop().run_in_executor(None, two.recv, 100))
        assert await got.get() == END
        two.close()

    run(main)
