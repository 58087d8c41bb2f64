"""Starting one child: shared by all supervisors, in their own process and callbacks.

Source: OTP's `supervisor.erl`, `do_start_child`.
"""

from __future__ import annotations

import functools
from asyncio import CancelledError
from collections.abc import Callable, Coroutine, Generator
from inspect import isawaitable
from types import CoroutineType, FunctionType
from typing import Any, Final, cast

from otp.behaviours.server.child_spec import ChildSpec
from otp.behaviours.server.gen_server import GenServer
from otp.behaviours.server.newest import newest
from otp.behaviours.supervisor.argument_copy import copy_arguments
from otp.kernel.steps.starting import Begun, begin_server, start_server, wait_for_start
from otp.kernel.tables.scheduler import current_process
from otp.kernel.values.errors import StartError, Throw
from otp.kernel.values.exception_reasons import reason_of
from otp.kernel.values.process import EXITING, OWNER, Process
from otp.kernel.values.reasons import Reason
from otp.kernel.values.results import Ignore

__all__ = [
    "AGAIN",
    "Failed",
    "Pending",
    "Quick",
    "begin",
    "begin_in_call",
    "here",
    "prepare",
    "start",
    "started_pid",
]

_START_LINK: Final = GenServer.start_link.__func__
_OWN_MODULES: Final = (
    "otp.behaviours.server.gen_server",
    "otp.behaviours.supervisor.supervisor",
    "otp.behaviours.supervisor.dynamic_supervisor",
)

AGAIN: Final = "try_again_restart"
"""The tag of the message by which a supervisor reminds itself to retry a failed restart."""


def here() -> Process:
    """Return the process of the supervisor whose callback runs."""
    return current_process("a supervisor's callback")


class Failed:
    """A failed start; `reason` is what OTP has in `{error, Reason}`."""

    __slots__ = ("reason",)

    def __init__(self, reason: Reason) -> None:
        self.reason: Reason = reason


def prepare(spec: ChildSpec, extra: tuple[Any, ...] = ()) -> Callable[[], Any]:
    """Return the call that starts a child; it copies mutable arguments each time.

    The function, and functions among its arguments, are the newest versions of those of the spec: their modules may
    have been reloaded. `extra` precedes the arguments, as the extra arguments of a `DynamicSupervisor` do.
    """
    begun: Any = spec.start
    function, positional = (begun[0], begun[1:]) if begun.__class__ is tuple else (begun, ())
    named: dict[str, Any] = {}
    while function.__class__ is functools.partial:
        named = {**function.keywords, **named}
        function, positional = function.func, (*function.args, *positional)
    function = newest(function)
    if any(type(value) is FunctionType for value in positional):  # the function that a Task or an Agent runs
        positional = tuple(map(newest, positional))
    if extra:
        positional = (*extra, *positional)
    values = (*positional, *named.values()) if named else positional
    if copy_arguments(values) is values:
        underlying = getattr(function, "__func__", None)
        if underlying is _START_LINK and len(positional) == 1 and not named.keys() - {"name"}:
            return QuickServer(getattr(function, "__self__", None), positional[0], named.get("name"))
        if getattr(underlying, "__module__", None) in _OWN_MODULES:
            return Quick(function, *positional, **named)
        return functools.partial(function, *positional, **named)
    names, count = tuple(named), len(positional)

    def call() -> Any:
        fresh = copy_arguments(values)
        return function(*fresh[:count], **dict(zip(names, fresh[count:], strict=True)))

    return call


class Quick(functools.partial[Any]):
    """The call of one of our own start functions: an `async def` that usually does not suspend."""

    __slots__ = ()


class QuickServer:
    """The call of `GenServer.start_link` itself: usually it needs no coroutine either."""

    __slots__ = ("arg", "cls", "name")

    def __init__(self, cls: Any, arg: Any, name: Any) -> None:
        self.cls: Any = cls
        self.arg: Any = arg
        self.name: Any = name

    def __call__(self) -> Coroutine[Any, Any, Any]:
        return start_server(self.cls, self.arg, name=self.name, link=True)


class Pending:
    """A start that has begun and waits; `await` it for its outcome."""

    __slots__ = ("_coroutine", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        coroutine, waits_for = self._coroutine, self._waits_for
        try:
            while True:
                step: Any = coroutine.send
                try:
                    value = yield waits_for
                except BaseException as error:
                    step, value = coroutine.throw, error
                waits_for = step(value)
        except StopIteration as done:
            return outcome_of(done.value)
        except (Exception, CancelledError) as error:
            return failure_of(error)


def begin(call: Any, me: Process) -> Any:
    """Start a child.

    Returns the outcome like `start`, or a `Pending` or coroutine to await for it. Most starts finish in their first
    step; awaiting them properly costs twice the start. `me` is the supervisor's process.
    """
    coroutine: Any
    if type(call) is QuickServer:
        try:
            begun: Any = begin_server(call.cls, call.arg, call.name, True, False, None, None, me)
        except (Exception, CancelledError) as error:
            return failure_of(error)
        if type(begun) is not Begun:
            return begun
        coroutine = wait_for_start(begun)
    elif type(call) is Quick:
        try:
            coroutine = call()
        except (Exception, CancelledError) as error:  # wrong arguments
            return failure_of(error)
    else:
        return start(call)
    try:
        waits_for = coroutine.send(None)
    except StopIteration as done:
        return done.value  # of our own function: already an outcome
    except (Exception, CancelledError) as error:
        return failure_of(error)
    return Pending(coroutine, waits_for)


def begin_in_call(call: Any, me: Process) -> Any:
    """Start a child like `begin`, inside `handle_call`, which may run on its caller's stack.

    There the supervisor cannot wait like a process until the stack is its own again. The start therefore runs as in a
    task of the supervisor: if it waits, it waits for a future.
    """
    if me.context is None or (type(call) is not QuickServer and type(call) is not Quick):
        return start(call)  # without its own context nothing would show whose task it is
    s = me.runtime.scheduler
    if OWNER.get() is not me:
        OWNER.set(me)  # in its own context: permanent
    s.current = None
    try:
        return begin(call, me)
    finally:
        s.current = me


async def start(call: Callable[[], Any]) -> Any:
    """Start a child: its pid, `(pid, extra)`, `Ignore()` or `Failed(reason)`.

    A start function that lets `StartError(R)` escape has failed with R; one that raises anything else with `("EXIT",
    reason)`; one that returns or throws another value with that value.
    """
    try:
        result: Any = call()
        if type(result) is CoroutineType or isawaitable(result):
            result = cast("Any", await result)
    except (Exception, CancelledError) as error:
        return failure_of(error)
    return outcome_of(result)


def outcome_of(result: Any) -> Any:
    """Return the outcome of a start function that returned: a start or a failure."""
    if isinstance(result, Process | Ignore) or started_pid(result) is not None:
        return result
    return Failed(result)


def failure_of(error: BaseException) -> Any:
    """Return the outcome of a start function that raised, as in OTP; the supervisor's own end is raised again."""
    if isinstance(error, CancelledError):
        me = here()
        if me.status == EXITING or me.signal is not None or me.cancelling():
            raise error
    if isinstance(error, StartError):
        return Failed(error.reason)
    if isinstance(error, Throw):
        return outcome_of(error.value)
    return Failed(("EXIT", reason_of(error)))


def started_pid(result: Any) -> Any:
    """Return the pid in the result of a start: `pid` itself or `(pid, extra)`; else None."""
    if type(result) is Process:
        return result
    if isinstance(result, tuple) and len(cast("tuple[Any, ...]", result)) == 2:
        result = cast("tuple[Any, ...]", result)[0]
    return result if isinstance(result, Process) else None
