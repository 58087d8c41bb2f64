"""What a learner has earned, from what they did."""

from __future__ import annotations

from typing import Any

import pytest

from superlearner.course.progress import NotYet, Progress
from superlearner.store.learning import Learned

ITEM = "s12.minimal"


def item(*done: tuple[str, float, dict[str, Any]]) -> Any:
    return Progress([Learned(kind, ITEM, at, data) for kind, at, data in done]).of(ITEM)


def attempt(at: float, source: str, *, ok: bool = False) -> tuple[str, float, dict[str, Any]]:
    return "attempt", at, {"source": source, "ok": ok, "misconceptions": [] if ok else ["M14"]}


def hint(at: float, level: int) -> tuple[str, float, dict[str, Any]]:
    return "hint", at, {"level": level}


def test_a_pass_stays_and_help_before_it_is_noted() -> None:
    alone = item(attempt(1, "a"), attempt(2, "b", ok=True), attempt(3, "c"))
    assert (alone.passed, alone.helped, alone.attempts, alone.answer) == (True, False, 3, "c")
    assert item(hint(1, 1), attempt(2, "b", ok=True)).helped
    assert not item(attempt(1, "b", ok=True), hint(2, 1)).helped


def test_the_first_choice_of_a_prediction_counts() -> None:
    found = item(("prediction", 1, {"choice": 2, "right": False}), ("prediction", 2, {"choice": 1, "right": True}))
    assert (found.passed, found.first, found.answer) == (False, 2, 1)


def test_hints_open_one_after_the_other_at_once() -> None:
    item().check_hint(1, 4)
    with pytest.raises(NotYet, match="hint 2 follows hint 1"):
        item().check_hint(2, 4)
    taken = item(attempt(1, "a"), hint(2, 1))
    taken.check_hint(2, 4)
    taken.check_hint(1, 4)
    with pytest.raises(NotYet, match="there are 4 hints"):
        item(hint(2, 4)).check_hint(5, 4)


def test_the_solution_opens_after_a_pass_or_the_last_hint() -> None:
    with pytest.raises(NotYet, match="or after hint 4"):
        item(hint(1, 3)).check_solution(4)
    item(hint(1, 4)).check_solution(4)
    item(attempt(1, "a", ok=True)).check_solution(4)
