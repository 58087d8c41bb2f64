"""Result models of runs in the course: measurements and pictures."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from superlearner.operations.results_course import CourseRow

__all__ = ["CourseCallback", "CourseFigure", "CourseMailboxStep", "CourseMeasured", "CoursePicture", "CourseQueued"]


class CourseFigure(BaseModel):
    """A measured value."""

    name: str
    value: int | float | str
    unit: str
    of: str = Field(description="what it is about; figures of one name are compared")


class CourseMeasured(BaseModel):
    """The outcome of the run of a measurement."""

    measure: str
    happened: str
    figures: list[CourseFigure]
    excerpt: list[CourseRow] = Field(description="the first messages and ends of the run")


class CourseCallback(BaseModel):
    """A callback that ran."""

    at: float = Field(description="seconds of the run's clock")
    callback: str
    way: Literal["start", "call", "cast", "info", "stop"]
    of: str | None = Field(description="the sender of the message, if there is one")
    message: str
    before: str | None = Field(description="the state before; null for init")
    result: str = Field(description="what the callback returned")
    after: str | None


class CourseQueued(BaseModel):
    """A message in a mailbox."""

    text: str
    of: str
    state: Literal["waiting", "new", "passed", "taken"] = Field(description="passed: it does not match the pattern")


class CourseMailboxStep(BaseModel):
    """A moment of a mailbox."""

    at: float
    kind: Literal["waits", "arrives", "takes", "gives up"]
    pattern: str | None = Field(description="what the process waits for")
    queue: list[CourseQueued] = Field(description="oldest first")


class CoursePicture(BaseModel):
    """The run that a picture draws; which of the lists it needs depends on its kind."""

    picture: str
    kind: str
    happened: str
    excerpt: list[CourseRow]
    callbacks: list[CourseCallback]
    mailbox: list[CourseMailboxStep]
