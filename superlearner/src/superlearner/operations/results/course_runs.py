"""Result models of runs in the course: measurements and pictures."""

from __future__ import annotations

from pydantic import Field

from superlearner.course.engine.outcome import CourseCallback, CourseFigure, CourseMailboxStep
from superlearner.course.engine.verdict import CourseRow
from superlearner.operations.results.result import ResultModel

__all__ = [
    "CourseMeasured",
    "CoursePicture",
]


class CourseMeasured(ResultModel):
    """The outcome of the run of a measurement."""

    measure: str
    happened: str
    figures: list[CourseFigure]
    excerpt: list[CourseRow] = Field(description="the first messages and ends of the run")


class CoursePicture(ResultModel):
    """The run that a picture draws; which of the lists it needs depends on its kind."""

    picture: str
    kind: str
    happened: str
    excerpt: list[CourseRow]
    callbacks: list[CourseCallback]
    mailbox: list[CourseMailboxStep]
