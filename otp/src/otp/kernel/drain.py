"""The drain: the single callback of the event loop in which processes run.

It ends after a budget of messages and resumes, or after half a millisecond, and schedules itself again, so that timers
and sockets are served in between.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import random
from asyncio import AbstractEventLoop
from collections.abc import Callable
from functools import partial
from typing import Final, Literal

from otp.kernel.callbacks import run_callbacks
from otp.kernel.callers import OutsideCaller
from otp.kernel.calls import outside_done
from otp.kernel.death import terminate
from otp.kernel.forks import watch_forks
from otp.kernel.mailbox import deliver
from otp.kernel.opening import record_openings, stop_recording
from otp.kernel.process import Process
from otp.kernel.resume import blame, coroutine_done, future_done, run_odd
from otp.kernel.scheduler import BUDGET, DRAIN_NS, TICK, Scheduler
from otp.kernel.states import READY, RUN
from otp.kernel.task_exits import task_failed
from otp.kernel.waiting import interrupt, wait_for

__all__ = ["LoopScheduler", "run_one"]

ROUND: Final = 32  # resumes between two checks of budget and clock
LONG_DRAIN_NS: Final = 50_000_000
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
    table, loop = s._ct, s.loop
    pop = s.runq.popleft
    ready, running = READY, RUN  # local names are found in a third of the time
    try:
        while True:
            for at in _ROUND:
                try:
                    p = pop()
                except IndexError:
                    break
                if p._st != ready:
                    run_odd(p)
                    continue
                step = p._step
                if step is None:
                    served += 1
                    if p._vt is None:
                        _answer_outside(p)
                    else:
                        run_callbacks(p, s)
                        if s.credit < floor:  # one batch may use up the whole budget
                            at += 1
                            break
                    continue
                p._st = running
                s.current = p
                table[loop] = p
                try:
                    waits_for = p._ctx.run(step, None)  # pyright: ignore[reportOptionalMemberAccess]
                except StopIteration as done:
                    if p._st == running and p._sig is None and p._vt is None:
                        p._st = ready
                        terminate(p, "normal")
                    else:
                        coroutine_done(p, done.value, None)
                except BaseException as raised:
                    coroutine_done(p, None, raised)
                else:
                    if waits_for is not None or p._st == running:
                        wait_for(p, waits_for)
                        if s.credit < floor:  # it yielded because it has used its share
                            at += 1
                            break
                    elif p._sig is not None:
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
    s._ct.pop(s.loop, None)
    if len(s.pool) > POOL:
        del s.pool[POOL:]
    if s.runq:
        s.loop.call_soon(s.drain, context=s._base)
    else:
        s.rest()
    took = s.work_ns() - started
    s.busy += took
    if took > s.longest:
        s.longest = took
    if took > TICK:
        s.prolong()
    if took > LONG_DRAIN_NS and last is not None:
        last._node._trace.emit("drain_too_long", last, {"ms": took / 1e6, "what": last._node.describe(last)})


def run_one(s: Scheduler, p: Process) -> None:
    """Run one entry of the run queue, for a deterministic run."""
    if p._st != READY:
        run_odd(p)
        return
    step = p._step
    if step is None:
        if p._vt is None:
            _answer_outside(p)
        else:
            run_callbacks(p, s)
        s.current = None
        return
    s.handled += 1
    p._st = RUN
    s.current = p
    s._ct[s.loop] = p
    try:
        waits_for = p._ctx.run(step, None)  # pyright: ignore[reportOptionalMemberAccess]
    except StopIteration as done:
        coroutine_done(p, done.value, None)
    except BaseException as raised:
        coroutine_done(p, None, raised)
    else:
        wait_for(p, waits_for)
    s.current = None
    s._ct.pop(s.loop, None)
