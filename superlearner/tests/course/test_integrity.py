"""Names that an answer must not change, of one run after the other."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

import otp
from superlearner.course.engine.integrity import Integrity
from superlearner.course.engine.verdict import Wrong


class Added:
    def ask(self) -> None:
        """Do nothing."""


def fault_of(check: Callable[[], None]) -> str:
    with pytest.raises(Wrong) as caught:
        check()
    return caught.value.say


def test_a_run_is_compared_with_the_names_at_its_own_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Integrity()
    names.begin()
    monkeypatch.setattr(otp, "monotonic", time.monotonic)
    names.begin()
    names.check()
    monkeypatch.setattr(Added, "__module__", "otp")
    monkeypatch.setattr(otp, "Added", Added, raising=False)
    names.begin()
    ask = Added.ask
    monkeypatch.setattr(Added, "ask", None)
    names.check_step()
    assert "Added.ask as it is" in fault_of(names.check)
    assert Added.ask is ask


def test_a_step_compares_the_names_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Integrity()
    names.begin()
    monkeypatch.setattr("superlearner.course.engine.scenario.Scenario.same", None)
    assert "Scenario.same as it is" in fault_of(names.check_step)
