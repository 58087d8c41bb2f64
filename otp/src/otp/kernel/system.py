"""System messages: what a debugger asks of any behaviour, in the order of its mailbox.

Source: Erlang/OTP, stdlib, module `sys`.
"""

from __future__ import annotations

from typing import Any

from otp.kernel.calls import From, fail, reply
from otp.kernel.outcomes import Raised, stop
from otp.kernel.process import Process
from otp.kernel.reasons import reason_of
from otp.kernel.states import STATE_NAMES, SYSTEM_TAG

__all__ = ["Refused", "handle_system", "is_system", "shown_state"]


class Refused:
    """The answer of a system request that raised; the asker raises it again, the server goes on."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


def is_system(message: Any) -> bool:
    """Whether a message is a system message of the runtime (not merely a tuple that looks like one)."""
    return (
        type(message) is tuple and len(message) == 3 and message[0] is SYSTEM_TAG and type(message[1]) is From  # pyright: ignore[reportUnknownArgumentType]
    )


def handle_system(p: Process, message: Any) -> None:
    """Carry out a system message for a behaviour's process."""
    _tag, frm, request = message
    match request:
        case ("terminate", reason):
            reply(frm, "ok")
            stop(p, reason)
        case ("suspend",):
            p._ext().suspended = True
            reply(frm, "ok")
        case ("resume",):
            p._ext().suspended = False
            reply(frm, "ok")
        case ("get_state",):
            reply(frm, shown_state(p))
        case ("replace_state", function):
            try:
                _put_state(p, function(shown_state(p)))
            except Exception as error:
                reply(frm, Refused(error))
            else:
                reply(frm, shown_state(p))
        case ("get_status",):
            reply(frm, _status(p))
        case _:
            custom = getattr(p._vt.handler, "handle_system", None)
            if custom is None:
                fail(frm, ("unknown_system_msg", request))
                return
            try:
                answer = custom(request, p._state)
            except Exception as error:
                answer = Refused(error)
            reply(frm, answer)


def shown_state(p: Process) -> Any:
    """The state as people know it: what a behaviour's callbacks see, without what the behaviour adds to it."""
    show = getattr(p._vt.handler, "__otp_get_state__", None)
    return p._state if show is None else show(p._state)


def _put_state(p: Process, shown: Any) -> None:
    put = getattr(p._vt.handler, "__otp_put_state__", None)
    p._state = shown if put is None else put(p._state, shown)


def _status(p: Process) -> dict[str, Any]:
    x = p._ext()
    handler = getattr(p._vt.handler, "format_status", None)
    state = p._state
    if handler is not None:
        try:
            state = handler(state)
        except Exception as error:
            state = Raised(error).error.__class__.__name__, reason_of(error)
    return {
        "pid": p,
        "name": x.name,
        "class": p._vt.cls,
        "status": "suspended" if x.suspended else STATE_NAMES[p._st],
        "parent": p._parent,
        "state": state,
    }
