"""The catalogue of misconceptions about processes and values, which checks and predictions tell apart."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["MISCONCEPTIONS", "Misconception"]


class Misconception(NamedTuple):
    """A misconception.

    Args:
        id: such as M12.
        belief: the wrong idea, as a clause.
        fact: what is true, in one sentence.
        session: the number of the session about it.

    >>> MISCONCEPTIONS["M12"].belief
    'a restart keeps the state'
    """

    id: str
    belief: str
    fact: str
    session: int


_FILE: Final = Path(__file__).with_suffix(".toml")

MISCONCEPTIONS: Final = {
    id: Misconception(id, **given) for id, given in tomllib.loads(_FILE.read_text(encoding="utf-8")).items()
}
"""All of them, by id."""
