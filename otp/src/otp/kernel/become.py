"""`Become`: a tail call. The process continues with another function and keeps its pid, mailbox, name and links."""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from otp.kernel.errors import BadArgument
from otp.kernel.tracing import bounded_text

if TYPE_CHECKING:
    from typing import ParamSpec

    P = ParamSpec("P")

__all__ = ["Become"]


class Become(Exception):
    """An exception for a process's main coroutine: continue with `fn(*args, **kwargs)` instead.

    It is a tail call to `fn`, and the stack does not grow however often it is repeated. Enclosing `finally` and `async
    with` blocks run first; an enclosing `except Exception` catches it. To pick up new code, pass `otp.code.latest(fn)`
    for `fn`.

    Raised anywhere else (a callback, a child task) it is an error like any other. Raises `BadArgument` if `fn` cannot
    be called.

    Difference from Erlang: there, a call in last position is a tail call; Python needs this exception.

    >>> import otp
    >>> async def down(n, parent):
    ...     if n:
    ...         raise otp.Become(down, n - 1, parent)
    ...     otp.send(parent, "landed")
    >>> async def main():
    ...     otp.spawn(down, 10_000, otp.self())
    ...     return await otp.receive()
    >>> otp.run(main)
    'landed'
    """

    def __init__(self, fn: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> None:
        if not callable(fn):
            raise BadArgument(
                f"Become(fn, *args): expected a function, got {fn!r}; try Become(fn, …), not Become(fn(…))"
            )
        super().__init__(fn, *args)
        self.fn = fn
        self.args_of_call = args
        self.keywords_of_call = kwargs

    def __str__(self) -> str:
        name = getattr(self.fn, "__qualname__", bounded_text(self.fn))
        return f"Become({name}, …), which works in the main coroutine of a process, not in a callback or a child task"
