"""History kept of a program after its end: complete, in order, gaps marked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from superlearner.backend.history_buffer import MOST_ENTRIES, MOST_LINES, HistoryBuffer
from superlearner.nodes.remote.protocol import Answer, Heard, written
from superlearner.observing.analytics import Entry

SECONDS = 30.0


def entry(number: int, reason: str = "killed") -> Entry:
    return Entry(number, 1.0, "restarted", "shop", "0.1.0", "till", "0.2.0", "0.3.0", reason, True, 0.1)


def with_history(test: Callable[[HistoryBuffer], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        history = HistoryBuffer(**options)
        history.open()
        try:
            async with asyncio.timeout(SECONDS):
                await test(history)
        finally:
            history.close()

    asyncio.run(main())


def numbers(heard: Heard) -> tuple[list[int], list[int]]:
    return [number for number, _ in heard.entries], [number for number, _ in heard.lines]


def test_a_request_waits_for_entries_and_repeats_those_not_acknowledged() -> None:
    async def test(history: HistoryBuffer) -> None:
        asking = asyncio.ensure_future(history.wait_for_news(0, 0, SECONDS))
        await asyncio.sleep(0)
        assert not asking.done()
        history.add(entry(4))
        assert numbers(await asking) == ([1], [])
        assert numbers(await history.wait_for_news(0, 0, 0)) == ([1], [])
        assert numbers(await history.wait_for_news(1, 0, 0)) == ([], [])

    with_history(test)


def test_a_line_of_another_thread_wakes_a_waiting_request() -> None:
    async def test(history: HistoryBuffer) -> None:
        asking = asyncio.ensure_future(history.wait_for_news(0, 0, SECONDS))
        await asyncio.sleep(0)
        await asyncio.to_thread(logging.getLogger("shop").warning, "sold %d", 3)
        assert [line.text for _, line in (await asking).lines] == ["sold 3"]

    with_history(test)


def test_lost_entries_are_a_gap_and_an_answer_is_bounded() -> None:
    async def test(history: HistoryBuffer) -> None:
        for number in range(1, MOST_ENTRIES + 20):
            history.add(entry(number))
            logging.getLogger("shop").warning("sold %d", number)
        heard = await history.wait_for_news(0, 0, 0)
        assert numbers(heard) == (
            list(range(10, MOST_ENTRIES + 10)),
            list(range(MOST_ENTRIES + 19 - 100 + 1, MOST_ENTRIES + 19 - 100 + 1 + MOST_LINES)),
        )

    with_history(test, entries=MOST_ENTRIES + 10, lines=100)


def test_long_lines_come_in_several_answers() -> None:
    async def test(history: HistoryBuffer) -> None:
        for _ in range(MOST_LINES):
            logging.getLogger("shop").warning("x" * 4_000, extra={f"otp_{n}": "y" * 4_000 for n in range(20)})
        first = numbers(await history.wait_for_news(0, 0, 0))[1]
        assert 0 < len(first) < MOST_LINES
        assert numbers(await history.wait_for_news(0, first[-1], 0))[1][0] == first[-1] + 1

    with_history(test)


def test_lone_surrogates_are_sent_as_escapes() -> None:
    async def test(history: HistoryBuffer) -> None:
        history.add(entry(1, "odd \udc41"))
        logging.getLogger("shop").warning("odd \udc42", extra={"otp_name": "\udc43"})
        read = msgspec.msgpack.decode(written(await history.wait_for_news(0, 0, 0)), type=Answer)
        assert isinstance(read, Heard)
        assert read.entries[0][1].reason == "odd \\udc41"
        assert read.lines[0][1].text == "odd \\udc42"

    with_history(test)
