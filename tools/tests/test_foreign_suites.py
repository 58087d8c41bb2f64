"""The verdict about tests that others wrote."""

from __future__ import annotations

import pytest
from tools.foreign_suites import judge


def test_a_test_fails_the_run_if_it_fails_again_and_only_in_a_process(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[tuple[list[str], bool]] = []

    def fail_again(names: list[str], plain: bool) -> set[str]:
        asked.append((names, plain))
        return {"fails without processes"} if plain else {"fails again"}

    failed = dict.fromkeys(["fails without processes", "exceeds its limit once", "fails again"], "traceback")
    assert 1 == judge("asyncio", 10, failed, fail_again)
    assert [(list(failed), True), (["exceeds its limit once", "fails again"], False)] == asked
    *_, verdict, name = capsys.readouterr().out.splitlines()
    assert "failed: fails again" == name
    assert verdict.endswith("1 also fail here without processes, 1 passed when repeated, 1 failed")


def test_a_run_without_a_failure_repeats_nothing() -> None:
    def fail_again(_names: list[str], _plain: bool) -> set[str]:
        raise AssertionError("a test was repeated")

    assert 0 == judge("asyncio", 10, {}, fail_again)
