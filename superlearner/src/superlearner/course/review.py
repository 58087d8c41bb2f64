"""The review: what a learner has answered before comes back after growing pauses.

>>> done = [Learned("prediction", "s12.p2", 0.0, {"choice": 2, "right": False})]
>>> from superlearner.course.course import Course
>>> review = Review(Course().lessons, done)
>>> [due.block.id for due in review.due(DAY_S)], review.next_at(DAY_S)
(['s12.p2'], 86400.0)
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from superlearner.course.lesson import Exercise, Lesson, Predict, Section
from superlearner.store.learning import Learned

__all__ = ["DAY_S", "MOST", "PAUSES", "Due", "Review"]

DAY_S: Final = 86_400.0
PAUSES: Final = (1, 3, 7, 21)
"""Days until a topic comes back; each correct review moves it to the next pause, a wrong one to the first."""
MOST: Final = 5
"""Maximum topics of a day."""
NEVER: Final = -math.inf
APART_S: Final = 12 * 3_600.0
"""Seconds between two things done with an item that make the second one a new occasion.

A correct answer counts for a review that falls due within the same time.
"""


@dataclass(frozen=True, slots=True)
class Due:
    """An item to answer once more.

    Attributes:
        lesson: its session.
        topic: its section; a review has one item of each.
        block: the exercise or prediction.
        missed: its last answer was wrong, or needed help.
        since: the time when it became due, in seconds since 1970.
    """

    lesson: Lesson
    topic: Section
    block: Exercise | Predict
    missed: bool
    since: float


@dataclass(slots=True)
class _Occasion:
    """The work on an item in one go: the first choice of a prediction, the attempts at an exercise."""

    item: str
    begun: float
    ended: float
    answered: float = NEVER
    right: bool = False
    helped: bool = False

    def take(self, done: Learned) -> None:
        self.ended = done.at
        match done.kind:
            case "prediction":
                first = self.answered == NEVER
                self._answer(done.at, bool(done.data.get("right")), decides=first)
            case "attempt":
                passed = bool(done.data.get("ok")) and not self.helped
                self._answer(done.at, passed, decides=passed)
            case "hint" | "solution":
                self.helped = True
            case _:
                pass

    def _answer(self, at: float, right: bool, *, decides: bool) -> None:
        """Take an answer; a wrong one after a right one is no later answer of this occasion."""
        if right or not self.right:
            self.answered = at
        if decides:
            self.right = right


class Review:
    """The review of a learner.

    A topic is a section of a session. It is due a day after it was first answered, then after 3, 7 and 21 days, if the
    item that was drawn is answered correctly. A prediction is right if its first choice is, an exercise if it passes
    without help on that occasion. A correct answer at most twelve hours early counts as the review.

    A day has at most five topics, those that were answered already included. It begins at midnight, in the time zone of
    the platform.

    Args:
        lessons: all sessions.
        done: what the learner has done, in any order.
    """

    def __init__(self, lessons: Iterable[Lesson], done: Iterable[Learned]) -> None:
        occasions = _occasions(done)
        topics = [
            _Topic.of(lesson, section, occasions)
            for lesson in lessons for section in lesson.sections
        ]  # fmt: skip
        self._topics = [topic for topic in topics if topic is not None]

    def due(self, now: float) -> list[Due]:
        """Return the items to answer at a time: missed ones first, then the oldest."""
        found = [topic.drawn() for topic in self._topics if topic.due <= now]
        return sorted(found, key=lambda due: (not due.missed, due.since, due.block.id))[: self._left(now)]

    def next_at(self, now: float) -> float | None:
        """Return the time of the next item to answer, in seconds since 1970; None without one."""
        first = min((topic.due for topic in self._topics), default=None)
        return first if first is None or self._left(now) else max(first, _midnight(now, 1))

    def _left(self, now: float) -> int:
        """Return how many topics are left for the day."""
        begin, end = _midnight(now), _midnight(now, 1)
        return max(0, MOST - sum(begin <= topic.reviewed < end for topic in self._topics))


def _midnight(now: float, days: int = 0) -> float:
    """Return the time at which this day began, or another day that begins later, in the time zone of this program."""
    year, month, day = time.localtime(now)[:3]
    return time.mktime((year, month, day + days, 0, 0, 0, 0, 0, -1))


@dataclass(slots=True)
class _Topic:
    lesson: Lesson
    section: Section
    last: dict[str, _Occasion]
    due: float
    reviewed: float

    @classmethod
    def of(cls, lesson: Lesson, section: Section, occasions: Sequence[_Occasion]) -> _Topic | None:
        items = {block.id for block in section.blocks if isinstance(block, Exercise | Predict)}
        mine = [one for one in occasions if one.item in items]
        if not mine:
            return None
        box, due, reviewed = 0, mine[0].ended + PAUSES[0] * DAY_S, NEVER
        for one in mine[1:]:
            if one.answered >= (due - APART_S if one.right else due):
                box = min(box + 1, len(PAUSES) - 1) if one.right else 0
                due, reviewed = one.ended + PAUSES[box] * DAY_S, one.answered
        return cls(lesson, section, {one.item: one for one in mine}, due, reviewed)

    def drawn(self) -> Due:
        """Return its item: one that was missed, else the one whose last answer is the oldest."""
        last = min(self.last.values(), key=lambda one: (one.right, one.begun))
        block = next(block for block in self.section.blocks if getattr(block, "id", None) == last.item)
        assert isinstance(block, Exercise | Predict)
        return Due(self.lesson, self.section, block, not last.right, self.due)


def _occasions(done: Iterable[Learned]) -> list[_Occasion]:
    """Return the occasions on which something was answered, in order of their beginnings."""
    found: list[_Occasion] = []
    newest: dict[str, _Occasion] = {}
    for one in sorted(done, key=lambda one: one.at):  # an import adds what is older
        last = newest.get(one.item)
        if last is None or one.at - last.ended >= APART_S:
            last = newest[one.item] = _Occasion(one.item, one.at, one.at)
            found.append(last)
        last.take(one)
    return [one for one in found if one.answered != NEVER]
