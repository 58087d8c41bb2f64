"""Missing awaits: the sentence about a call of a coroutine function whose result nothing awaited."""

from __future__ import annotations

from types import CoroutineType
from typing import Any

from superlearner.control.reasons import OTP

__all__ = ["function_name", "missing_await"]


def function_name(coroutine: CoroutineType[Any, Any, Any]) -> str:
    """Return the name of the function that created a coroutine; `call` of the library is `GenServer.call`."""
    name = coroutine.__name__
    return "GenServer.call" if name == "call" and coroutine.cr_code.co_filename.startswith(OTP) else name


def missing_await(call: str, plain: str | None = None) -> str:
    """Return the sentence about a call.

    Args:
        call: the name of the function as it was called.
        plain: the function around the call, if it cannot await.

    >>> missing_await("GenServer.call", "handle_cast").partition("; ")[2]
    '`handle_cast` has to be an `async def` for that'
    """
    where = "" if plain is None else f"; `{plain}` has to be an `async def` for that"
    return f"`await` is missing before the call of {call}, which does nothing without it{where}"
