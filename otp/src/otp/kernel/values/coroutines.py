"""The coroutine that runs a function as a process, and the check that it is a function."""

# pyright: reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from types import CoroutineType, FunctionType, MethodType
from typing import Any, Final

from otp.kernel.values.results import unawaited

ASYNC: Final = 0x80  # CO_COROUTINE


_GENERATOR: Final = 0x220  # CO_GENERATOR | CO_ASYNC_GENERATOR


async def _run_callable(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    result = fn(*args, **kwargs)
    if isawaitable(result):
        await result


def _plain(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    coro = _run_callable(fn, args, kwargs)
    coro.__qualname__ = str(getattr(fn, "__qualname__", None) or type(fn).__qualname__)  # shown to people as what runs
    return coro


def check_function(fn: Any, what: str) -> None:
    """Raise `TypeError` unless `fn` is a function; for a coroutine object, show the correct call."""
    if type(fn) is CoroutineType:
        fn.close()
        raise TypeError(
            f"{what}: expected a function and its arguments, got a coroutine object; "
            f"try {what}({fn.__name__}, …) instead of {what}({fn.__name__}(…))"
        )
    if not callable(fn):
        raise TypeError(f"{what}: expected a function, {unawaited(fn) or f'got {fn!r:.200}'}")


def coroutine_of(fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the coroutine that runs `fn(*args, **kwargs)`; raises `TypeError` for anything but a function."""
    kind: Any = type(fn)
    if kind is FunctionType or kind is MethodType:
        flags = fn.__code__.co_flags
        if flags & _GENERATOR:
            raise TypeError(
                f"spawn: expected a function, got {fn.__qualname__}, whose body would never run: it has a `yield`; "
                "try `return`, or an async function that iterates over it"
            )
        return fn(*args, **kwargs) if flags & ASYNC else _plain(fn, args, kwargs)
    check_function(fn, "spawn")
    return _plain(fn, args, kwargs)
