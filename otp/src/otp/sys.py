"""Debugging servers while they run: stop, look, change, go on.

Every behaviour answers these requests between two messages, without a line of user code:

>>> import otp
>>> from otp import GenServer, Ok, impl, sys
>>> class Counter(GenServer[int]):
...     @impl
...     def init(self, start):
...         return Ok(start)
>>> async def main():
...     counter = await Counter.start_link(41)
...     await sys.replace_state(counter, lambda n: n + 1)
...     return await sys.get_state(counter)
>>> otp.run(main)
42

All functions take a pid, a name or another destination, wait at most `timeout` seconds (5 by
default) and fail like a call: the reason is `(R, ("sys", "get_state", [dest]))`. A process that is
no behaviour never answers. A server that handles a message answers when it is done.

Source: Erlang's module `sys`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from otp.kernel.calls import UNSET, system_call
from otp.kernel.errors import CallExit
from otp.kernel.pids import Pid
from otp.kernel.system import Refused

__all__ = ["Status", "get_state", "get_status", "replace_state", "resume", "suspend", "terminate"]


@dataclass(frozen=True, slots=True)
class Status:
    """What `get_status` answers: `state` is as the server's `format_status` shows it."""

    pid: Pid
    name: Any
    module: type
    status: str
    parent: Pid | None
    state: Any


async def suspend(dest: Any, timeout: Any = UNSET) -> None:
    """Stop the server from handling messages; they wait. It still answers the functions of this module."""
    await _ask("suspend", dest, ("suspend",), (), timeout)


async def resume(dest: Any, timeout: Any = UNSET) -> None:
    """Let a suspended server go on."""
    await _ask("resume", dest, ("resume",), (), timeout)


async def get_state(dest: Any, timeout: Any = UNSET) -> Any:
    """The state of the server: what its last callback returned."""
    return await _ask("get_state", dest, ("get_state",), (), timeout)


async def get_status(dest: Any, timeout: Any = UNSET) -> Status:
    """The state of the server with what the runtime knows about it.

    Difference to OTP: a record stands where OTP has nested tuples.
    """
    found = await _ask("get_status", dest, ("get_status",), (), timeout)
    return Status(found["pid"], found["name"], found["class"], found["status"], found["parent"], found["state"])


async def replace_state(dest: Any, fn: Callable[[Any], Any], timeout: Any = UNSET) -> Any:
    """Set the state to `fn(state)`, computed in the server's process; returns the new state.

    If `fn` raises, the state stays and the exception arrives here.
    """
    return await _ask("replace_state", dest, ("replace_state", fn), (fn,), timeout)


async def terminate(dest: Any, reason: Any = "normal", timeout: Any = UNSET) -> None:
    """Let the server end with `reason`, after its `terminate` callback; answers before it has ended."""
    await _ask("terminate", dest, ("terminate", reason), (reason,), timeout)


async def _ask(function: str, dest: Any, request: Any, arguments: tuple[Any, ...], timeout: Any) -> Any:
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
