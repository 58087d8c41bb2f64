"""The callbacks of a behaviour's class, looked up once: the engine reads slots, not class attributes."""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, Final

__all__ = ["Callbacks", "callbacks_of", "changed_class", "forget_callbacks"]

_REPLACES_CODE: Final = {"IPython", "jurigged"}
"""Modules that reload a function by assigning its `__code__`, without a sign to anyone."""
_SHOWS_LOCALS: Final = {"breakpoint", "currentframe", "dir", "eval", "exec", "_getframe", "locals", "set_trace", "vars"}


class Callbacks:
    """The bound callbacks of a handler. `terminate` is `None` if a class does not define it."""

    __slots__ = (
        "behaviour",
        "cls",
        "debug",
        "handle_call",
        "handle_cast",
        "handle_continue",
        "handle_info",
        "handler",
        "init",
        "reads_caller",
        "shared_context",
        "supervisor",
        "terminate",
    )

    def __init__(self, handler: Any, cls: type) -> None:
        self.handler: Any = handler
        self.cls: type = cls
        self.debug: Any = None  # active debug functions; such callbacks belong to one process
        self.init: Callable[[Any], Any] = handler.init
        self.handle_call: Callable[[Any, Any, Any], Any] = handler.handle_call
        self.handle_cast: Callable[[Any, Any], Any] = handler.handle_cast
        self.handle_info: Callable[[Any, Any], Any] = handler.handle_info
        self.handle_continue: Callable[[Any, Any], Any] = handler.handle_continue
        terminate: Any = handler.terminate
        inherited = getattr(getattr(type(handler), "terminate", None), "__otp_default__", False)
        self.terminate: Callable[[Any, Any], Any] | None = None if inherited else terminate
        self.supervisor: bool = getattr(handler, "__otp_supervisor__", False)
        self.behaviour: str = getattr(handler, "__otp_behaviour__", "gen_server")
        self.shared_context: bool = getattr(cls, "context", None) == "shared"
        self.reads_caller: bool = _reads_caller(self.handle_call)


def _reads_caller(handle_call: Any) -> bool:
    """Return whether `handle_call` may read its `caller`; if not, an inline call need not create it.

    Creating it is a tenth of such a call. Functions that are not plain methods count as readers. So do all functions
    while a debugger, which shows arguments, is attached, and in a program that may replace the code inside a function.
    """
    fn = handle_call.__func__ if type(handle_call) is MethodType else None
    if type(fn) is not FunctionType or _is_debugged() or not _REPLACES_CODE.isdisjoint(sys.modules):
        return True
    code = fn.__code__
    if code.co_argcount != 4:
        return True
    name = code.co_varnames[2]
    return not _SHOWS_LOCALS.isdisjoint(code.co_names) or any(
        name == step.argval or (type(step.argval) is tuple and name in step.argval)
        for step in dis.get_instructions(code)
    )


def _is_debugged() -> bool:
    monitoring: Any = getattr(sys, "monitoring", None)  # Python 3.12
    return sys.gettrace() is not None or (
        monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None
    )


def callbacks_of(handler: Any, cls: Any) -> Callbacks:
    """Return the callbacks of a class, kept on the class, or of a separate handler.

    `handler` None stands for the one instance of the class.
    """
    found: Callbacks | None = getattr(cls, "__otp_callbacks__", None)
    if found is not None and found.cls is cls and (handler is None or found.handler is handler):
        return found
    found = Callbacks(cls.__handler__() if handler is None else handler, cls)
    cls.__otp_callbacks__ = found
    return found


def forget_callbacks(cls: type) -> None:
    """Drop the cached callbacks of `cls` and its subclasses, after one was replaced."""
    if "__otp_callbacks__" in cls.__dict__:
        type.__delattr__(cls, "__otp_callbacks__")
    for subclass in type.__subclasses__(cls):
        forget_callbacks(subclass)


def changed_class(old: Callbacks, cls: Any) -> Callbacks:
    """Return the callbacks of `cls`, a newer version of the class of `old`.

    Raises `MissingCallback` for an incomplete class.
    """
    handler = old.handler
    if isinstance(handler, old.cls):
        return callbacks_of(None, cls)
    if hasattr(cls, "__handler__"):  # an Agent consists of its functions only
        cls.__handler__()
    return Callbacks(type(handler)(cls) if getattr(handler, "cls", None) is old.cls else handler, cls)
