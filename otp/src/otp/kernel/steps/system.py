"""System messages: requests of debuggers and upgrades to any behaviour, in mailbox order.

Source: Erlang/OTP, stdlib, module `sys`.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from asyncio import CancelledError, timeout
from inspect import isawaitable
from typing import Any, Final

from otp.kernel.ends.mailbox import fail, reply
from otp.kernel.steps.calls import send_system
from otp.kernel.steps.outcomes import Raised, begin_async, stop
from otp.kernel.tables.callers import From, OutsideCaller, formatted_state, put_state, read_callback_state
from otp.kernel.tables.debugging import debug_command, with_debug
from otp.kernel.values.errors import BadArgument, Error, Throw
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import STATE_NAMES, SYSTEM_TAG, Process
from otp.kernel.values.results import Callbacks, NoReply, Ok, Stop, changed_class

LATE: Final = "code_change_timeout"
"""The reason of a `change_code` whose `code_change` took too long; the server keeps its state and continues."""

_COUNTS: Final = frozenset({"statistics", "remove", "no_debug"})
"""Requests that are also allowed for a sensitive process."""


class Downgrade(tuple[str, Any]):
    """The `old_vsn` of a `code_change` back to older code: `("down", vsn)`, passed to the running class."""

    __slots__ = ()


class Refused:
    """The answer to a system request that raised; the requester raises it, the server continues."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error: BaseException = error


def is_system(message: Any) -> bool:
    """Return whether a message is a system message of the runtime, not just a tuple that looks like one."""
    return type(message) is tuple and len(message) == 3 and message[0] is SYSTEM_TAG and type(message[1]) is From


def handle_system(p: Process, message: Any) -> None:
    """Carry out a system message for a behaviour's process."""
    _tag, frm, request = message
    match request:
        case ("terminate", reason):
            reply(frm, "ok")
            stop(p, reason)
        case ("finish", work, reason):
            begin_async(p, "handle_info", None, message, _finish(p, frm, work, reason))
        case ("change_code", cls, old_vsn, extra, at_once, *limit):
            if p.ensure_ext().suspended:
                work = _change_code(p, frm, cls, old_vsn, extra, at_once, limit[0] if limit else None)
                begin_async(p, "handle_info", None, message, work)
            else:
                error = BadArgument(f"change_code: expected {p} to be suspended; try await sys.suspend(server) first")
                reply(frm, Refused(error))
        case _:
            try:
                answer = _answer(p, frm, request)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # from foreign functions or callbacks, including `CancelledError`
                answer = Refused(error)
            if answer is _UNKNOWN:
                fail(frm, ("unknown_system_msg", request))
            else:
                reply(frm, answer)


async def _finish(p: Process, frm: From, work: Any, reason: Any) -> Any:
    """Answer with what `work` returns for the handler and the state, and stop before the next message."""
    try:
        answer = await work(p.callbacks.handler, p.state)
    except (KeyboardInterrupt, GeneratorExit, CancelledError):  # the end of the program or of the process
        raise
    except BaseException as error:
        answer = Refused(Raised(error).error)
    reply(frm, answer)
    return Stop(reason, p.state)


_UNKNOWN: Final = object()


def _inspect(p: Process, function: str) -> None:
    if p.ensure_ext().sensitive:
        raise BadArgument(
            f"sys.{function}: expected a process that may be inspected, got {p}, which is sensitive; "
            'try process_flag("sensitive", False) in its own code'
        )


def _answer(p: Process, frm: From, request: Any) -> Any:
    x = p.ensure_ext()
    match request:
        case ("suspend", *by):
            return _suspend(p, by[0] if by else _requester(frm))
        case ("hold",):
            before, x.suspended = x.suspended, x.suspended or True
            return "suspended" if before else "ok"
        case ("resume", *by):
            return _resume(p, by[0] if by else _requester(frm))
        case ("get_state",):
            _inspect(p, "get_state")
            return read_callback_state(p)
        case ("replace_state", function):
            _inspect(p, "replace_state")
            put_state(p, function(read_callback_state(p)))
            return read_callback_state(p)
        case ("get_status",):
            return _status(p)
        case ("debug", command):
            if command[0] not in _COUNTS:
                _inspect(p, command[0])
            return debug_command(p, command)
        case _:
            custom = getattr(p.callbacks.handler, "handle_system", None)
            return _UNKNOWN if custom is None else custom(request, p.state)


def _requester(frm: From) -> Pid | None:
    """Return the process behind a request; None for code outside all processes."""
    return None if type(frm.pid) is OutsideCaller else frm.pid


def _suspend(p: Process, by: Any) -> str:
    x = p.ensure_ext()
    if x.suspended:
        return "suspended"
    x.suspended = (p.runtime.tracer.clock(), by)
    p.runtime.tracer.emit("suspended", p, {"by": by})
    return "ok"


def _resume(p: Process, by: Any) -> str:
    x = p.ensure_ext()
    before, x.suspended = x.suspended, False
    if isinstance(before, tuple):
        p.runtime.tracer.emit("resumed", p, {"by": by})
    return "ok"


def resume_later(p: Process) -> None:
    """Undo a `suspend` in the mailbox whose requester has given up; nothing waits for the answer."""
    frm = From()
    frm.waiter = frm.to = p
    frm.request = ("resume",)
    send_system(p, frm)


# State


def _status(p: Process) -> dict[str, Any]:
    x = p.ensure_ext()
    return {
        "pid": p,
        "name": p.registered_name,
        "class": p.callbacks.cls,
        "status": "suspended" if x.suspended else STATE_NAMES[p.status],
        "parent": p.parent,
        "state": formatted_state(p),
    }


# Code


async def _change_code(
    p: Process, frm: From, cls: Any, old_vsn: Any, extra: Any, at_once: bool, limit: float | None
) -> Any:
    """Convert the state with a newer class; answer with the new callbacks and state.

    With `at_once` they are installed here, else by the requester once all other servers have agreed. `limit` is in
    seconds: a conversion that takes longer is cancelled, and the state is unchanged.
    """
    time = timeout(limit)
    try:
        callbacks = changed_class(p.callbacks, cls)
        newer, running = callbacks.handler, p.callbacks
        if type(old_vsn) is Downgrade and isinstance(running.handler, running.cls):
            newer = running.handler  # of the two classes, only it handles both forms of the state
        change = getattr(newer, "code_change", None)
        async with time:
            state = p.state if change is None else await _changed(change, old_vsn, p.state, extra)
    except (KeyboardInterrupt, GeneratorExit, CancelledError):  # the end of the program or of the process
        raise
    except BaseException as error:  # `SystemExit` too: new code that ends the program is refused
        if time.expired():
            fail(frm, LATE)
        else:
            reply(frm, Refused(Raised(error).error))
        return NoReply(p.state)
    if at_once:
        install(p, callbacks, state)
    reply(frm, (callbacks, state))
    return NoReply(p.state)


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
    """Give a suspended process other callbacks and another state; active debug functions stay."""
    debug = p.callbacks.debug
    p.callbacks = callbacks if debug is None else with_debug(debug, callbacks)
    p.state = state
