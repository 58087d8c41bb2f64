"""The selection and width of table columns for a terminal.

The first column matters most. Names, numbers and times are shown whole or not at all; sentences are wrapped, so that
nothing worth copying is cut.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["GAP", "Column", "fitted"]

GAP: Final = 2
CALM: Final = 24
"""Longer texts with blanks are sentences."""
LEAST: Final = 26
"""Minimum width of a sentence."""
SOLID: Final = 44
"""Maximum width of texts that are not sentences."""
NUMBER: Final = re.compile(r"-|-?\d+(\.\d+)?( (B|[KMG]iB|ms|s|min|h|d))?")


@dataclass(frozen=True, slots=True)
class Column:
    """A visible column: index, width, and whether it holds sentences or numbers."""

    at: int
    width: int
    sentence: bool
    number: bool


def fitted(names: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> list[Column]:
    """Return the columns that fit, in order; always includes the first one.

    >>> [(one.at, one.width) for one in fitted(["id", "why", "by"], [["a", "it ended " * 9, "ada"]], 40)]
    [(0, 2), (1, 31), (2, 3)]
    """
    wishes = [_wish(at, name, [row[at] for row in cells]) for at, name in enumerate(names)]
    kept: list[Column] = []
    room = width
    for one in wishes:
        needed = (min(one.width, LEAST) if one.sentence else min(one.width, SOLID)) + (GAP if kept else 0)
        if needed <= room or not kept:
            kept.append(one)
            room -= needed
    return _spread(kept, max(room, 0), width)


def _wish(at: int, name: str, texts: list[str]) -> Column:
    longest = max(map(len, texts), default=0)
    sentence = longest > CALM and any(" " in text for text in texts if len(text) > CALM)
    number = set(texts) != {"-"} and all(NUMBER.fullmatch(text) for text in texts)
    return Column(at, max(longest, len(name)), sentence, number)


def _spread(kept: list[Column], room: int, width: int) -> list[Column]:
    """Distribute the remaining width evenly, to sentences first."""
    given = {one.at: min(one.width, (LEAST if one.sentence else SOLID), width) for one in kept}
    for wanted in (True, False):
        short: list[Column] = [one for one in kept if one.sentence is wanted and given[one.at] < one.width]
        while room > 0 and short:
            share = max(1, room // len(short))
            for one in short:
                more = min(share, one.width - given[one.at], room)
                given[one.at] += more
                room -= more
            short = [one for one in short if given[one.at] < one.width]
    return [Column(one.at, given[one.at], one.sentence, one.number) for one in kept]
