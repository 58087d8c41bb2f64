"""The review: what a learner has answered before comes back after growing pauses.

>>> done = [Learned("prediction", "s12.p2", 0.0, {"choice": 2, "right": False})]
>>> from superlearner.course.course import Course
>>> review = Review(Course().lessons, done)
>>> [due.block.id for due in review.due(DAY_S)], review.next_at
(['s12.p2'], 86400.0)
"""

from __future__ import annotations

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
"""Items of one review."""
APART_S: Final = 12 * 3_600.0
"""Seconds between two things done with an item that make the second one a new occasion."""


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
    answered: bool = False
    right: bool = False
    helped: bool = False

    def take(self, done: Learned) -> None:
        self.ended = done.at
        match done.kind:
            case "prediction":
                self.right = bool(done.data.get("right")) if not self.answered else self.right
                self.answered = True
            case "attempt":
                self.right = self.right or (bool(done.data.get("ok")) and not self.helped)
                self.answered = True
            case "hint" | "solution":
                self.helped = True
            case _:
                pass


class Review:
    """The review of a learner.

    A topic is a section of a session. It is due a day after it was first answered, then after 3, 7 and 21 days, if the
    item that was drawn is answered correctly. A prediction is right if its first choice is, an exercise if it passes
    without help on that occasion.

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
        """Return the items that are due at a time: at most five, those that were missed first, then the oldest."""
        found = [topic.drawn() for topic in self._topics if topic.due <= now]
        return sorted(found, key=lambda due: (not due.missed, due.since, due.block.id))[:MOST]

    @property
    def next_at(self) -> float | None:
        """Return the time when the next topic is due, in seconds since 1970; None without one."""
        return min((topic.due for topic in self._topics), default=None)


@dataclass(slots=True)
class _Topic:
    lesson: Lesson
    section: Section
    last: dict[str, _Occasion]
    due: float

    @classmethod
    def of(cls, lesson: Lesson, section: Section, occasions: Sequence[_Occasion]) -> _Topic | None:
        items = {block.id for block in section.blocks if isinstance(block, Exercise | Predict)}
        mine = [one for one in occasions if one.item in items]
        if not mine:
            return None
        box, due = 0, mine[0].ended + PAUSES[0] * DAY_S
        for one in mine[1:]:
            if one.begun >= due:
                box = min(box + 1, len(PAUSES) - 1) if one.right else 0
                due = one.ended + PAUSES[box] * DAY_S
        return cls(lesson, section, {one.item: one for one in mine}, due)

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
    return [one for one in found if one.answered]
