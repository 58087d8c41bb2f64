"""The state of a server as others see it: without what its behaviour adds, and as `format_status` shows it."""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any, Final

from otp.kernel.exception_reasons import reason_of, without_our_frames
from otp.kernel.process import Process

__all__ = ["HIDDEN_STATE", "formatted_state", "put_state", "shown_state"]


HIDDEN_STATE: Final = "<sensitive>"
"""Stands where a state would be, were its process not sensitive."""


def shown_state(p: Process) -> Any:
    """The state as people know it: what a behaviour's callbacks see, without what the behaviour adds to it."""
    show = getattr(p._vt.handler, "__otp_get_state__", None)
    return p._state if show is None else show(p._state)


def put_state(p: Process, shown: Any) -> None:
    """Replace the state by what `shown_state` would show of it."""
    put = getattr(p._vt.handler, "__otp_put_state__", None)
    p._state = shown if put is None else put(p._state, shown)


def formatted_state(p: Process) -> Any:
    """The state as its server's `format_status` lets others see it; nothing of a sensitive process."""
    if p._x is not None and p._x.sensitive:
        return HIDDEN_STATE
    handler = getattr(p._vt.handler, "format_status", None)
    if handler is None:
        return p._state
    try:
        return handler(p._state)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # `CancelledError` among them; what it was to hide stays hidden
        without_our_frames(error)
        return type(error).__name__, reason_of(error)
