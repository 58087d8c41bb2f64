"""Which columns of a table a terminal has room for, and how wide each is.

The first column matters most. Names, numbers and times are shown whole or not at all, sentences are wrapped: so nothing
is cut in the middle that one would want to copy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["GAP", "Column", "fitted"]

GAP: Final = 2
CALM: Final = 24
"""What is longer, and has blanks, is a sentence."""
LEAST: Final = 26
"""So much room a sentence needs."""
SOLID: Final = 44
"""What is longer than this is cut, if it is no sentence."""
NUMBER: Final = re.compile(r"-|-?\d+(\.\d+)?( (B|[KMG]iB|ms|s|min|h|d))?")


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is shown: which one, how wide, and whether its cells are sentences or numbers."""

    at: int
    width: int
    sentence: bool
    number: bool


def fitted(names: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> list[Column]:
    """The columns that have room, in their order; the first one is always among them.

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
    """Give what is left to those that would use it, sentences first, each the same."""
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
