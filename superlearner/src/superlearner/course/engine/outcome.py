"""The outcome of a scenario: what happened, the rows of its trace, and what it measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from superlearner.course.engine.verdict import CourseRow

__all__ = ["CourseCallback", "CourseFigure", "CourseMailboxStep", "CourseQueued", "Outcome"]


@dataclass(frozen=True, slots=True)
class CourseFigure:
    """A measured value."""

    name: str
    value: int | float | str
    unit: str
    of: str = field(metadata={"description": "what it is about; figures of one name are compared"})


@dataclass(frozen=True, slots=True)
class CourseCallback:
    """A callback that ran."""

    at: float = field(metadata={"description": "seconds of the run's clock"})
    callback: str
    way: Literal["start", "call", "cast", "info", "stop"]
    of: str | None = field(metadata={"description": "the sender of the message, if there is one"})
    message: str
    before: str | None = field(metadata={"description": "the state before; null for init"})
    result: str = field(metadata={"description": "what the callback returned"})
    after: str | None


@dataclass(frozen=True, slots=True)
class CourseQueued:
    """A message in a mailbox."""

    text: str
    of: str
    state: Literal["waiting", "new", "passed", "taken"] = field(
        metadata={"description": "passed: it does not match the pattern"}
    )


@dataclass(frozen=True, slots=True)
class CourseMailboxStep:
    """A moment of a mailbox."""

    at: float
    kind: Literal["waits", "arrives", "takes", "gives up"]
    pattern: str | None = field(metadata={"description": "what the process waits for"})
    queue: tuple[CourseQueued, ...] = field(metadata={"description": "oldest first"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a scenario; of a prediction, `happened` is the text of the right option."""

    happened: str
    excerpt: tuple[CourseRow, ...] = ()
    figures: tuple[CourseFigure, ...] = ()
    callbacks: tuple[CourseCallback, ...] = ()
    mailbox: tuple[CourseMailboxStep, ...] = ()
