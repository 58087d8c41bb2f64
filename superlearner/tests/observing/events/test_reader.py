"""A reader resumes without gaps or duplicates, or learns what it missed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from superlearner.observing.events import Event, EventFilter, EventLog, Reader
from superlearner.operations.declaration import Streamed
from superlearner.web.server_sent import collected

ALL = EventFilter()


def log_of(count: int, kept: int = 10) -> EventLog:
    """Return a log with `count` events, whose texts are their numbers."""
    events = EventLog("e1", kept)
    for number in range(1, count + 1):
        events.emit("rests", str(number), {})
    return events


def texts(reader: Reader) -> list[Any]:
    """Return the events it takes; for a gap, its reason and count."""
    return [(one.data["reason"], one.data["lost"]) if one.type == "gap" else one.text for one in reader.take(100)]


def test_without_an_id_it_begins_with_the_next_event() -> None:
    events = log_of(3)
    reader = Reader(events, ALL)
    assert texts(reader) == []
    events.emit("rests", "4", {})
    assert texts(reader) == ["4"]
    assert texts(reader) == []


@pytest.mark.parametrize(("last_id", "expected"), [("e1-0", ["1", "2", "3"]), ("e1-2", ["3"]), ("e1-3", [])])
def test_it_resumes_after_the_given_id(last_id: str, expected: list[str]) -> None:
    assert texts(Reader(log_of(3), ALL, last_id)) == expected


def test_the_id_of_each_event_is_a_position_to_resume_from() -> None:
    events = log_of(5)
    for event in events.between(0, 10):
        assert texts(Reader(events, ALL, event.id)) == [str(n) for n in range(int(event.text) + 1, 6)]


def test_dropped_events_are_counted() -> None:
    events = log_of(25)  # 16 to 25 are kept
    assert texts(Reader(events, ALL, "e1-10")) == [("ring", 5), *[str(n) for n in range(16, 26)]]
    assert texts(Reader(events, ALL, "e1-15")) == [str(n) for n in range(16, 26)]


def test_a_slow_reader_gets_the_number_of_missed_events_and_continues() -> None:
    events = log_of(3)
    reader = Reader(events, ALL)
    for number in range(4, 21):
        events.emit("rests", str(number), {})
    assert texts(reader) == [("slow", 7), *[str(n) for n in range(11, 21)]]


def test_no_event_is_missing_after_the_id_of_a_gap() -> None:
    events = log_of(25)
    gap = Reader(events, ALL, "e1-3").take(1)[0]
    assert texts(Reader(events, ALL, gap.id))[0] == "16"


@pytest.mark.parametrize("last_id", ["e2-7", "0-1"])
def test_an_id_of_another_run_gets_a_gap_and_all_events(last_id: str) -> None:
    assert texts(Reader(log_of(3), ALL, last_id)) == [("restarted", None), "1", "2", "3"]


@pytest.mark.parametrize("last_id", ["", "e1-99", "nonsense", "e1--1", "e1-1e3", "\x00"])
def test_an_invalid_id_gets_a_gap_and_the_next_events(last_id: str) -> None:
    events = log_of(3)
    reader = Reader(events, ALL, last_id)
    assert texts(reader) == [("unknown", None)]
    events.emit("rests", "4", {})
    assert texts(reader) == ["4"]


def test_the_last_matching_events_come_first_on_request() -> None:
    events = log_of(3)
    for word in ("a", "b", "c"):
        events.emit("setting_changed", word, {})
    events.emit("rests", "4", {})

    async def last(count: int, wanted: EventFilter) -> list[Any]:
        reader = Reader(events, wanted)
        await reader.go_back(count)
        return texts(reader)

    assert otp.run(last, 2, EventFilter(types=frozenset({"setting_changed"}))) == ["b", "c"]
    assert otp.run(last, 100, ALL) == ["1", "2", "3", "a", "b", "c", "4"]
    assert otp.run(last, 0, ALL) == []


def test_other_tasks_run_while_it_goes_back() -> None:
    events = log_of(5_000, kept=5_000)

    async def main() -> tuple[int, list[Any]]:
        loop, turns = asyncio.get_running_loop(), 0

        def count() -> None:
            nonlocal turns
            turns += 1
            loop.call_soon(count)

        loop.call_soon(count)
        reader = Reader(events, ALL)
        await reader.go_back(4_500)
        return turns, texts(reader)[:1]

    turns, first = otp.run(main)
    assert turns >= 4
    assert first == ["501"]


def test_a_new_node_with_the_name_of_an_ended_one_is_followed() -> None:
    async def main() -> None:
        events = EventLog("e1")
        for _ in range(2):
            async with otp.Node("till@127.0.0.1") as node:
                events.follow(node)
                events.follow(node)
                before = events.number
                await otp.wait_down(node.spawn(asyncio.sleep, 0))
                assert [event.type for event in events.between(before, 100)] == ["spawned", "exited"]

    otp.run(main)


def test_its_position_advances_even_if_no_event_matches() -> None:
    events = log_of(0)
    reader = Reader(events, EventFilter(types=frozenset({"gave_up"})))
    for _ in range(30):
        events.emit("rests", "", {})
        assert texts(reader) == []
    assert reader.last_id == "e1-30"


@pytest.mark.parametrize("kept", [4, 100])
def test_a_resized_ring_keeps_the_newest_events(kept: int) -> None:
    events = log_of(25)
    events.resize(kept)
    events.emit("rests", "26", {})
    expected = [str(n) for n in range(max(16, 27 - kept), 27)]
    assert [event.text for event in events.between(0, 100)] == expected
    assert texts(Reader(events, ALL, f"e1-{26 - len(expected)}")) == expected


def test_events_are_chosen_by_process_supervisor_and_node() -> None:
    event = Event("child_restarted", 0.0, "", {"supervisor_pid": "0.9.0"}, node="n", pid="0.5.0", name="till",
                  supervisor="shop", also=("0.4.0",))  # fmt: skip
    for wanted in (EventFilter(process="0.5.0"), EventFilter(process="till"), EventFilter(process="0.4.0"),
                   EventFilter(supervisor="shop"), EventFilter(supervisor="0.9.0"), EventFilter(node="n")):  # fmt: skip
        assert wanted.takes(event)
    for wanted in (
        EventFilter(process="shop"),
        EventFilter(supervisor="bank"),
        EventFilter(node="m"),
        EventFilter(node="m", process="till"),
    ):
        assert not wanted.takes(event)
    about_us = Event("setting_changed", 0.0, "", {})
    assert EventFilter(node="n").takes(about_us)
    assert not EventFilter(node="n", of_platform=False).takes(about_us)


def test_a_single_answer_reaches_the_newest_event_or_says_that_there_are_more() -> None:
    async def main() -> None:
        events = log_of(9_000, kept=10_000)
        found, answer = list[str](), dict[str, Any](last_id="e1-0", ended="limit")
        while answer["ended"] == "limit":
            reader = Reader(events, ALL, answer["last_id"])
            answer = await collected(Streamed(reader, 10_000, 0.1))
            found += [one["text"] for one in answer["items"]]
        assert (answer["ended"], found) == ("timeout", [str(number) for number in range(1, 9_001)])
        answer = await collected(Streamed(Reader(events, ALL, "e1-0"), 10_000, 0.0))
        assert (answer["items"], answer["ended"]) == ([], "limit")

    asyncio.run(main())


def test_a_reader_that_is_behind_lets_others_run_between_its_batches() -> None:
    async def main() -> None:
        reader, others = Reader(log_of(5_000, kept=10_000), ALL, "e1-0"), list[int]()
        batches = 0
        while reader.behind:
            asyncio.get_running_loop().call_soon(others.append, batches)
            batches += bool(await reader.more(1_000, 1.0))
        assert (batches, others) == (5, [0, 1, 2, 3, 4])

    asyncio.run(main())


def test_a_waiting_reader_wakes_up_for_events_timeout_and_close() -> None:
    async def main() -> None:
        events = log_of(0)
        reader = Reader(events, ALL)
        waiting = asyncio.ensure_future(reader.more(10, 60))
        await asyncio.sleep(0)
        events.emit("rests", "1", {})
        assert [event.text for event in await waiting] == ["1"]
        assert await reader.more(10, 0.001) == []
        waiting = asyncio.ensure_future(reader.more(10, 60))
        await asyncio.sleep(0)
        reader.close()
        assert await waiting == []
        assert events.readers == events.waiting == set()

    asyncio.run(main())
