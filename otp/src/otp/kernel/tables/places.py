"""Places: the lines where a suspended coroutine waits, and closing it from there.

Python shows what a coroutine awaits (`cr_await`), but not the generator behind `async for` and `async with`: it is
found among the objects to which the awaitable refers.
"""

# Awaited objects are of any type.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType
from typing import Any, Final

from otp.kernel.values.exception_reasons import drop_traceback
from otp.kernel.values.reasons import StackEntry, first_of_program

_ATTRIBUTES: Final[dict[type[Any], tuple[str, str]]] = {
    CoroutineType: ("cr_frame", "cr_await"),
    GeneratorType: ("gi_frame", "gi_yieldfrom"),
    AsyncGeneratorType: ("ag_frame", "ag_await"),
}
_GENERATOR_STEPS: Final = ("async_generator_asend", "async_generator_athrow")
_STEPS: Final = (*_GENERATOR_STEPS, "anext_awaitable", "coroutine_wrapper")
DEEPEST: Final = 1_000  # maximum number of places
_WAITS: Final = CO_COROUTINE | CO_GENERATOR | CO_ASYNC_GENERATOR


def where_in(coro: Any) -> str:
    """Return the file and line where a coroutine waits: the innermost of the program, else of a library."""
    places = places_in(coro)
    if not places:
        return "its end"
    file, line, _ = first_of_program(places) or places[0]
    return f"{file}:{line}"


def places_in(coro: Any) -> list[StackEntry]:
    """Return file, line and function of each place where a coroutine waits, innermost first."""
    frames = filter(None, map(_frame_of, _awaited_by(coro)))
    return [(one.f_code.co_filename, one.f_lineno, one.f_code.co_qualname) for one in frames][::-1]


def where_awaited() -> str | None:
    """Return the file and line that awaits the running coroutine: the innermost of the program; None without one."""
    places: list[tuple[str, int]] = []
    frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None and not frame.f_code.co_flags & _WAITS:
        frame = frame.f_back
    while frame is not None and frame.f_code.co_flags & _WAITS and len(places) < DEEPEST:
        places.append((frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    found = first_of_program(places)
    return None if found is None else f"{found[0]}:{found[1]}"


def close_from_inside(coro: Any) -> Any:
    """Throw `GeneratorExit` at the innermost place of a suspended coroutine, then outwards, level by level.

    Returns what is awaited next; raises what the coroutine ends with. `GeneratorExit` thrown into the coroutine itself
    closes what is awaited, which does not reach into an async generator before Python 3.13.
    """
    for level in reversed(_levels(coro)):
        try:
            return level.throw(GeneratorExit)
        except BaseException as raised:  # a level may end with any error; the next one is still closed
            if level is coro:
                raise
            drop_traceback(raised)
    return coro.throw(GeneratorExit)


def _levels(coro: Any) -> list[Any]:
    """Return what can be thrown into at each place of a suspended coroutine, outermost first."""
    found: list[Any] = []
    for awaited in _awaited_by(coro):
        kind = type(awaited)
        if kind.__name__ in _GENERATOR_STEPS:
            frame = getattr(_behind(awaited), "ag_frame", None)
        else:
            frame = None if kind is AsyncGeneratorType else _frame_of(awaited)
        if frame is not None:
            found.append(awaited)
    return found


def _awaited_by(coro: Any) -> Iterator[Any]:
    """Yield a coroutine, what it awaits, what that awaits, and so on."""
    awaited = coro
    for _ in range(DEEPEST):
        if awaited is None:
            return
        yield awaited
        names = _ATTRIBUTES.get(type(awaited))
        awaited = _behind(awaited) if names is None else getattr(awaited, names[1])


def _behind(awaited: Any) -> Any:
    """Return the first object that the driver of a generator or coroutine refers to."""
    if type(awaited).__name__ not in _STEPS:
        return getattr(awaited, "cr_await", None)  # a coroutine of a compiled module
    for part in gc.get_referents(awaited):
        if type(part) in _ATTRIBUTES or type(part).__name__ in _STEPS:
            return part
    return None


def _frame_of(awaited: Any) -> FrameType | None:
    names = _ATTRIBUTES.get(type(awaited))
    return None if names is None else getattr(awaited, names[0])
