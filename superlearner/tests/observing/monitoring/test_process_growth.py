"""Processes without a supervisor that become more and more, and healthy states that are no such growth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import otp
from node_facts import LIMITS, NOW, facts, only
from otp.testing import Scheduler, advance
from superlearner.observing.analytics import Ledger
from superlearner.observing.monitoring.facts import AnomalyFinding, Incident, ProcessCount, ProcessStarter
from superlearner.observing.monitoring.monitor import Monitor
from superlearner.observing.monitoring.process_growth import process_growth
from superlearner.observing.monitoring.witness import Witness
from superlearner.settings.settings import Settings

AT = __file__.rpartition("/")[2]


def _counts(settled: Callable[[int], int], seconds: int = 60) -> list[ProcessCount]:
    return [ProcessCount(NOW - seconds + at, settled(at), settled(at)) for at in range(0, seconds + 1, 2)]


async def waiter() -> None:
    await otp.receive()


class LeakingClock(otp.GenServer[int]):
    """Starts processes each tenth of a second, which never end, as many as it was asked to."""

    @otp.impl
    def init(self, arg: int) -> otp.Ok[int]:
        otp.send_after(0.1, otp.self(), "tick")
        return otp.Ok(arg)

    @otp.impl
    def handle_cast(self, message: int, state: int) -> otp.NoReply[int]:
        return otp.NoReply(message)

    @otp.impl
    def handle_info(self, message: str, state: int) -> otp.NoReply[int]:
        otp.send_after(0.1, otp.self(), "tick")
        for _ in range(state):
            otp.spawn(waiter)
        return otp.NoReply(state)


LEAKS_AT = LeakingClock.handle_info.__code__.co_firstlineno + 4


def _watch(monkeypatch: pytest.MonkeyPatch, run: Callable[[Monitor, Callable[[float], Any]], Any]) -> list[Incident]:
    """Run `run(monitor, sample)` in virtual time; `sample(seconds)` samples every two seconds; return the incidents."""
    monkeypatch.setattr(Witness, "open", lambda self: None)  # a thread, which virtual time has not
    stored: list[Incident] = []

    async def main() -> None:
        monitor = Monitor(Settings, Ledger())
        monitor.on_incident = stored.append
        monitor.watch(otp.node())

        async def sample(seconds: float) -> list[AnomalyFinding]:
            for _ in range(round(seconds / 2)):
                await advance(2)
                await monitor.sample()
            return [one.finding for one in monitor.alarms.active.values()]

        await run(monitor, sample)
        monitor.close()

    Scheduler(0).run(main)
    return stored


def test_processes_that_never_end_are_found_in_15_s_with_who_starts_them_and_where(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Regression: 40 a second were "80 processes", of severity low, for as long as they grew."""

    async def run(monitor: Monitor, sample: Callable[[float], Any]) -> None:
        assert await sample(10) == []
        clock = await LeakingClock.start_link(4, name="clock")
        found = only(await sample(14))
        place = f"{AT}:{LEAKS_AT} in handle_info"
        assert (found.type, found.severity, found.name) == ("process_growth", "medium", "clock")
        grows = "the number of processes without a supervisor grows by 40 per second, to"
        assert found.description.startswith(grows) and found.description.endswith(f"; clock starts them at {place}")
        begun = monitor.time() - 14
        assert begun - 2 <= found.since <= begun + 2
        assert "superlearner process list --what waiter" in found.hint
        await sample(200)
        assert begun - 2 <= only(await sample(2)).since <= begun + 2
        await advance(1)
        await monitor.fresh()
        found = only([one.finding for one in monitor.alarms.active.values()])
        alone = monitor.facts().unsupervised[-1].total
        assert 8600 < alone < 8800
        assert found.severity == "high"
        assert f"by 40 per second, to {alone:,}; clock" in found.description
        otp.GenServer.cast(clock, 0)
        assert [one.type for one in await sample(20)] == ["unsupervised_process"]
        waiting = only(await sample(40))
        alone = f"{alone - 2:,} processes (waiter) have no links and no monitors"
        assert waiting.description == f"{alone}; clock started them at {place}"

    stored = only(_watch(monkeypatch, run))
    assert stored.text.startswith("the number of processes without a supervisor grew by 40 per second, to 8,682;")


def test_who_started_the_processes_before_it_ended_is_told_by_its_line_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async def start_and_end() -> None:
        for _ in range(10):
            otp.spawn(waiter)

    async def run(monitor: Monitor, sample: Callable[[float], Any]) -> None:
        for _ in range(10):
            for _ in range(5):
                otp.spawn(start_and_end)
            await sample(2)
        found = only([one.finding for one in monitor.alarms.active.values()])
        place = f"{AT}:{start_and_end.__code__.co_firstlineno + 2} in start_and_end"
        assert found.description.endswith(f"; they are started at {place}")
        assert found.name is None

    _watch(monkeypatch, run)


def test_many_processes_that_start_at_once_and_stay_are_reported_in_8_s_with_their_starter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Regression: 3,000 of them were reported after 30 s, without who started them."""

    async def run(monitor: Monitor, sample: Callable[[float], Any]) -> None:
        clock = await LeakingClock.start_link(0, name="clock")
        otp.spawn(waiter)  # one of the same kind that has had no ties for long
        assert await sample(10) == []
        otp.GenServer.cast(clock, 3000)
        await advance(0.15)
        otp.GenServer.cast(clock, 0)
        found = only(await sample(8))
        alone = "3,000 processes (waiter) have no links and no monitors"
        assert found.description.startswith(alone.replace("3,000", "3,001"))
        assert found.description.endswith(f"; clock started them at {AT}:{LEAKS_AT} in handle_info")
        assert "superlearner process list --what waiter" in found.hint
        assert found.severity == "medium"

    _watch(monkeypatch, run)


def test_processes_without_ties_are_counted_as_they_are_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: of a slow leak, only the processes older than 30 s were counted."""

    async def run(monitor: Monitor, sample: Callable[[float], Any]) -> None:
        for count in range(1, 40):
            otp.spawn(waiter)
            found = await sample(2)
            if count == 20:
                assert found == []  # fewer than ten have been without ties for 30 s
        last = only(found)
        assert last.description.startswith("39 processes (waiter) have no links and no monitors")
        assert (last.evidence["count"], last.severity) == (39, "low")

    _watch(monkeypatch, run)


class Guest(otp.GenServer[None]):
    @otp.impl
    def init(self, arg: None) -> otp.Ok[None]:
        return otp.Ok(arg)


class LeakingHost(otp.GenServer[float]):
    """Has `guests` start a child each time the seconds in its state have passed."""

    @otp.impl
    def init(self, arg: float) -> otp.Ok[float]:
        otp.send_after(arg, otp.self(), "tick")
        return otp.Ok(arg)

    @otp.impl
    async def handle_info(self, message: str, state: float) -> otp.NoReply[float]:
        otp.send_after(state, otp.self(), "tick")
        await otp.DynamicSupervisor.start_child("guests", Guest.child_spec(None, restart="temporary"))
        return otp.NoReply(state)


def test_children_of_a_dynamic_supervisor_that_never_end_are_found_with_their_requester(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Regression: they were never reported."""

    async def run(monitor: Monitor, sample: Callable[[float], Any]) -> None:
        await otp.DynamicSupervisor.start_link(name="guests")
        await LeakingHost.start_link(0.05, name="host")
        assert await sample(20) == []  # this many users may sign in after a start
        found = only(await sample(26))
        total = monitor.facts().children[0].counts[-1].total
        place = f"{AT}:{LeakingHost.handle_info.__code__.co_firstlineno + 3} in handle_info"
        assert found.description == (
            f"the number of children of guests grows by 20 per second, to {total:,}; host starts them at {place}"
        )
        assert (found.type, found.name) == ("process_growth", "host")
        assert abs(found.since - (monitor.time() - 46)) <= 6

    _watch(monkeypatch, run)


def test_children_are_found_after_32_s_of_growth_with_the_time_of_their_first_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Regression: they counted from the hundredth on, so that a slow growth was found late."""

    async def run(monitor: Monitor, sample: Callable[[float], Any]) -> None:
        await otp.DynamicSupervisor.start_link(name="guests")
        assert await sample(30) == []
        begun = monitor.time()
        host = await LeakingHost.start_link(0.15, name="host")
        seconds, found = 0, list[Any]()
        for seconds in range(0, 60, 2):
            if found := await sample(2):
                break
            await monitor.fresh()  # a look a moment after a sample is no pause of the growth
        assert 30 <= seconds <= 40
        assert 0 <= only(found).since - begun <= 6
        await otp.GenServer.stop(host)
        assert await sample(30) == []
        assert len(monitor.facts().children[0].counts) > 30

    _watch(monkeypatch, run)


def test_few_children_that_become_no_more_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(monitor: Monitor, sample: Callable[[float], Any]) -> None:
        await otp.DynamicSupervisor.start_link(name="guests")
        for total in (10, 60):
            for _ in range(total):
                await otp.DynamicSupervisor.start_child("guests", Guest.child_spec(None, restart="temporary"))
            assert await sample(60) == []
            counts = monitor._population._of_supervisors  # pyright: ignore[reportPrivateUsage]
            assert [len(one) for one in counts.values()] == [1] * (total > 10)
        assert monitor.facts().children == []

    _watch(monkeypatch, run)


def test_many_short_processes_and_a_pool_that_fills_once_are_no_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    async def short(seconds: float) -> None:
        await otp.receive(timeout=seconds)

    async def run(monitor: Monitor, sample: Callable[[float], Any]) -> None:
        for _ in range(500):
            otp.spawn(waiter)
        assert await sample(24) == []
        for load in range(20):  # their number at a time grows by 20 a second
            for _ in range(40 * load):
                otp.spawn(short, 1.9)
            assert "process_growth" not in [one.type for one in await sample(2)]

    _watch(monkeypatch, run)


@pytest.mark.parametrize(
    "settled",
    [
        lambda at: 1000 if at > 30 else 0,
        lambda at: min(2000, 100 * at),
        lambda at: 3000 - 10 * at,
        lambda at: at,
        lambda at: 1000 + 500 * (at // 10 % 2),
    ],
    ids=["at once", "has stopped", "falls", "slow", "comes and goes"],
)  # fmt: skip
def test_other_numbers_of_processes_are_no_growth(settled: Callable[[int], int]) -> None:
    assert not list(process_growth(facts(unsupervised=_counts(settled)), LIMITS))


def test_a_growth_in_bursts_is_found_in_a_longer_window() -> None:
    bursts = _counts(lambda at: 100 * (at // 6), 120)
    starter = ProcessStarter("waiter", "0.7.0", "clock")
    found = only(list(process_growth(facts(unsupervised=bursts, starter=starter), LIMITS)))
    assert 16 < found.evidence["processes_per_s"] < 20
    assert found.past.endswith("to 2,000; clock started them")
    assert found.threshold == LIMITS.anomaly_process_growth
    assert not list(process_growth(facts(unsupervised=bursts), Settings(anomaly_process_growth=20.0)))
