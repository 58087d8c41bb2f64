"""Python names of parameters whose own name is a keyword."""

from __future__ import annotations

import keyword

__all__ = ["identifier"]


def identifier(name: str) -> str:
    """Return the Python name of a parameter.

    >>> identifier("to"), identifier("from")
    ('to', 'from_')
    """
    return f"{name}_" if keyword.iskeyword(name) else name
