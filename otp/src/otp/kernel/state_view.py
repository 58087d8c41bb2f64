"""The state of a server as others see it: filtered by its behaviour and by `format_status`."""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any, Final

from otp.kernel.exception_reasons import reason_of, without_our_frames
from otp.kernel.process import Process

__all__ = ["HIDDEN_STATE", "formatted_state", "put_state", "shown_state"]


HIDDEN_STATE: Final = "<sensitive>"
"""Replaces the state of a sensitive process."""


def shown_state(p: Process) -> Any:
    """Return the state that a behaviour's callbacks see, without what the behaviour adds to it."""
    show = getattr(p._vt.handler, "__otp_get_state__", None)
    return p._state if show is None else show(p._state)


def put_state(p: Process, shown: Any) -> None:
    """Replace the state; `shown` has the form that `shown_state` returns."""
    put = getattr(p._vt.handler, "__otp_put_state__", None)
    p._state = shown if put is None else put(p._state, shown)


def formatted_state(p: Process) -> Any:
    """Return the state as the server's `format_status` shows it; hidden for a sensitive process."""
    if p._x is not None and p._x.sensitive:
        return HIDDEN_STATE
    handler = getattr(p._vt.handler, "format_status", None)
    if handler is None:
        return p._state
    try:
        return handler(p._state)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # `CancelledError` too; what should be hidden stays hidden
        without_our_frames(error)
        return type(error).__name__, reason_of(error)
