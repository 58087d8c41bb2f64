"""The progress of a learner, derived from what they did."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from superlearner.course.engine.verdict import INCOMPLETE
from superlearner.course.lesson import Exercise, Lesson, Predict, Reflect
from superlearner.store.learning import Learned

__all__ = ["ASKS", "ItemState", "Missed", "NotYet", "Progress", "State"]

State = Literal["untouched", "in work", "passed", "passed with help"]

ASKS: Final = Exercise | Predict | Reflect
"""Blocks that expect an answer."""


class NotYet(Exception):
    """A hint or a solution that is not open yet; the text says when it is."""


@dataclass(slots=True)
class ItemState:
    """The work of a learner on an exercise, a prediction or a reflection.

    Args:
        attempts: how many answers were checked, without unchanged and incomplete ones.
        passed: an answer has passed; for predictions, the first one was right.
        helped: a hint or the solution was taken before that.
        hints: how many hints were taken.
        seen: the solution was shown.
        answer: the newest answer: source, chosen option, or text.
        passing: the newest source that passed; None if none has.
        needed: how many answers were checked until the first that passed.
        held: how many steps of the check hold for the newest answer.
        steps: the steps that its check reached; the last one failed unless all hold.
        said: what was wrong with it.
        misconceptions: how many answers showed each.
        last: the misconception that the newest answer that failed showed last; "" for none.
        shown: the misconceptions that were shown with it; none if it has passed.
        look: the sentence that was shown instead of their fact; "" for none.
        at: time of the newest thing, in seconds since 1970.
    """

    attempts: int = 0
    passed: bool = False
    helped: bool = False
    hints: int = 0
    seen: bool = False
    answer: Any = None
    passing: Any = None
    at: float | None = None
    first: Any = None
    needed: int = 0
    held: int = 0
    steps: Sequence[str] = ()
    said: str = ""
    misconceptions: dict[str, int] = field(default_factory=dict[str, int])
    last: str = ""
    shown: Sequence[str] = ()
    look: str = ""

    def take(self, done: Learned) -> None:
        """Account for the next thing that was done."""
        if done.kind != "solution":  # to see one for another exercise is no work on this one
            self.at = done.at
        match done.kind:
            case "attempt":
                source = done.data.get("source")
                again = self.is_unchanged(source)
                self.answer = source
                self.attempts += not again and not done.data.get(INCOMPLETE)
                self.held = int(done.data.get("held", 0))
                self.steps = done.data.get("steps", ())
                self.said = done.data.get("said", "")
                self.shown = () if done.data.get("ok") else done.data.get("misconceptions", ())
                self.look = done.data.get("look", "")
                if not done.data.get("ok"):
                    self.last = next(reversed(self.shown), "")
                for id in () if again else done.data.get("misconceptions", ()):
                    self.misconceptions[id] = self.misconceptions.get(id, 0) + 1
                if done.data.get("ok"):
                    self.passing = source
                    if not self.passed:
                        self.passed, self.helped = True, self.hints > 0 or self.seen
                        self.needed = self.attempts
            case "prediction":
                if self.attempts == 0:
                    self.passed, self.first = bool(done.data.get("right")), done.data.get("choice")
                self.attempts += 1
                self.answer = done.data.get("choice")
            case "reflection":
                self.attempts += 1
                self.passed = True
                self.answer = done.data.get("text")
            case "hint":
                self.hints = max(self.hints, int(done.data.get("level", 1)))
            case "solution":
                self.seen = True
            case _:
                pass

    def is_unchanged(self, source: object) -> bool:
        """Return whether an answer equals the one checked last, which does not count as another attempt."""
        return self.attempts > 0 and source is not None and source == self.answer

    def check_hint(self, level: int, most: int) -> None:
        """Raise `NotYet` if a hint is not open: they open one after the other, whenever a learner asks."""
        if level <= self.hints:
            return
        if level > most:
            raise NotYet(f"there are {most} hints")
        if level > self.hints + 1:
            raise NotYet(f"hint {level} follows hint {self.hints + 1}")

    def check_solution(self, most: int) -> None:
        """Raise `NotYet` if the solution is not open: it is after a pass, or the last hint."""
        if not self.passed and not self.seen and self.hints < most:
            raise NotYet(f"the solution opens when your answer has passed, or after hint {most}")


@dataclass(frozen=True, slots=True)
class Missed:
    """A part of the core path that was difficult for the learner.

    Attributes:
        block: the part.
        why: what was difficult about it.
        misconception: the first one that an answer showed.
        practise: an unfinished part that practises the same.
    """

    block: Exercise | Predict
    why: str
    misconception: str | None
    practise: Exercise | Predict | None


MANY: Final = 4
"""Attempts that make an exercise difficult."""
IN_TURN: Final = 3
"""Exercises tried in a row without a pass, after which a learner counts as stuck."""


def _why_missed(block: Exercise | Predict, item: ItemState) -> str:
    """Return what was difficult; "" for nothing, or for an unfinished exercise."""
    if isinstance(block, Predict):
        return "your first answer was another one" if item.attempts and not item.passed else ""
    if not item.passed:
        return ""
    if item.helped:
        return "you passed it with help"
    return f"you passed it after {item.needed} attempts" if item.needed >= MANY else ""


class Progress:
    """The work of a learner, by item.

    >>> progress = Progress([Learned("attempt", "s12.minimal", 1.0, {"source": "x", "ok": True})])
    >>> progress.of("s12.minimal").passed
    True
    """

    def __init__(self, done: Iterable[Learned] = ()) -> None:
        self._items: dict[str, ItemState] = {}
        for one in done:
            self.take(one)

    def take(self, done: Learned) -> None:
        """Account for the next thing that was done."""
        self._items.setdefault(done.item, ItemState()).take(done)

    def of(self, item: str) -> ItemState:
        """Return what was done with an item."""
        return self._items.get(item) or ItemState()

    def in_turn(self, lessons: Sequence[Lesson]) -> list[Lesson]:
        """Return the sessions in the order in which to go on: the one worked on last, those after it, those before it.

        >>> from superlearner.course.course import Course
        >>> done = [Learned("attempt", "s12.minimal", 1.0, {"source": "x", "ok": True})]
        >>> Progress(done).in_turn(Course().lessons)[0].number
        12
        """
        newest = self.newest(lessons)
        if newest is None:
            return list(lessons)
        place = list(lessons).index(newest)
        return [*lessons[place:], *lessons[:place]]

    def next_in(self, lessons: Sequence[Lesson]) -> tuple[Lesson, Exercise | Predict | Reflect] | None:
        """Return what to do next, and its session; None when everything is done.

        All core paths come first. Practice follows after the last of them, since it is for another day.
        """
        turns = self.in_turn(lessons)
        found = [(lesson, block) for lesson in turns if (block := self.next_of(lesson)) is not None]
        return next(iter([*(one for one in found if one[1].core), *found]), None)

    def newest(self, lessons: Sequence[Lesson]) -> Lesson | None:
        """Return the session that was worked on last; None before the first one."""
        newest = max(lessons, key=self.latest_of, default=None)
        return newest if newest is not None and self.latest_of(newest) else None

    def count_done(self, lesson: Lesson) -> int:
        """Return how many parts of a session are done: exercises passed, and questions answered."""
        return sum(self._done(block) for block in lesson.blocks(ASKS))

    def latest_of(self, lesson: Lesson) -> float:
        """Return when something was done in a session last; 0 if nothing was."""
        return max((self.of(block.id).at or 0.0 for block in lesson.blocks(ASKS)), default=0.0)

    def next_of(self, lesson: Lesson) -> Exercise | Predict | Reflect | None:
        """Return the first unfinished part of a session's core path; None at the end of the session.

        After the core path, return what practises a missed part, else the first unfinished part.
        """
        left = [block for block in lesson.blocks(ASKS) if not self._done(block)]
        core = [block for block in left if block.core]
        practise = [missed.practise for missed in self.missed(lesson) if missed.practise is not None]
        return next(iter([*core, *practise, *left]), None)

    def missed(self, lesson: Lesson) -> list[Missed]:
        """Return the parts of a session's core path that were difficult, in its order."""
        by_id = {block.id: block for block in lesson.blocks(Exercise | Predict)}
        found: list[Missed] = []
        for block in by_id.values():
            item = self.of(block.id)
            why = _why_missed(block, item)
            if block.core and why:
                left = [by_id[id] for id in block.practise if not self._done(by_id[id])]
                found.append(Missed(block, why, next(iter(item.misconceptions), None), left[0] if left else None))
        return found

    def _done(self, block: Exercise | Predict | Reflect) -> bool:
        """Return whether an exercise has passed, or a question was answered."""
        item = self.of(block.id)
        return item.passed if isinstance(block, Exercise) else item.attempts > 0

    def latest(self) -> float | None:
        """Return when something was done last; None if nothing was."""
        return max((item.at for item in self._items.values() if item.at is not None), default=None)

    def list_predicted(self, lesson: Lesson) -> list[Predict]:
        """Return the predictions of a session that were answered."""
        return [one for one in lesson.blocks(Predict) if self.of(one.id).attempts]

    def count_predicted(self, lessons: Iterable[Lesson]) -> tuple[int, int]:
        """Return the number of predictions whose first answer was right, and of those where it was wrong."""
        passed = [self.of(one.id).passed for lesson in lessons for one in self.list_predicted(lesson)]
        return sum(passed), len(passed) - sum(passed)

    def list_begun(self, lessons: Iterable[Lesson]) -> list[Exercise]:
        """Return the exercises that were begun, the most recent one first."""
        begun = [one for lesson in lessons for one in lesson.blocks(Exercise) if self.of(one.id).at is not None]
        return sorted(begun, key=lambda one: -(self.of(one.id).at or 0.0))

    def current(self, lessons: Sequence[Lesson], session: int | None) -> Exercise | None:
        """Return the newest exercise that is not passed, preferably of a session; if all are, the newest one of it.

        For a stuck learner, it is the exercise at which they are stuck, of any session.
        """
        begun = self.list_begun(lessons)
        if (stuck := self.stuck_at(begun)) is not None:
            return stuck
        here = [one for lesson in lessons if lesson.number == session for one in lesson.blocks(Exercise)]
        left = [one for one in begun if not self.of(one.id).passed]
        return next(iter([*(one for one in left if one in here), *left, *(one for one in begun if one in here)]), None)

    def stuck_at(self, begun: Sequence[Exercise]) -> Exercise | None:
        """Return the exercise at which a learner is stuck, until it passes; None if there is none.

        It is the most recent one without a pass after many attempts or all hints, whatever was done after it, else the
        most recent one of several in a row that were tried without a pass.
        """
        for one in begun:
            item = self.of(one.id)
            if not item.passed and (item.attempts >= MANY or item.hints >= len(one.hints)):
                return one
        tried = [one for one in begun if self.of(one.id).attempts][:IN_TURN]
        return tried[0] if len(tried) == IN_TURN and not any(self.of(one.id).passed for one in tried) else None

    def state(self, lesson: Lesson) -> State:
        """Return how far a session is: passed when every exercise of its core path has."""
        core = [self.of(one.id) for one in lesson.blocks(Exercise) if one.core]
        if core and all(item.passed for item in core):
            return "passed with help" if any(item.helped for item in core) else "passed"
        return "in work" if any(self.of(block.id).at for block in lesson.blocks(ASKS)) else "untouched"


def now() -> float:
    """Return the time, in seconds since 1970."""
    return time.time()
