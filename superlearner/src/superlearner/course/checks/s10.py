"""Checks of session 10: the cards. The repaired programs are judged with those of sessions 7 and 9."""

from __future__ import annotations

from typing import Final

from superlearner.course.engine.diagnosis import SIGNS
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.verdict import CourseMark

CARDS: Final = {
    "card 1": "M12", "card 2": "M31", "card 3": "P3", "card 4": "M1", "card 5": "M24", "card 6": "P5", "card 7": "M6",
    "card 8": "M26", "card 9": "M11",
}  # fmt: skip


@exercise("s10.cards")
async def cards(s: Scenario) -> None:
    """The fault behind each of nine runs."""
    s.step("Each card has the id of its fault.")
    answer = s.choices(tuple(CARDS), tuple(SIGNS))
    s.judge(
        CourseMark(card, answer[card] == right, f"`{card}` is not {answer[card]}: with it, {SIGNS[answer[card]]}")
        for card, right in CARDS.items()
    )
