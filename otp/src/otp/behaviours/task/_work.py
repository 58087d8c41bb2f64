"""The parts of a task: the process that does its work, the reply, and its two outcomes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import isawaitable, iscoroutine
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar, cast

from otp.kernel.ends.death import exit_signal
from otp.kernel.ends.mailbox import deliver
from otp.kernel.steps.grants import Claim, granted_to_task
from otp.kernel.steps.node import Node
from otp.kernel.steps.starting import spawn_on
from otp.kernel.tables.names import check_name, take_name
from otp.kernel.tables.scheduler import find_scheduler, thread_current
from otp.kernel.values.errors import AlreadyStarted
from otp.kernel.values.pids import Ref
from otp.kernel.values.process import DEAD, OWNER, Process
from otp.kernel.values.results import unawaited

__all__ = [
    "TaskExit",
    "TaskOk",
    "TaskReply",
    "after_grant",
    "callers_of",
    "check_function",
    "find_caller",
    "name_of",
    "send_reply",
    "spawn_work",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_new_tuple: Callable[..., Any] = cast("Any", tuple).__new__

CALLERS: Final = "$callers"
"""The process dictionary key of a task's callers, nearest first, as in Elixir."""


class TaskReply(NamedTuple, Generic[T]):
    """The result of a task, as its owner receives it: `ref` is that of the task.

    Code that awaits a task never sees it. A server that started one with `async_nolink` finds it in `handle_info`,
    followed by the `Down` of the same ref unless it was demonitored:

    >>> import otp
    >>> from otp import Task, TaskReply
    >>> async def main():
    ...     task = Task.async_(lambda: 42)
    ...     match await otp.receive(task.ref):
    ...         case TaskReply(_, value):
    ...             otp.demonitor(task.ref, flush=True)
    ...             return value
    >>> otp.run(main)
    42

    Elixir's `{ref, value}`.
    """

    ref: Ref
    value: T


class TaskOk(tuple[Literal["ok"], T_co]):
    """The outcome of a task that returned `.value`: the tuple `("ok", value)`, made for `match`.

    >>> TaskOk(3) == ("ok", 3), TaskOk(3).value
    (True, 3)
    """

    __slots__ = ()
    __match_args__ = ("value",)

    def __new__(cls, value: T_co) -> TaskOk[T_co]:  # pyright: ignore[reportGeneralTypeIssues]
        return _new_tuple(cls, ("ok", value))

    @property
    def value(self) -> T_co:
        """The value that the task returned."""
        return self[1]

    def __repr__(self) -> str:
        return f"TaskOk({self[1]!r})"

    def __getnewargs__(self) -> tuple[T_co]:
        return (self[1],)


class TaskExit(tuple[Literal["exit"], Any]):
    """The outcome of a task without a result: the tuple `("exit", reason)`, made for `match`.

    >>> TaskExit("killed") == ("exit", "killed"), TaskExit("killed").reason
    (True, 'killed')
    """

    __slots__ = ()
    __match_args__ = ("reason",)

    def __new__(cls, reason: Any) -> TaskExit:
        return _new_tuple(cls, ("exit", reason))

    @property
    def reason(self) -> Any:
        """The exit reason of the task's process."""
        return self[1]

    def __repr__(self) -> str:
        return f"TaskExit({self[1]!r})"

    def __getnewargs__(self) -> tuple[Any]:
        return (self[1],)


def check_function(fn: Any, what: str) -> None:
    """Raise `TypeError` unless `fn` can be run; for a coroutine object, show the correct call."""
    if iscoroutine(fn):
        fn.close()
        called = fn.__name__
        raise TypeError(
            f"{what}: expected a function and its arguments, got a coroutine object; "
            f"try {called}, … instead of {called}(…)"
        )
    if not callable(fn):
        forgotten = unawaited(fn)
        raise TypeError(f"{what}: expected a function, {forgotten or f'got {fn!r:.200}; try lambda: {fn!r:.50}'}")


def name_of(fn: Any) -> str:
    """Return the name under which a task is shown."""
    fn = _unbound(fn)
    return str(getattr(fn, "__qualname__", None) or type(fn).__qualname__)


def mfa_of(fn: Any, arity: int) -> tuple[str, str, int]:
    """Return the module, function and number of arguments of a task."""
    fn = _unbound(fn)
    return (str(getattr(fn, "__module__", None) or type(fn).__module__), name_of(fn), arity)


def _unbound(fn: Any) -> Any:
    while type(fn) is partial:
        fn = fn.func
    return fn


def find_caller() -> Process | None:
    """Return the running process, also for its child tasks; None outside."""
    me = thread_current()
    if me is not None:
        return me
    owner = OWNER.get()
    return None if owner is None or owner.status == DEAD or owner.runtime.scheduler is not find_scheduler() else owner


def callers_of(process: Process | None) -> tuple[Process, ...]:
    """Return the callers for what `process` starts now: itself, its own caller, and so on."""
    if process is None:
        return ()
    x = process.ext
    before = () if x is None or x.dictionary is None else x.dictionary.get(CALLERS, ())
    return (process, *before)


def spawn_work(
    node: Node,
    parent: Process | None,
    callers: tuple[Process, ...],
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None = None,
    done: Callable[[Any], None] | None = None,
) -> Process:
    """Return a process that runs `fn` and passes its value to `done`; it starts after the caller continues."""

    async def work() -> None:
        value = fn(*args, **kwargs) if kwargs else fn(*args)
        if isawaitable(value):
            value = await value
        if done is not None:
            done(value)

    work.__qualname__ = name_of(fn)
    process = spawn_on(node, parent, work, (), {})
    if callers:
        process.ensure_ext().dictionary = {CALLERS: callers}
    return process


def after_grant(claim: Claim, fn: Callable[..., Any], args: tuple[Any, ...]) -> Callable[[], Any]:
    """Return a function that waits until the name of its task is granted, and then calls `fn`."""

    async def work() -> None:
        if await granted_to_task(claim):
            value = fn(*args)
            if isawaitable(value):
                await value

    work.__qualname__ = name_of(fn)
    return work


def send_reply(owner: Process, ref: Ref, value: Any) -> None:
    """Deliver the result if it is still wanted: the owner's monitor is its address."""
    x = owner.ext
    if x is not None and x.monitors is not None and ref in x.monitors:
        deliver(owner, TaskReply(ref, value))


def require_free(name: Any, node: Node, what: str) -> None:
    """Raise `AlreadyStarted` for a taken name, `BadArgument` for an invalid one."""
    via = getattr(name, "whereis", None)
    if via is None:
        check_name(name, what)
    holder = node.names.get(name) if via is None else via()
    if holder is not None and holder.status != DEAD:
        raise AlreadyStarted(holder, name)


def give_name(name: Any, process: Process) -> None:
    """Register a process that has not run yet under a free name, or `Registry.via(…)`.

    A process that does not get the name ends; raises `AlreadyStarted` if another one has it.
    """
    try:
        if not hasattr(name, "whereis"):
            take_name(name, process)
        elif name.register(process) is False:
            raise AlreadyStarted(name.whereis(), name)
    except BaseException:
        exit_signal(process, None, "kill", False)
        raise
