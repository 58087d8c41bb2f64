"""A reader goes on from its place without gap or double, and is told what it has missed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from superlearner.observing.events import Event, EventLog, Reader, Wanted

ALL = Wanted()


def told(count: int, kept: int = 10) -> EventLog:
    """A log of so many events, whose texts are their numbers."""
    events = EventLog("e1", kept)
    for number in range(1, count + 1):
        events.tell("rests", str(number), {})
    return events


def texts(reader: Reader) -> list[Any]:
    """What it takes; of a gap reason and count."""
    return [(one.data["reason"], one.data["lost"]) if one.type == "gap" else one.text for one in reader.take(100)]


def test_without_an_id_it_begins_with_what_happens_from_now_on() -> None:
    events = told(3)
    reader = Reader(events, ALL)
    assert texts(reader) == []
    events.tell("rests", "4", {})
    assert texts(reader) == ["4"]
    assert texts(reader) == []


@pytest.mark.parametrize(("last_id", "expected"), [("e1-0", ["1", "2", "3"]), ("e1-2", ["3"]), ("e1-3", [])])
def test_it_goes_on_behind_the_id_it_shows(last_id: str, expected: list[str]) -> None:
    assert texts(Reader(told(3), ALL, last_id)) == expected


def test_the_id_of_each_event_is_where_it_goes_on() -> None:
    events = told(5)
    for event in events.between(0, 10):
        assert texts(Reader(events, ALL, event.id)) == [str(n) for n in range(int(event.text) + 1, 6)]


def test_what_has_left_the_ring_is_counted() -> None:
    events = told(25)  # 16 to 25 are kept
    assert texts(Reader(events, ALL, "e1-10")) == [("ring", 5), *[str(n) for n in range(16, 26)]]
    assert texts(Reader(events, ALL, "e1-15")) == [str(n) for n in range(16, 26)]


def test_a_reader_that_is_too_slow_is_told_how_many_it_missed_and_goes_on() -> None:
    events = told(3)
    reader = Reader(events, ALL)
    for number in range(4, 21):
        events.tell("rests", str(number), {})
    assert texts(reader) == [("slow", 7), *[str(n) for n in range(11, 21)]]


def test_a_gap_has_an_id_behind_which_nothing_is_missing() -> None:
    events = told(25)
    gap = Reader(events, ALL, "e1-3").take(1)[0]
    assert texts(Reader(events, ALL, gap.id))[0] == "16"


@pytest.mark.parametrize("last_id", ["e2-7", "0-1"])
def test_an_id_of_another_run_gets_all_there_is_and_is_told(last_id: str) -> None:
    assert texts(Reader(told(3), ALL, last_id)) == [("restarted", None), "1", "2", "3"]


@pytest.mark.parametrize("last_id", ["", "e1-99", "nonsense", "e1--1", "e1-1e3", "\x00"])
def test_an_id_that_is_none_is_told_and_begins_with_now(last_id: str) -> None:
    events = told(3)
    reader = Reader(events, ALL, last_id)
    assert texts(reader) == [("unknown", None)]
    events.tell("rests", "4", {})
    assert texts(reader) == ["4"]


def test_the_last_ones_that_are_wanted_come_first_where_that_is_asked() -> None:
    events = told(3)
    for word in ("a", "b", "c"):
        events.tell("setting_changed", word, {})
    events.tell("rests", "4", {})

    async def last(count: int, wanted: Wanted) -> list[Any]:
        reader = Reader(events, wanted)
        await reader.go_back(count)
        return texts(reader)

    assert otp.run(last, 2, Wanted(types=frozenset({"setting_changed"}))) == ["b", "c"]
    assert otp.run(last, 100, ALL) == ["1", "2", "3", "a", "b", "c", "4"]
    assert otp.run(last, 0, ALL) == []


def test_others_have_their_turns_while_it_goes_back() -> None:
    events = told(5_000, kept=5_000)

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


def test_a_node_that_has_the_name_of_one_that_ended_is_followed_too() -> None:
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


def test_its_place_moves_on_though_nothing_passes_its_filter() -> None:
    events = told(0)
    reader = Reader(events, Wanted(types=frozenset({"gave_up"})))
    for _ in range(30):
        events.tell("rests", "", {})
        assert texts(reader) == []
    assert reader.last_id == "e1-30"


@pytest.mark.parametrize("kept", [4, 100])
def test_a_ring_of_another_size_has_the_newest(kept: int) -> None:
    events = told(25)
    events.resize(kept)
    events.tell("rests", "26", {})
    expected = [str(n) for n in range(max(16, 27 - kept), 27)]
    assert [event.text for event in events.between(0, 100)] == expected
    assert texts(Reader(events, ALL, f"e1-{26 - len(expected)}")) == expected


def test_events_are_chosen_by_process_supervisor_and_node() -> None:
    event = Event("child_restarted", 0.0, "", {"supervisor_pid": "0.9.0"}, node="n", pid="0.5.0", name="till",
                  supervisor="shop", also=("0.4.0",))  # fmt: skip
    for wanted in (Wanted(process="0.5.0"), Wanted(process="till"), Wanted(process="0.4.0"),
                   Wanted(supervisor="shop"), Wanted(supervisor="0.9.0"), Wanted(node="n")):  # fmt: skip
        assert wanted.takes(event)
    for wanted in (
        Wanted(process="shop"),
        Wanted(supervisor="bank"),
        Wanted(node="m"),
        Wanted(node="m", process="till"),
    ):
        assert not wanted.takes(event)
    about_us = Event("setting_changed", 0.0, "", {})
    assert Wanted(node="n").takes(about_us)
    assert not Wanted(node="n", of_platform=False).takes(about_us)


def test_who_waits_is_woken_by_an_event_by_its_time_and_by_its_end() -> None:
    async def main() -> None:
        events = told(0)
        reader = Reader(events, ALL)
        waiting = asyncio.ensure_future(reader.more(10, 60))
        await asyncio.sleep(0)
        events.tell("rests", "1", {})
        assert [event.text for event in await waiting] == ["1"]
        assert await reader.more(10, 0.001) == []
        waiting = asyncio.ensure_future(reader.more(10, 60))
        await asyncio.sleep(0)
        reader.close()
        assert await waiting == []
        assert events.readers == events.waiting == set()

    asyncio.run(main())
