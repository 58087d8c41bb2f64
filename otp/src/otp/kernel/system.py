"""System messages: what a debugger or an upgrade asks of any behaviour, in the order of its mailbox.

Source: Erlang/OTP, stdlib, module `sys`.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from asyncio import CancelledError, timeout
from inspect import isawaitable
from typing import Any, Final

from otp.kernel.callers import From
from otp.kernel.calls import send_system
from otp.kernel.debugging import debug_command, with_debug
from otp.kernel.errors import BadArgument, Error, Throw
from otp.kernel.outcomes import Raised, begin_async, stop
from otp.kernel.process import Process
from otp.kernel.replies import fail, reply
from otp.kernel.results import NoReply, Ok
from otp.kernel.state_view import formatted_state, put_state, shown_state
from otp.kernel.states import STATE_NAMES, SYSTEM_TAG
from otp.kernel.vtable import Callbacks, changed_class

__all__ = [
    "LATE",
    "Downgrade",
    "Refused",
    "handle_system",
    "install",
    "is_system",
    "resume_later",
]


LATE: Final = "code_change_timeout"
"""Why a `change_code` fails whose `code_change` was broken off; the server has its state and goes on."""

_COUNTS: Final = frozenset({"statistics", "remove", "no_debug"})
"""What may be asked of a sensitive process, too."""


class Downgrade(tuple[str, Any]):
    """The `old_vsn` of a `code_change` on the way back: `("down", vsn)`, with which the class that runs is asked."""

    __slots__ = ()


class Refused:
    """The answer of a system request that raised; the asker raises it again, the server goes on."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error: BaseException = error


def is_system(message: Any) -> bool:
    """Whether a message is a system message of the runtime (not merely a tuple that looks like one)."""
    return type(message) is tuple and len(message) == 3 and message[0] is SYSTEM_TAG and type(message[1]) is From


def handle_system(p: Process, message: Any) -> None:
    """Carry out a system message for a behaviour's process."""
    _tag, frm, request = message
    match request:
        case ("terminate", reason):
            reply(frm, "ok")
            stop(p, reason)
        case ("change_code", cls, old_vsn, extra, at_once, *limit):
            if p._ext().suspended:
                work = _change_code(p, frm, cls, old_vsn, extra, at_once, limit[0] if limit else None)
                begin_async(p, "handle_info", None, message, work)
            else:
                error = BadArgument(f"change_code: expected {p} to be suspended; try await sys.suspend(server) before")
                reply(frm, Refused(error))
        case _:
            try:
                answer = _answer(p, request)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # of a function or a callback of others, `CancelledError` included
                answer = Refused(error)
            if answer is _UNKNOWN:
                fail(frm, ("unknown_system_msg", request))
            else:
                reply(frm, answer)


_UNKNOWN: Final = object()


def _look_inside(p: Process, function: str) -> None:
    if p._ext().sensitive:
        raise BadArgument(
            f"sys.{function}: expected a process that may be looked into, got {p}, which is sensitive; "
            'try process_flag("sensitive", False) in its own code'
        )


def _answer(p: Process, request: Any) -> Any:
    x = p._ext()
    match request:
        case ("suspend",):
            before, x.suspended = x.suspended, True
            return "suspended" if before else "ok"
        case ("resume",):
            x.suspended = False
            return "ok"
        case ("get_state",):
            _look_inside(p, "get_state")
            return shown_state(p)
        case ("replace_state", function):
            _look_inside(p, "replace_state")
            put_state(p, function(shown_state(p)))
            return shown_state(p)
        case ("get_status",):
            return _status(p)
        case ("debug", command):
            if command[0] not in _COUNTS:
                _look_inside(p, command[0])
            return debug_command(p, command)
        case _:
            custom = getattr(p._vt.handler, "handle_system", None)
            return _UNKNOWN if custom is None else custom(request, p._state)


def resume_later(p: Process) -> None:
    """Take back a `suspend` that its asker has given up while it waits in the mailbox: nobody waits for the answer."""
    frm = From()
    frm._waiter = frm._to = p
    frm._request = ("resume",)
    send_system(p, frm)


# State


def _status(p: Process) -> dict[str, Any]:
    x = p._ext()
    return {
        "pid": p,
        "name": p._name,
        "class": p._vt.cls,
        "status": "suspended" if x.suspended else STATE_NAMES[p._st],
        "parent": p._parent,
        "state": formatted_state(p),
    }


# Code


async def _change_code(
    p: Process, frm: From, cls: Any, old_vsn: Any, extra: Any, at_once: bool, limit: float | None
) -> Any:
    """Let a newer class make its state from this one; the answer is the callbacks and the state to come.

    With `at_once` they are taken over here, else by whoever asked, when all others have agreed. `limit` is in seconds:
    what waits longer is broken off, and the state stays what it was.
    """
    time = timeout(limit)
    try:
        callbacks = changed_class(p._vt, cls)
        newer, running = callbacks.handler, p._vt
        if type(old_vsn) is Downgrade and isinstance(running.handler, running.cls):
            newer = running.handler  # of the two classes, it alone knows both forms of the state
        change = getattr(newer, "code_change", None)
        async with time:
            state = p._state if change is None else await _changed(change, old_vsn, p._state, extra)
    except (KeyboardInterrupt, GeneratorExit, CancelledError):  # the end of the program, or of the process
        raise
    except BaseException as error:  # `SystemExit` among them: new code that ends the program is refused
        if time.expired():
            fail(frm, LATE)
        else:
            reply(frm, Refused(Raised(error).error))
        return NoReply(p._state)
    if at_once:
        install(p, callbacks, state)
    reply(frm, (callbacks, state))
    return NoReply(p._state)


async def _changed(change: Any, old_vsn: Any, state: Any, extra: Any) -> Any:
    try:
        result = change(old_vsn, state, extra)
        if isawaitable(result):
            result = await result
    except Throw as thrown:
        result = thrown.value
    if not isinstance(result, Ok):
        raise Error(result)
    return result.state


def install(p: Process, callbacks: Callbacks, state: Any) -> None:
    """Give a suspended process other callbacks and another state; what a debugger switched on stays on."""
    debug = p._vt.debug
    p._vt = callbacks if debug is None else with_debug(debug, callbacks)
    p._state = state
