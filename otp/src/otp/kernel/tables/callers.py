"""Callers: `From`, which is a call's reference, reply address and envelope, and callers that are not processes."""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from asyncio import Future, Task, TaskGroup
from functools import partial
from inspect import getclosurevars
from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any, Final, Literal, TypeAlias

from otp.kernel.tables.places import places_in
from otp.kernel.tables.scheduler import CALL_FROM_THREAD
from otp.kernel.values.bounded import bounded_text
from otp.kernel.values.elsewhere import elsewhere
from otp.kernel.values.exception_reasons import reason_of, without_our_frames
from otp.kernel.values.messages import TimerFired
from otp.kernel.values.pids import Identity, Pid, Ref
from otp.kernel.values.process import (
    CALL_TAG,
    CALLING,
    CAST_TAG,
    DEAD,
    OWNER,
    REMOTE,
    SYSTEM_TAG,
    Ext,
    Process,
    is_sensitive,
    new_process,
)
from otp.kernel.values.reasons import StackEntry, first_of_program

MessageKind: TypeAlias = Literal["call", "cast", "info", "system"]

"""The way a message was sent: by `call`, by `cast`, otherwise (`info`), or by the runtime (requests of `otp.sys`)."""


MOST_WAITING: Final = 20

"""Futures and tasks among which the code that waits for a reply is searched."""


class OutsideCaller(Process):
    """A stand-in for a caller that is not a process: plain asyncio code, or a child task of `parent`."""

    __slots__ = ()


class From(Identity):
    """The caller that waits for a reply: immutable, hashable, valid for one `GenServer.reply`.

    `pid` is the calling process: in a child task the owning process, outside any process a pid that dies when the call
    ends. `ref` is the reference of the call.
    """

    __slots__ = ("_ref", "request", "to", "waiter")
    _ref: Ref  # made on first use
    waiter: Process
    request: Any
    to: Process

    @property
    def pid(self) -> Pid:
        """The calling process."""
        waiter = self.waiter
        if type(waiter) is OutsideCaller and waiter.parent is not None:
            return waiter.parent
        return waiter

    @property
    def ref(self) -> Ref:
        """The reference of this call."""
        found = getattr(self, "_ref", None)
        if found is None:
            found = self._ref = self.to.runtime.make_ref()
        return found

    def __repr__(self) -> str:
        return f"<From {self.pid}>"


def place_of_caller(call: From) -> StackEntry | None:
    """Return where code outside any process waits for a reply: the innermost line of the program; None if not known."""
    waiter = call.waiter
    if type(waiter) is not OutsideCaller or waiter.parent is not None or waiter.ext is None:
        return None
    pending: list[Any] = [waiter.ext.fut]
    for future in pending:  # grows while it is read: a task may wait for a task that made the call
        if issubclass(type(future), Task):
            found = first_of_program(places_in(future.get_coro()))
            if found is not None:
                return found
        for callback, _ in getattr(future, "_callbacks", None) or ():
            pending += [one for one in _called_back(callback) if issubclass(type(one), Future)]
        if len(pending) > MOST_WAITING:
            break
    return None


def _called_back(callback: Any) -> tuple[Any, ...]:
    """Return what may wait behind a callback: of a task, of `wait_for`, of a `TaskGroup`, of `gather`."""
    if type(callback) is partial:
        return callback.args
    owner = getattr(callback, "__self__", None) if type(callback) in (MethodType, BuiltinMethodType) else None
    if type(owner) is TaskGroup:
        return (vars(owner)["_parent_task"],)
    if type(callback) is FunctionType and callback.__module__ == "asyncio.tasks":
        return tuple(getclosurevars(callback).nonlocals.values())
    return (owner,)


def new_call(waiter: Process, request: Any, to: Process) -> From:
    """Return the `From` of the next call of `waiter`.

    Written without `__init__`, which would cost a third of it.
    """
    frm = From()
    frm.waiter = waiter
    frm.request = request
    frm.to = to
    waiter.value = frm
    return frm


def new_outside_caller(to: Process) -> Process:
    """Return a stand-in that waits for a reply of `to`; its future wakes the caller."""
    s = to.runtime.scheduler
    s.check_thread("a call", CALL_FROM_THREAD)
    owner = s.current if s.current is not None else OWNER.get()  # an eager task's first step runs in its owner's
    node = to.runtime if to.status != REMOTE else elsewhere(to).home
    return stand_in(node, owner if owner is not None and owner.status != DEAD else None, s.loop.create_future())


def stand_in(node: Any, parent: Process | None, future: Any) -> Process:
    """Return a stand-in caller; its `future` gets the reply, or a `Failed`."""
    stub = new_process(node, parent, OutsideCaller)
    del node.process_table[stub.number]
    stub.status = CALLING
    stub.ensure_ext().fut = future
    return stub


def as_message(me: Process, message: Any) -> Any:
    """Return a message as `receive()` shows it: a call in a server's mailbox looks as it does in Erlang."""
    if type(message) is From and me.callbacks is not None:
        return (CALL_TAG, message, message.request)
    return message


def call_of(message: Any) -> From | None:
    """Return the call whose request this message is, None for other messages."""
    if type(message) is From:
        return message
    if type(message) is tuple and len(message) == 3 and type(message[1]) is From:  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
        return message[1] if message[0] is CALL_TAG or message[0] is SYSTEM_TAG else None
    return None


def unwrap_message(message: Any) -> tuple[MessageKind, Any]:
    """Return how a message was sent, and what its sender passed to `call`, `cast` or `send`."""
    if type(message) is From:
        return "call", message.request
    if type(message) is tuple:
        tag, length = message[0] if message else None, len(message)  # pyright: ignore[reportUnknownArgumentType]
        if tag is CAST_TAG and length == 2:
            return "cast", message[1]
        if (tag is CALL_TAG or tag is SYSTEM_TAG) and length == 3 and type(message[1]) is From:
            return "call" if tag is CALL_TAG else "system", message[2]
    return "info", message


class _Unset:
    __slots__ = ()

    def __repr__(self) -> str:
        return "5.0"


UNSET: Final[Any] = _Unset()  # any time-out may stand in its place

"""The default for a time-out: five seconds, not shown in the reason of a failed call."""


class Failed:
    """A failure that wakes a blocked caller; the caller's own frame raises the exception."""

    __slots__ = ("cycle", "expired", "reason", "timed_out")

    def __init__(self, reason: Any, *, expired: bool = False) -> None:
        self.reason: Any = reason
        self.expired: bool = expired
        """True if its time was up, or it was part of a cycle; a server may also end with the reason `timeout`."""
        self.timed_out: tuple[tuple[Process, str], ...] | None = None
        """The callers that waited for each other when the call timed out, and their names, beginning with this one."""
        self.cycle: tuple[tuple[Process, ...], str, float] | None = None
        """The callers that waited for each other, the same as text, and for how many seconds."""


# The state of a server as others see it: filtered by its behaviour and by `format_status`.


HIDDEN_STATE: Final = "<sensitive>"

"""Replaces the state of a sensitive process."""


def read_callback_state(p: Process) -> Any:
    """Return the state that a behaviour's callbacks see, without what the behaviour adds to it."""
    show = getattr(p.callbacks.handler, "__otp_get_state__", None)
    return p.state if show is None else show(p.state)


def machine_event(p: Process) -> tuple[str, str, Any, Any] | None:
    """Return the callback, type, content and state of the event that a state machine handles, or crashed in."""
    show = None if p.callbacks is None else getattr(p.callbacks.handler, "__otp_doing__", None)
    return None if show is None else show(p.state)


def machine_event_texts(p: Process, x: Ext, message: str | None) -> tuple[tuple[str | None, ...] | None, str | None]:
    """Return the event that a state machine was handling, as texts, and its message.

    The messages of time-outs, and of long chains of events, are those of the runtime: the event stands for them.
    """
    found = machine_event(p)
    if found is None:
        return None, message
    callback, kind, content, state = found
    if x.sensitive:
        return (callback, None, None, None), message
    event = (callback, kind, bounded_text(content), bounded_text(state))
    own = type(x.message) is TimerFired and kind != "'info'"
    return event, f"({kind}, {event[2]})" if own or x.doing == "handle_continue" else message


def put_state(p: Process, shown: Any) -> None:
    """Replace the state; `shown` has the form that `read_callback_state` returns."""
    put = getattr(p.callbacks.handler, "__otp_put_state__", None)
    p.state = shown if put is None else put(p.state, shown)


def formatted_state(p: Process) -> Any:
    """Return the state as the server's `format_status` shows it; hidden for a sensitive process."""
    if is_sensitive(p):
        return HIDDEN_STATE
    handler = getattr(p.callbacks.handler, "format_status", None)
    if handler is None:
        return p.state
    try:
        return handler(p.state)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # `CancelledError` too; what should be hidden stays hidden
        without_our_frames(error)
        return type(error).__name__, reason_of(error)
