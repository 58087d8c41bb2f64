"""Child tasks: the asyncio tasks that a process has created, and how they end.

Under `otp.run` and in virtual time the loop reports each task to `adopt`. In a loop that belongs to other code nothing
is installed: the tasks of a process are found when it ends, by the context variable `OWNER` that they inherit.

A process that returns ends the tasks that have acted for it (`otp.self()`, `call`, …) and leaves the others to the
loop, like a coroutine of asyncio. Any other end ends all of them: `CancelledError` once, then time for cleanup (none
after a kill), then further cancellations for a limited number of turns, and finally `close()`. Links and monitors are
notified at once. Supervisors, `stop` and `Task.shutdown` also wait for the tasks: `wait_for_tasks`.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import CancelledError, taskgroups
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from logging import WARNING
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import ref

from otp.kernel.tables.holders import find_unheld
from otp.kernel.tables.openings import Opened, close_listeners, close_now, end_program
from otp.kernel.tables.places import close_from_inside, where_in
from otp.kernel.tables.scheduler import Timer
from otp.kernel.values.exception_reasons import drop_traceback
from otp.kernel.values.process import (
    BADGE,
    DEAD,
    EXITING,
    OWNER,
    Badge,
    Ext,
    Process,
    TaskTable,
    run_in_context,
    task_owner,
)
from otp.kernel.values.sentences import say

if TYPE_CHECKING:
    from otp.kernel.tables.scheduler import Scheduler


# Connections that asyncio accepts, or whose handler it runs, when the process that listens ends.


_CLOSES_CONNECTIONS: Final = sys.version_info >= (3, 13)

_HANDLER_ENDED: Final = "StreamReaderProtocol.connection_made.<locals>.callback"


def _is_acceptance(coro: Any) -> bool:
    """Return whether a coroutine is the one in which asyncio accepts a connection."""
    return getattr(coro, "__name__", "") == "_accept_connection2"


def is_accepted(coro: Any) -> bool:
    """Return whether a coroutine has accepted a connection and is about to get its handler."""
    return _is_acceptance(coro) and coro.cr_frame.f_locals.get("transport") is not None


def refuse(coro: Any) -> bool:
    """Close the socket of a connection that asyncio is about to accept.

    Returns False for other coroutines. asyncio cannot accept it any more: its server is closed.
    """
    if not _is_acceptance(coro):
        return False
    coro.cr_frame.f_locals["conn"].close()
    return True


def close_when_cancelled(task: Any) -> None:
    """Close the connection of a task that is about to be cancelled and accepts or handles one.

    Python 3.13 closes the connection of a handler. Earlier versions leave it open and log an error.
    """
    if not refuse(task.get_coro()) and not _CLOSES_CONNECTIONS:
        for callback, context in task._callbacks or ():
            if getattr(callback, "__qualname__", "") == _HANDLER_ENDED:
                task.remove_done_callback(callback)
                task.add_done_callback(partial(_handler_ended, callback), context=context)


def _handler_ended(callback: Any, task: Any) -> None:
    if task.cancelled():
        variables = dict(zip(callback.__code__.co_freevars, callback.__closure__, strict=True))
        variables["transport"].cell_contents.close()
    else:
        callback(task)


UNLIMITED: Final = 1e9

"""Seconds that stand for `"infinity"`."""

ACCEPTED_AFTER: Final = 5

"""Turns of the loop from the acceptance of a connection to the task of its handler, plus one."""

TURNS: Final = 20

"""Turns of the loop in which a task that was cancelled too late for cleanup may still end by itself."""


def adopt(s: Scheduler, task: Any) -> None:
    """Record a new task with the process whose code created it."""
    p = s.current
    if p is None:
        p = OWNER.get()
        if p is None or p.runtime.scheduler is not s:
            return
    if task.done() and getattr(task, "_exception", None) is None:  # an eager task that never waited
        return
    if p.status == DEAD:
        left = s.leftover.get(p)
        if left is not None:
            left.tasks.add(task, False)
    elif p is not p.runtime.outside:
        p.ensure_ext().task_table(p).add(task, False)


def end_tasks(
    p: Process,
    tasks: TaskTable,
    returned: bool,
    killed: bool,
    seconds: float,
    parent: Process | None,
    found: bool = False,
) -> None:
    """Cancel the tasks of a process that ends, in the order of their creation.

    `seconds` is the time for cleanup; `parent` is the process that started this one. Tasks that
    were `found` one turn after the end may have been cancelled during the end itself, and get time for cleanup.
    """
    s = p.runtime.scheduler
    opened = [] if returned or tasks.opened is None else tasks.opened.open()
    if s.reports_tasks:
        opened = close_listeners(opened)
    left = [task for task, acted in tasks.acted.items() if (acted or not returned) and _is_to_end(task)]
    if not (left or opened):
        return
    known = s.leftover.get(p)
    leftover = Leftover(p, killed, seconds, parent) if known is None else known
    leftover.opened += opened
    for task in left:
        again = found and (task in leftover.tasks.acted or (killed and _cleans_up(task)))
        leftover.tasks.add(task, True)
        if not again:
            close_when_cancelled(task)
            task.cancel()
    if known is None:
        s.leftover[p] = leftover
        s.loop.call_soon(leftover.look, context=s.base_context)  # after the steps in which the tasks are cancelled


class Ended(NamedTuple):
    """The end of a process whose tasks are still to be found."""

    killed: bool
    seconds: float
    parent: Process | None
    listened: bool
    state: Any  # may hold the only reference to a task
    badge: ref[Badge] | None  # what the contexts of its tasks refer to; None if unknown

    def may_have_tasks(self) -> bool:
        """Return whether a context of the process still exists."""
        return self.badge is None or self.badge() is not None


def find_tasks(p: Process, killed: bool, seconds: float, parent: Process | None, listened: bool) -> None:
    """Schedule a search for the tasks of a process, in a loop that reports none; one search serves all that end now."""
    s = p.runtime.scheduler
    if not s.tasks_to_find:
        s.loop.call_soon(end_found_tasks, s, context=s.base_context)
    badge = None if p.context is None else p.context.get(BADGE)
    s.tasks_to_find[p] = Ended(killed, seconds, parent, listened, p.state, None if badge is None else ref(badge))


def end_found_tasks(s: Scheduler) -> None:
    """Find the tasks of the processes that have just ended, in a loop that reports none, and end them."""
    ended, s.tasks_to_find = s.tasks_to_find, {}
    if not any(how.may_have_tasks() for how in ended.values()):
        return
    _end_tasks_of(s, ended)
    late = {p: how for p, how in ended.items() if how.listened}
    if late:
        s.loop.call_soon(_end_late_tasks, s, late, ACCEPTED_AFTER, context=s.base_context)


def _end_tasks_of(s: Scheduler, ended: dict[Process, Ended]) -> None:
    found: dict[Process, TaskTable] = {}
    for task in _in_order(asyncio.all_tasks(s.loop)):
        owner = task_owner(task)
        if owner in ended:
            found.setdefault(owner, TaskTable()).add(task, True)
    for p, tasks in found.items():
        how = ended[p]
        end_tasks(p, tasks, False, how.killed, how.seconds, how.parent, True)


def _end_late_tasks(s: Scheduler, ended: dict[Process, Ended], turns: int) -> None:
    """End the handlers of connections that were being accepted when their process ended."""
    _end_tasks_of(s, ended)
    if turns > 1:
        s.loop.call_soon(_end_late_tasks, s, ended, turns - 1, context=s.base_context)


def watch_found_tasks(p: Process) -> None:
    """Enter the tasks of a process into its table, in a loop that reports none; one search per turn."""
    s = p.runtime.scheduler
    if not s.tasks_to_watch:
        s.loop.call_soon(_watch_found, s, context=s.base_context)
    s.tasks_to_watch[p] = None


def _watch_found(s: Scheduler) -> None:
    watched, s.tasks_to_watch = s.tasks_to_watch, {}
    for task in _in_order(asyncio.all_tasks(s.loop)):
        p = task_owner(task)
        if p in watched and p.status != DEAD:
            p.ensure_ext().task_table(p).watch(task)


def find_leftover(s: Scheduler, p: Any) -> Leftover | None:
    """Return the tasks left by a process that has ended, if they have not ended yet."""
    if p in s.tasks_to_find:
        end_found_tasks(s)
    return s.leftover.get(p)


async def wait_for_tasks(s: Scheduler, ended: Iterable[tuple[Any, Any]], began: int | None = None) -> None:
    """Wait until the tasks of ended processes have ended as well.

    Each process comes with its `shutdown`, which limits the time for cleanup, counted from `began` or from its end.
    """
    if not (s.leftover or s.tasks_to_find):
        return
    waiting: list[Leftover] = []
    for p, shutdown in ended:
        left = find_leftover(s, p)
        if left is not None:
            waiting.append(left)
            if shutdown == "infinity":
                left.limit(UNLIMITED)
            elif shutdown is not None and shutdown != "brutal_kill":
                left.limit(shutdown if began is None else shutdown - max(0, left.since - began) / 1e9)
    for left in waiting:
        await left.ended()


def _in_order(tasks: Iterable[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    """Sort tasks by creation, as far as their names show it."""
    return sorted(tasks, key=lambda task: (len(task.get_name()), task.get_name()))


def _is_to_end(task: Any) -> bool:
    """Return whether a task has yet to end.

    The closing of a dropped async generator does not count, nor does an accepted connection that is about to get its
    handler: the handler is ended instead.
    """
    if task.done():
        return False
    coro = task.get_coro()
    return type(coro).__name__ != "async_generator_athrow" and not is_accepted(coro)


def _cleans_up(task: Any) -> bool:
    """Return whether a task still waits after it was cancelled."""
    return task.cancelling() > 0 and task._fut_waiter is not None


class _LeftTasks(TaskTable):
    """A table of tasks that calls `done` when the last one is."""

    __slots__ = ("done",)

    def __init__(self, done: Callable[[], None]) -> None:
        super().__init__()
        self.done: Callable[[], None] = done

    def _forget(self, task: Any) -> None:
        super()._forget(task)
        if not self.acted:
            self.done()


class Leftover:
    """The rest of a dead process: its cancelled tasks that have not ended, then the things that it opened."""

    __slots__ = (
        "_search",
        "_timer",
        "killed",
        "opened",
        "p",
        "parent",
        "reported",
        "seconds",
        "since",
        "tasks",
        "turns",
        "waiting",
    )

    def __init__(self, p: Process, killed: bool, seconds: float, parent: Process | None) -> None:
        self.p: Process = p
        self.parent: Process | None = parent
        self.killed: bool = killed  # killed, or its time for cleanup is over
        self.since: int = p.runtime.scheduler.now_ns()
        self.seconds: float = seconds
        self.tasks: _LeftTasks = _LeftTasks(self._tasks_done)
        self.opened: list[Opened] = []
        self.waiting: list[asyncio.Future[None]] = []
        self.turns: int = 0
        self.reported: bool = False
        self._timer: Timer | None = None
        self._search: Any = None  # for those that use what the process has opened

    def limit(self, seconds: float) -> None:
        """Limit the time for cleanup to `seconds`, counted from the end of the process."""
        self.seconds = seconds
        if self._timer is not None and self._timer.fire is not None:
            self._timer.fire = None
            self._start_timer()

    def ended(self) -> asyncio.Future[None]:
        """Return a future that is done when all has ended and is closed, or when remaining tasks cannot be ended."""
        s = self.p.runtime.scheduler
        future: asyncio.Future[None] = s.loop.create_future()
        if s.leftover.get(self.p) is self:
            self.waiting.append(future)
        else:
            future.set_result(None)
        return future

    def look(self) -> None:
        """Check one turn later: tasks that still wait get time for cleanup, or run out of it."""
        s = self.p.runtime.scheduler
        if self.p in s.tasks_to_find:
            end_found_tasks(s)
        self.opened = close_listeners(self.opened)  # not before the tasks that accept their connections are found
        if not self.tasks.acted:
            self._tasks_done()
        elif not self.killed:
            if self._timer is None:
                self._start_timer()
        elif self.turns < TURNS:
            self.turns += 1
            # those that wait; the others are about to run and may end by themselves
            waiting = [task for task in self.tasks.acted if task._fut_waiter is not None]
            if waiting:
                self._report(waiting[-1])  # created last: the others may wait for this one
            for task in waiting:
                task.cancel()
            s.loop.call_soon(self.look, context=s.base_context)
        else:
            for task in list(self.tasks.acted):
                self._report(task)
                _close(task)
            self._close_opened()

    def _tasks_done(self) -> None:
        """Close what the process has opened, now that no task of it can use that; wait for its programs."""
        if self.p.runtime.scheduler.leftover.get(self.p) is self and self._search is None:
            self._close_opened()

    def _close_opened(self) -> None:
        opened, self.opened = self.opened, []
        self._search = find_unheld(self.p, opened)
        self._continue_search()

    def _continue_search(self) -> None:
        s = self.p.runtime.scheduler
        try:
            next(self._search)
        except StopIteration as found:
            self._search = None
            self._close(found.value)
            if not self.tasks.acted or self.turns == TURNS:
                self._finish()
        else:
            s.loop.call_soon(self._continue_search, context=s.base_context)

    def _close(self, opened: list[Opened]) -> None:
        if not opened:
            return
        s = self.p.runtime.scheduler
        context = s.base_context.copy()
        context.run(OWNER.set, self.p)  # a pool that reconnects when it loses a connection must not do so now
        flushed: list[Opened] = []
        for one in opened:
            if self.killed:
                context.run(close_now, one)
            elif one.kind == "program":
                self.tasks.add(s.loop.create_task(end_program(one), context=s.base_context.copy()), True)
            else:
                context.run(close_now, one, flush=True)
                flushed.append(one)
        if not s.reports_tasks:
            how = Ended(self.killed, self.seconds, self.parent, True, None, None)
            s.loop.call_soon(_end_late_tasks, s, {self.p: how}, ACCEPTED_AFTER, context=s.base_context)
        if self.tasks.acted and self._timer is None:
            self._start_timer()
        if flushed:
            s.call_at(self._deadline(), partial(_abort, flushed))

    def _finish(self) -> None:
        self.p.runtime.scheduler.leftover.pop(self.p, None)
        if self._timer is not None:
            self._timer.fire = None
        for future in self.waiting:
            if not future.done():
                future.set_result(None)
        self.waiting.clear()

    def _deadline(self) -> int:
        return self.since + round(self.seconds * 1e9)

    def _start_timer(self) -> None:
        self._timer = self.p.runtime.scheduler.call_at(self._deadline(), self._time_is_over)

    def _time_is_over(self, _timer: Timer) -> None:
        self.killed = True
        self.look()

    def _report(self, task: Any) -> None:
        if self.reported or task.get_coro().__name__ == end_program.__name__:
            return
        self.reported = True
        where = where_in(task.get_coro())
        self.p.runtime.tracer.emit("abandoned_cleanup", self.p, {"where": where})
        say(WARNING, "process %s ended while one of its tasks tried to wait: abandoned at %s", self.p, where)


def _abort(opened: list[Opened], _timer: Timer) -> None:
    """Abort connections whose peers have not read in time what was written."""
    for one in opened:
        one.abort()


def mark_error_retrieved(task: asyncio.Future[Any]) -> None:
    """Keep asyncio from reporting the error of a task or future that ends with its process."""
    if not task.cancelled():
        task.exception()


def _close(task: Any) -> None:
    """Close the coroutine of a task that swallowed every cancellation."""
    task.add_done_callback(mark_error_retrieved)
    coro = task.get_coro()
    for _ in range(TURNS):
        with suppress(BaseException):  # the reason is fixed, and nothing reads what the cleanup raises
            close_from_inside(coro)
        if coro.cr_frame is None:
            _end_as_cancelled(task)
            return
    say(WARNING, "task %s cannot be ended: it ignores GeneratorExit", task.get_name())


def _end_as_cancelled(task: Any) -> None:
    """End a task whose coroutine is closed: a step of it would fail, and a task group would report that."""
    future = task._fut_waiter
    woken = [callback for callback, _ in getattr(future, "_callbacks", None) or () if _is_of(task, callback)]
    steps = [handle for handle in getattr(task.get_loop(), "_ready", ()) if _is_of(task, handle._callback)]
    if not (woken or steps) or not isinstance(task, asyncio.Future):  # uvloop does not show steps
        task.cancel()
        return
    for callback in woken:
        future.remove_done_callback(callback)
    for handle in steps:
        handle.cancel()
    if future is not None:
        future.cancel()
    future_type: Any = asyncio.Future  # the cancel of a task would wait for a step
    future_type.cancel(task)


def _is_of(task: Any, callback: Any) -> bool:
    return getattr(callback, "__self__", None) is task


# Unwinding without waiting: a killed process's cleanup, run to completion in the same step as the kill.


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
            p.runtime.request_shutdown(raised, p)
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
            p.runtime.tracer.emit("abandoned_cleanup", p, {"where": abandoned})
        say(WARNING, "process %s was killed while its cleanup tried to wait: abandoned at %s", p, abandoned)
        p.runtime.scheduler.loop.call_soon(_drop, p, p.ensure_ext(), [coro])


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
    p.status, p.ext = EXITING, x
    try:
        on_the_stack(p, coros.clear)
    finally:
        p.status, p.ext = DEAD, None


def on_the_stack(p: Process, step: Any, *args: Any) -> Any:
    """Run cleanup of `p` as the current process and asyncio's current task, without inline calls."""
    s = p.runtime.scheduler
    table, loop = s.task_table, s.loop
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
