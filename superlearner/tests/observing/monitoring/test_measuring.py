"""Figures of a short measurement refer to the measured time."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp.testing import Scheduler
from superlearner.observing.monitoring import measuring


async def talks(to: Any) -> None:
    """Send a message a hundred times a second."""
    while True:
        otp.send(to, "word")
        otp.send_after(0.01, otp.self(), "on")
        await otp.receive()


async def receives() -> None:
    while True:
        await otp.receive()


def test_a_measurement_stops_at_the_limit_and_reports_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "MOST_EVENTS", 200)

    async def main() -> None:
        otp.spawn(talks, otp.spawn(receives))
        seen = await measuring.measure(otp.node(), 30)
        assert (seen.messages, seen.complete) == (200, False)
        assert 0.9 < seen.seconds < 1.1  # two messages are received a hundred times a second

    Scheduler(seed=1).run(main)


def test_a_measurement_below_the_limit_lasts_to_the_end() -> None:
    async def main() -> None:
        otp.spawn(talks, otp.spawn(receives))
        seen = await measuring.measure(otp.node(), 3)
        assert seen.complete
        assert seen.seconds == 3
        assert 590 < seen.messages < 610

    Scheduler(seed=1).run(main)
