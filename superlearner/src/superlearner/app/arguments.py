"""The argument of a tree, as written on the command line."""

from __future__ import annotations

import json
from typing import Any

from superlearner.base.loading import LoadError
from superlearner.control.terms import term_of_json, text_of

__all__ = ["argument_of"]


def argument_of(text: str) -> Any:
    """Parse the JSON argument of a tree. Lists become tuples, as in messages.

    Raises:
        LoadError: the text is not JSON.

    >>> argument_of('["add", {"n": 1}]')
    ('add', {'n': 1})
    """
    try:
        return term_of_json(json.loads(text, parse_constant=_no_number))
    except ValueError as error:
        raise LoadError(
            f"--arg: expected JSON, got {text_of(text, 80)} ({error})",
            """try: --arg 3, --arg '"text"', --arg '[1, 2]' (a tuple in Python), --arg '{"size": 10}'""",
        ) from None


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON number")
