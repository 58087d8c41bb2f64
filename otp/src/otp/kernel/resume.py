"""Running coroutine processes: one step at a time, from the run queue or from an awaited future."""

from __future__ import annotations

import logging
from asyncio import CancelledError, Future
from typing import Any

from otp.kernel.become import Become
from otp.kernel.callbacks import callback_done
from otp.kernel.coroutines import coroutine_of
from otp.kernel.death import Fatal, deliver_fatal, resume_exiting, terminate
from otp.kernel.exception_reasons import drop_group, drop_traceback, reason_of, without_our_frames
from otp.kernel.log import say
from otp.kernel.outcomes import Raised
from otp.kernel.process import Cancel, Process, Thrown, run_in_context, told_step
from otp.kernel.reports import report_crash
from otp.kernel.scheduler import TICK, Scheduler
from otp.kernel.states import DEAD, EXITING, FUT, READY, RUN
from otp.kernel.waiting import wait_for

__all__ = ["blame", "coroutine_done", "future_done", "run_odd"]


def future_done(s: Scheduler, p: Process, future: Future[Any]) -> None:
    """Resume `p`, whose future is done, in the future's own callback, as a task would."""
    x = p._x
    if x is None or x.fut is not future:
        return
    x.fut = None
    if p._st == EXITING:
        if future.cancelled():
            p._val = Thrown(CancelledError)
        resume_exiting(p)
        return
    if p._st != FUT:
        return
    s.credit = credit = s.drain_credit()
    started = s.begin_work()
    s.current = p
    s._ct[s.loop] = p
    p._st = RUN
    try:
        _resume(p, future)
    except BaseException as failure:
        blame(s, failure)
    finally:
        s.handled += credit - s.credit
        s.credit = 0
        s.current = None
        s._ct.pop(s.loop, None)
        if s.work_ns() - started > TICK:
            s.prolong()


def _resume(p: Process, future: Future[Any]) -> None:
    coro: Any = p._coro
    try:
        cancel = p._sig
        if type(cancel) is Cancel:  # cancelled after the future was done, before it woke the process
            p._sig = None
        if type(cancel) is Cancel and not future.cancelled():  # else the future raises the first cancellation
            waits_for = run_in_context(p, coro.throw, cancel.error())
        else:
            waits_for = run_in_context(p, coro.send, None)
    except StopIteration as done:
        coroutine_done(p, done.value, None)
    except BaseException as error:
        coroutine_done(p, None, error)
    else:
        wait_for(p, waits_for)


def blame(s: Scheduler, failure: BaseException) -> None:
    """Handle an unexpected error: end the process at fault and let the others continue.

    `KeyboardInterrupt` and `SystemExit` are not faults: they shut the node down cleanly.
    """
    p = s.current
    if isinstance(failure, (KeyboardInterrupt, SystemExit)):
        if p is None:
            raise failure
        p._node.request_shutdown(failure)
    else:
        _report(p, failure)
    if p is not None and (p._st == RUN or (p._st == READY and _is_over(p._coro) and p._vt is None)):
        p._st = READY
        p._sig = p._step = None
        terminate(p, reason_of(failure))


def _report(p: Process | None, failure: BaseException) -> None:
    say(logging.CRITICAL, "the runtime failed at %s; please report this bug of otp", p, exc_info=failure)


def _is_over(coro: Any) -> bool:
    return coro is None or coro.cr_frame is None


def coroutine_done(p: Process, value: Any, error: BaseException | None) -> None:
    """Finish the coroutine of `p` that returned or raised: the process or the async callback is over."""
    if p._st == DEAD:
        return
    if type(p._sig) is Fatal:  # an untrapped signal to itself, or one that arrived in the last step
        p._st = READY
        deliver_fatal(p, error)
        if error is not None:
            drop_traceback(error)
        return
    if p._vt is not None:
        callback_done(p, value if error is None else Raised(error))
        return
    p._st = READY
    if error is None:
        terminate(p, "normal")
        return
    if type(error) is Become:
        _become(p, error)
        return
    if not isinstance(error, Exception) and isinstance(error, (KeyboardInterrupt, SystemExit)):
        p._node.request_shutdown(error)
    without_our_frames(error)
    reason = reason_of(error)
    report_crash(p, "", None, reason, error)
    drop_group(error)
    terminate(p, reason)


def _become(p: Process, call: Become) -> None:
    """Go on with another coroutine, from the run queue, so that endless tail calls let others run."""
    try:
        coro = run_in_context(p, coroutine_of, call.fn, call.args_of_call, call.keywords_of_call)
    except Exception as error:
        p._st = RUN
        coroutine_done(p, None, error)
        return
    p._step = told_step(p, coro.send) if p._told else coro.send
    p._val = None
    p._node._s.push(p)


def run_odd(p: Process) -> None:
    """Handle an entry of the run queue whose process is no longer READY."""
    if p._st == EXITING:
        resume_exiting(p)
