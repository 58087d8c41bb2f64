"""A lesson as a value: sections of text and typed blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Literal, TypeAlias

__all__ = [
    "Block", "Cell", "Choice", "Exercise", "Hint", "Lesson", "Measure", "Option", "Picture", "Predict", "Reflect",
    "Section", "Source", "Text",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """A page that a lesson refers to."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Text:
    """Ordinary Markdown, as HTML."""

    html: str


@dataclass(frozen=True, slots=True)
class Cell:
    """Python that the learner edits and runs in a workbench."""

    id: str
    code: str


@dataclass(frozen=True, slots=True)
class Option:
    """An answer to a question: the right one, one that shows a misconception, or one with a sentence of its own.

    With both, the sentence is shown instead of the fact of the misconception.
    """

    text: str
    right: bool = False
    misconception: str | None = None
    say: str | None = None


@dataclass(frozen=True, slots=True)
class Predict:
    """A question that the learner answers before its scenario runs; `explain` follows the run."""

    id: str
    question: str
    scenario: str
    options: tuple[Option, ...]
    explain: str = ""
    core: bool = False
    decides: Literal["run", "count"] = "run"
    """The source of its answer: a run, or a count of lines or files."""
    practise: tuple[str, ...] = ()
    """Exercises and predictions that practise the same once more."""


@dataclass(frozen=True, slots=True)
class Reflect:
    """A question for the learner's own words, compared with a model answer."""

    id: str
    question: str
    answer: str
    core: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The form of an exercise that is answered by choosing: a value for each key, some of the values, times or a tree.

    With `listing`, the keys are the lines of a listing. Times are those of crashes, of which a supervisor allows
    `allowed` restarts within `seconds`. A tree is drawn, with a number for each of the keys. Times and trees stand in
    the stub as well, where they can be typed.
    """

    kind: Literal["match", "set", "times", "tree"]
    values: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict[str, str])
    listing: bool = False
    allowed: int = 0
    seconds: float = 0
    typed: str = ""
    """The way in which a tree is written as text."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A hint, whose text may depend on the step that an answer has to pass next.

    >>> Hint({1: "See `set`.", 3: "See `update`."}).at(2)
    'See `set`.'
    """

    texts: dict[int, str]
    """By the first step, counted from 1, for which each text holds; 1 is among them."""

    def at(self, step: int) -> str:
        """Return the text for an answer that has to pass this step next."""
        return self.texts[max(first for first in self.texts if first <= step)]


@dataclass(frozen=True, slots=True)
class Exercise:
    """An exercise: what to write, from which stub, with four hints."""

    id: str
    title: str
    minutes: int
    task: str
    hints: tuple[Hint, ...]
    stub: str
    choice: Choice | None = None
    core: bool = False
    why: str = ""
    """The reason why a right answer is right; shown after a pass."""
    practise: tuple[str, ...] = ()
    """Exercises and predictions that practise the same once more."""
    builds_on: tuple[str, ...] = ()
    """Exercises, also of other sessions, whose answer the learner may continue with."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing of a scenario, or a recorded restart that plays, and the same as text."""

    id: str
    kind: Literal["tree", "sequence", "timeline", "mailbox", "state", "diff", "restart"]
    of: str
    text: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A claim that a run shows; never part of a verdict."""

    id: str
    claim: str
    scenario: str


Block: TypeAlias = Text | Cell | Predict | Reflect | Exercise | Picture | Measure


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a lesson; `id` is its place in the address."""

    id: str
    title: str
    blocks: tuple[Block, ...]

    @property
    def core(self) -> bool:
        """Return whether it has a block of the core path."""
        return any(getattr(block, "core", False) for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A session of the course."""

    number: int
    slug: str
    title: str
    minutes: int
    goals: tuple[str, ...]
    prerequisites: tuple[int, ...]
    sources: tuple[Source, ...]
    sections: tuple[Section, ...]

    def blocks(self, kind: type[Any] | UnionType) -> list[Any]:
        """Return its blocks of a kind, or of several, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, kind)]
