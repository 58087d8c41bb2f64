"""What a learner has earned, from what they did."""

from __future__ import annotations

from typing import Any

import pytest

from superlearner.course.course import Course
from superlearner.course.lesson import Exercise, Predict, Reflect
from superlearner.course.progress import NotYet, Progress
from superlearner.store.learning import Learned

ITEM = "s12.minimal"
LESSON = Course().lesson(12)


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


def test_a_later_answer_that_fails_leaves_the_one_that_passed() -> None:
    found = item(attempt(1, "a", ok=True), attempt(2, "b", ok=True), attempt(3, "c"))
    assert (found.answer, found.passing) == ("c", "b")
    assert item(attempt(1, "a")).passing is None


def test_a_hint_is_about_the_step_that_comes_next() -> None:
    first = Course().exercise(ITEM).hints[0]
    assert "each callback" in first.at(item().held + 1)
    assert "each callback" in first.at(item(attempt(1, "a")).held + 1)
    held = item(("attempt", 1, {"source": "a", "ok": False, "held": 1}))
    assert "`update`" in first.at(held.held + 1)
    assert first.at(3) == first.at(7)


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


def work(*, first_right: bool, attempts: int) -> Progress:
    """Return the progress of a learner who has done the core path of session 12."""
    done = [Learned("reflection", block.id, 1.0, {"text": "…"}) for block in LESSON.blocks(Reflect) if block.core]
    done += [
        Learned("prediction", block.id, 2.0, {"choice": 1, "right": first_right or block.id != "s12.p1"})
        for block in LESSON.blocks(Predict) if block.core
    ]  # fmt: skip
    for block in LESSON.blocks(Exercise):
        if block.core:
            tries = attempts if block.id == ITEM else 1
            done += [
                Learned(kind, block.id, 3.0 + at, data) for kind, at, data in map(attempt, range(1, tries), "abcdef")
            ]
            done.append(Learned("attempt", block.id, 9.0, {"source": "right", "ok": True}))
    return Progress(done)


def test_what_was_missed_on_the_core_path_leads_on() -> None:
    missed = work(first_right=False, attempts=4).missed(LESSON)
    assert [(one.block.id, one.why) for one in missed] == [
        (ITEM, "you passed it after 4 attempts"), ("s12.p1", "your first answer was another one")
    ]  # fmt: skip
    assert [one.misconception for one in missed] == ["M14", None]
    assert [one.practise.id for one in missed if one.practise] == ["s12.calls", "s12.strategies"]
    following = work(first_right=False, attempts=4).next_of(LESSON)
    assert following is not None
    assert following.id == "s12.calls"


def test_who_missed_nothing_goes_on_with_the_first_practice() -> None:
    alone = work(first_right=True, attempts=3)
    assert alone.missed(LESSON) == []
    following = alone.next_of(LESSON)
    assert following is not None
    assert following.id == "s12.tree"


def test_after_a_core_path_the_next_session_comes_before_practice() -> None:
    done, lessons = work(first_right=False, attempts=4), [LESSON, Course().lesson(13)]
    found = done.next_in(lessons)
    assert found is not None
    assert (found[0].number, found[1].core) == (13, True)
    practice = done.next_in([LESSON])
    assert practice is not None
    assert practice[1].id == "s12.calls"


def test_a_part_that_is_not_passed_is_not_missed_but_left() -> None:
    begun = Progress([Learned(kind, ITEM, at, data) for kind, at, data in map(attempt, range(1, 7), "abcdef")])
    assert begun.missed(LESSON) == []
