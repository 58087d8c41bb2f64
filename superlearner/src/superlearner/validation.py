"""What pydantic finds wrong with a value, as people read it."""

from __future__ import annotations

from typing import Any

__all__ = ["problem_text"]


def problem_text(problem: Any) -> str:
    """The message of one of `ValidationError.errors()`; what a check of ours said stands there as it said it.

    >>> problem_text({"type": "value_error", "msg": "Value error, expected a prime, got 4"})
    'expected a prime, got 4'
    """
    return str(problem["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
