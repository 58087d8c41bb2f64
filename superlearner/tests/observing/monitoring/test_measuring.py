"""Figures of a short while are those of the while that was seen."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp.testing import Scheduler
from superlearner.observing.monitoring import measuring


async def talks(to: Any) -> None:
    """A hundred times a second."""
    while True:
        otp.send(to, "word")
        otp.send_after(0.01, otp.self(), "on")
        await otp.receive()


async def hears() -> None:
    while True:
        await otp.receive()


def test_who_has_seen_as_much_as_is_counted_stops_and_says_how_long_that_took(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "MOST_EVENTS", 200)

    async def main() -> None:
        otp.spawn(talks, otp.spawn(hears))
        seen = await measuring.measure(otp.node(), 30)
        assert (seen.messages, seen.complete) == (200, False)
        assert 0.9 < seen.seconds < 1.1  # two messages are received a hundred times a second

    Scheduler(seed=1).run(main)


def test_who_sees_less_watches_to_the_end() -> None:
    async def main() -> None:
        otp.spawn(talks, otp.spawn(hears))
        seen = await measuring.measure(otp.node(), 3)
        assert seen.complete
        assert seen.seconds == 3
        assert 590 < seen.messages < 610

    Scheduler(seed=1).run(main)
