"""The conversion of the node's clock to the wall clock."""

from __future__ import annotations

from itertools import chain, repeat

import pytest

from superlearner.control import clock


def test_an_interruption_between_the_readings_of_the_clocks_moves_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: the time of one event in two lists differed by as much as a process was interrupted."""
    now, interruptions = 100.0, chain([0.004], repeat(0.0))

    def read_wall() -> float:
        nonlocal now
        wall = 1_600_000_000.0 + now
        now += next(interruptions)
        return wall

    monkeypatch.setattr(clock.otp, "monotonic", lambda: now)
    monkeypatch.setattr(clock.time, "time", read_wall)
    assert [clock.Clock().wall(100_000_000_000) for _ in range(2)] == [1_600_000_100.0] * 2
