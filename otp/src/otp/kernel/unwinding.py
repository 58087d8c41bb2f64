"""Unwinding without waiting: a killed process's cleanup, run to completion in the same step as the kill."""

from __future__ import annotations

from asyncio import CancelledError, taskgroups
from logging import WARNING
from typing import Any, Final

from otp.kernel.exception_reasons import drop_traceback
from otp.kernel.log import say
from otp.kernel.places import close_from_inside, where_in
from otp.kernel.process import Ext, Process, run_in_context
from otp.kernel.states import DEAD, EXITING

__all__ = ["close", "on_the_stack"]

CLOSE_ATTEMPTS: Final = 100


def close(p: Process, coro: Any, reported: bool) -> None:
    """Unwind a coroutine that must not wait: throw `CancelledError` once, then `GeneratorExit`.

    A bare `sleep(0)` is not a wait and is skipped; a coroutine that refuses to end is dropped and reported. Both errors
    are thrown, since a lock returns its permit for the first only. `reported` says that the event has been recorded.
    """
    abandoned = ""
    step: Any = coro.throw
    argument: Any = CancelledError  # no instance: its traceback and this frame would form a cycle
    for _ in range(CLOSE_ATTEMPTS):
        waits_for: Any = None
        try:
            waits_for = on_the_stack(p, step, argument)
        except (KeyboardInterrupt, SystemExit) as raised:
            p._node.request_shutdown(raised)
        except (StopIteration, StopAsyncIteration, CancelledError, GeneratorExit) as raised:
            drop_traceback(raised)
        except BaseException as raised:
            say(WARNING, "process %s: its cleanup raised %r while it was killed", p, raised)
            drop_traceback(raised)
        if coro.cr_frame is None:
            break
        step, argument = coro.send, None
        if waits_for is not None:
            step, argument = close_from_inside, coro
            if not _waits_for_its_tasks(coro):  # they are cancelled as well, and reported if they wait
                abandoned = abandoned or where_in(coro)
            if getattr(waits_for, "_asyncio_future_blocking", None):
                waits_for._asyncio_future_blocking = False
    else:
        abandoned = abandoned or where_in(coro)
    if abandoned:
        if not reported:
            p._node._trace.emit("abandoned_cleanup", p, {"where": abandoned})
        say(WARNING, "process %s was killed while its cleanup tried to wait: abandoned at %s", p, abandoned)
        p._node._s.loop.call_soon(_drop, p, p._ext(), [coro])


def _waits_for_its_tasks(coro: Any) -> bool:
    """Return whether a coroutine waits at the end of an `asyncio.TaskGroup`."""
    code: Any = None
    while coro is not None:
        code = getattr(coro, "cr_code", code)
        coro = getattr(coro, "cr_await", None)
    return code is not None and code.co_filename == taskgroups.__file__


def _drop(p: Process, x: Ext, coros: list[Any]) -> None:
    """Drop a coroutine that refused to be closed, now that no frame holds it.

    Python closes it once more; the code that runs then acts as `p`, not as the process that happens to run.
    """
    p._st, p._x = EXITING, x
    try:
        on_the_stack(p, coros.clear)
    finally:
        p._st, p._x = DEAD, None


def on_the_stack(p: Process, step: Any, *args: Any) -> Any:
    """Run cleanup of `p` as the current process and asyncio's current task, without inline calls."""
    s = p._node._s
    table, loop = s._ct, s.loop
    process, credit, task = s.current, s.credit, table.get(loop)
    s.current, s.credit = p, 0
    table[loop] = p
    try:
        return run_in_context(p, step, *args)
    finally:
        s.current, s.credit = process, credit
        if task is None:
            table.pop(loop, None)
        else:
            table[loop] = task
