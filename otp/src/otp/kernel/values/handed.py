"""A term that a server hands over to its successor: the argument of `take_over`.

A context variable carries it, because the function that starts the successor may be the user's own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

__all__ = ["HANDED", "Handed", "has_own", "init_of"]


class Handed:
    """A term for the next server that is started with it; `taken` once one has got it.

    >>> handed = Handed([1, 2])
    >>> handed.take(), handed.taken
    ([1, 2], True)
    """

    __slots__ = ("taken", "term")

    def __init__(self, term: Any) -> None:
        self.term: Any = term
        self.taken: bool = False

    def take(self) -> Any:
        """Return the term, and drop it."""
        term, self.term, self.taken = self.term, None, True
        return term


HANDED: Final[ContextVar[Handed | None]] = ContextVar("HANDED", default=None)
"""The term for the first server with `take_over` that starts in this context."""


def has_own(handler: Any, callback: str) -> bool:
    """Return whether a handler has a callback that is not the default of its behaviour."""
    function: Any = getattr(type(handler), callback, None)  # pyright: ignore[reportUnknownArgumentType]
    return function is not None and not getattr(function, "__otp_default__", False)


def init_of(handler: Any) -> Callable[[Any], Any]:
    """Return what starts a server: its `init`, or for a class with `take_over` the choice between the two."""
    if not has_own(handler, "take_over"):
        return handler.init

    def begin(arg: Any) -> Any:
        handed = HANDED.get()
        if handed is None or handed.taken:
            return handler.init(arg)
        return handler.take_over(arg, handed.take())

    return begin
