"""The progress of a learner, derived from what they did."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from superlearner.course.lesson import Exercise, Lesson, Predict, Reflect
from superlearner.store.learning import Learned

__all__ = ["ItemState", "NotYet", "Progress", "State"]

State = Literal["untouched", "in work", "passed", "passed with help"]

ASKS: Final = Exercise | Predict | Reflect
"""Blocks that expect an answer."""


class NotYet(Exception):
    """A hint or a solution that is not open yet; the text says when it is."""


@dataclass(slots=True)
class ItemState:
    """The work of a learner on an exercise, a prediction or a reflection.

    Args:
        attempts: how many answers were checked.
        passed: an answer has passed; for predictions, the first one was right.
        helped: a hint or the solution was taken before that.
        hints: how many hints were taken.
        seen: the solution was shown.
        answer: the newest answer: source, chosen option, or text.
        at: time of the newest thing, in seconds since 1970.
    """

    attempts: int = 0
    passed: bool = False
    helped: bool = False
    hints: int = 0
    seen: bool = False
    answer: Any = None
    at: float | None = None
    first: Any = None
    misconceptions: dict[str, int] = field(default_factory=dict[str, int])

    def take(self, done: Learned) -> None:
        """Account for the next thing that was done."""
        self.at = done.at
        match done.kind:
            case "attempt":
                self.answer = done.data.get("source")
                self.attempts += 1
                for id in done.data.get("misconceptions", ()):
                    self.misconceptions[id] = self.misconceptions.get(id, 0) + 1
                if done.data.get("ok") and not self.passed:
                    self.passed, self.helped = True, self.hints > 0 or self.seen
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


class Progress:
    """The work of a learner, by item.

    >>> progress = Progress([Learned("attempt", "s12.minimal", 1.0, {"source": "x", "ok": True})])
    >>> progress.of("s12.minimal").passed
    True
    """

    def __init__(self, done: Iterable[Learned]) -> None:
        self._items: dict[str, ItemState] = {}
        for one in done:
            self._items.setdefault(one.item, ItemState()).take(one)

    def of(self, item: str) -> ItemState:
        """Return what was done with an item."""
        return self._items.get(item) or ItemState()

    def next_of(self, lesson: Lesson) -> Exercise | Predict | Reflect | None:
        """Return the first part of a session's core path that is not done, else the first of all; None at the end."""
        left = [block for block in lesson.blocks(ASKS) if not self._done(block)]
        return next((block for block in left if block.core), left[0] if left else None)

    def _done(self, block: Exercise | Predict | Reflect) -> bool:
        """Return whether an exercise has passed, or a question was answered."""
        item = self.of(block.id)
        return item.passed if isinstance(block, Exercise) else item.attempts > 0

    def state(self, lesson: Lesson) -> State:
        """Return how far a session is: passed when every exercise of its core path has."""
        core = [self.of(one.id) for one in lesson.blocks(Exercise) if one.core]
        if core and all(item.passed for item in core):
            return "passed with help" if any(item.helped for item in core) else "passed"
        return "in work" if any(block.id in self._items for block in lesson.blocks(ASKS)) else "untouched"


def now() -> float:
    """Return the time, in seconds since 1970."""
    return time.time()
