"""The table of restarts that the pages read agrees with the decisions of supervisors."""

from __future__ import annotations

import pytest
from tools import restart_rules

from otp.observer import prediction


def test_the_table_agrees_with_supervisors() -> None:
    assert restart_rules.TABLE.read_text(encoding="utf-8") == restart_rules.written()


def test_another_decision_of_supervisors_makes_the_table_outdated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction.SupervisorState, "group", lambda self, record: [record])
    assert restart_rules.TABLE.read_text(encoding="utf-8") != restart_rules.written()
