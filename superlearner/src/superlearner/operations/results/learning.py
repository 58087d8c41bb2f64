"""Result models of the learning path."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from superlearner.operations.results.result import ResultModel

__all__ = ["LearningCondition", "LearningPart", "LearningStep", "LearningTour"]


class LearningCondition(ResultModel):
    """The condition that completes a step: an event of the stream, an operation, or a visited page."""

    kind: Literal["event", "operation", "visited"]
    type: Annotated[str | None, Field(description="event: its type, see docs/events.md")] = None
    name: Annotated[str | None, Field(description="event: the process it is about")] = None
    supervisor: Annotated[str | None, Field(description="event: the supervisor it is about")] = None
    data: Annotated[dict[str, str], Field(description="event: required fields of its data")] = {}
    operations: Annotated[list[str], Field(description="operation: one of these succeeds")] = []
    doors: Annotated[list[str], Field(description="operation: the allowed interfaces; empty: any")] = []
    path: Annotated[str | None, Field(description="visited: the page")] = None
    words: Annotated[dict[str, str], Field(description="visited: required parameters of its address")] = {}


class LearningStep(ResultModel):
    """A step of a tour. Code in its texts is in backticks."""

    id: str
    title: str
    text: str
    page: Annotated[str, Field(description="the page to do it on")]
    done: LearningCondition
    hint: str
    seen: Annotated[str, Field(description="the explanation, shown when the step is done")]
    concept: Annotated[str, Field(description="address of the concept's explanation")]


class LearningTour(ResultModel):
    """A tour: a few minutes that teach one thing."""

    id: str
    title: str
    why: str
    minutes: int
    steps: list[LearningStep]
    learned: Annotated[str, Field(description="the lesson in a sentence")]
    docs: Annotated[str, Field(description="further reading")]
    needs: Annotated[list[str], Field(description="names of the processes it needs; the demo has them")]
    here: Annotated[bool, Field(description="all of them are running")]


class LearningPart(ResultModel):
    """Tours about one subject."""

    id: str
    title: str
    about: str
    tours: list[LearningTour]
