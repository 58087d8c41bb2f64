"""Hints for a coroutine or generator given as a pid, a child or a result."""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

__all__ = ["unawaited"]


def unawaited(value: Any) -> str:
    """Explain a coroutine or generator that was not awaited.

    The text is empty for any other value. A list or tuple with one in it counts, too.

    >>> unawaited(n for n in ())
    'got a generator; did you write `yield` in place of `return`?'
    >>> unawaited("a pid")
    ''
    """
    kind: Any = type(value)
    if kind is CoroutineType:
        return "got a coroutine; did you forget `await`?"
    if kind is GeneratorType:
        return "got a generator; did you write `yield` in place of `return`?"
    if kind is AsyncGeneratorType:
        return "got an async generator; did you write `yield` in place of `return`?"
    if kind is list or kind is tuple:
        for member in value:
            if type(member) is CoroutineType:
                return f"got a {kind.__name__} with a coroutine in it; did you forget `await`?"
    return ""
