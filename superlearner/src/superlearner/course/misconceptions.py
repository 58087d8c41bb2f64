"""The catalogue of misconceptions about processes and values, which checks and predictions tell apart."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

__all__ = ["CourseMisconception", "MISCONCEPTIONS", "explain_misconceptions"]


@dataclass(frozen=True, slots=True)
class CourseMisconception:
    """A misconception that an answer shows."""

    id: str
    belief: str
    fact: str = field(metadata={"description": "what is true; about this answer if the general fact does not fit it"})
    session: int


_FILE: Final = Path(__file__).with_suffix(".toml")

MISCONCEPTIONS: Final = {
    id: CourseMisconception(id, **given) for id, given in tomllib.loads(_FILE.read_text(encoding="utf-8")).items()
}
"""All of them, by id.

>>> MISCONCEPTIONS["M12"].belief
'a restart keeps the state'
"""


def explain_misconceptions(ids: Iterable[str], look: str = "") -> list[CourseMisconception]:
    """Return misconceptions as a verdict shows them; `look`, if given, replaces the fact.

    >>> [one.fact for one in explain_misconceptions(["M12"], "its count is 0 again")]
    ['its count is 0 again']
    """
    return [replace(MISCONCEPTIONS[id], fact=look or MISCONCEPTIONS[id].fact) for id in ids]
