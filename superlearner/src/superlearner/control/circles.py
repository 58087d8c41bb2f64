"""Cycles of waiting processes, that is, deadlocks."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeVar

__all__ = ["circles"]

T = TypeVar("T", bound=Hashable)


def circles(waits: Iterable[tuple[T, T]]) -> list[list[T]]:
    """Return the cycles of a graph in which each node waits for at most one other.

    Each cycle starts with its first node in the input.

    >>> circles([("a", "b"), ("b", "c"), ("c", "b"), ("d", "d")])
    [['b', 'c'], ['d']]
    """
    waits_for: dict[T, T] = {}
    for source, target in waits:
        waits_for.setdefault(source, target)
    found: list[list[T]] = []
    seen: set[T] = set()
    for start in waits_for:
        path: dict[T, None] = {}
        at = start
        while at in waits_for and at not in seen:
            seen.add(at)
            path[at] = None
            at = waits_for[at]
        if at in path:
            walked = list(path)
            found.append(walked[walked.index(at) :])
    return found
