"""Expressions of a source, compared with values of a program. None of them is evaluated, but literals."""

# Values are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import ast
from typing import Any, Final

from superlearner.control.terms import text_of

__all__ = ["TEXT", "callee_of", "is_value", "literal_text", "may_be", "may_compute"]

PLAIN: Final = frozenset[type]([str, int, float, bool, bytes, type(None), tuple, list, dict, set, frozenset])
"""Types whose values are compared themselves, not as text."""

TEXT: Final = 500
"""Characters of the text of a value."""


def is_value(node: ast.AST, value: object) -> bool:
    """Return whether an expression is this plain value."""
    if type(value) not in (str, int, float, bool, type(None)):
        return False
    try:
        found = ast.literal_eval(node) if isinstance(node, ast.expr) else node
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return type(found) is type(value) and found == value


def may_be(node: ast.expr, value: Any) -> bool:
    """Return whether an expression is this plain value, or a tuple whose plain values are those of this tuple."""
    if (made := _instance(value)) is not None:
        return ast.unparse(node) == made[1]
    if type(value) is not tuple or not isinstance(node, ast.Tuple):
        return is_value(node, value)
    plain = [one for one in zip(node.elts, value, strict=False) if isinstance(one[0], ast.Constant)]
    return len(node.elts) == len(value) and bool(plain) and all(is_value(*one) for one in plain)


def may_compute(node: ast.expr, value: Any) -> bool:
    """Return whether an expression that is no literal may be this value."""
    match node:
        case ast.Constant():
            return False
        case ast.Call() if (made := _instance(value)) is not None and (callee_of(node) or "")[:1].isupper():
            return callee_of(node) == made[0]
        case ast.JoinedStr():
            return type(value) is str and _fits(node, value)
        case ast.Tuple():
            pairs = list(zip(node.elts, value, strict=False)) if type(value) is tuple else []
            same = len(node.elts) == len(pairs) == (len(value) if type(value) is tuple else -1)
            return same and all(not isinstance(part, ast.Constant) or is_value(part, one) for part, one in pairs)
        case _:
            return True


def literal_text(node: ast.expr | None) -> str | None:
    """Return the text of a literal as an event has it, such as a dict; None for another expression."""
    try:
        return None if node is None else text_of(ast.literal_eval(node), 50)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def callee_of(node: ast.expr | None) -> str | None:
    """Return the last name of the function that an expression calls; None if it is no call."""
    if not isinstance(node, ast.Call):
        return None
    function = node.func.value if isinstance(node.func, ast.Subscript) else node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)


def _instance(value: Any) -> tuple[str, str] | None:
    """Return the class and the text of an object, as of `Stop(ValueError("empty"), state)`; None for another value.

    In an event it is shortened to its text.
    """
    text = "" if type(value) in PLAIN else text_of(value, TEXT)
    cls, is_call, _ = text.partition("(")
    return (cls, text) if is_call and cls.isidentifier() else None


def _fits(node: ast.JoinedStr, value: str) -> bool:
    """Return whether a text has the literal parts of an f-string, in their order."""
    at = 0
    for number, part in enumerate(node.values):
        if isinstance(part, ast.Constant):
            found = value.find(str(part.value), at)
            if found < 0 or (number == 0 and found > 0):
                return False
            at = found + len(str(part.value))
    last = node.values[-1] if node.values else ast.Constant("")
    return not isinstance(last, ast.Constant) or value.endswith(str(last.value))
