"""The engine of callback processes: it takes messages, calls callbacks and applies their results.

A callback process has no coroutine and no asyncio task, except while an `async def` callback waits.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from asyncio import Future
from collections import deque
from functools import partial
from itertools import islice
from typing import Any, Final

from otp.kernel.ends.mailbox import merge_batch, reply
from otp.kernel.steps.outcomes import Raised, apply
from otp.kernel.steps.system import handle_system, is_system
from otp.kernel.tables.callers import From
from otp.kernel.tables.message_events import report_callback_begun, report_callback_ended, watched
from otp.kernel.tables.scheduler import Scheduler, Timer
from otp.kernel.values.messages import ExitSignal, Timeout
from otp.kernel.values.process import (
    CALLING,
    CAST_TAG,
    FUT,
    HIBERNATE,
    IDLE,
    READY,
    RUN,
    SUSPENDED,
    TIMED,
    Ext,
    Process,
    run_in_context,
)
from otp.kernel.values.results import Continue, NoReply, Reply

BATCH: Final = 256  # messages one server may handle in a row
LASTED_NS: Final = 500_000_000  # the least time of an async callback whose end is kept
PART: Final = 32  # of a long mailbox: what is left goes back for each async callback that receives


def run_callbacks(p: Process, s: Scheduler) -> None:
    """Let a READY callback process handle its mailbox, at most `BATCH` messages."""
    p.status = RUN
    s.current = p
    if p.context is not None:
        p.context.run(_activate, p, s)
    else:
        _activate(p, s)


def _activate(p: Process, s: Scheduler) -> None:
    if p.value is not None and not _begin_pending(p):
        return
    x = p.ext
    if x is not None:
        if x.held is not None and _is_paused(p, x):
            return
        if x.suspended:
            _while_suspended(p, s)
            return
    it: Any
    if x is not None and x.it is not None:
        it = x.it
        m = None
        n = it.__length_hint__()
        part: Any = islice(it, BATCH)
    else:
        m = p.mailbox
        if m is None:
            settle(p)
            return
        if type(m) is deque:
            m = _part_of_backlog(p, m)
        else:
            p.mailbox = None
        n = len(m)
        part = it = iter(m)
        if n > BATCH:
            part = islice(it, BATCH)
            m = None
        # The batch still counts as its mailbox: process_info and `demonitor(flush=True)` read the rest of the iterator
        # (test_a_server_flushes_a_down_that_lies_in_the_batch_it_works_on). It counts itself, with `__length_hint__`.
        if x is not None:
            x.it = it
    s.credit -= n if n < BATCH else BATCH
    if p.traced or p.runtime.watched:
        part = watched(p, part)
    vt = p.callbacks
    handle_cast, handle_call = vt.handle_cast, vt.handle_call
    what = ""
    for message in part:
        kind = type(message)
        try:
            if kind is tuple and len(message) == 2 and message[0] is CAST_TAG:
                result = handle_cast(message[1], p.state)
                if type(result) is NoReply and p.signal is None:
                    p.state = result.state
                    continue
            elif kind is From:
                result = handle_call(message.request, message, p.state)
                if type(result) is Reply and p.signal is None:
                    p.state = result.state
                    waiter = message.waiter
                    if (
                        waiter.status == CALLING
                        and waiter.value is message
                        and not (p.runtime.watched or waiter.traced)
                    ):
                        waiter.value = result.value
                        waiter.status = READY
                        s.push(waiter)  # the call used the server's scheduler, so the caller is on this one
                    else:
                        reply(message, result.value)
                    continue
            else:
                what = "handle_info"
                result = message
                if kind is ExitSignal and message.pid is p.parent:
                    what = "parent_exit"
                elif kind is tuple and is_system(message):
                    what = "system"
                else:
                    result = vt.handle_info(message, p.state)
                    if type(result) is NoReply and p.signal is None:
                        p.state = result.state
                        continue
        except BaseException as error:
            result = Raised(error)
        left = it.__length_hint__()
        x = p.ensure_ext()
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
        goes_on = p.status == RUN
        if (
            goes_on
            and p.value is None
            and x.it is not None
            and not x.suspended
            and x.timeout_ns is None
            and p.callbacks is vt
        ):
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
        p.ensure_ext().it = it
        p.status = READY
        s.push(p)
        return
    elif x is not None:
        x.it = None
    if p.mailbox is None and (p.ext is None or p.ext.timeout_ns is None):
        p.status = IDLE
    else:
        settle(p)


def _is_paused(p: Process, x: Ext) -> bool:
    """Return whether a server has to wait, and let it go on then."""
    over = x.held
    if over is None or over.done():
        x.held = None
        return False
    p.status = FUT
    over.add_done_callback(partial(_go_on_after, p), context=p.runtime.scheduler.base_context)
    return True


def _go_on_after(p: Process, over: Future[None]) -> None:
    x = p.ext
    if x is not None and x.held is over and p.status == FUT:
        x.held = None
        settle(p)


def _part_of_backlog(p: Process, backlog: deque[Any]) -> list[Any]:
    """Return the first messages of a long mailbox that async callbacks receive from."""
    part = [backlog.popleft() for _ in range(min(PART, len(backlog)))]
    if not backlog:
        p.mailbox = None
    return part


def _begin_pending(p: Process) -> bool:
    """Handle what precedes the mailbox: the result of an inline call, or a continue."""
    pending = p.value
    p.value = None
    if p.runtime.watched or p.traced:
        _report_pending(p, pending)
    if type(pending) is tuple:
        frm, result = pending if len(pending) == 2 else _failed_inline(p, *pending)
        apply(p, "handle_call", frm, frm, result)
        result = pending = None
    elif type(pending) is Continue:
        try:
            result = p.callbacks.handle_continue(pending.term, p.state)
        except BaseException as error:
            result = Raised(error)
        apply(p, "handle_continue", None, pending.term, result)
        result = None
    elif pending is Timeout and not p.mailbox and (p.ext is None or p.ext.it is None):
        message = Timeout()
        try:
            result = p.callbacks.handle_info(message, p.state)
        except BaseException as error:
            result = Raised(error)
        apply(p, "handle_info", None, message, result)
        result = None
    elif isinstance(pending, Starting):
        pending.run(p)
    if (p.runtime.watched or p.traced) and p.coroutine is None:
        report_callback_ended(p)
    if p.status != RUN:
        return False
    if p.value is not None:
        p.status = READY
        p.runtime.scheduler.push(p)
        return False
    return True


def _failed_inline(p: Process, frm: From, _result: None, error: BaseException) -> tuple[From, Any]:
    """Return the outcome of a callback that raised on its caller's stack; rerun it if the stack was full.

    The depth of the caller's stack must not affect the server: test_a_call_from_a_deep_stack_is_answered.
    """
    if not isinstance(error, RecursionError):
        return frm, Raised(error)
    try:
        return frm, p.callbacks.handle_call(frm.request, frm, p.state)
    except BaseException as again:
        return frm, Raised(again)


def _report_pending(p: Process, pending: Any) -> None:
    if type(pending) is Continue:
        report_callback_begun(p, "handle_continue")
    elif pending is Timeout and not p.mailbox and (p.ext is None or p.ext.it is None):
        report_callback_begun(p, "handle_info")
    elif isinstance(pending, Starting):
        report_callback_begun(p, "init")


class Starting:
    """A start whose `init` waits in the run queue instead of running on the starter's stack."""

    __slots__ = ("arg",)

    def __init__(self, arg: Any) -> None:
        self.arg: Any = arg

    def run(self, p: Process) -> None:
        """Call `init` and apply its result."""
        try:
            result = p.callbacks.init(self.arg)
        except BaseException as error:
            result = Raised(error)
        apply(p, "init", None, None, result)
        result = None


def settle(p: Process) -> None:
    """Queue a process again after a callback if it has work, else let it idle with its time-out running."""
    s = p.runtime.scheduler
    x = p.ext
    if type(p.mailbox) is deque and len(p.mailbox) <= BATCH:  # an async callback received from its mailbox
        p.mailbox = list(p.mailbox)
    if x is not None and x.suspended:
        merge_batch(p)
        p.status = SUSPENDED
        if p.mailbox and any(is_system(message) or _from_parent(p, message) for message in p.mailbox):
            p.status = READY
            s.push(p)
        return
    if x is not None and x.it is not None and not x.it.__length_hint__():
        x.it = None
    if x is not None and x.held is not None and not x.held.done():
        p.status = READY  # its next step waits until `held` is done
        s.push(p)
        return
    if p.value is not None or p.mailbox or (x is not None and x.it is not None):
        if x is not None and x.timeout_ns is not None and p.value is None and not _next_is_system(p):
            x.timeout_ns = None
        p.status = READY
        s.push(p)
        return
    p.mailbox = None
    if x is None or x.timeout_ns is None:
        p.status = IDLE
    elif x.timeout_ns == 0:
        x.timeout_ns = None
        p.value = Timeout
        p.status = READY
        s.push(p)
    else:
        if x.timeout_ns != HIBERNATE:
            x.timeout_timer = s.call_at(s.now_ns() + x.timeout_ns, _timeout_fired, p)
        p.status = TIMED


def _next_is_system(p: Process) -> bool:
    merge_batch(p)
    return bool(p.mailbox) and all(is_system(message) for message in p.mailbox)


def _timeout_fired(timer: Timer) -> None:
    p: Process = timer.target
    if p.status != TIMED:
        return
    x = p.ensure_ext()
    x.timeout_timer = None
    x.timeout_ns = None
    p.value = Timeout
    p.status = READY
    p.runtime.scheduler.push(p)


def _from_parent(p: Process, message: Any) -> bool:
    return type(message) is ExitSignal and message.pid is p.parent


def _while_suspended(p: Process, s: Scheduler) -> None:
    """Let a suspended server handle one system message or the exit of its parent; others keep waiting."""
    merge_batch(p)
    m = p.mailbox or []
    for i, message in enumerate(m):
        if is_system(message) or _from_parent(p, message):
            del m[i]
            if not m:
                p.mailbox = None
            if is_system(message):
                handle_system(p, message)
            else:
                apply(p, "parent_exit", None, message, message)
            break
    if p.status == RUN:
        settle(p)


def callback_done(p: Process, result: Any) -> None:
    """Apply the result of an async callback that returned or raised, and continue."""
    x = p.ensure_ext()
    frm, what, message = x.frm, x.callback, x.message
    x.frm = x.callback = x.message = None
    # An observer looks now and then, and would not know when a long callback ended
    if (now := p.runtime.scheduler.work_ns()) - x.begun >= LASTED_NS:
        x.lasted = (x.begun, now)
    x.begun = 0
    p.step = None
    p.value = None  # a message that it was resumed with and has not taken, because code in between raised
    p.status = RUN
    if p.callbacks.shared_context:
        p.context = None
        _go_on(p, what, frm, message, result)
    else:
        run_in_context(p, _go_on, p, what, frm, message, result)


def _go_on(p: Process, what: str, frm: From | None, message: Any, result: Any) -> None:
    apply(p, what, frm, message, result)
    if (p.runtime.watched or p.traced) and p.coroutine is None:
        report_callback_ended(p)
    if p.status == RUN:
        settle(p)
