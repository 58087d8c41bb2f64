"""The outcome of a callback: results, thrown results, crashes, coroutines and stops.

`apply` is the only entry. It leaves the process in RUN if the server may continue with its mailbox.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import logging
from contextvars import copy_context
from inspect import isawaitable
from types import CoroutineType
from typing import Any

from otp.kernel.ends.death import deliver_fatal, terminate
from otp.kernel.ends.mailbox import reply
from otp.kernel.ends.reports import report_crash
from otp.kernel.steps.calls import wait_for
from otp.kernel.tables.callers import From
from otp.kernel.tables.message_events import report_callback_begun, report_callback_ended
from otp.kernel.tables.scheduler import nanoseconds
from otp.kernel.values.errors import BadArgument, Throw
from otp.kernel.values.exception_reasons import drop_group, reason_of, without_our_frames
from otp.kernel.values.process import HIBERNATE, OWNER, READY, Cancel, Process, select_step
from otp.kernel.values.reasons import is_clean
from otp.kernel.values.results import ABSENT, Continue, Ignore, NoReply, Ok, Reply, Stop, WithOptions

logger: logging.Logger = logging.getLogger("otp")


class Raised:
    """An exception that ended a callback; its traceback begins with the callback.

    Code that creates one must forget it after use: frame, record and traceback form a cycle that keeps messages and
    states alive until the next garbage collection.
    """

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error: BaseException = error
        without_our_frames(error)


def apply(p: Process, what: str, frm: From | None, message: Any, result: Any) -> None:
    """Apply what the callback `what` returned or raised."""
    if p.signal is not None:
        if type(p.signal) is Cancel:
            p.signal = None
        else:
            _signalled(p, frm, message, result)
            return
    if type(result) is CoroutineType:
        begin_async(p, what, frm, message, result)
        return
    if what == "parent_exit":
        stop(p, result.reason, message=message)
        return
    error: BaseException | None = None
    if type(result) is Raised:
        error = result.error
        if isinstance(error, Throw):
            result, error = error.value, None
    if what == "terminate":
        p.ensure_ext().frm = frm
        _terminated(p, result, error)
        if error is not None:
            drop_group(error)
        return
    kind = _BAD
    if error is None:
        try:  # a result may be of any class, which may report a wrong class or raise
            kind = _kind_of(what, result)
        except BaseException as raised:
            error = raised
    if error is not None:
        if not isinstance(error, Exception) and isinstance(error, (KeyboardInterrupt, SystemExit)):
            p.runtime.request_shutdown(error, p)
        _crash(p, what, frm, message, reason_of(error), error)
        drop_group(error)
    elif kind == _RESULT:
        _carry_out(p, what, frm, message, result)
    elif kind == _AWAITABLE:
        begin_async(p, what, frm, message, _await(result))
    else:
        _crash(p, what, frm, message, ("bad_return_value", result), None)


_ALLOWED: dict[str, Any] = {
    "init": (Ok, Stop, Ignore),
    "handle_call": (Reply, NoReply, Stop),
    "handle_cast": (NoReply, Stop),
    "handle_info": (NoReply, Stop),
    "handle_continue": (NoReply, Stop),
}


_BAD, _RESULT, _AWAITABLE = range(3)


def _kind_of(what: str, result: Any) -> int:
    if isinstance(result, _ALLOWED[what]) and (not isinstance(result, WithOptions) or _are_valid(result)):
        return _RESULT
    return _AWAITABLE if isawaitable(result) else _BAD


async def _await(awaitable: Any) -> Any:
    return await awaitable


def _signalled(p: Process, frm: From | None, message: Any, result: Any) -> None:
    """End a process whose callback received a fatal signal; `terminate` is not called."""
    if type(result) is CoroutineType:
        result.close()
    x = p.ensure_ext()
    x.message = message if frm is None else frm.request
    if frm is not None:
        if type(result) is Reply:
            reply(frm, result.value)
        else:
            x.frm = frm
    deliver_fatal(p, result.error if type(result) is Raised else None)


def _carry_out(p: Process, what: str, frm: From | None, message: Any, result: Any) -> None:
    if isinstance(result, Stop):
        if what == "init":
            _init_failed(p, result.reason)
            return
        p.ensure_ext().doing = what
        if result.state is not ABSENT:
            p.state = result.state
        stop(p, result.reason, frm=frm, answer=result.reply, message=message, returned=what)
        return
    if isinstance(result, Ignore):
        _init_failed(p, "normal", ignored=True)
        return
    p.state = result.state
    if isinstance(result, Reply):
        assert frm is not None
        reply(frm, result.value)
    elif frm is not None:
        x = p.ensure_ext()
        if x.unanswered is None:
            x.unanswered = {}
        if frm.waiter.value is frm:  # not replied to inside the callback
            x.unanswered[frm] = None
    if what == "init":
        _started(p)
    if isinstance(result, WithOptions):
        _options(p, result)


def _are_valid(result: Any) -> bool:
    try:
        nanoseconds(result.timeout, "timeout= of a result", infinite=True)
    except BadArgument:
        return False
    return True


def _options(p: Process, result: Any) -> None:
    then = result.then
    if then is not None:
        p.value = then if type(then) is Continue else Continue(then)
    elif result.timeout is not None:
        p.ensure_ext().timeout_ns = nanoseconds(result.timeout, "timeout= of a result", infinite=True)
    elif result.hibernate:
        p.ensure_ext().timeout_ns = HIBERNATE


def _started(p: Process) -> None:
    x = p.ext
    if x is not None and x.ack is not None:
        ack, x.ack = x.ack, None
        reply(ack, ("ok", None))


def _init_failed(p: Process, reason: Any, *, ignored: bool = False) -> None:
    x = p.ensure_ext()
    if x.ack is not None:
        ack, x.ack = x.ack, None
        p.runtime.release_name(p)
        reply(ack, ("ignore", None) if ignored else ("error", reason))
    else:
        x.callback = "ignored" if ignored else "failed"
        x.stop_reason = (reason,)
    p.status = READY
    terminate(p, reason)


def _crash(p: Process, what: str, frm: From | None, message: Any, reason: Any, error: BaseException | None) -> None:
    if what == "init":
        p.ensure_ext().message = None
        if not is_clean(reason):
            report_crash(p, what, None, reason, error)
        _init_failed(p, reason)
        return
    stop(p, reason, frm=frm, message=message, error=error, what=what)


def stop(
    p: Process,
    reason: Any,
    *,
    frm: From | None = None,
    answer: Any = ABSENT,
    message: Any = None,
    error: BaseException | None = None,
    what: str = "",
    returned: str = "",
) -> None:
    """End a server cleanly: `terminate` first, then the reply it owes, then its exit.

    `what` is the callback that crashed, `returned` the one that returned `Stop`.
    """
    x = p.ensure_ext()
    x.message = frm.request if frm is not None else message[1] if what == "handle_cast" else message
    x.frm = frm
    x.answer = answer
    x.stop_reason = reason
    if what:
        x.doing = what
    if not is_clean(reason):
        handled = message[1] if returned == "handle_cast" else x.message
        report_crash(p, what or returned, handled, reason, error, stopped=bool(returned))
    handler = p.callbacks.terminate
    if handler is None:
        _finish(p, reason)
        return
    if p.runtime.watched:
        cause = p.runtime.tracer.cause_of(p)
        report_callback_ended(p)
        report_callback_begun(p, "terminate", cause)
    try:
        result = handler(reason, p.state)
    except BaseException as raised:
        result = Raised(raised)
    apply(p, "terminate", frm, x.message, result)
    result = None


def _terminated(p: Process, result: Any, error: BaseException | None) -> None:
    """Finish a stop after `terminate`: a crash in it replaces the reason, a thrown value does not."""
    x = p.ensure_ext()
    reason = x.stop_reason
    if error is not None:
        reason = reason_of(error)
        report_crash(p, "terminate", x.message, reason, error)
    elif isawaitable(result):
        begin_async(p, "terminate", x.frm, x.message, _await(result))
        return
    _finish(p, reason)


def _finish(p: Process, reason: Any) -> None:
    x = p.ensure_ext()
    frm, answer = x.frm, x.answer
    if frm is not None and answer is not ABSENT:
        x.frm = None
        reply(frm, answer)
    p.status = READY
    terminate(p, reason)


def begin_async(p: Process, what: str, frm: From | None, message: Any, coro: Any) -> None:
    """Run an async callback; only if it waits does the server become a coroutine process for a while."""
    s = p.runtime.scheduler
    table, loop = s.task_table, s.loop
    before = table.get(loop)
    table[loop] = p
    x = p.ensure_ext()
    x.frm, x.callback, x.message = frm, what, message
    x.mark = 0  # a mark of the previous pattern does not apply to this mailbox
    p.step = step = coro.send
    if p.traced:
        p.step = select_step(p, step)
    try:
        waits_for = step(None)
    except StopIteration as done:
        result: Any = done.value
    except BaseException as error:
        result = Raised(error)
    else:
        x.begun = s.work_ns()
        if p.context is None:  # context="shared": a waiting callback needs its own until it is done
            p.context = copy_context()
            p.context.run(OWNER.set, p)
        wait_for(p, waits_for)
        return
    finally:
        if before is None:
            table.pop(loop, None)
        else:
            table[loop] = before
    p.step = None
    x.frm = x.callback = x.message = None
    apply(p, what, frm, message, result)
    result = None
