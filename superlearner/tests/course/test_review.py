"""The items of a review, and the days on which they are due."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from superlearner.course.course import Course
from superlearner.course.lesson import Exercise, Predict
from superlearner.course.review import DAY_S, MOST, PAUSES, Review
from superlearner.store.learning import Learned

LESSONS = Course().lessons
ITEMS = [block.id for lesson in LESSONS for block in lesson.blocks(Exercise | Predict)]
HOUR_S = 3_600.0


def predicted(at: float, *, right: bool, item: str = "s12.p2") -> Learned:
    return Learned("prediction", item, at, {"choice": 1, "right": right})


def tried(at: float, *, ok: bool, item: str = "s12.minimal") -> Learned:
    return Learned("attempt", item, at, {"source": "…", "ok": ok, "misconceptions": []})


def due(done: list[Learned], at: float) -> list[str]:
    return [one.block.id for one in Review(LESSONS, done).due(at)]


def test_what_was_never_answered_is_not_reviewed() -> None:
    assert (Review(LESSONS, []).due(1e12), Review(LESSONS, []).next_at(1e12)) == ([], None)
    read = [Learned("reflection", "s12.r1", 0, {"text": "…"}), Learned("hint", "s12.minimal", 0, {"level": 1})]
    assert due(read, 1e12) == []


def test_correct_reviews_come_back_after_growing_pauses() -> None:
    done, at = [predicted(0, right=True)], 0.0
    for days in (*PAUSES, PAUSES[-1]):
        at += days * DAY_S
        assert due(done, at - 1) == []
        assert due(done, at) == ["s12.p2"]
        done.append(predicted(at, right=True))


def test_a_wrong_review_comes_back_after_a_day() -> None:
    done = [predicted(0, right=True), predicted(DAY_S, right=True), predicted(4 * DAY_S, right=False)]
    assert Review(LESSONS, done).next_at(4 * DAY_S) == 5 * DAY_S
    assert [one.missed for one in Review(LESSONS, done).due(5 * DAY_S)] == [True]


def test_the_first_choice_counts_and_not_the_one_after_the_answer_was_seen() -> None:
    done = [predicted(0, right=False), predicted(10, right=True)]
    assert [one.missed for one in Review(LESSONS, done).due(2 * DAY_S)] == [True]


def test_an_answer_before_it_is_due_moves_nothing() -> None:
    early = [predicted(0, right=True), predicted(DAY_S, right=True), predicted(3.4 * DAY_S, right=True)]
    assert Review(LESSONS, early).next_at(3.4 * DAY_S) == 4 * DAY_S


def test_a_correct_answer_up_to_twelve_hours_early_is_the_review() -> None:
    early = [predicted(0, right=True), predicted(DAY_S, right=True), predicted(3.6 * DAY_S, right=True)]
    assert Review(LESSONS, early).next_at(3.6 * DAY_S) == 10.6 * DAY_S


def test_an_item_that_was_missed_shortly_before_it_is_due_moves_once_it_is_answered_again() -> None:
    """It stayed due for ever: the review went on with the attempt before it, which had begun too early."""
    missed = [predicted(0, right=True), predicted(DAY_S, right=True), predicted(4 * DAY_S - HOUR_S, right=False)]
    assert due(missed, 4 * DAY_S) == ["s12.p2"]
    assert due([*missed, predicted(4 * DAY_S, right=True)], 4 * DAY_S) == []


def test_a_wrong_answer_after_a_right_one_that_came_too_early_does_not_count_as_the_review() -> None:
    at = 4 * DAY_S
    reviewed = [tried(0, ok=True), tried(DAY_S, ok=True)]
    early = [*reviewed, tried(at - 13 * HOUR_S, ok=True), tried(at - 2 * HOUR_S, ok=False)]
    assert due(early, at) == ["s12.minimal"]
    assert due([*early, tried(at + HOUR_S, ok=True)], at + HOUR_S) == []


NOON_S = time.mktime((2026, 1, 5, 12, 0, 0, 0, 0, -1))


def test_a_day_has_at_most_five_topics_including_those_answered_already() -> None:
    six = [
        next(block.id for block in section.blocks if isinstance(block, Exercise | Predict))
        for section in LESSONS[0].sections
        if any(isinstance(block, Exercise | Predict) for block in section.blocks)
    ][: MOST + 1]
    assert len(six) == MOST + 1
    done = [tried(NOON_S - 3 * DAY_S, ok=True, item=item) for item in six]
    assert len(due(done, NOON_S)) == MOST
    done += [tried(NOON_S + minute * 60, ok=True, item=item) for minute, item in enumerate(due(done, NOON_S))]
    assert due(done, NOON_S + HOUR_S) == []
    midnight = NOON_S + 12 * HOUR_S
    assert Review(LESSONS, done).next_at(NOON_S + HOUR_S) == midnight
    assert (len(due(done, midnight - 1)), len(due(done, midnight))) == (0, 1)


def test_a_pass_after_a_hint_is_to_be_written_once_more_until_it_passes_without_help() -> None:
    helped = [tried(0, ok=False), Learned("hint", "s12.minimal", 1, {"level": 1}), tried(2, ok=True)]
    [found] = Review(LESSONS, helped).due(2 * DAY_S)
    assert (found.block.id, found.missed, found.lesson.number) == ("s12.minimal", True, 12)
    alone = [*helped, tried(2 * DAY_S, ok=False), tried(2 * DAY_S + 60, ok=True)]
    assert Review(LESSONS, alone).due(2 * DAY_S + 60) == []
    assert [one.missed for one in Review(LESSONS, alone).due(9 * DAY_S)] == [False]


def test_of_a_topic_one_item_is_drawn_and_the_missed_one_first() -> None:
    same = [predicted(0, right=True, item="s12.p4"), tried(1, ok=False, item="s12.results")]
    assert due(same, 2 * DAY_S) == ["s12.results"]
    other = [*same, predicted(2, right=True)]
    assert due(other, 2 * DAY_S) == ["s12.results", "s12.p2"]


@given(
    st.lists(
        st.tuples(st.sampled_from(ITEMS), st.floats(0, 60 * DAY_S), st.booleans(), st.sampled_from("ahs")), max_size=60
    ),
    st.floats(0, 90 * DAY_S),
)
def test_a_review_has_at_most_five_items_of_different_topics_missed_first(
    steps: list[tuple[str, float, bool, str]], now: float
) -> None:
    kinds: dict[str, Any] = {"a": "attempt", "h": "hint", "s": "solution"}
    done = [
        Learned(kinds[kind], item, at, {"ok": ok, "level": 1, "source": "…"})
        for item, at, ok, kind in sorted(steps, key=lambda step: step[1])
    ]
    review = Review(LESSONS, done)
    found = review.due(now)
    assert len(found) <= MOST
    assert len({one.topic.id for one in found}) == len(found)
    assert [one.missed for one in found] == sorted((one.missed for one in found), reverse=True)
    assert all(one.since <= now for one in found)
    next_at = review.next_at(now)
    if next_at is not None:
        assert bool(found) == (next_at <= now)
