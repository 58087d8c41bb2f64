"""The drain: the one callback of the event loop in which processes run.

It ends after a budget of messages and resumes, or half a millisecond, and queues itself again, so that timers and
sockets are served in between.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, tasks
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from otp.kernel.callbacks import run_callbacks
from otp.kernel.calls import OutsideCaller, outside_done
from otp.kernel.death import terminate
from otp.kernel.mailbox import deliver
from otp.kernel.outcomes import wait_for
from otp.kernel.process import Process
from otp.kernel.resume import blame, coroutine_done, future_done, interrupt, run_odd
from otp.kernel.scheduler import BUDGET, DRAIN_NS, TICK, Scheduler
from otp.kernel.states import READY, RUN

__all__ = ["current_task_table", "entry_points", "run_one"]

ROUND: Final = 32  # resumes between two looks at budget and clock
LONG_DRAIN_NS: Final = 50_000_000
POOL: Final = 1_000  # spare mailboxes kept
_ROUND = range(ROUND)


class _SwappedTasks:
    """`asyncio`'s current task where it is no dictionary that can be written."""

    __slots__ = ("_swap",)

    def __init__(self) -> None:
        self._swap: Any = vars(tasks)["_swap_current_task"]  # private, and not in its type stub

    def __setitem__(self, loop: AbstractEventLoop, task: Any) -> None:
        self._swap(loop, task)

    def __getitem__(self, loop: AbstractEventLoop) -> Any:
        return asyncio.current_task(loop)

    def get(self, loop: AbstractEventLoop, default: Any = None) -> Any:
        return asyncio.current_task(loop)

    def pop(self, loop: AbstractEventLoop, default: Any = None) -> None:
        self._swap(loop, None)


def current_task_table(loop: AbstractEventLoop) -> Any:
    """The table of asyncio's current tasks, tested: what is written there is what `current_task` answers."""
    table: Any = vars(tasks)["_current_tasks"]
    probe = object()
    before = table.get(loop)
    table[loop] = probe
    try:
        works = asyncio.current_task(loop) is probe
    finally:
        if before is None:
            table.pop(loop, None)
        else:
            table[loop] = before
    return table if works else _SwappedTasks()


def entry_points(s: Scheduler) -> tuple[Callable[[], None], Callable[..., None], Callable[..., None]]:
    """What the scheduler calls: the drain, the end of a future, and `send`."""
    return partial(_drain, s), partial(future_done, s), deliver


def _drain(s: Scheduler) -> None:
    s.credit = credit = s.drain_credit()
    floor = credit - BUDGET  # a drain in which nothing runs inline begins without credit, and does as much
    rounds = at = served = 0
    started = s.read_clock()
    s.drains += 1
    table, loop = s._ct, s.loop
    pop = s.runq.popleft
    ready, running = READY, RUN  # a local name is found in a third of the time
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
                        if s.credit < floor:  # one batch may use up all that a drain may do
                            at += 1
                            break
                    continue
                p._st = running
                s.current = p
                table[loop] = p
                value = p._val
                p._val = None
                try:
                    waits_for = p._ctx.run(step, value)  # pyright: ignore[reportOptionalMemberAccess]
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
                        if s.credit < floor:  # it gave way because it has had its share
                            at += 1
                            break
                    elif p._sig is not None:
                        interrupt(p)
            else:
                s.credit -= ROUND
                rounds += 1
                at = 0
                if s.credit > floor and s.now_ns() - started < DRAIN_NS:
                    continue
            break
    except BaseException as failure:
        blame(s, failure)
    finally:
        # once a drain: the hot path counts nothing
        s.switches += rounds * ROUND + at
        s.handled += credit - s.credit + at - served  # a round has cost as much as it has let run
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
    now = s.now_ns()
    took = now - started
    s.busy += took
    if took > s.longest:
        s.longest = took
    if took > TICK:
        s.prolong(now)
    if took > LONG_DRAIN_NS and last is not None:
        last._node._trace.emit("drain_too_long", last, {"ms": took / 1e6, "what": last._node.describe(last)})


def run_one(s: Scheduler, p: Process) -> None:
    """One entry of the run queue of a deterministic run."""
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
    value, p._val = p._val, None
    try:
        waits_for = p._ctx.run(step, value)  # pyright: ignore[reportOptionalMemberAccess]
    except StopIteration as done:
        coroutine_done(p, done.value, None)
    except BaseException as raised:
        coroutine_done(p, None, raised)
    else:
        wait_for(p, waits_for)
    s.current = None
    s._ct.pop(s.loop, None)
