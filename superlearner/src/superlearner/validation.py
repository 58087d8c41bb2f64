"""What pydantic finds wrong with a value, as people read it."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any, Final

__all__ = ["meant", "problem_text"]

CHOICE: Final = re.compile(r"'([^']*)'")
LONGEST: Final = 100
"""Nobody types a longer choice, and to compare it would take time."""


def problem_text(problem: Any) -> str:
    """The message of one of `ValidationError.errors()`; what a check of ours said stands there as it said it.

    >>> problem_text({"type": "value_error", "msg": "Value error, expected a prime, got 4"})
    'expected a prime, got 4'
    """
    return str(problem["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")


def meant(problem: Any) -> str:
    """What is said behind a value that is near one of the choices; nothing for other problems.

    >>> meant({"type": "literal_error", "input": "kast", "ctx": {"expected": "'send', 'cast' or 'call'"}})
    '; did you mean cast?'
    """
    typed = problem.get("input")
    if problem["type"] not in ("literal_error", "enum") or not isinstance(typed, str) or len(typed) > LONGEST:
        return ""
    near = get_close_matches(typed.lower(), CHOICE.findall(problem["ctx"]["expected"]), n=1)
    return f"; did you mean {near[0]}?" if near else ""
