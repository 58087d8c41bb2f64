"""The order of names as people sort them: *pupil4* before *pupil10*."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["natural"]

NUMBER: Final = re.compile(r"([0-9]+)")


def natural(name: str) -> list[tuple[int, str]]:
    """Return the key by which to sort a name: by the value of numbers in it, and ignoring case.

    >>> sorted(["pupil10", "Pupil4", "ada"], key=natural)
    ['ada', 'Pupil4', 'pupil10']
    """
    parts = NUMBER.split(name.casefold())  # text and numbers alternate
    return [(int(part), "") if at % 2 else (0, part) for at, part in enumerate(parts)]
