"""Give-ups and long attempts in the records of a node's restarts: each once, beyond the limit too."""

from __future__ import annotations

import asyncio

import pytest

import otp
from otp.testing import advance, wait_all_idle
from recorded_trees import fail_later, record
from restart_trees import end, group, list_steps, run, worker
from superlearner.restarts import recorder as recording
from superlearner.restarts.groups import Group
from superlearner.restarts.memory import Memory
from superlearner.restarts.moments import Moment, moment_of
from superlearner.restarts.present import Running
from superlearner.restarts.recorder import Record, Recorder


def test_a_give_up_is_recorded_by_the_supervisor_that_gave_up() -> None:
    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        await end("x")
        await end("x")
        recorder.catch_up()
        assert [one.line for one in records] == ["x was killed and restarted", "inner gave up"]

    record(test, group("inner", worker("x"), max_restarts=1))


def test_a_give_up_whose_attempts_fill_the_memory_is_recorded_once_and_from_its_cause_on() -> None:
    """Regression: it was recorded again whenever the memory had moved, and the crash before was only counted."""
    down: list[str] = []

    async def connect() -> None:
        if down:
            raise ConnectionRefusedError(*down)

    async def main(node: otp.Node) -> None:
        records, moments = list[Record](), list[Moment]()

        def draw(memory: Memory, drawn: Group, now: Running) -> None:
            moments.append(moment_of(memory, drawn, now))

        recorder, ship = Recorder(node, None, draw, records.append), otp.whereis("ship")
        assert ship is not None
        down.append("smtp")
        otp.exit("mailer", "boom")
        await otp.wait_down(ship)
        await advance(1)
        for _ in range(3):  # the memory moves
            await end("other")
            await advance(1)
        recorder.close()
        assert [(one.line, one.count) for one in records[:1]] == [("office and ship gave up", 1)]
        assert {one.line for one in records[1:]} == {"other was killed and restarted"}
        found = moments[0]
        assert (found.complete, found.steps[0].name) == (True, "mailer")
        assert list_steps(found)[0] == "crash top/ship/office/mailer"
        assert len(found.events) < 40
        assert [step.text for step in found.steps[-2:]] == [
            "ship tried 1,500 times to start office; each time it failed: its child mailer did not start: "
            f"ConnectionRefusedError('smtp'), at test_recorded_give_ups.py:{connect.__code__.co_firstlineno + 2}",
            "ship gave up: max_restarts=1500 allows 1,500 restarts in 5 s, and a 1,501st was needed",
        ]

    office = group("office", worker("labels"), worker("mailer", connect), max_restarts=3, max_seconds=5)
    ship = group("ship", worker("rates"), office, restart="transient", max_restarts=1_500, max_seconds=5)
    run(main, worker("other"), ship)


def test_a_restart_that_is_tried_for_longer_than_the_memory_is_recorded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: "a process ended" was recorded whenever the memory had moved, up to 100 times a minute."""
    monkeypatch.setattr(recording, "LOOP", 10**6)  # as if other restarts of the supervisor had come between
    down, tries, go = list[str](), list[int](), asyncio.Queue[None]()

    async def connect() -> None:
        tries.append(1)
        if len(tries) % 500 == 0:
            await go.get()
        if down:
            raise ConnectionRefusedError(*down)

    async def main(node: otp.Node) -> None:
        records = list[Record]()
        recorder = Recorder(node, None, lambda _memory, _group, _now: b"", records.append)
        down.append("smtp")
        begun = node.trace_seq
        otp.exit("mailer", "boom")
        for _ in range(6):
            await advance(recording.LATEST_S)
            go.put_nowait(None)
        assert node.trace_seq - begun > 2 * len(otp.trace.history(node))
        down.clear()
        await advance(1)
        recorder.close()
        assert [(one.line, one.count) for one in records] == [("mailer crashed", 1)]

    run(main, group("office", worker("mailer", connect), max_restarts=1_500, max_seconds=5))


def test_a_give_up_beyond_the_limit_is_recorded_and_its_end_counts_once() -> None:
    """Regression: the give-up that ended a storm was not kept, only "mailer crashed once more"."""

    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        for name in ("x", "x", "x", "y", "y", "y"):
            otp.exit(name, "bug")
            await wait_all_idle()
        await advance(1)
        recorder.catch_up()
        assert [(one.line, one.count) for one in records] == [
            ("x crashed and was restarted", 1), ("inner gave up", 1),
            ("x crashed and was restarted twice more", 2), ("y crashed and was restarted twice more", 2),
        ]  # fmt: skip
        assert records[1].data is not None
        assert recorder.has(records[1].number)

    inner = group("inner", worker("y"), max_restarts=2, restart="temporary")
    record(test, worker("x"), inner, most=1, max_restarts=10)


def test_a_give_up_after_a_restart_that_went_on_for_long_is_recorded_too() -> None:
    """Regression: after ten seconds of failed starts the restart was recorded, and its give-up was a part of it."""
    gate = asyncio.Event()

    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        otp.exit("mailer", "kill")
        await advance(recording.LATEST_S + 5)
        assert [one.line for one in records] == ["mailer was killed"]
        gate.set()
        await advance(1)
        recorder.catch_up()
        assert [one.line for one in records] == ["mailer was killed", "office gave up"]
        assert records[0].number < records[1].number
        assert recorder.has(records[1].number)

    record(test, group("office", worker("mailer", fail_later(gate)), max_restarts=2, restart="temporary"))


def test_the_end_before_a_give_up_that_is_drawn_late_is_in_no_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: "y crashed once more" stood beside the give-up, as the sum was recorded first."""
    monkeypatch.setattr(recording, "SUM_S", recording.SETTLE_S / 3)

    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        await end("x")
        otp.exit("y", "bug")
        await wait_all_idle()
        await advance(1)
        recorder.catch_up()
        assert [one.line for one in records] == ["x was killed and restarted", "inner gave up"]
        assert recorder.has(records[1].number)

    inner = group("inner", worker("y"), max_restarts=0, restart="temporary")
    record(test, worker("x"), inner, most=1)


@pytest.mark.parametrize("minute", ["same", "next"])
def test_the_end_before_a_give_up_after_long_attempts_is_in_no_sum(minute: str) -> None:
    gate = asyncio.Event()

    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        await end("x")
        await advance(recording.MINUTE_S - 15)
        otp.exit("mailer", "kill")
        await advance(recording.LATEST_S + recording.SUM_S + 2)
        assert [one.line for one in records] == ["x was killed and restarted"]
        assert [one.line for one in recorder.open_sums()] == ["mailer was killed once more"]
        if minute == "next":
            await end("x")
        gate.set()
        await advance(1)
        recorder.catch_up()
        expected = ["x was killed and restarted"] * (1 if minute == "same" else 2)
        assert sorted(one.line for one in records) == ["office gave up", *expected]

    office = group("office", worker("mailer", fail_later(gate)), max_restarts=2, restart="temporary")
    record(test, worker("x"), office, most=1)


def test_an_end_whose_restart_goes_on_for_minutes_is_recorded_in_a_sum() -> None:
    gate = asyncio.Event()

    async def test(_recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        await end("x")
        otp.exit("mailer", "kill")
        await advance(2 * recording.MINUTE_S)
        assert [one.line for one in records] == ["x was killed and restarted", "mailer was killed once more"]
        gate.set()

    record(test, worker("x"), group("office", worker("mailer", fail_later(gate)), restart="temporary"), most=1)


def test_give_ups_beyond_the_limit_are_limited_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_GIVE_UPS", 2)

    async def test(recorder: Recorder, records: list[Record], _news: asyncio.Event) -> None:
        for _ in range(6):
            otp.exit("y", "bug")
            await wait_all_idle()
        await advance(1)
        recorder.catch_up()
        assert [one.line for one in records] == ["inner gave up", "inner gave up", "y crashed 4 times more"]

    record(test, group("inner", worker("y"), max_restarts=0), most=1, max_restarts=10)
