"""Coroutine functions written with `yield`: suspension points without a frame in between."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from inspect import CO_COROUTINE, CO_GENERATOR
from types import FunctionType
from typing import Any, ParamSpec, TypeVar, cast

__all__ = ["native_coroutine"]

P = ParamSpec("P")
R = TypeVar("R")


def native_coroutine(function: Callable[P, Generator[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Make a generator function a coroutine function, like `types.coroutine`, but of real coroutines.

    Python therefore warns if one is never awaited and shows it as a coroutine, at no cost: an `async def` around the
    generator would add a frame to each resume. The flag of the code object decides which of the two a call creates.
    """
    written = cast("FunctionType", function)
    code = written.__code__.replace(co_flags=written.__code__.co_flags & ~CO_GENERATOR | CO_COROUTINE)
    made = FunctionType(code, written.__globals__, written.__name__, written.__defaults__, written.__closure__)
    made.__kwdefaults__ = written.__kwdefaults__
    made.__annotations__ = {**written.__annotations__, "return": Any}  # the type of the awaited value
    made.__doc__, made.__qualname__, made.__module__ = written.__doc__, written.__qualname__, written.__module__
    return cast("Callable[P, Coroutine[Any, Any, R]]", made)
