"""History of points: an hour in full, a day by the minute, and merged points."""

from __future__ import annotations

from dataclasses import replace

import otp
from superlearner.observing.analytics import Ledger
from superlearner.observing.monitoring.monitor import Monitor
from superlearner.observing.monitoring.points import FINE, MINUTES, History, Point
from superlearner.settings.settings import Settings

POINT = Point(0.0, 2.0, 30, 8, 26, 0, 0, 0, 0, 0, None, 0, 9, 12, 10, 0.01, 1, 1, 100_000_000, 1, 0, 0, 0, 0, 0, 12, 3)


def filled(seconds: int, every: int = 2) -> History:
    history = History()
    for at in range(every, seconds + 1, every):
        history.add(replace(POINT, at=float(at), seconds=float(every), restarts=1))
    return history


def test_an_hour_is_kept_in_full_and_a_day_by_the_minute() -> None:
    history = filled(26 * 3600)
    assert len(history.fine) == 1801
    assert len(history.coarse) == MINUTES
    day = history.since(2 * 3600.0)
    assert [one.at for one in day] == sorted(one.at for one in day)
    assert abs(sum(one.restarts for one in day) - 24 * 1800) <= 30  # the first minute counts whole


def test_memory_is_bounded_however_often_samples_are_taken() -> None:
    history = History()
    for number in range(10_000):
        history.add(replace(POINT, at=number / 100))
    assert len(history.fine) == FINE


def test_a_coarser_resolution_adds_counts_and_keeps_maxima() -> None:
    history = filled(60)
    history.add(replace(POINT, at=62.0, restarts=5, loop_lag_ms=300.0, mailbox_deepest=7, mailbox_deepest_pid="0.7.0"))
    history.add(replace(POINT, at=64.0, loop_lag_ms=2.0))
    (last,) = history.read(10.0, 1000.0, 64.0)[-1:]
    assert (last.restarts, last.loop_lag_ms, last.mailbox_deepest, last.mailbox_deepest_pid) == (8, 300.0, 7, "0.7.0")
    assert len(history.read(60.0, 10.0, 64.0)) == 7


def test_what_is_unknown_stays_unknown() -> None:
    history = History()
    for at in (1.0, 2.0):
        history.add(replace(POINT, at=at, memory=None, open_files=None))
    (one,) = history.read(60.0, 60.0, 2.0)
    assert (one.memory, one.open_files) == (None, None)


def test_a_point_for_this_moment_has_the_lag_of_the_last_interval_too() -> None:
    """Regression: with its other figures from the last interval, it said 0 ms of lag while the loop was blocked."""

    async def main() -> list[float]:
        monitor = Monitor(Settings, Ledger())
        monitor.watch(otp.node())
        monitor.was_late(3600.0)
        await monitor.sample()
        after = await monitor.now()
        await monitor.sample()
        later = await monitor.now()
        monitor.close()
        return [point.loop_lag_ms for point in (*monitor.history.since(0.0), after, later)]

    first, second, after, later = otp.run(main)
    assert first == after == 3_600_000
    assert max(second, later) < 3_600_000
