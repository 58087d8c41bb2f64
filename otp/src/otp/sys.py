"""Debugging running servers: suspend, inspect, count, change, resume.

Every behaviour answers these requests between two messages, without running user code:

>>> import otp
>>> from otp import GenServer, Ok, impl
>>> class Counter(GenServer[int]):
...     @impl
...     def init(self, start):
...         return Ok(start)
>>> async def main():
...     counter = await Counter.start_link(41)
...     await otp.sys.replace_state(counter, lambda n: n + 1)
...     return await otp.sys.get_state(counter)
>>> otp.run(main)
42

All functions take a pid, a name or another destination, wait at most `timeout` seconds (5 by default) and fail like a
call: the reason is `(R, ("sys", "get_state", [dest]))`. A process that is not a behaviour never answers. A busy server
answers when it is done. A *sensitive* process (`process_flag("sensitive", True)`) refuses with `BadArgument` whatever
would show its state or its messages; it can be suspended, counted, upgraded and ended.

**Events.** `log`, `trace` and the functions of `install` get the events of a server as tuples: `("in", message)`, where
a call is `("$gen_call", caller, request)` and a cast `("$gen_cast", request)`; `("out", reply, caller, new_state)`;
`("noreply", new_state)`. Those of a state machine are `("in", (kind, content), state)` and `("out", reply, caller)`. A
server without debug functions pays nothing for this.

Source: Erlang's module `sys`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

from otp.kernel.steps.calls import system_call
from otp.kernel.steps.system import Refused
from otp.kernel.tables.callers import UNSET
from otp.kernel.tables.names import resolve
from otp.kernel.values.errors import BadArgument, CallExit
from otp.kernel.values.pids import Pid

if TYPE_CHECKING:
    from otp.kernel.values.terms import Dest, Limit, Name

__all__ = [
    "Statistics",
    "Status",
    "change_code",
    "get_state",
    "get_status",
    "install",
    "log",
    "no_debug",
    "remove",
    "replace_state",
    "resume",
    "statistics",
    "suspend",
    "terminate",
    "trace",
]

DebugFunction = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Status:
    """The result of `get_status`: `state` is what the server's `format_status` shows."""

    pid: Pid
    name: Name | None
    module: type
    status: str
    parent: Pid | None
    state: Any


@dataclass(frozen=True, slots=True)
class Statistics:
    """The result of `statistics`: times in seconds of the scheduler's clock, messages received, replies sent."""

    start_time: float
    current_time: float
    messages_in: int
    messages_out: int


# Suspending


async def suspend(dest: Dest, timeout: Limit = UNSET, *, by: str = "") -> None:
    """Suspend the handling of messages; they wait. The server still answers the functions of this module.

    `by` is the requester for the event `suspended`, by default the calling process.
    """
    await _ask("suspend", dest, ("suspend", by) if by else ("suspend",), (), timeout)


async def resume(dest: Dest, timeout: Limit = UNSET, *, by: str = "") -> None:
    """Resume a suspended server. `by` is the requester for the event `resumed`, by default the calling process."""
    await _ask("resume", dest, ("resume", by) if by else ("resume",), (), timeout)


async def terminate(dest: Dest, reason: Any = "normal", timeout: Limit = UNSET) -> None:
    """End the server with `reason`, after its `terminate` callback; returns before it has ended."""
    await _ask("terminate", dest, ("terminate", reason), (reason,), timeout)


# State


async def get_state(dest: Dest, timeout: Limit = UNSET) -> Any:
    """Return the state that the server's last callback returned.

    For a state machine returns `(state, data)`.

    Raises `BadArgument` for a sensitive process.
    """
    return await _ask("get_state", dest, ("get_state",), (), timeout)


async def get_status(dest: Dest, timeout: Limit = UNSET) -> Status:
    """Return the state of the server with the runtime's information about it.

    Difference from OTP: a record replaces OTP's nested tuples.
    """
    found = await _ask("get_status", dest, ("get_status",), (), timeout)
    return Status(found["pid"], found["name"], found["class"], found["status"], found["parent"], found["state"])


async def replace_state(dest: Dest, fn: Callable[[Any], Any], timeout: Limit = UNSET) -> Any:
    """Set the state to `fn(state)`, computed in the server's process.

    Returns the new state. If `fn` raises, the state is unchanged and the exception is raised here. Raises `BadArgument`
    for a sensitive process.
    """
    return await _ask("replace_state", dest, ("replace_state", fn), (fn,), timeout)


async def change_code(dest: Dest, cls: type, old_vsn: Any, extra: Any = None, timeout: Limit = UNSET) -> None:
    """Change the class of a suspended server, with the state from `cls.code_change(old_vsn, state, extra)`.

    If that raises, the exception is raised here; if it returns anything but `Ok(new_state)`, an `Error` with that
    value. In these cases, and if the server is not suspended (`BadArgument`), nothing changes; it stays suspended. For
    an `Agent` the class is `Agent`, and a callable `extra` converts the state: `extra(state)`. To upgrade all servers
    of a module at once use `otp.code.reload`.
    """
    if not hasattr(cls, "__handler__") and not hasattr(cls, "child_spec"):
        raise BadArgument(f"change_code(dest, cls, old_vsn): expected the class of a behaviour, got {cls!r}")
    await _ask("change_code", dest, ("change_code", cls, old_vsn, extra, True), (cls, old_vsn, extra), timeout)


# Observing


@overload
async def statistics(
    dest: Dest, flag: Literal["get"], timeout: Limit = ...
) -> Statistics | Literal["no_statistics"]: ...
@overload
async def statistics(dest: Dest, flag: bool, timeout: Limit = ...) -> Literal["ok"]: ...
async def statistics(
    dest: Dest, flag: bool | Literal["get"], timeout: Limit = UNSET
) -> Statistics | Literal["ok", "no_statistics"]:
    """Count messages: `True` starts again, `False` stops, `"get"` returns what was counted so far.

    `"get"` without a running count returns `"no_statistics"`, as in OTP: call `statistics(dest, True)` first. The same
    applies to `log`, which then returns an empty list.

    >>> import otp
    >>> from otp import Agent
    >>> async def main():
    ...     agent = await Agent.start_link(lambda: 0)
    ...     await otp.sys.statistics(agent, True)
    ...     await Agent.get(agent, lambda n: n)
    ...     return (await otp.sys.statistics(agent, "get")).messages_in
    >>> otp.run(main)
    1

    Difference from OTP: no `reductions`; the times are those of the monotonic clock.
    """
    found = await _debug("statistics", dest, (flag,), timeout)
    if not isinstance(found, tuple):
        return found
    begun, now, received, sent = found  # pyright: ignore[reportUnknownVariableType]
    return Statistics(begun / 1e9, now / 1e9, received, sent)  # pyright: ignore[reportUnknownArgumentType]


@overload
async def log(dest: Dest, flag: Literal["get"], timeout: Limit = ...) -> list[Any]: ...
@overload
async def log(
    dest: Dest, flag: bool | tuple[Literal[True], int] | Literal["print"], timeout: Limit = ...
) -> Literal["ok"]: ...
async def log(
    dest: Dest, flag: bool | tuple[Literal[True], int] | Literal["get", "print"], timeout: Limit = UNSET
) -> Any:
    """Keep the last events: `True` keeps 10, `(True, n)` n, `False` none and drops the kept ones.

    `"get"` returns the kept events, oldest first; `"print"` writes them to standard output.
    """
    if isinstance(flag, tuple) and (len(flag) != 2 or type(flag[1]) is not int or flag[1] < 1):  # pyright: ignore[reportUnnecessaryComparison]
        raise BadArgument(f"sys.log: expected (True, n) with n of at least 1, got {flag!r}")
    return await _debug("log", dest, (flag,), timeout)


async def trace(dest: Dest, flag: bool, timeout: Limit = UNSET) -> None:
    """Write every event to standard output as it happens, or stop doing so."""
    await _debug("trace", dest, (flag,), timeout)


async def install(
    dest: Dest, func_spec: tuple[DebugFunction, Any] | tuple[Any, DebugFunction, Any], timeout: Limit = UNSET
) -> None:
    """Call `func` for every event: `func_spec` is `(func, func_state)` or `(id, func, func_state)`.

    `func(func_state, event, name)` runs in the server's process, must be quick, and returns the next `func_state`, or
    `"done"` to be removed. A function that raises is removed, too. Installing the same function again has no effect;
    functions are identified by the id, by default the function itself. `name` is that of the server, or its pid.

    >>> import otp
    >>> from otp import Agent
    >>> async def main():
    ...     agent, seen = await Agent.start_link(lambda: 0), []
    ...     await otp.sys.install(agent, (lambda count, event, name: seen.append(event[0]) or count + 1, 0))
    ...     await Agent.get(agent, lambda n: n)
    ...     return seen
    >>> otp.run(main)
    ['in', 'out']
    """
    spec: tuple[Any, ...] = (func_spec[0], *func_spec) if len(func_spec) == 2 else func_spec
    if len(spec) != 3 or not callable(spec[1]):
        raise BadArgument(f"sys.install: expected (func, state) or (id, func, state), got {func_spec!r}")
    await _debug("install", dest, spec, timeout)


async def remove(dest: Dest, func_or_id: Any, timeout: Limit = UNSET) -> None:
    """Remove an installed function by its id or itself; no effect if it is not installed."""
    await _debug("remove", dest, (func_or_id,), timeout)


async def no_debug(dest: Dest, timeout: Limit = UNSET) -> None:
    """Remove statistics, log, trace and installed functions."""
    await _debug("no_debug", dest, (), timeout)


async def _debug(function: str, dest: Dest, arguments: tuple[Any, ...], timeout: Any) -> Any:
    return await _ask(function, dest, ("debug", (function, *arguments)), arguments, timeout)


async def _ask(function: str, dest: Dest, request: Any, arguments: tuple[Any, ...], timeout: Any) -> Any:
    p = resolve(dest)
    if p is not None:
        p.runtime.scheduler.check_thread(f"sys.{function}", f"node.call_from_thread(otp.sys.{function}(…))")
    try:
        answer = await system_call(dest, request, timeout)
    except CallExit as failure:
        shown = [dest, *arguments]
        if timeout is not UNSET:
            shown.append("infinity" if timeout is None else timeout)
        raise type(failure)((failure.cause_reason, ("sys", function, shown)), dest, request) from None
    if isinstance(answer, Refused):
        raise answer.error
    return answer
