"""Windows, pace and the time to the next give-up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superlearner.observing.analytics import History, Times, failure_rate, seconds_to_give_up, trend_of

NS = 1_000_000_000


def restarted(*seconds: float, allowed: Any = 3, window: Any = 5.0) -> History:
    history = History("shop", "shop", "0.1.0", allowed=allowed, window_s=window)
    for at in seconds:
        history.restarts.add(round(at * NS))
        history.attempts.add(round(at * NS))
    return history


def test_the_failure_rate_counts_the_window_and_gives_restarts_per_second() -> None:
    rate = failure_rate(restarted(1, 2, 3, 4), 4 * NS, window_ms=2_000)
    assert (rate.restarts, rate.rate, rate.window_ms) == (3, 1.5, 2_000)


def test_a_storm_is_counted_exactly_however_many_there_are() -> None:
    times = Times()
    for number in range(100_000):
        times.add(number * 10_000)  # 100,000 in a second
    assert (times.total, times.since(0), times.since(999_900_000)) == (100_000, 100_000, 10)
    times.add(70 * NS)
    assert times.since(10 * NS) == 1


def test_old_times_are_forgotten_after_an_hour_and_the_memory_stays_bounded() -> None:
    times = Times()
    for second in range(30_000):
        times.add(second * NS)
    last = 29_999 * NS
    assert times.since(last - 3_599 * NS) == 3_600
    assert len(times._older) <= 3_700


@given(st.lists(st.integers(0, 10 * NS), max_size=60).map(sorted), st.integers(0, 10 * NS))
def test_a_window_counts_like_a_scan_of_all_times(times: list[int], since: int) -> None:
    kept = Times()
    for at in times:
        kept.add(at)
    assert kept.since(since) == sum(at >= since for at in times)
    assert list(kept.newest(since)) == [at for at in times if at >= since]


def naive(times: list[int], allowed: int, window: int, now: int) -> float | None:
    """Let restarts continue at the current pace, and recount after each."""
    counting = [at for at in times if at >= now - window]
    if len(counting) < 2:
        return None
    newest = counting[-10:]
    step = max((newest[-1] - newest[0]) // (len(newest) - 1), now - newest[-1])
    at = max(now, newest[-1] + step)
    for _ in range(200):
        counting.append(at)
        if sum(one >= at - window for one in counting) > allowed:
            return round((at - now) / NS, 6)
        at += step
    return None


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(0, 20), min_size=0, max_size=20).map(sorted),
    st.integers(0, 8),
    st.integers(1, 20),
    st.integers(0, 10),
)
def test_the_time_to_the_next_give_up_agrees_with_a_simulation(
    times: list[int], allowed: int, window: int, later: int
) -> None:
    now = (times[-1] if times else 0) + later
    expected = naive(times, allowed, window, now)
    assert seconds_to_give_up(times, allowed, window, now) == expected


def test_a_storm_that_has_stopped_slows_the_pace_down() -> None:
    times = [0, NS // 2]
    assert seconds_to_give_up(times, 3, 5 * NS, NS // 2) == 1.0
    assert seconds_to_give_up(times, 3, 5 * NS, 3 * NS) is None


@pytest.mark.parametrize(
    ("history", "outlook", "seconds"),
    [
        (restarted(), "quiet", None),
        (restarted(9), "quiet", None),
        (restarted(9, 10), "gives_up", 2.0),
        (restarted(5, 7.5, 10), "holds", None),
        (restarted(9, 10, allowed="infinity"), "unlimited", None),
        (restarted(9, 10, window="infinity"), "gives_up", 2.0),
        (restarted(9, 10, allowed=None), "unknown", None),
        (restarted(9.99, 10, allowed=10_000, window=1.0), "holds", None),
    ],
)
def test_the_outlook_says_whether_the_budget_lasts(history: History, outlook: str, seconds: float | None) -> None:
    trend = trend_of(history, 10 * NS, 1_000)
    assert (trend.outlook, trend.seconds_to_give_up) == (outlook, seconds)


def test_the_trend_compares_this_window_with_the_one_before() -> None:
    trend = trend_of(restarted(7.5, 8.5, 9.5, 9.6), 10 * NS, 1_000)
    assert (trend.now.restarts, trend.before.restarts, trend.change, trend.direction) == (2, 1, 1.0, "rising")
    assert trend_of(restarted(8.5), 10 * NS, 1_000).direction == "falling"
    assert trend_of(restarted(), 10 * NS, 1_000).direction == "steady"
    assert trend.mean_between_s == 0.7
    assert [trend_of(restarted(*times), 10 * NS, 1_000).enough for times in (
        (), (1, 2, 3, 4, 5, 9.5), (8.1, 8.5, 9.5, 9.6), (8.1, 8.5, 9.4, 9.5, 9.6),
    )] == [False, False, False, True]  # fmt: skip
    assert trend.mean_recovery_s is None
