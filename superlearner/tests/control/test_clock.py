"""Times of a node's clock in wall clock seconds, also after the machine was suspended."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from otp.testing import Scheduler, advance
from superlearner.control import clock
from superlearner.control.clock import Clock

NS = 1_000_000_000


@pytest.fixture
def suspend(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Suspends the machine for some seconds, as far as a clock can tell."""
    suspended = [500.0]
    monkeypatch.setattr(clock, "_suspended_s", lambda: suspended[0])

    def for_seconds(seconds: float) -> None:
        suspended[0] += seconds

    return for_seconds


def test_times_after_a_suspension_do_not_lag_and_those_before_stay(suspend: Callable[[float], None]) -> None:
    """Regression: after a night of a suspended laptop, all new events carried times of the night."""

    async def main() -> None:
        read = Clock()
        begun = read.now()
        await advance(10)
        before = read.wall(10 * NS)
        suspend(3600)
        await advance(10)
        suspend(60)
        await advance(10)
        after = [read.now(), read.wall(30 * NS), read.wall(15 * NS), read.wall(10 * NS)]
        assert [10.0, 3690.0, 3690.0, 10.0] == [round(at - begun, 3) for at in (before, after[0], after[1], after[3])]
        assert 15.0 <= after[2] - begun  # between two suspensions, where it was not read: not exact

    Scheduler().run(main)


def test_the_difference_between_two_readings_is_no_suspension(suspend: Callable[[float], None]) -> None:
    async def main() -> None:
        read = Clock()
        before = read.offset
        suspend(0.05)
        read.now()
        assert before == read.offset

    Scheduler().run(main)
