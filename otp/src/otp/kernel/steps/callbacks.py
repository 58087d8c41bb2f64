"""The engine of callback processes: it takes messages, calls callbacks and applies their results.

A callback process has no coroutine and no asyncio task, except while an `async def` callback waits.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Any, Final

from otp.kernel.ends.mailbox import merge_batch, reply
from otp.kernel.steps.outcomes import Raised, apply
from otp.kernel.steps.system import handle_system, is_system
from otp.kernel.tables.callers import From
from otp.kernel.tables.message_events import told_begun, told_ended, watched
from otp.kernel.tables.scheduler import Scheduler, Timer
from otp.kernel.values.messages import ExitSignal, Timeout
from otp.kernel.values.process import (
    CALLING,
    CAST_TAG,
    HIBERNATE,
    IDLE,
    READY,
    RUN,
    SUSPENDED,
    TIMED,
    Process,
    run_in_context,
)
from otp.kernel.values.results import Continue, NoReply, Reply

BATCH: Final = 256  # messages one server may handle in a row
PART: Final = 32  # of a long mailbox: what is left goes back for each async callback that receives


def run_callbacks(p: Process, s: Scheduler) -> None:
    """Let a READY callback process handle its mailbox, at most `BATCH` messages."""
    p._st = RUN
    s.current = p
    if p._ctx is not None:
        p._ctx.run(_activate, p, s)
    else:
        _activate(p, s)


def _activate(p: Process, s: Scheduler) -> None:
    if p._val is not None and not _begin_pending(p):
        return
    x = p._x
    if x is not None and x.suspended:
        _while_suspended(p, s)
        return
    it: Any
    if x is not None and x.it is not None:
        it = x.it
        m = None
        n = it.__length_hint__()
        part: Any = islice(it, BATCH)
    else:
        m = p._mbox
        if m is None:
            settle(p)
            return
        if type(m) is deque:
            m = _part_of_backlog(p, m)
        else:
            p._mbox = None
        n = len(m)
        part = it = iter(m)
        if n > BATCH:
            part = islice(it, BATCH)
            m = None
        if x is not None:  # the batch still counts as its mailbox: `demonitor(flush=True)` and process_info read it
            x.it = it
    s.credit -= n if n < BATCH else BATCH
    if p._told or p._node._watched:
        part = watched(p, part)
    vt = p._vt
    handle_cast, handle_call = vt.handle_cast, vt.handle_call
    what = ""
    for message in part:
        kind = type(message)
        try:
            if kind is tuple and len(message) == 2 and message[0] is CAST_TAG:
                result = handle_cast(message[1], p._state)
                if type(result) is NoReply and p._sig is None:
                    p._state = result.state
                    continue
            elif kind is From:
                result = handle_call(message._request, message, p._state)
                if type(result) is Reply and p._sig is None:
                    p._state = result.state
                    waiter = message._waiter
                    if waiter._st == CALLING and waiter._val is message and not (p._node._watched or waiter._told):
                        waiter._val = result.value
                        waiter._st = READY
                        s.push(waiter)  # the call used the server's scheduler, so the caller is on this one
                    else:
                        reply(message, result.value)
                    continue
            else:
                what = "handle_info"
                result = message
                if kind is ExitSignal and message.pid is p._parent:
                    what = "parent_exit"
                elif kind is tuple and is_system(message):
                    what = "system"
                else:
                    result = vt.handle_info(message, p._state)
                    if type(result) is NoReply and p._sig is None:
                        p._state = result.state
                        continue
        except BaseException as error:
            result = Raised(error)
        left = it.__length_hint__()
        x = p._ext()
        x.it = it  # all rare cases; p still owns the rest of the batch
        if kind is From:
            apply(p, "handle_call", message, message, result)
        elif kind is tuple and len(message) == 2 and message[0] is CAST_TAG:
            apply(p, "handle_cast", None, message, result)
        elif what == "system":
            handle_system(p, message)
        else:
            apply(p, what, None, message, result)
        result = None  # this frame must not keep an exception alive
        goes_on = p._st == RUN
        if goes_on and p._val is None and x.it is not None and not x.suspended and x.timeout_ns is None and p._vt is vt:
            continue
        s.credit += left - max(0, n - BATCH)  # the rest is counted when it is handled
        if goes_on:
            settle(p)
        return
    if m is not None:
        if x is not None:
            x.it = None
        m.clear()
        s.pool.append(m)
    elif it.__length_hint__():
        p._ext().it = it
        p._st = READY
        s.push(p)
        return
    elif x is not None:
        x.it = None
    if p._mbox is None and (p._x is None or p._x.timeout_ns is None):
        p._st = IDLE
    else:
        settle(p)


def _part_of_backlog(p: Process, backlog: deque[Any]) -> list[Any]:
    """Return the first messages of a long mailbox that async callbacks receive from."""
    part = [backlog.popleft() for _ in range(min(PART, len(backlog)))]
    if not backlog:
        p._mbox = None
    return part


def _begin_pending(p: Process) -> bool:
    """Handle what precedes the mailbox: the result of an inline call, or a continue."""
    pending = p._val
    p._val = None
    if p._node._watched or p._told:
        _told_pending(p, pending)
    if type(pending) is tuple:
        frm, result = pending if len(pending) == 2 else _failed_inline(p, *pending)
        apply(p, "handle_call", frm, frm, result)
        result = pending = None
    elif type(pending) is Continue:
        try:
            result = p._vt.handle_continue(pending.term, p._state)
        except BaseException as error:
            result = Raised(error)
        apply(p, "handle_continue", None, pending.term, result)
        result = None
    elif pending is Timeout and not p._mbox and (p._x is None or p._x.it is None):
        message = Timeout()
        try:
            result = p._vt.handle_info(message, p._state)
        except BaseException as error:
            result = Raised(error)
        apply(p, "handle_info", None, message, result)
        result = None
    elif isinstance(pending, Starting):
        pending.run(p)
    if (p._node._watched or p._told) and p._coro is None:
        told_ended(p)
    if p._st != RUN:
        return False
    if p._val is not None:
        p._st = READY
        p._node._s.push(p)
        return False
    return True


def _failed_inline(p: Process, frm: From, _result: None, error: BaseException) -> tuple[From, Any]:
    """Return the outcome of a callback that raised on its caller's stack; rerun it if the stack was full."""
    if not isinstance(error, RecursionError):
        return frm, Raised(error)
    try:
        return frm, p._vt.handle_call(frm._request, frm, p._state)
    except BaseException as again:
        return frm, Raised(again)


def _told_pending(p: Process, pending: Any) -> None:
    if type(pending) is Continue:
        told_begun(p, "handle_continue")
    elif pending is Timeout and not p._mbox and (p._x is None or p._x.it is None):
        told_begun(p, "handle_info")
    elif isinstance(pending, Starting):
        told_begun(p, "init")


class Starting:
    """A start whose `init` waits in the run queue instead of running on the starter's stack."""

    __slots__ = ("arg",)

    def __init__(self, arg: Any) -> None:
        self.arg: Any = arg

    def run(self, p: Process) -> None:
        """Call `init` and apply its result."""
        try:
            result = p._vt.init(self.arg)
        except BaseException as error:
            result = Raised(error)
        apply(p, "init", None, None, result)
        result = None


def settle(p: Process) -> None:
    """Queue a process again after a callback if it has work, else let it idle with its time-out running."""
    s = p._node._s
    x = p._x
    if type(p._mbox) is deque and len(p._mbox) <= BATCH:  # an async callback received from its mailbox
        p._mbox = list(p._mbox)
    if x is not None and x.suspended:
        merge_batch(p)
        p._st = SUSPENDED
        if p._mbox and any(is_system(message) or _from_parent(p, message) for message in p._mbox):
            p._st = READY
            s.push(p)
        return
    if x is not None and x.it is not None and not x.it.__length_hint__():
        x.it = None
    if p._val is not None or p._mbox or (x is not None and x.it is not None):
        if x is not None and x.timeout_ns is not None and p._val is None and not _next_is_system(p):
            x.timeout_ns = None
        p._st = READY
        s.push(p)
        return
    p._mbox = None
    if x is None or x.timeout_ns is None:
        p._st = IDLE
    elif x.timeout_ns == 0:
        x.timeout_ns = None
        p._val = Timeout
        p._st = READY
        s.push(p)
    else:
        if x.timeout_ns != HIBERNATE:
            x.timeout_timer = s.call_at(s.now_ns() + x.timeout_ns, _timeout_fired, p)
        p._st = TIMED


def _next_is_system(p: Process) -> bool:
    merge_batch(p)
    return bool(p._mbox) and all(is_system(message) for message in p._mbox)


def _timeout_fired(timer: Timer) -> None:
    p: Process = timer.target
    if p._st != TIMED:
        return
    x = p._ext()
    x.timeout_timer = None
    x.timeout_ns = None
    p._val = Timeout
    p._st = READY
    p._node._s.push(p)


def _from_parent(p: Process, message: Any) -> bool:
    return type(message) is ExitSignal and message.pid is p._parent


def _while_suspended(p: Process, s: Scheduler) -> None:
    """Let a suspended server handle one system message or the exit of its parent; others keep waiting."""
    merge_batch(p)
    m = p._mbox or []
    for i, message in enumerate(m):
        if is_system(message) or _from_parent(p, message):
            del m[i]
            if not m:
                p._mbox = None
            if is_system(message):
                handle_system(p, message)
            else:
                apply(p, "parent_exit", None, message, message)
            break
    if p._st == RUN:
        settle(p)


def callback_done(p: Process, result: Any) -> None:
    """Apply the result of an async callback that returned or raised, and continue."""
    x = p._ext()
    frm, what, message = x.frm, x.callback, x.message
    x.frm = x.callback = x.message = None
    x.begun = 0
    p._step = None
    p._val = None  # a message that it was resumed with and has not taken, because code in between raised
    p._st = RUN
    if p._vt.shared_context:
        p._ctx = None
        _go_on(p, what, frm, message, result)
    else:
        run_in_context(p, _go_on, p, what, frm, message, result)


def _go_on(p: Process, what: str, frm: From | None, message: Any, result: Any) -> None:
    apply(p, what, frm, message, result)
    if (p._node._watched or p._told) and p._coro is None:
        told_ended(p)
    if p._st == RUN:
        settle(p)
