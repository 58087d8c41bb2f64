"""`otp.exit(reason)` in a child task: ends the process unless the task's exception is retrieved.

asyncio leaves the exception in the task. It is checked a few turns of the loop after the task has ended, since a
`TaskGroup`, a `gather` or an `await` has retrieved it by then.
"""

# Reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from typing import Any, Final

from otp.kernel.callers import new_call
from otp.kernel.calls import send_system
from otp.kernel.child_tasks import watch_found_tasks
from otp.kernel.death import decide
from otp.kernel.exception_reasons import exit_reason
from otp.kernel.process import OWNER, Process
from otp.kernel.scheduler import find_scheduler
from otp.kernel.states import DEAD, EXITING

__all__ = ["note_exit", "task_failed"]

TURNS: Final = 5
"""Turns of the loop until an exit counts as unretrieved; `asyncio.wait` and `wait_for` need two each."""


def note_exit() -> None:
    """Watch the running child task, and the tasks of its process that may wait for it."""
    p, s = OWNER.get(), find_scheduler()
    if p is None or s is None or p._node._s is not s or p is p._node._outside or p._st == DEAD:
        return
    task = asyncio.current_task(s.loop)
    if isinstance(task, asyncio.Task):
        p._ext().task_table(p).watch(task)
        if not s.reports_tasks:
            watch_found_tasks(p)


def task_failed(p: Process, task: Any) -> None:
    """End the process of a child task that failed with an exit, unless its exception is retrieved."""
    reason = exit_reason(task._exception)
    if reason is not None and p._st not in (DEAD, EXITING):
        s = p._node._s
        s.loop.call_soon(_look, p, task, reason[0], TURNS, context=s._base)


def _look(p: Process, task: Any, reason: Any, turns: int) -> None:
    if not getattr(task, "_log_traceback", False):
        return  # retrieved
    is_over = p._st in (DEAD, EXITING)
    if turns and not is_over:
        p._node._s.loop.call_soon(_look, p, task, reason, turns - 1, context=p._node._s._base)
        return
    task.exception()  # retrieved here, so that asyncio does not report it
    if is_over:
        return
    if p._vt is not None and p._x is not None and p._x.trap:
        send_system(p, new_call(p._node._outside, ("terminate", reason), p))  # `terminate` is called
    else:
        decide(p, reason, p, 0, False)
