"""Python names of parameters whose own name is a keyword."""

from __future__ import annotations

import keyword
from typing import Final

__all__ = ["OF_KEYWORDS", "identifier"]

OF_KEYWORDS: Final = {word: f"{word}_" for word in keyword.kwlist}
"""The Python name of each parameter that has the name of a keyword."""


def identifier(name: str) -> str:
    """Return the Python name of a parameter.

    >>> identifier("to"), identifier("from")
    ('to', 'from_')
    """
    return OF_KEYWORDS.get(name, name)
