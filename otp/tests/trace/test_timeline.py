"""Moments of a recording: seeking and going on event by event tell the same. Source: design part 12 §6."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl, trace
from otp.testing import Scheduler, advance
from otp.trace import Moment, Recording, Row, Timeline, apply, load


class Counter(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Any:
        return Reply(state, state + 1)

    @impl
    def handle_cast(self, request: Any, state: int) -> Any:
        return NoReply(state + 1)


class Counters(Supervisor):
    @impl
    def init(self, count: int) -> Any:
        ids = [f"counter {number}" for number in range(count)]
        return Children([Counter.child_spec(0, id=id, name=id) for id in ids], max_restarts=1_000)


@pytest.fixture(scope="module", params=[1, 2, 3])
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A run of ten counters that are called, cast to and killed."""
    path = tmp_path_factory.mktemp("run") / "run.jsonl.gz"

    async def main() -> None:
        await Counters.start_link(10)
        with trace.record(trace.node_of(otp.self()), path):
            for _ in range(300):
                name = f"counter {otp.random.randrange(10)}"
                match otp.random.randrange(4):
                    case 0:
                        await GenServer.call(name, "next")
                    case 1 | 2:
                        GenServer.cast(name, "more")
                    case _:
                        otp.exit(otp.whereis(name), "kill")
                        await advance(1)

    Scheduler(seed=request.param).run(main)
    return load(path)


def test_seeking_equals_applying_one_event_after_the_other(recording: Recording) -> None:
    timeline = Timeline(recording.events, recording.processes, every=37)
    moment = timeline.at(0)
    assert 12 <= len(moment.processes)
    for count, row in enumerate(recording.events, 1):
        apply(moment, row)
        assert moment == timeline.at(count)
    assert count == len(timeline) == len(recording.events)


def test_a_live_reader_sees_the_moments_that_the_recording_has(tmp_path: Path) -> None:
    live: list[Moment] = []

    async def main() -> None:
        node = trace.node_of(otp.self())
        await Counters.start_link(3)
        moment = Moment.of(node)
        live.append(moment.copy())
        with trace.record(node, tmp_path / "live") as recorder:
            kinds = load(tmp_path / "live").header["kinds"]

            def follow(event: trace.Event) -> None:
                apply(moment, Row.of(event, node))
                live.append(moment.copy())

            trace.subscribe(node, follow, kinds=kinds)
            for n in range(3):
                GenServer.cast(f"counter {n}", "more")
                otp.exit(otp.whereis(f"counter {n}"), "kill")
                await advance(1)
        assert recorder.events == len(live) - 1

    Scheduler(seed=4).run(main)
    recording = load(tmp_path / "live")
    assert 40 < len(recording.events)
    assert [recording.at(count) for count in range(len(recording.events) + 1)] == live[: len(recording.events) + 1]


def test_seeking_in_any_order_changes_nothing(recording: Recording) -> None:
    order = list(range(0, len(recording.events) + 1, 7))
    forward = {count: recording.at(count) for count in order}
    random.Random(1).shuffle(order)
    for count in order:
        moment = recording.at(count)
        assert forward[count] == moment
        moment.processes.clear()  # the caller's own


def test_messages_under_way_are_those_sent_and_not_received(recording: Recording) -> None:
    sent: dict[int, Row] = {}
    alive = {one["process"] for one in recording.processes}
    for count, row in enumerate(recording.events, 1):
        if row.kind == "spawned":
            alive.add(row.pid)
        elif row.kind == "exited":
            alive.discard(row.pid)
            sent = {seq: one for seq, one in sent.items() if one.data["to"] != row.pid}
        elif row.kind == "sent" and row.data["to"] in alive:
            sent[row.seq] = row
        elif row.kind in ("received", "dropped"):
            sent.pop(row.cause, None)
        if count % 50 == 0:
            moment = recording.at(count)
            assert set(sent) == set(moment.messages)
            assert alive == set(moment.processes)
            waiting = {pid: p.waiting for pid, p in moment.processes.items() if p.waiting}
            expected: dict[str, int] = {}
            for one in sent.values():
                expected[one.data["to"]] = expected.get(one.data["to"], 0) + 1
            assert expected == waiting


def test_the_last_moment_is_what_the_node_was(recording: Recording) -> None:
    moment = recording.at(len(recording.events))
    counters = [p for p in moment.processes.values() if p.what == "Counter"]
    assert {f"counter {number}" for number in range(10)} == {p.name for p in counters}
    supervisor = next(pid for pid, p in moment.processes.items() if p.what == "Counters")
    restarted = [row.data["child"] for row in recording.events if row.kind == "child_restarted"]
    assert restarted
    assert {supervisor} == {p.supervisor for p in counters if p.pid in restarted}


def test_a_count_beyond_the_recording_is_refused(recording: Recording) -> None:
    for count in (-1, len(recording.events) + 1):
        with pytest.raises(otp.BadArgument, match=r"at\(count\): expected a number from 0 to"):
            recording.at(count)


def test_snapshots_stay_as_small_as_the_events() -> None:
    """Not every 500 events a copy of ten thousand processes."""
    rows = [Row(n, 0, "n", "spawned", f"<0.{n}.0>", 0, {}) for n in range(1, 10_001)]
    timeline = Timeline(rows)
    held: Any = timeline
    assert sum(len(moment.processes) for moment in held._snapshots) <= 3 * len(rows)
    assert 9_999 == len(timeline.at(9_999).processes)


def test_states_are_shown_where_they_were_recorded(tmp_path: Path) -> None:
    path = tmp_path / "states"

    async def main() -> None:
        with trace.record(trace.node_of(otp.self()), path, kinds=trace.LIFECYCLE | trace.STATE_KINDS):
            counter = await Counter.start(7)
            GenServer.cast(counter, "more")
            await GenServer.call(counter, "next")

    Scheduler().run(main)
    recording = load(path)
    assert ["7", "8", "9"] == [row.data["state"] for row in recording.events if row.kind == "state_changed"]
    assert "9" == recording.at(len(recording.events)).processes["<0.3.0>"].state


def test_a_moment_shows_itself_in_a_line() -> None:
    assert "<Moment with 0 processes, 0 messages under way>" == repr(Moment())
