"""Result models of runs in the course: measurements and pictures."""

from __future__ import annotations

from pydantic import BaseModel, Field

from superlearner.operations.results_course import CourseRow

__all__ = ["CourseFigure", "CourseMeasured"]


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
