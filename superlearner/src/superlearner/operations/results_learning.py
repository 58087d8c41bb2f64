"""What the operations on the learning path answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

__all__ = ["LearningCondition", "LearningPart", "LearningStep", "LearningTour"]


class LearningCondition(BaseModel):
    """What ticks a step off. An event of the stream, an operation that was done, or what the page shows."""

    kind: Literal["event", "operation", "visited"]
    type: Annotated[str | None, Field(description="event: its type, see docs/events.md")] = None
    name: Annotated[str | None, Field(description="event: the process it is about")] = None
    supervisor: Annotated[str | None, Field(description="event: the supervisor it is about")] = None
    data: Annotated[dict[str, str], Field(description="event: fields that its data has")] = {}
    operations: Annotated[list[str], Field(description="operation: one of these, not refused")] = []
    doors: Annotated[list[str], Field(description="operation: through one of these; empty: any")] = []
    path: Annotated[str | None, Field(description="visited: the page")] = None
    words: Annotated[dict[str, str], Field(description="visited: words of its address")] = {}


class LearningStep(BaseModel):
    """One thing to do. Code in the texts stands between backticks."""

    id: str
    title: str
    text: str
    page: Annotated[str, Field(description="where it is done")]
    done: LearningCondition
    hint: str
    seen: Annotated[str, Field(description="what it means, told when it is done")]
    concept: Annotated[str, Field(description="where the word is explained")]


class LearningTour(BaseModel):
    """Some minutes that end with one thing learned."""

    id: str
    title: str
    why: str
    minutes: int
    steps: list[LearningStep]
    learned: Annotated[str, Field(description="what was learned, in a sentence")]
    docs: Annotated[str, Field(description="where to read on")]
    needs: Annotated[list[str], Field(description="processes that must be there; the demo has them")]
    here: Annotated[bool, Field(description="whether all of these are there now")]


class LearningPart(BaseModel):
    """Tours about one subject."""

    id: str
    title: str
    about: str
    tours: list[LearningTour]
