"""The recorder of a node's restarts: each once, a limited number a minute, and the rest as sums."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import DynamicSupervisor, Supervisor
from otp.testing import advance, wait_all_idle
from recorded_trees import draws, record
from restart_trees import Worker, end, group, worker
from superlearner.control.supervising import restart_all
from superlearner.restarts import recorder as recording
from superlearner.restarts.groups import groups
from superlearner.restarts.ids import includes
from superlearner.restarts.recorder import Record, Recorder


def test_a_restart_is_recorded_once_when_it_has_settled() -> None:
    async def test(recorder: Recorder, records: list[Record], news: asyncio.Event) -> None:
        moment = await end("b")
        assert records == []
        await news.wait()
        (found,) = records
        assert (found.number, found.line, found.count) == (moment.id, "b was killed and restarted", 1)
        assert found.data == f"replay of {moment.id}".encode()
        assert includes(found.events, moment.id)
        assert includes(found.events, found.last)
        assert not includes(found.events, moment.id - 1)
        recorder.catch_up()
        assert records == [found]

    record(test, worker("a"), worker("b"))


def test_a_restart_that_goes_on_is_drawn_once_when_it_has_ended() -> None:
    """Regression: it was drawn and encoded each second."""
    gates: list[asyncio.Event] = []

    async def wait() -> None:
        gates.append(asyncio.Event())
        if len(gates) > 1:
            await gates[-1].wait()

    async def test(recorder: Recorder, records: list[Record], news: asyncio.Event) -> None:
        await end("slow")
        await advance(5)
        assert (len(gates), draws, records) == (2, [], [])
        gates[-1].set()
        await news.wait()
        assert (draws, [one.line for one in records]) == ([records[0].number], ["slow was killed and restarted"])

    record(test, worker("slow", wait))


def test_a_restart_that_was_recorded_while_it_went_on_is_recorded_again_when_it_has_ended() -> None:
    """Regression: of a child whose `init` took 25 s, `had not been restarted yet when this was recorded` was kept."""
    gates: list[asyncio.Event] = []

    async def wait() -> None:
        gates.append(asyncio.Event())
        if len(gates) > 1:
            await gates[-1].wait()

    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        await end("slow")
        await advance(30)
        (open_,) = records
        assert open_.line == "slow was killed"
        recorder.catch_up()
        assert records == [open_]
        gates[-1].set()
        await advance(1)
        _, whole = records
        assert (whole.number, whole.line, whole.last > open_.last) == (
            open_.number, "slow was killed and restarted", True,
        )  # fmt: skip
        recorder.catch_up()
        assert len(records) == 2

    record(test, worker("slow", wait))


def test_the_end_of_a_restart_of_two_slow_children_is_recorded() -> None:
    """The start of the second one is no event that the recorder waits for."""
    gates: list[asyncio.Event] = []

    async def wait() -> None:
        gates.append(asyncio.Event())
        if len(gates) > 2:
            await gates[-1].wait()

    async def test(_recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        await end("a")
        await advance(15)
        for _ in "ab":
            gates[-1].set()
            await advance(15)
        assert [one.line for one in records] == ["a was killed", "a was killed and restarted"]

    record(test, worker("a", wait), worker("b", wait), strategy="one_for_all")


def test_a_restart_that_goes_on_is_unsettled_news_once() -> None:
    """Regression: an observed service read and drew its events again each second."""
    gates: list[asyncio.Event] = []
    announced: list[int] = []

    async def wait() -> None:
        gates.append(asyncio.Event())
        if len(gates) > 1:
            await gates[-1].wait()

    async def test(recorder: Recorder, _records: list[Record], _news: asyncio.Event) -> None:
        recorder.on_unsettled = lambda: announced.append(1)
        await end("slow")
        before = len(announced)
        await advance(5)
        assert (1, before) == (before, len(announced))
        assert 1 == len(recorder.list_unsettled())
        gates[-1].set()

    record(test, worker("slow", wait))


def test_a_stop_on_request_is_recorded_unless_a_start_follows_it() -> None:
    """Regression: a mere stop was not recorded."""

    async def test(recorder: Recorder, records: list[Record], news: asyncio.Event) -> None:
        await Supervisor.terminate_child("top", "a")
        await advance(3)
        assert records == []
        await Supervisor.restart_child("top", "a")
        await advance(3)
        await Supervisor.terminate_child("top", "a")
        await advance(6)
        await Supervisor.restart_child("top", "a")
        await advance(6)
        recorder.catch_up()
        assert [one.line for one in records] == ["a was restarted on request", "a was stopped on request"]
        assert all(one.data == f"replay of {one.number}".encode() for one in records)

    record(test, worker("a"), worker("b"))


def test_stops_on_request_beyond_the_limit_are_counted() -> None:
    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        for child in "abc":
            await Supervisor.terminate_child("top", child)
        await advance(6)
        recorder.catch_up()
        assert [(one.line, one.count) for one in records] == [
            ("a was stopped on request", 1),
            ("b was stopped on request once more", 1),
            ("c was stopped on request once more", 1),
        ]

    record(test, *map(worker, "abc"), most=1)


def test_a_stop_on_request_is_recorded_before_a_give_up_after_it() -> None:
    """Regression: the give-up had the time of the stop, whose supervisor did nothing between the stop and its end."""

    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        await Supervisor.terminate_child("inner", "x")
        await advance(20)
        await end("b")
        await advance(20)
        recorder.catch_up()
        stop, give_up = records
        assert (stop.line, give_up.line) == ("x was stopped on request", "middle gave up")
        assert give_up.at - stop.at == 20

    middle = group("middle", worker("b"), group("inner", worker("x")), restart="temporary", max_restarts=0)
    record(test, middle)


def test_children_that_one_request_restarts_slowly_are_one_record() -> None:
    """Regression: the first one was recorded alone, and then once more with the others."""
    gates: list[asyncio.Event] = []

    async def wait() -> None:
        gates.append(asyncio.Event())
        if len(gates) > 1:
            await gates[-1].wait()

    async def test(recorder: Recorder, records: list[Record], news: asyncio.Event) -> None:
        top = otp.whereis("top")
        assert top is not None
        restart = asyncio.ensure_future(restart_all(top, lambda: None))
        await advance(2)
        assert (len(gates), records) == (2, [])
        gates[-1].set()
        await restart
        await news.wait()
        recorder.catch_up()
        assert [one.line for one in records] == ["a and slow were restarted on request"]

    record(test, worker("a"), worker("slow", wait))


def test_starts_of_children_that_were_not_stopped_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: after any stop, each start by the same supervisor let all events in memory be sorted."""
    looks: list[int] = []

    def look(*args: Any) -> Any:
        looks.append(1)
        return groups(*args)

    async def test(_recorder: Recorder, _records: list[Record], _news: asyncio.Event) -> None:
        rooms = await DynamicSupervisor.start_link()
        for _ in range(3):
            room = await DynamicSupervisor.start_child(rooms, Worker.child_spec(None))
            await DynamicSupervisor.terminate_child(rooms, room)
        await Supervisor.terminate_child("top", "a")
        await Supervisor.start_child("top", worker("b"))
        await advance(2)
        assert looks == []
        await Supervisor.restart_child("top", "a")
        await advance(2)
        assert looks

    monkeypatch.setattr(recording, "groups", look)
    record(test, worker("a"))


def test_of_a_crash_loop_a_limited_number_is_drawn_and_the_rest_is_one_sum() -> None:
    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        ends = [(await end("b")).id for _ in range(3)]
        await advance(1)  # two are drawn, one is counted as it is found
        ends += [(await end("b")).id for _ in range(4)]  # counted as they happen
        assert [recorder.has(one) for one in ends] == [True] * 7
        (growing,) = recorder.open_sums()
        recorder.catch_up()
        assert [one.number for one in records] == [*ends[:2], ends[2]]
        found = records[-1]
        assert (found.count, found.line, found.data) == (5, "b was killed and restarted 5 times more", None)
        assert growing == found
        assert (found.number, found.last) == (ends[2], ends[-1])
        assert [recorder.has(one) for one in ends] == [True] * 7

    record(test, worker("a"), worker("b"), most=2)


def test_a_sum_is_of_one_child_and_one_kind_of_end() -> None:
    """Regression: one sum had all of them, and said that all were kills of the child with most."""

    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        for name, reason in (("a", "kill"), ("a", "kill"), ("b", "kill"), ("a", "bug"), ("a", "kill"), ("once", "bug")):
            otp.exit(name, reason)
            await wait_all_idle()
        await advance(1)
        recorder.catch_up()
        assert [(one.line, one.count) for one in records] == [
            ("a was killed and restarted", 1), ("a was killed and restarted twice more", 2),
            ("b was killed and restarted once more", 1), ("a crashed and was restarted once more", 1),
            ("once crashed once more", 1),
        ]  # fmt: skip

    once = Worker.child_spec(None, id="once", name="once", restart="temporary")
    record(test, worker("a"), worker("b"), once, most=1)


def test_a_sum_has_the_name_of_a_child_and_not_its_id() -> None:
    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        for _ in range(3):
            otp.exit("till", "kill")
            await wait_all_idle()
        recorder.catch_up()
        assert [one.line for one in records] == [
            "till was killed and restarted",
            "till was killed and restarted twice more",
        ]

    record(test, Worker.child_spec(None, id="Till", name="till"), most=1)


def test_a_sum_is_recorded_while_the_storm_goes_on() -> None:
    """Regression: after a kill of the platform, 56 of 1,000 crashes were known: the sum of the minute was lost."""

    async def test(_recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        for _ in range(2):
            for _ in range(3):
                otp.exit("b", "kill")
                await wait_all_idle()
            await advance(recording.SUM_S)
        assert [(one.line, one.count) for one in records] == [
            ("b was killed and restarted", 1), ("b was killed and restarted twice more", 2),
            ("b was killed and restarted 3 times more", 3),
        ]  # fmt: skip
        assert records[1].last < records[2].number

    record(test, worker("b"), most=1)


def test_a_sum_has_the_name_of_a_child_that_no_longer_runs() -> None:
    """Regression: a storm whose tree gave up had lines for `rates` and for `Rates`."""

    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        for _ in range(3):
            otp.exit("till", "kill")
            await wait_all_idle()
        await Supervisor.terminate_child("top", "Till")
        recorder.catch_up()
        assert [one.line for one in records[1:]] == [
            "till was killed and restarted twice more", "till was stopped on request once more",
        ]  # fmt: skip

    record(test, Worker.child_spec(None, id="Till", name="till"), most=1)


def test_a_restart_that_outlasts_the_sum_of_later_ones_is_recorded() -> None:
    """Regression: it was taken for a part of that sum."""
    gates: list[asyncio.Event] = []

    async def wait() -> None:
        gates.append(asyncio.Event())
        if len(gates) > 1:
            await gates[-1].wait()

    async def test(recorder: Recorder, records: list[Record], news: asyncio.Event) -> None:
        await end("b")
        await advance(recording.MINUTE_S - 5)
        for name in ("slow", "b", "b", "b"):
            otp.exit(name, "kill")
            await wait_all_idle()
        await advance(5)
        assert [one.line for one in records] == [
            "b was killed and restarted", "b was killed and restarted 3 times more"
        ]  # fmt: skip
        gates[-1].set()
        news.clear()
        await news.wait()
        assert [one.line for one in records[2:]] == ["slow was killed and restarted"]

    record(test, group("inner", worker("b"), max_restarts=10), worker("slow", wait), most=2)


def test_of_the_oldest_restart_in_memory_no_half_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: a list had a line about its start that named the id and moved with each event."""
    history = otp.trace.history

    def forget(node: otp.Node) -> Any:
        events = history(node)
        first = next(place for place, one in enumerate(events) if one.kind == "child_terminated")
        return events[first:]

    async def test(recorder: Recorder, records: list[Record], news: asyncio.Event) -> None:
        monkeypatch.setattr(otp.trace, "history", forget)
        await news.wait()
        recorder.catch_up()
        assert len(records) == 2

    record(test, worker("b"), before=3)


def test_restarts_on_request_are_limited_too_and_one_of_many_children_counts_once() -> None:
    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        top = otp.whereis("top")
        assert top is not None
        for _ in range(4):
            await restart_all(top, lambda: None)
        await advance(1)
        recorder.catch_up()
        lines = ["a, b and c were restarted on request"] * 2
        assert [one.line for one in records] == [*lines, "a was restarted on request twice more"]

    record(test, *map(worker, "abc"), most=2)


def test_the_sum_of_requests_has_the_numbers_of_their_restarts() -> None:
    """Regression: two requests were three after a restart of the platform, which found the first one in memory."""

    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        top, node = otp.whereis("top"), otp.node()
        assert top is not None
        for restart in range(3):
            await (restart_all(top, lambda: None) if restart else end("a"))
            await advance(1)
        recorder.catch_up()
        (counted,) = records[1:]
        again = Recorder(node, None, lambda *_: None, records.append, earlier=True)
        again.close()
        _, *requests = records[2:]
        assert (counted.line, len(requests)) == ("a was restarted on request twice more", 2)
        assert all(counted.number <= one.number <= counted.last for one in requests)

    record(test, *map(worker, "abc"), most=1)


def test_a_sibling_that_restarts_along_in_a_storm_was_not_restarted_on_request() -> None:
    """Regression: "b was restarted on request 950 times more", without any request."""

    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        for _ in range(4):
            await end("a")
        await advance(1)
        recorder.catch_up()
        assert [one.line for one in records][-1] == "a was killed and restarted 3 times more"
        assert len(records) == 2

    record(test, *map(worker, "abc"), most=1, strategy="rest_for_one")


def test_a_recorder_that_starts_late_records_the_restarts_in_memory_and_draws_the_newest() -> None:
    """Regression: those before the newest were listed from memory, until they left it."""

    async def test(recorder: Recorder, records: list[Record], news: asyncio.Event) -> None:
        await news.wait()
        recorder.catch_up()
        assert ([one.data is None for one in records], len(draws)) == ([True, True, False, False], 2)
        assert {one.line for one in records} == {"b was killed and restarted"}
        assert all(recorder.has(one.number) for one in records)
        later = await end("b")
        recorder.catch_up()
        assert [one.number for one in records[4:]] == [later.id]

    record(test, worker("a"), worker("b"), most=2, before=4)


def test_a_restart_whose_events_leave_the_memory_before_it_is_drawn_is_counted() -> None:
    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        ends = 1_500
        for _ in range(ends):
            otp.exit("b", "kill")
            await wait_all_idle()
        node = otp.node()
        assert otp.trace.history(node)[0].seq > ends  # most restarts have left
        recorder.catch_up()
        assert sum(one.count for one in records) == ends
        assert records[-1].line.startswith("b was killed and restarted ")
        assert len({one.number for one in records}) == len(records)

    record(test, worker("b"), most=10_000, max_restarts=10_000)


@pytest.mark.parametrize("lost", range(1, 6))
def test_a_restart_that_has_lost_its_beginning_is_counted_by_its_name(
    lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: in a storm some were recorded by their id, without a reason: two lines for one loop."""
    history = otp.trace.history

    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        for _ in range(3):
            otp.exit("till", "kill")
            await wait_all_idle()
        first = next(place for place, one in enumerate(history(otp.node())) if one.kind == "exited")
        begins = history(otp.node())[first + lost].seq
        monkeypatch.setattr(otp.trace, "history", lambda node, since=0: history(node, max(since, begins - 1)))
        recorder.catch_up()
        assert [(one.line, one.count) for one in records] == [
            *[("till was killed and restarted", 1)] * 2, ("till was killed and restarted once more", 1),
        ]  # fmt: skip

    record(test, Worker.child_spec(None, id="Till", name="till"))


def test_further_ends_in_a_line_say_how_each_ended() -> None:
    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        for name, reason in zip("abcdefgh", ("kill", "x", "kill", "kill", "kill", "x", "x", "kill"), strict=True):
            otp.exit(name, reason)
        await wait_all_idle()
        recorder.catch_up()
        assert [one.line for one in records] == [
            "a was killed and restarted; h was killed and restarted; g crashed and was restarted; "
            "f crashed and was restarted; 3 more were killed; 1 more crashed"
        ]

    record(test, *map(worker, "abcdefgh"), strategy="one_for_all")
