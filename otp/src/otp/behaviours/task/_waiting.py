"""Waiting for tasks in the owner's mailbox: `Task.await_`, `yield_`, `shutdown` and others.

Source: Elixir's `task.ex`, from `await/2` on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal, Protocol

from otp.behaviours.task._work import TaskExit, TaskOk
from otp.kernel.ends.mailbox import merge_batch, receive
from otp.kernel.steps.calls import report_task_timeout
from otp.kernel.steps.signals import demonitor, monitor, unlink
from otp.kernel.steps.signals import exit as exit_process
from otp.kernel.tables.child_tasks import wait_for_tasks
from otp.kernel.tables.scheduler import current_process, nanoseconds
from otp.kernel.values.errors import BadArgument, Exit, ReceiveTimeout
from otp.kernel.values.messages import Down
from otp.kernel.values.pids import Pid, Ref
from otp.kernel.values.process import Process

__all__ = ["AnyTask", "Outcome", "await_many", "await_one", "ignore", "shut_down", "take", "yield_many", "yield_one"]

Outcome = TaskOk[Any] | TaskExit | None


class AnyTask(Protocol):
    """The part of a task that waiting needs."""

    @property
    def pid(self) -> Pid | None:
        """Its process, or None."""
        ...

    @property
    def ref(self) -> Ref:
        """The monitor of its process, which also marks its reply."""
        ...

    @property
    def owner(self) -> Pid:
        """The process that started it."""
        ...


def normalize_timeout(timeout: Any) -> Any:
    """Return a time limit as it appears in exit reasons."""
    return "infinity" if timeout is None else timeout


def require_owner(tasks: Sequence[AnyTask], what: str) -> Process:
    """Return the calling process if it owns all tasks."""
    me = current_process(f"Task.{what}")
    for task in tasks:
        if task.owner is not me:
            raise BadArgument(
                f"Task.{what}: expected a task that {me} started, got {task!r}, which {task.owner} started; "
                "only the owner gets the result, try sending it on from there"
            )
    return me


class _Limit:
    """The time that one call may wait in all its receives together."""

    __slots__ = ("_deadline", "_s")

    def __init__(self, me: Process, timeout: Any, what: str) -> None:
        limit = nanoseconds(timeout, f"Task.{what}(timeout=…)", infinite=True)
        self._s = me.runtime.scheduler
        self._deadline = None if limit is None else self._s.now_ns() + limit

    def left(self) -> Any:
        if self._deadline is None:
            return "infinity"
        return max(0, self._deadline - self._s.now_ns()) / 1e9


# One task


async def await_one(task: AnyTask, timeout: Any) -> Any:
    """Return the value of the task. Raises `Exit` if the task ended without one."""
    me = require_owner((task,), "await_(task)")
    call = ("Task", "await", [task, normalize_timeout(timeout)])
    found = await _result(task.ref, _Limit(me, timeout, "await_"), call)
    if found is None:
        failed = Exit(("timeout", call))
        if not demonitor(task.ref, flush=True, info=True):
            failed.add_note("its result was taken before: a task can be awaited only once; keep what await_ returned")
        else:
            _report_timeouts(me, (task,), timeout)
        try:
            raise failed
        finally:
            del failed  # else frame, error and traceback form a cycle
    if isinstance(found, TaskExit):
        raise Exit((found.reason, call))
    return found.value


def _report_timeouts(me: Process, tasks: Sequence[AnyTask], timeout: Any) -> None:
    for task in tasks:
        if isinstance(task.pid, Process):
            report_task_timeout(me, task.pid, timeout)


async def yield_one(task: AnyTask, timeout: Any) -> Outcome:
    """Return the outcome of the task within the time; None if it is still running and can be waited for again."""
    me = require_owner((task,), "yield_(task)")
    return await _result(task.ref, _Limit(me, timeout, "yield_"), ("Task", "yield", [task, normalize_timeout(timeout)]))


async def _result(ref: Ref, limit: _Limit, call: Any) -> Outcome:
    try:
        message = await receive(ref, limit.left())
    except ReceiveTimeout:
        return None
    return _outcome(message, call)


def _outcome(message: Any, call: Any) -> TaskOk[Any] | TaskExit:
    """Return the outcome in a reply or a `Down`; after a reply no `Down` follows."""
    if type(message) is not Down:
        demonitor(message[0], flush=True)
        return TaskOk(message[1])
    if message.reason == "noconnection":
        item = message.item
        raise Exit((("nodedown", item.node if isinstance(item, Pid) else item[1]), call))
    return TaskExit(message.reason)


def take(me: Process, wanted: Callable[[Any], bool]) -> Any:
    """Take the oldest matching message without waiting; None if no message matches."""
    merge_batch(me)
    waiting = me.mailbox
    if waiting:
        for position, message in enumerate(waiting):
            if wanted(message):
                del waiting[position]
                if me.ext is not None:
                    me.ext.mark = 0
                return message
    return None


def _of(ref: Ref) -> Callable[[Any], bool]:
    return lambda message: isinstance(message, tuple) and len(message) > 1 and message[0] is ref  # pyright: ignore[reportUnknownArgumentType]


def ignore(task: AnyTask) -> Outcome:
    """Give up the task: return what has arrived, drop what comes later."""
    me = require_owner((task,), "ignore(task)")
    message = take(me, _of(task.ref))
    if message is not None:
        found = _outcome(message, ("Task", "ignore", [task]))
        if isinstance(found, TaskExit):
            return found
    else:
        found = None
    if task.pid is not None:
        unlink(task.pid)
    demonitor(task.ref, flush=True)
    return found


# Many tasks


async def await_many(tasks: Sequence[AnyTask], timeout: Any) -> list[Any]:
    """Return the values of all tasks, in the order of the tasks."""
    me = require_owner(tasks, "await_many(tasks)")
    limit = _Limit(me, timeout, "await_many")
    call = ("Task", "await_many", [tasks, normalize_timeout(timeout)])
    awaiting = dict.fromkeys(task.ref for task in tasks)
    values: dict[Ref, Any] = {}
    try:
        while awaiting:
            try:
                message = await receive(_of_any(awaiting), limit.left())
            except ReceiveTimeout:
                _report_timeouts(me, [task for task in tasks if task.ref in awaiting], timeout)
                raise Exit(("timeout", call)) from None
            awaiting.pop(message[0], None)
            found = _outcome(message, call)
            if isinstance(found, TaskExit):
                raise Exit((found.reason, call))
            values[message[0]] = found.value
    except Exit:
        for ref in awaiting:
            demonitor(ref, flush=True)
        raise
    return [values[task.ref] for task in tasks]


async def yield_many(
    tasks: Sequence[AnyTask], timeout: Any, limit: int | None, on_timeout: Literal["nothing", "ignore", "kill_task"]
) -> list[Outcome]:
    """Return the outcome of each task within the time, or when `limit` of them have ended."""
    me = require_owner(tasks, "yield_many(tasks)")
    if on_timeout not in ("nothing", "ignore", "kill_task"):
        raise BadArgument(
            f"Task.yield_many(on_timeout=…): expected 'nothing', 'ignore' or 'kill_task', got {on_timeout!r}"
        )
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise BadArgument(f"Task.yield_many(limit=…): expected an int of at least 1, got {limit!r}")
    time = _Limit(me, timeout, "yield_many")
    call = ("Task", "yield_many", [tasks, normalize_timeout(timeout)])
    awaiting = dict.fromkeys(task.ref for task in tasks)
    found: dict[Ref, Outcome] = {}
    enough = len(awaiting) if limit is None else min(limit, len(awaiting))
    try:
        while len(found) < enough:
            message = await receive(_of_any(awaiting), time.left())
            awaiting.pop(message[0], None)
            found[message[0]] = _outcome(message, call)
    except ReceiveTimeout:
        for task in tasks:
            if task.ref in awaiting and on_timeout != "nothing":
                del awaiting[task.ref]
                found[task.ref] = ignore(task) if on_timeout == "ignore" else await shut_down(task, "brutal_kill")
    return [found.get(task.ref) for task in tasks]


def _of_any(refs: Collection[Ref]) -> Callable[[Any], bool]:
    return lambda message: isinstance(message, tuple) and len(message) > 1 and message[0] in refs  # pyright: ignore[reportUnknownArgumentType]


# The end of a task


async def shut_down(task: AnyTask, shutdown: Any) -> Outcome:
    """Unlink and stop the task; a reply sent by then still counts."""
    pid = task.pid
    if pid is None:
        return ignore(task)
    me = require_owner((task,), "shutdown(task)")
    limit = _Limit(me, "infinity" if shutdown == "brutal_kill" else shutdown, "shutdown")
    call = ("Task", "shutdown", [task, normalize_timeout(shutdown)])
    watching = monitor(pid)
    began = me.runtime.scheduler.now_ns()
    unlink(pid)
    if shutdown == "brutal_kill":
        exit_process(pid, "kill")
    else:
        if isinstance(pid, Process) and pid.step is not None:
            # The caller decides how long its `finally` blocks may await.
            pid.ensure_ext().shutdown = 1e9 if normalize_timeout(shutdown) == "infinity" else shutdown
        exit_process(pid, "shutdown")
    try:
        down = await receive(watching, limit.left())
    except ReceiveTimeout:
        exit_process(pid, "kill")
        down = await receive(watching)
    s = me.runtime.scheduler
    await wait_for_tasks(s, [(pid, shutdown)], began)
    found = _ended(task.ref, down, "killed" if shutdown == "brutal_kill" else "shutdown", call)
    reply = take(me, _of(task.ref))
    return found if reply is None else TaskOk(reply[1])


def _ended(ref: Ref, down: Down, asked: str, call: Any) -> Outcome:
    """Return the outcome of a task that was asked to end with `asked` and sent no reply."""
    reason = down.reason
    if reason == "noproc":  # it had ended before; its own Down may follow the reply
        me = current_process("Task.shutdown")
        own = take(me, lambda message: type(message) is Down and message.ref is ref)  # pyright: ignore[reportUnknownArgumentType]
        if own is not None:
            reason = own.reason
    demonitor(ref, flush=True)
    if reason == "noconnection":
        node = down.item.node if isinstance(down.item, Pid) else down.item[1]
        raise Exit((("nodedown", node), call))
    return None if reason == asked else TaskExit(reason)
