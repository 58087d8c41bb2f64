"""The order of names as people sort them: *pupil4* before *pupil10*."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["natural"]

PLAIN: Final = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
"""Letters that Unicode does not decompose into plain letters and accents."""
NUMBER: Final = re.compile(r"([0-9]+)")


def natural(name: str) -> list[tuple[int, str]]:
    """Return the key by which to sort a name: by the value of numbers in it, ignoring case and accents.

    >>> sorted(["pupil10", "Pupil4", "ada"], key=natural)
    ['ada', 'Pupil4', 'pupil10']
    >>> sorted(["José", "Jörg", "Øyvind", "Peter", "Åsa"], key=natural)
    ['Åsa', 'Jörg', 'José', 'Øyvind', 'Peter']
    """
    parts = NUMBER.split(_folded(name))  # text and numbers alternate
    return [(int(part), "") if at % 2 else (0, part) for at, part in enumerate(parts)]


def _folded(name: str) -> str:
    """Return a name in lower case without accents."""
    letters = unicodedata.normalize("NFKD", name.casefold().translate(PLAIN))
    return "".join(each for each in letters if not unicodedata.combining(each))
