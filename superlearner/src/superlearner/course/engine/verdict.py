"""The result of a check."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from superlearner.course.engine.values import without_addresses

__all__ = ["CourseRow", "CourseStep", "Verdict", "Wrong", "refusal"]

LONGEST: Final = 600
"""Characters of a sentence."""


class Wrong(Exception):
    """The fault of an answer: a sentence about its behaviour, and the misconception it shows, if one is known.

    Args:
        say: the sentence.
        misconception: its id.
        look: a sentence that fits this fault better than the fact of the misconception.
    """

    def __init__(self, say: str, misconception: str | None = None, look: str = "") -> None:
        self.say: str = without_addresses(say)[:LONGEST]
        super().__init__(self.say)
        self.misconception = misconception
        self.look = look


@dataclass(frozen=True, slots=True)
class CourseStep:
    """An item of an exercise's contract."""

    step: str
    ok: bool
    say: str = field(metadata={"description": "what is wrong; of a step that holds, what was wrong without mattering"})


@dataclass(frozen=True, slots=True)
class CourseRow:
    """A message or an end in a trace."""

    at: float = field(metadata={"description": "seconds of the run's clock"})
    of: str
    to: str | None
    kind: str
    text: str
    marked: bool
    """True for the one in question."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check: the steps that were reached, the misconceptions found, and the excerpt of a trace.

    `look` is a sentence to show instead of the fact of the misconception; "" for none.

    >>> Verdict((CourseStep("set keeps a value", True, ""),)).ok
    True
    """

    steps: tuple[CourseStep, ...]
    misconceptions: tuple[str, ...] = ()
    excerpt: tuple[CourseRow, ...] = ()
    look: str = ""

    @property
    def ok(self) -> bool:
        """Return whether every step holds."""
        return bool(self.steps) and all(step.ok for step in self.steps)

    def shown(self) -> dict[str, Any]:
        """Return what `superlearner course check --json` prints; two runs of one file give the same."""
        checks = [asdict(step) for step in self.steps]
        return {"ok": self.ok, "misconceptions": list(self.misconceptions), "checks": checks}


def refusal(step: str, say: str, misconception: str | None = None) -> Verdict:
    """Return the verdict on an answer that ended before its first step."""
    found = () if misconception is None else (misconception,)
    return Verdict((CourseStep(step, ok=False, say=without_addresses(say)[:LONGEST]),), found)
