"""The result of a check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from superlearner.course.engine.values import without_addresses

__all__ = ["Row", "Step", "Verdict", "Wrong", "refusal"]

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
class Step:
    """A numbered item of an exercise's contract: what it demands, whether it holds, and what to say about it.

    A step that holds says something only if its answer was good enough without being right in all parts.
    """

    step: str
    ok: bool
    say: str = ""

    def shown(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"step": self.step, "ok": self.ok, "say": self.say}


@dataclass(frozen=True, slots=True)
class Row:
    """A message or an end in the excerpt of a trace; `marked` is the one in question."""

    at: float
    of: str
    to: str | None
    kind: str
    text: str
    marked: bool = False

    def shown(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "at": self.at,
            "of": self.of,
            "to": self.to,
            "kind": self.kind,
            "text": self.text,
            "marked": self.marked,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check: the steps that were reached, the misconceptions found, and the excerpt of a trace.

    `look` is a sentence to show instead of the fact of the misconception; "" for none.

    >>> Verdict((Step("set keeps a value", True),)).ok
    True
    """

    steps: tuple[Step, ...]
    misconceptions: tuple[str, ...] = ()
    excerpt: tuple[Row, ...] = ()
    look: str = ""

    @property
    def ok(self) -> bool:
        """Return whether every step holds."""
        return bool(self.steps) and all(step.ok for step in self.steps)

    def shown(self) -> dict[str, Any]:
        """Return what `superlearner course check --json` prints; two runs of one file give the same."""
        checks = [step.shown() for step in self.steps]
        return {"ok": self.ok, "misconceptions": list(self.misconceptions), "checks": checks}


def refusal(step: str, say: str, misconception: str | None = None) -> Verdict:
    """Return the verdict on an answer that ended before its first step."""
    found = () if misconception is None else (misconception,)
    return Verdict((Step(step, ok=False, say=without_addresses(say)[:LONGEST]),), found)
