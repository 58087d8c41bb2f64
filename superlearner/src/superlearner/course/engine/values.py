"""Comparison of plain values by type and value: an object that claims to equal everything equals nothing here."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

from typing import Any, Final

__all__ = ["as_set", "same", "shown"]

PLAIN: Final = (int, float, complex, str, bytes, type(None))
DEEPEST: Final = 20
LONGEST: Final = 120


def same(one: Any, other: Any, depth: int = DEEPEST) -> bool:
    """Return whether two plain values are of the same types and equal; False counts as different from 0.

    >>> same([1, ("a", {"b": 2.0})], [1, ("a", {"b": 2.0})])
    True
    >>> same(1, True), same([1], (1,))
    (False, False)
    """
    kind = type(one)
    if kind is not type(other) or depth == 0:
        return False
    if kind is bool or kind in PLAIN:
        return bool(one == other)
    if kind is list or kind is tuple:
        return len(one) == len(other) and all(map(lambda a, b: same(a, b, depth - 1), one, other))
    if kind is dict:
        return len(one) == len(other) and all(key in other and same(one[key], other[key], depth - 1) for key in one)
    if kind is set or kind is frozenset:
        return all(type(each) in PLAIN for each in (*one, *other)) and bool(one == other)
    return False


def as_set(value: Any) -> set[Any] | None:
    """Return the members of a set, list or tuple of texts and numbers; None for anything else.

    >>> as_set(["a", "b", "a"]) == {"a", "b"}
    True
    """
    if type(value) not in (set, frozenset, list, tuple):
        return None
    if any(type(each) not in PLAIN for each in value):
        return None
    return set(value)


def shown(value: Any) -> str:
    """Return a value as a short text; one that cannot be shown has its type.

    >>> shown("x" * 500)[-1]
    '…'
    """
    try:
        text = repr(value)
    except Exception:
        text = f"an object of {type(value).__name__} that cannot be shown"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
