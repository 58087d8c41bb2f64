"""Differences between two JSON values, listed by path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

__all__ = ["Difference", "differences"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference at `path`, such as `items[2].price` (empty: the root)."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any
    after: Any


def differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    """Yield the places where `after` differs from `before`.

    >>> [(one.path, one.kind) for one in differences({"n": [1, 2], "x": 0}, {"n": [1, 3, 4]})]
    [('n[1]', 'changed'), ('n[2]', 'added'), ('x', 'removed')]
    """
    if isinstance(before, dict) and isinstance(after, dict):
        old, new = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
        for name in [*old, *(name for name in new if name not in old)]:
            yield from _at(f"{path}.{name}" if path else name, name in old, old.get(name), name in new, new.get(name))
    elif isinstance(before, list) and isinstance(after, list):
        one, other = cast("list[Any]", before), cast("list[Any]", after)
        for i in range(max(len(one), len(other))):
            in_old, in_new = i < len(one), i < len(other)
            yield from _at(f"{path}[{i}]", in_old, one[i] if in_old else None, in_new, other[i] if in_new else None)
    elif isinstance(before, bool) != isinstance(after, bool) or before != after:
        yield Difference(path, "changed", before, after)


def _at(path: str, in_old: bool, old: Any, in_new: bool, new: Any) -> Iterator[Difference]:
    if in_old and in_new:
        yield from differences(old, new, path)
    elif in_old:
        yield Difference(path, "removed", old, None)
    else:
        yield Difference(path, "added", None, new)
