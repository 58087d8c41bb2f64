"""Handlers of telemetry get the events they name, and one that raises is detached alone."""

from __future__ import annotations

import pytest

from superlearner.base.telemetry import Telemetry


def test_a_handler_gets_the_events_that_it_names_and_by_default_all() -> None:
    telemetry, some, all_of_them = Telemetry(), list[str](), list[str]()
    telemetry.attach(lambda event, _measured, _about: some.append(event), "tide.high", "tide.low")
    telemetry.attach(lambda event, _measured, _about: all_of_them.append(event))
    for event in ("tide.high", "wind", "tide.low"):
        telemetry.execute(event, {}, {})
    assert ["tide.high", "tide.low"] == some
    assert ["tide.high", "wind", "tide.low"] == all_of_them


def test_a_handler_that_raises_is_detached_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    telemetry, seen, failed = Telemetry(), list[str](), list[str]()

    def fail(event: str, _measured: object, _about: object) -> None:
        failed.append(event)
        raise RuntimeError("no tide")

    telemetry.attach(fail)
    detach = telemetry.attach(lambda event, _measured, _about: seen.append(event))
    telemetry.execute("tide.high", {}, {})
    telemetry.execute("tide.low", {}, {})
    detach()
    telemetry.execute("wind", {}, {})
    assert (["tide.high"], ["tide.high", "tide.low"]) == (failed, seen)
    assert "is detached" in caplog.text
