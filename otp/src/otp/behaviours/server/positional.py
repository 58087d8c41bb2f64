"""The types of callbacks: an override may use any parameter names.

A `/` in the contract would express this too, but pyright then infers no types: it gives a parameter without annotation
the type of the contract only if both methods have the same parameters. The contract therefore has no `/`, and its type
is positional.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

__all__ = ["positional"]

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
R = TypeVar("R")


@overload
def positional(method: Callable[[T, A], R]) -> Callable[[T, A], R]: ...
@overload
def positional(method: Callable[[T, A, B], R]) -> Callable[[T, A, B], R]: ...
@overload
def positional(method: Callable[[T, A, B, C], R]) -> Callable[[T, A, B, C], R]: ...
@overload
def positional(method: Callable[[T, A, B, C, D], R]) -> Callable[[T, A, B, C, D], R]: ...
def positional(method: Any) -> Any:
    """Return the method unchanged; for type checkers its parameters have no names."""
    return method
