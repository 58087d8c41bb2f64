"""Hints in the words of the command line: the API says `see GET /api/v1/processes`, we say which command that is."""

from __future__ import annotations

import re
from typing import Final

from superlearner.cli.manifest import categories, verbs

__all__ = ["in_our_words"]

ROUTE: Final = re.compile(r"(GET|POST|PUT|PATCH|DELETE) /api/v1(/[\w/{}-]+)")
FIELD: Final = re.compile(r'\bsend \{"(\w+)": true\}')


def in_our_words(hint: str) -> str:
    """The hint, with options and commands in place of fields and routes.

    >>> in_our_words('to do it all the same, send {"force": true}; see GET /api/v1/processes')
    'to do it all the same, add --force; see `superlearner process list`'
    """
    hint = FIELD.sub(lambda found: f"add --{found[1].replace('_', '-')}", hint)
    return ROUTE.sub(lambda found: _command(found[1], found[2]) or found[0], hint)


def _command(method: str, path: str) -> str | None:
    for category in categories():
        for verb, entry in verbs(category).items():
            if (entry["method"], entry["path"]) == (method, path):
                return f"`superlearner {category} {verb}`"
    return None
