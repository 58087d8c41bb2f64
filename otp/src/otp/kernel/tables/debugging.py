"""Debugging of a running server: counting, logging, tracing and functions of the debugger.

A server that is not debugged has the callbacks of its class and does not touch this module. Switching something on
gives its process wrapped callbacks that report each event; switching the last thing off restores the originals.

Source: Erlang/OTP, stdlib, `sys` (`handle_debug/4`), and the events of `gen_server` and `gen_statem`.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import logging
import sys
from collections import deque
from collections.abc import Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final

from otp.kernel.tables.callers import From
from otp.kernel.values.bounded import bounded_text
from otp.kernel.values.errors import BadArgument, Throw
from otp.kernel.values.process import CALL_TAG, CAST_TAG, Process
from otp.kernel.values.results import ABSENT, Callbacks, NoReply, Reply, Stop
from otp.kernel.values.sentences import say
from otp.standard_streams import write_line

if TYPE_CHECKING:
    from typing import ParamSpec

    P = ParamSpec("P")


LOG_SIZE: Final = 10

_COPIED: Final = tuple(name for name in Callbacks.__slots__ if name != "debug")


class Debug:
    """The debug functions that are active in one process; `base` are the callbacks of its class."""

    __slots__ = ("base", "functions", "log", "process", "received", "sent", "started", "tracing")

    def __init__(self, process: Process) -> None:
        self.process: Process = process
        self.base: Callbacks = process.callbacks
        self.functions: dict[Any, tuple[Callable[[Any, Any, Any], Any], Any]] = {}
        self.log: deque[Any] | None = None
        self.tracing: bool = False
        self.started: int | None = None  # ns, while it counts
        self.received: int = 0
        self.sent: int = 0

    # Reporting

    def report(self, event: Any) -> None:
        """Report an event in the server; for a sensitive process only numbers are kept."""
        if self.started is not None:
            if event[0] == "in":
                self.received += 1
            elif event[0] == "out":
                self.sent += 1
        p = self.process
        if p.ensure_ext().sensitive:
            return
        if self.log is not None:
            self.log.append(event)
        if self.tracing:
            write_line(sys.stdout, _format_event(self.name(), event))
        for key, (function, state) in list(self.functions.items()):
            try:
                after = function(state, event, self.name())
            except Exception as error:
                say(
                    logging.WARNING,
                    "%s: a function of a debugger failed and is removed",
                    p.runtime.label(p),
                    exc_info=error,
                )
                after = "done"
            if type(after) is str and after == "done":
                self.functions.pop(key, None)
            elif key in self.functions:
                self.functions[key] = (function, after)
        if not self.active():
            p.callbacks = self.base

    def active(self) -> bool:
        """Return whether any debug function is active."""
        return bool(self.functions) or self.log is not None or self.tracing or self.started is not None

    def name(self) -> Any:
        """Return the registered name of the process, or its pid."""
        name = self.process.registered_name
        return self.process if name is None else name

    def shown(self, state: Any) -> Any:
        """Return the state as the server's callbacks see it."""
        show = getattr(self.base.handler, "__otp_get_state__", None)
        return state if show is None else show(state)

    # Callbacks

    def handle_call(self, request: Any, caller: From, state: Any) -> Any:
        """Report the call and its reply."""
        self._report_input(("call", caller), request, (CALL_TAG, caller, request), state)
        return self._watch(self.base.handle_call, (request, caller, state), caller)

    def handle_cast(self, request: Any, state: Any) -> Any:
        """Report the cast."""
        self._report_input("cast", request, (CAST_TAG, request), state)
        return self._watch(self.base.handle_cast, (request, state), None)

    def handle_info(self, message: Any, state: Any) -> Any:
        """Report the message."""
        self._report_input("info", message, message, state)
        return self._watch(self.base.handle_info, (message, state), None)

    def _report_input(self, kind: Any, content: Any, message: Any, state: Any) -> None:
        if self.base.behaviour == "gen_statem":
            shown = self.shown(state)
            self.report(("in", (kind, content), shown[0] if isinstance(shown, tuple) else shown))
        else:
            self.report(("in", message))

    def _watch(self, callback: Callable[..., Any], arguments: tuple[Any, ...], caller: From | None) -> Any:
        try:
            result = callback(*arguments)
        except Throw as thrown:
            self._report_output(thrown.value, caller)
            raise
        if isawaitable(result):
            return self._watch_later(result, caller)
        self._report_output(result, caller)
        return result

    async def _watch_later(self, awaitable: Any, caller: From | None) -> Any:
        try:
            result = await awaitable
        except Throw as thrown:
            self._report_output(thrown.value, caller)
            raise
        self._report_output(result, caller)
        return result

    def _report_output(self, result: Any, caller: From | None) -> None:
        machine = self.base.behaviour == "gen_statem"
        if isinstance(result, Reply):
            self.report(("out", result.value, caller) if machine else ("out", result.value, caller, result.state))
        elif isinstance(result, Stop):
            if result.reply is not ABSENT:
                self.report(("out", result.reply, caller, result.state))
        elif isinstance(result, NoReply) and not machine:
            self.report(("noreply", result.state))


def _format_event(name: Any, event: Any) -> str:
    """Return one line of a trace, worded like `gen_server:print_event`."""
    match event:
        case ("in", (tag, caller, request)) if tag == CALL_TAG:
            text = f"got call {bounded_text(request)} from {caller.pid}"
        case ("in", (tag, request)) if tag == CAST_TAG:
            text = f"got cast {bounded_text(request)}"
        case ("in", message):
            text = f"got {bounded_text(message)}"
        case ("in", (kind, content), state):
            word = "call" if isinstance(kind, tuple) else kind
            text = f"got {word} {bounded_text(content)} in state {bounded_text(state)}"
        case ("out", value, caller, state):
            text = f"sent {bounded_text(value)} to {caller.pid}, new state {bounded_text(state)}"
        case ("out", value, caller):
            text = f"sent {bounded_text(value)} to {caller.pid}"
        case ("noreply", state):
            text = f"new state {bounded_text(state)}"
        case _:
            text = bounded_text(event)
    return f"*DBG* {name} {text}\n"


def with_debug(debug: Debug, base: Callbacks) -> Callbacks:
    """Return callbacks like `base` that report to `debug`."""
    own: Callbacks = object.__new__(Callbacks)
    for name in _COPIED:
        setattr(own, name, getattr(base, name))
    debug.base = base
    own.debug = debug
    own.handle_call = debug.handle_call
    own.reads_caller = True
    own.handle_cast = debug.handle_cast
    own.handle_info = debug.handle_info
    return own


# Requests of `sys`


def debug_command(p: Process, command: Any) -> Any:
    """Carry out a debug command: switch something on, off, or show it."""
    debug: Debug = p.callbacks.debug or Debug(p)
    answer = _carry_out(debug, command)
    if not debug.active():
        p.callbacks = debug.base
    elif p.callbacks.debug is None:
        p.callbacks = with_debug(debug, p.callbacks)
    return answer


def _carry_out(debug: Debug, command: Any) -> Any:
    match command:
        case ("statistics", True):
            debug.started = debug.process.runtime.scheduler.now_ns()
            debug.received = debug.sent = 0
        case ("statistics", False):
            debug.started = None
        case ("statistics", "get"):
            if debug.started is None:
                return "no_statistics"
            return debug.started, debug.process.runtime.scheduler.now_ns(), debug.received, debug.sent
        case ("log", False):
            debug.log = None
        case ("log", "get"):
            return list(debug.log or ())
        case ("log", "print"):
            name = debug.name()
            write_line(sys.stdout, "".join(_format_event(name, event) for event in debug.log or ()))
        case ("log", True | (True, int()) as wanted):
            debug.log = deque(debug.log or (), maxlen=LOG_SIZE if wanted is True else wanted[1])
        case ("trace", bool(wanted)):
            debug.tracing = wanted
        case ("install", key, function, state):
            debug.functions.setdefault(key, (function, state))
        case ("remove", key):
            debug.functions.pop(key, None)
        case ("no_debug",):
            debug.functions.clear()
            debug.log = debug.started = None
            debug.tracing = False
        case (name, flag):
            raise BadArgument(f"sys.{name}: unknown flag {bounded_text(flag)}; try True, False or 'get'")
        case _:
            raise BadArgument(f"unknown debug option {bounded_text(command)}")
    return "ok"


# `Become`: a tail call. The process continues with another function and keeps its pid, mailbox, name and links.


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
