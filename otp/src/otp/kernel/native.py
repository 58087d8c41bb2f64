"""Coroutine functions whose body says `yield`: a suspension point without a frame in between."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from inspect import CO_COROUTINE, CO_GENERATOR
from types import FunctionType
from typing import Any, ParamSpec, TypeVar, cast

__all__ = ["native_coroutine"]

P = ParamSpec("P")
R = TypeVar("R")


def native_coroutine(function: Callable[P, Generator[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """As `types.coroutine`, but what it returns is a coroutine to everybody, not a generator that can be awaited.

    So Python warns if nobody awaits it, names it a coroutine, and pays nothing: an `async def` around the generator
    would be one more frame in each resume. The flag of the code object decides which of the two a call makes.
    """
    written = cast("FunctionType", function)
    code = written.__code__.replace(co_flags=written.__code__.co_flags & ~CO_GENERATOR | CO_COROUTINE)
    made = FunctionType(code, written.__globals__, written.__name__, written.__defaults__, written.__closure__)
    made.__kwdefaults__ = written.__kwdefaults__
    made.__annotations__ = {**written.__annotations__, "return": Any}  # what an await of it gives
    made.__doc__, made.__qualname__, made.__module__ = written.__doc__, written.__qualname__, written.__module__
    return cast("Callable[P, Coroutine[Any, Any, R]]", made)
