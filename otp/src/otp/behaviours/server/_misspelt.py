"""Detection of misspelt callbacks: methods one slip away from a callback that nothing mentions."""

from __future__ import annotations

from types import CodeType
from typing import Any, cast

__all__ = ["is_mentioned", "is_slip"]


def is_slip(name: str, callback: str) -> bool:
    """Return whether two names differ by one wrong, missing, extra or swapped letter; two in longer names."""
    most = 1 if len(callback) < 8 else 2
    if abs(len(name) - len(callback)) > most:
        return False
    before: list[int] = []
    row = list(range(len(callback) + 1))
    for i, letter in enumerate(name):  # the optimal string alignment distance
        older, before, row = before, row, [i + 1]
        for j, wanted in enumerate(callback):
            best = min(before[j] + (letter != wanted), before[j + 1] + 1, row[j] + 1)
            if i and j and letter == callback[j - 1] and name[i - 1] == wanted:
                best = min(best, older[j - 1] + 1)
            row.append(best)
    return row[-1] <= most


def is_mentioned(cls: type, name: str) -> bool:
    """Return whether code of the class or its bases reads the name, has it as a string, or uses `getattr`."""
    for base in cls.__mro__:
        if base.__module__.startswith("otp.behaviours."):
            continue
        pending: list[object] = list(base.__dict__.values())
        while pending:
            part = pending.pop()
            if isinstance(part, staticmethod | classmethod):
                part = cast("object", part.__func__)  # pyright: ignore[reportUnknownMemberType]
            if isinstance(part, property):
                pending += [part.fget, part.fset, part.fdel]
            code = part if isinstance(part, CodeType) else getattr(part, "__code__", None)
            if isinstance(code, CodeType):
                if name in code.co_names or name in code.co_consts or "getattr" in code.co_names:
                    return True
                pending += code.co_consts
            elif isinstance(part, str | tuple | list | dict | set | frozenset) and _holds(cast("object", part), name):
                return True
    return False


def _holds(part: object, name: str) -> bool:
    """Return whether a table in the class body has the name, such as `handlers = {"all": "handle_all"}`."""
    if isinstance(part, str):
        return part == name
    members: list[object] = list(cast("Any", part))
    if isinstance(part, dict):
        members += cast("dict[Any, object]", part).values()
    return any(member == name or getattr(member, "__name__", None) == name for member in members)
