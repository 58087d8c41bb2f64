"""The drain: the single callback of the event loop in which processes run.

It ends after a budget of messages and resumes, or after half a millisecond, and schedules itself again, so that timers
and sockets are served in between.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import logging
import random
from asyncio import AbstractEventLoop, CancelledError, Future
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Literal

from otp.kernel.ends.death import Fatal, deliver_fatal, resume_exiting, terminate
from otp.kernel.ends.mailbox import deliver
from otp.kernel.ends.reports import report_crash
from otp.kernel.steps.callbacks import callback_done, run_callbacks
from otp.kernel.steps.calls import interrupt, outside_done, wait_for
from otp.kernel.steps.forks import watch_forks
from otp.kernel.steps.outcomes import Raised
from otp.kernel.steps.signals import task_failed
from otp.kernel.tables.callers import OutsideCaller
from otp.kernel.tables.debugging import Become
from otp.kernel.tables.openings import record_openings, stop_recording
from otp.kernel.tables.scheduler import BUDGET, DRAIN_NS, TICK, Scheduler
from otp.kernel.values.coroutines import coroutine_of
from otp.kernel.values.exception_reasons import drop_group, drop_traceback, reason_of, without_our_frames
from otp.kernel.values.process import (
    DEAD,
    EXITING,
    FUT,
    READY,
    RUN,
    Cancel,
    Process,
    Thrown,
    run_in_context,
    select_step,
)
from otp.kernel.values.sentences import say

# Running coroutine processes: one step at a time, from the run queue or from an awaited future.


def future_done(s: Scheduler, p: Process, future: Future[Any]) -> None:
    """Resume `p`, whose future is done, in the future's own callback, as a task would."""
    x = p.ext
    if x is None or x.fut is not future:
        return
    x.fut = None
    if p.status == EXITING:
        if future.cancelled():
            p.value = Thrown(CancelledError)
        resume_exiting(p)
        return
    if p.status != FUT:
        return
    s.credit = credit = s.drain_credit()
    started = s.begin_work()
    s.current = p
    s.task_table[s.loop] = p
    p.status = RUN
    try:
        _resume(p, future)
    except BaseException as failure:
        blame(s, failure)
    finally:
        s.handled += credit - s.credit
        s.credit = 0
        s.current = None
        s.task_table.pop(s.loop, None)
        if s.work_ns() - started > TICK:
            s.prolong()


def _resume(p: Process, future: Future[Any]) -> None:
    coro: Any = p.coroutine
    try:
        cancel = p.signal
        if type(cancel) is Cancel:  # cancelled after the future was done, before it woke the process
            p.signal = None
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
        p.runtime.request_shutdown(failure, p)
    else:
        _report(p, failure)
    if p is not None and (p.status == RUN or (p.status == READY and _is_over(p.coroutine) and p.callbacks is None)):
        p.status = READY
        p.signal = p.step = None
        terminate(p, reason_of(failure))


def _report(p: Process | None, failure: BaseException) -> None:
    say(logging.CRITICAL, "the runtime failed at %s; please report this bug of otp", p, exc_info=failure)


def _is_over(coro: Any) -> bool:
    return coro is None or coro.cr_frame is None


def coroutine_done(p: Process, value: Any, error: BaseException | None) -> None:
    """Finish the coroutine of `p` that returned or raised: the process or the async callback is over."""
    if p.status == DEAD:
        return
    if type(p.signal) is Fatal:  # an untrapped signal to itself, or one that arrived in the last step
        p.status = READY
        p.value = None  # a message that the last step did not take would be read as a pending call
        deliver_fatal(p, error)
        if error is not None:
            drop_traceback(error)
        return
    if p.callbacks is not None:
        callback_done(p, value if error is None else Raised(error))
        return
    p.status = READY
    if error is None:
        terminate(p, "normal")
        return
    if type(error) is Become:
        _become(p, error)
        return
    if not isinstance(error, Exception) and isinstance(error, (KeyboardInterrupt, SystemExit)):
        p.runtime.request_shutdown(error, p)
    without_our_frames(error)
    reason = reason_of(error)
    report_crash(p, "", None, reason, error)
    drop_group(error)
    if p.runtime.tracer.has_room():
        p.ensure_ext()  # `terminate` needs it to record the exit
    terminate(p, reason)


def _become(p: Process, call: Become) -> None:
    """Go on with another coroutine, from the run queue, so that endless tail calls let others run."""
    try:
        coro = run_in_context(p, coroutine_of, call.fn, call.args_of_call, call.keywords_of_call)
    except Exception as error:
        p.status = RUN
        coroutine_done(p, None, error)
        return
    p.step = select_step(p, coro.send) if p.traced else coro.send
    p.value = None
    p.runtime.scheduler.push(p)


def run_odd(p: Process) -> None:
    """Handle an entry of the run queue whose process is no longer READY."""
    if p.status == EXITING:
        resume_exiting(p)


ROUND: Final = 32  # resumes between two checks of budget and clock

LONG_DRAIN_NS: Final = 50_000_000

OBSERVED_DRAIN_NS: Final = 250_000_000  # a long drain that ended with a process of an observer

POOL: Final = 1_000  # spare mailboxes that are kept

_ROUND = range(ROUND)


class LoopScheduler(Scheduler):
    """The scheduler of an event loop, with the code that runs its processes."""

    __slots__ = ()

    def __init__(
        self,
        loop: AbstractEventLoop | None = None,
        *,
        inline: bool | Literal["seeded"] = True,
        rng: random.Random | None = None,
    ) -> None:
        super().__init__(loop, inline=inline, rng=rng)
        self.drain: Callable[[], None] = partial(_drain, self)
        self.future_done: Callable[..., None] = partial(future_done, self)
        self.send: Callable[..., None] = deliver
        self.task_failed: Callable[..., None] = task_failed
        watch_forks()
        record_openings(self)

    def close(self) -> None:
        """Forget the loop, when its last node is closed."""
        stop_recording(self)
        super().close()


def _drain(s: Scheduler) -> None:
    s.credit = credit = s.drain_credit()
    floor = credit - BUDGET  # a drain without inline calls begins without credit, and does as much work
    rounds = at = served = 0
    started = s.begin_work()
    s.drains += 1
    table, loop = s.task_table, s.loop
    pop = s.runq.popleft
    ready, running = READY, RUN  # local names are found in a third of the time
    try:
        while True:
            for at in _ROUND:
                try:
                    p = pop()
                except IndexError:
                    break
                if p.status != ready:
                    run_odd(p)
                    continue
                step = p.step
                if step is None:
                    served += 1
                    if p.callbacks is None:
                        _answer_outside(p)
                    else:
                        run_callbacks(p, s)
                        if s.credit < floor:  # one batch may use up the whole budget
                            at += 1
                            break
                    continue
                p.status = running
                s.current = p
                table[loop] = p
                try:
                    waits_for = p.context.run(step, None)  # pyright: ignore[reportOptionalMemberAccess]
                except StopIteration as done:
                    if p.status == running and p.signal is None and p.callbacks is None:
                        p.status = ready
                        terminate(p, "normal")
                    else:
                        coroutine_done(p, done.value, None)
                except BaseException as raised:
                    coroutine_done(p, None, raised)
                else:
                    if waits_for is not None or p.status == running:
                        wait_for(p, waits_for)
                        if s.credit < floor:  # it yielded because it has used its share
                            at += 1
                            break
                    elif p.signal is not None:
                        interrupt(p)
            else:
                s.credit -= ROUND
                rounds += 1
                at = 0
                if s.credit > floor and s.work_ns() - started < DRAIN_NS:
                    continue
            break
    except BaseException as failure:
        blame(s, failure)
    finally:
        # once per drain: the hot path counts nothing
        s.switches += rounds * ROUND + at
        s.handled += credit - s.credit + at - served  # a round has cost as much as it ran
        _end_drain(s, started)


def _answer_outside(p: Process) -> None:
    if type(p) is OutsideCaller:
        outside_done(p)


def _end_drain(s: Scheduler, started: int) -> None:
    last, s.current = s.current, None
    s.credit = 0
    s.task_table.pop(s.loop, None)
    if len(s.pool) > POOL:
        del s.pool[POOL:]
    if s.runq:
        s.loop.call_soon(s.drain, context=s.base_context)
    else:
        s.rest()
    took = s.work_ns() - started
    s.busy += took
    if took > s.longest:
        s.longest = took
    if took > TICK:
        s.prolong()
    if took > LONG_DRAIN_NS and last is not None:
        _report_long_drain(s, last, took)


def _report_long_drain(s: Scheduler, last: Process, took: int) -> None:
    """Report a long drain on the node of the process that ran last, the only one that is known.

    The processes of an observer run in the drains of the program that they inspect: those that end with one of them
    are also reported on the inspected nodes, without a process.
    """
    ms, node = took / 1e6, last.runtime
    node.tracer.emit("drain_too_long", last, {"ms": ms, "what": node.describe(last)})
    if node.hidden and took > OBSERVED_DRAIN_NS:
        for other in [one for same in s.nodes.values() for one in same if not one.hidden]:
            other.tracer.emit("drain_too_long", None, {"ms": ms, "what": ""})


def run_one(s: Scheduler, p: Process) -> None:
    """Run one entry of the run queue, for a deterministic run."""
    if p.status != READY:
        run_odd(p)
        return
    step = p.step
    if step is None:
        if p.callbacks is None:
            _answer_outside(p)
        else:
            run_callbacks(p, s)
        s.current = None
        return
    s.handled += 1
    p.status = RUN
    s.current = p
    s.task_table[s.loop] = p
    try:
        waits_for = p.context.run(step, None)  # pyright: ignore[reportOptionalMemberAccess]
    except StopIteration as done:
        coroutine_done(p, done.value, None)
    except BaseException as raised:
        coroutine_done(p, None, raised)
    else:
        wait_for(p, waits_for)
    s.current = None
    s.task_table.pop(s.loop, None)
