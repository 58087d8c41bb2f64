"""Hints in terms of the interface: commands or tools instead of REST routes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from superlearner.cli.manifest import categories, verbs

__all__ = ["in_our_words", "translated"]

ROUTE: Final = re.compile(r"(GET|POST|PUT|PATCH|DELETE) /api/v1(/[\w/{}-]+)")
FIELD: Final = re.compile(r'\bsend \{"(\w+)": true\}')


def in_our_words(hint: str) -> str:
    """Return the hint with options and commands instead of fields and routes.

    >>> in_our_words('to do it all the same, send {"force": true}; see GET /api/v1/processes')
    'to do it all the same, add --force; see `superlearner process list`'
    """
    return translated(hint, _command, lambda name: f"add --{name.replace('_', '-')}")


def translated(hint: str, operation: Callable[[str, str], str | None], flag: Callable[[str], str]) -> str:
    """Return the hint with routes (method, path under `/api/v1`) and flags replaced."""
    hint = FIELD.sub(lambda found: flag(found[1]), hint)
    return ROUTE.sub(lambda found: operation(found[1], found[2]) or found[0], hint)


def _command(method: str, path: str) -> str | None:
    for category in categories():
        for verb, entry in verbs(category).items():
            if (entry["method"], entry["path"]) == (method, path):
                return f"`superlearner {category} {verb}`"
    return None
