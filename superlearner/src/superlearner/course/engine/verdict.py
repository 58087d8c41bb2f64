"""The result of a check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from superlearner.course.engine.values import cut, without_addresses

__all__ = [
    "INCOMPLETE", "VEILED", "CourseMark", "CourseRow", "CourseStep", "Incomplete", "Verdict", "Wrong", "refusal",
    "wrong_marks",
]  # fmt: skip

LONGEST: Final = 600
"""Characters of a sentence."""
VEILED: Final = "veiled"
"""The key of a kept attempt whose verdict has a sentence for the first time."""
INCOMPLETE: Final = "incomplete"
"""The key of a kept attempt whose answer was not complete, which does not count as an attempt."""
LONGEST_ROWS: Final = 2400
"""Characters of the sentences about the rows of an answer."""


class Wrong(Exception):
    """The fault of an answer: a sentence about its behaviour, and the misconception it shows, if one is known.

    Args:
        say: the sentence.
        misconception: its id.
        look: a sentence that fits this fault better than the fact of the misconception.
        rows: the sentence has a line for each row of the answer that is wrong.
        first: what is said instead the first time, because the sentence or its rows give the answer away. If it is the
            sentence itself, the fact about the misconception gives it away and comes later.
        sent: a message or an end of the run shows the fault; for a name that is not registered, none does.
    """

    def __init__(
        self,
        say: str,
        misconception: str | None = None,
        look: str = "",
        *,
        rows: bool = False,
        sent: bool = True,
        first: str = "",
    ) -> None:
        self.say: str = cut(without_addresses(say), LONGEST_ROWS if rows else LONGEST)
        super().__init__(self.say)
        self.misconception = misconception
        self.look = look
        self.sent = sent
        self.first = first
        self._rows = rows

    def at_line(self, line: int) -> Wrong:
        """Return the same fault with a line in its sentence."""
        say = f"line {line}: {self.say}"
        first = say if self.first == self.say else self.first
        return Wrong(say, self.misconception, self.look, rows=self._rows, sent=self.sent, first=first)

    def without_fact(self) -> Wrong:
        """Return the same fault, whose first verdict does not have the fact about the misconception."""
        return Wrong(self.say, self.misconception, self.look, rows=self._rows, sent=self.sent, first=self.say)


class Incomplete(Wrong):
    """The fault of an answer in which a choice is still open."""


@dataclass(frozen=True, slots=True)
class CourseStep:
    """An item of an exercise's contract."""

    step: str
    ok: bool
    say: str = field(metadata={"description": "what is wrong; of a step that holds, what was wrong without mattering"})


@dataclass(frozen=True, slots=True)
class CourseMark:
    """The mark of one row of an answer, such as a key of its dict or a member of its set."""

    key: str
    ok: bool
    say: str = field(default="", metadata={"description": "why it is wrong"})
    misconception: str | None = None
    look: str = field(default="", metadata={"description": "a sentence that fits better than its fact"})
    like: str = field(default="", metadata={"description": "another rule that a wrong row follows"})


def wrong_marks(marks: Sequence[CourseMark]) -> Wrong | None:
    r"""Return the fault of an answer with these marks: how many are wrong, and a line for each; None if all are right.

    Its misconception is that of the first wrong row.

    >>> row = CourseMark
    >>> wrong_marks([row("a", True), row("b", False, "b waits", like="casts"), row("c", False, "c is no call")]).say
    '2 of 3 are wrong, 1 of them looks like casts:\nb waits\nc is no call'
    >>> wrong_marks([row("a", True), row("b", False, "b waits")]).say
    'b waits'
    """
    wrong = [mark for mark in marks if not mark.ok]
    if not wrong:
        return None
    first = wrong[0]
    if len(wrong) == 1:
        return Wrong(first.say, first.misconception, first.look)
    many = f"{len(wrong)} of {len(marks)} are wrong"
    likes = Counter(mark.like for mark in wrong if mark.like).most_common(1)
    for like, count in likes:
        many += f", {count} of them {'looks' if count == 1 else 'look'} like {like}"
    return Wrong("\n".join((f"{many}:", *(mark.say for mark in wrong))), first.misconception, first.look, rows=True)


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

    `look` is a sentence to show instead of the fact of the misconception; "" for none. `marks` has the rows of the
    answer that were judged; a passed answer may have wrong ones. `first` is a sentence for a first wrong answer, whose
    rows are not shown yet; "" for none. A choice of an `incomplete` answer is still open.

    >>> Verdict((CourseStep("set keeps a value", True, ""),)).ok
    True
    """

    steps: tuple[CourseStep, ...]
    misconceptions: tuple[str, ...] = ()
    excerpt: tuple[CourseRow, ...] = ()
    look: str = ""
    marks: tuple[CourseMark, ...] = ()
    first: str = ""
    incomplete: bool = False

    @property
    def ok(self) -> bool:
        """Return whether every step holds."""
        return bool(self.steps) and all(step.ok for step in self.steps)

    def veiled(self) -> Verdict:
        """Return what is shown to a learner who has not yet been wrong at this step.

        >>> Verdict((CourseStep("It holds.", False, "line 3 is wrong"),), first="1 line is wrong").veiled().steps[
        ...     -1
        ... ].say
        '1 line is wrong'
        """
        if not self.first:
            return self
        if self.first == self.steps[-1].say:
            return replace(self, misconceptions=(), look="")
        return replace(self, steps=(*self.steps[:-1], replace(self.steps[-1], say=self.first)), excerpt=(), marks=())

    def as_json(self) -> dict[str, Any]:
        """Return what `superlearner course check --json` prints about it; two runs of one file give the same."""
        checks = [asdict(step) for step in self.steps]
        return {"ok": self.ok, "misconceptions": list(self.misconceptions), "checks": checks}

    def as_attempt(self, source: str) -> dict[str, Any]:
        """Return what the progress keeps of a checked answer: its source, the outcome, and what was shown with it.

        >>> failed = CourseStep("get returns it", False, "line 4: expected 3, got None")
        >>> Verdict((CourseStep("set keeps a value", True, ""), failed)).as_attempt("x = 1")["said"]
        'line 4: expected 3, got None'
        """
        return {
            "source": source,
            "ok": self.ok,
            "misconceptions": list(self.misconceptions),
            "look": self.look,
            "held": sum(step.ok for step in self.steps),
            "steps": [step.step for step in self.steps],
            "said": next((step.say for step in self.steps if not step.ok), ""),
            **({VEILED: True} if self.first else {}),
            **({INCOMPLETE: True} if self.incomplete else {}),
        }


def refusal(step: str, say: str, misconception: str | None = None) -> Verdict:
    """Return the verdict on an answer that ended before its first step."""
    found = () if misconception is None else (misconception,)
    return Verdict((CourseStep(step, ok=False, say=cut(without_addresses(say), LONGEST)),), found)
