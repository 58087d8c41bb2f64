"""The outcome of a scenario: what happened, the rows of its trace, and what it measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from superlearner.course.engine.verdict import Row

__all__ = ["Figure", "Outcome"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value. Figures of one name are compared; `of` says what each is about."""

    name: str
    value: float | str
    unit: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a scenario; of a prediction, `happened` is the text of the right option.

    >>> outcome = Outcome("it goes on", (), (Figure("restarts", 3),))
    >>> Outcome.read(outcome.shown()) == outcome
    True
    """

    happened: str
    excerpt: tuple[Row, ...] = ()
    figures: tuple[Figure, ...] = ()

    def shown(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Outcome:
        """Return the outcome of plain values."""
        return cls(
            told["happened"],
            tuple(Row(**one) for one in told["excerpt"]),
            tuple(Figure(**one) for one in told["figures"]),
        )
