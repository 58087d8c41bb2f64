"""Task: a process that runs one function and delivers its result to the caller.

Two slow operations take as long as the slower one:

>>> import asyncio, otp
>>> from otp import Task
>>> async def slow(value):
...     await asyncio.sleep(0.001)
...     return value
>>> async def main():
...     first, second = Task.async_(slow, 20), Task.async_(slow, 22)
...     return await Task.await_(first) + await Task.await_(second)
>>> otp.run(main)
42

A task is an extension of its owner: the two are linked, so an error that would have ended the owner, had it done the
work itself, still ends it. To survive a task's failure, start it with `TaskSupervisor.async_nolink`; if the result is
not needed, with `TaskSupervisor.start_child`.

Only the owner, the process that called `async_`, may await, yield to, shut down or ignore a task, and it must do one of
these. A server need not: it receives `TaskReply(ref, value)` in `handle_info`, or the `Down` of the same ref if the
task ended without a result.

After a task was awaited, none of its messages is in the mailbox or arrives later: the monitor through which the owner
learns of the end is also the address of the reply, and both are removed together.

Differences from Elixir: times are in seconds; a function is given with its arguments; a stream is an iterator for one
pass. Source: Elixir's `Task`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, Never, ParamSpec, TypeVar, Unpack, overload

from otp.behaviours.server.child_spec import ChildSpec, Restart, Shutdown, Startable
from otp.behaviours.task import _waiting as waiting
from otp.behaviours.task._run import DEFAULT_CONCURRENCY, OnTimeout, StreamOptions
from otp.behaviours.task._work import (
    TaskExit,
    TaskOk,
    TaskReply,
    after_grant,
    callers_of,
    check_function,
    find_caller,
    give_name,
    mfa_of,
    name_of,
    require_free,
    send_reply,
    spawn_work,
)
from otp.behaviours.task.stream import Source, StreamKeywords, TaskStream
from otp.kernel.ends.mailbox import deliver
from otp.kernel.steps.grants import Claim, claim_of
from otp.kernel.steps.node import Node
from otp.kernel.steps.signals import link_processes, monitor_process
from otp.kernel.steps.starting import Begun, wait_for_start
from otp.kernel.tables.from_thread import run_as_in_a_thread
from otp.kernel.tables.names import node_here
from otp.kernel.tables.scheduler import current_process, find_scheduler, spend
from otp.kernel.values.pids import Pid, Ref
from otp.kernel.values.process import OWNER, Process

if TYPE_CHECKING:
    from typing import TypeVarTuple

    from otp.kernel.values.terms import GivenName, Limit

    I = TypeVar("I")
    Ts = TypeVarTuple("Ts")

__all__ = ["Task", "TaskExit", "TaskOk", "TaskReply"]

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_set = object.__setattr__


class Task(Startable, Generic[T_co]):
    """A task and its functions: `Task.async_` starts one, `await Task.await_(task)` returns its result, once.

    A task is not an asyncio awaitable: `await task` is a `TypeError`.

    >>> import otp
    >>> async def main():
    ...     tasks = [Task.async_(pow, 2, n) for n in range(4)]
    ...     return await Task.await_many(tasks)
    >>> otp.run(main)
    [1, 2, 4, 8]

    `pid` is its process, None if it has none (`Task.completed`); `ref` marks its reply and its `Down`; `owner` is the
    process that started it; `mfa` is (module, function, number of arguments).
    """

    __slots__ = ("mfa", "owner", "pid", "ref")

    pid: Pid | None
    ref: Ref
    owner: Pid
    mfa: tuple[str, str, int]

    def __init__(self, pid: Pid | None, ref: Ref, owner: Pid, mfa: tuple[str, str, int]) -> None:
        _set(self, "pid", pid)
        _set(self, "ref", ref)
        _set(self, "owner", owner)
        _set(self, "mfa", mfa)

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError("a Task is immutable; it only refers to a process and its owner")

    def __repr__(self) -> str:
        return f"<Task {self.mfa[1]} {self.pid} of {self.owner}>"

    # Starting

    @overload
    @staticmethod
    def async_(fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> Task[T]: ...
    @overload
    @staticmethod
    def async_(fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Task[T]: ...
    @staticmethod
    def async_(fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Task[Any]:
        """Start `fn(*args, **kwargs)` in a process that is linked with and monitored by this one.

        `fn` is any callable; an awaitable result is awaited. Await the task, or handle its messages in `handle_info` of
        a server. This is a plain function, so plain callbacks can call it too.

        Raises `NotAProcess` outside a process. Source: Elixir's `Task.async/1`.

        >>> import otp
        >>> async def main():
        ...     return await Task.await_(Task.async_(sum, [1, 2, 3]))
        >>> otp.run(main)
        6
        """
        check_function(fn, "Task.async_(fn)")
        me = current_process("Task.async_(fn)", "outside a process use asyncio.create_task, or otp.spawn")

        def done(value: Any) -> None:
            send_reply(me, ref, value)

        pid = spawn_work(me.runtime, me, callers_of(me), fn, args, kwargs, done)
        link_processes(me, pid)
        ref = monitor_process(me, pid, pid)
        return Task(pid, ref, me, mfa_of(fn, len(args) + len(kwargs)))

    @staticmethod
    def completed(value: T) -> Task[T]:
        """Return a finished task with this value and without a process.

        It is for lists of tasks of which some results are known. Source: Elixir's `Task.completed/1`.

        >>> import otp
        >>> async def main():
        ...     return await Task.await_many([Task.completed(1), Task.async_(lambda: 2)])
        >>> otp.run(main)
        [1, 2]
        """
        me = current_process("Task.completed(value)")
        ref = me.runtime.make_ref()
        deliver(me, TaskReply(ref, value))
        return Task(None, ref, me, ("otp", "Task.completed", 1))

    @classmethod
    async def start(cls, fn: Callable[[*Ts], Any], /, *args: *Ts, name: GivenName = None) -> Pid:
        """Start a task without a link, whose result is not needed.

        Works outside a process too. `TaskSupervisor.start_child` is usually better: its tasks end with your program, in
        order.

        Raises `AlreadyStarted` if the name is taken. Source: Elixir's `Task.start/1`.

        >>> import otp
        >>> async def main():
        ...     return await otp.wait_down(await Task.start(print, "done"))
        >>> otp.run(main)
        done
        'normal'
        """
        check_function(fn, "Task.start(fn)")
        return await _spawn(node_here("Task.start(fn)"), find_caller(), fn, args, name, "Task.start(name=…)")

    @classmethod
    async def start_link(cls, fn: Callable[[*Ts], Any], /, *args: *Ts, name: GivenName = None) -> Pid:
        """Start a linked task whose result is not needed: for supervision trees.

        Args:
            fn: any callable; an awaitable result is awaited. `functools.partial` binds keywords.
            args: its arguments.
            name: a name to register, or `Registry.via(…)`.

        Raises `AlreadyStarted` if the name is taken. Source: Elixir's `Task.start_link/1`.

        >>> import otp
        >>> from otp import Supervisor
        >>> async def main():
        ...     sup = await Supervisor.start_link_children([(Task, lambda: print("warming up"))])
        ...     (child,) = await Supervisor.which_children(sup)
        ...     return await otp.wait_down(child.pid)
        >>> otp.run(main)
        warming up
        'normal'
        """
        check_function(fn, "Task.start_link(fn)")
        me = current_process("Task.start_link(fn)", "outside a process use Task.start or node.start")
        return await _spawn(me.runtime, me, fn, args, name, "Task.start_link(name=…)", link=True)

    @classmethod
    def child_spec(
        cls,
        arg: Any = None,
        *,
        name: GivenName = None,
        id: Hashable | None = None,
        restart: Restart = "temporary",
        shutdown: Shutdown | None = None,
        type: Literal["worker", "supervisor"] | None = None,
        significant: bool = False,
        **options: Any,
    ) -> ChildSpec:
        """Return the spec of a child that runs `arg`, a function without arguments.

        See `Startable.child_spec`. A task is `"temporary"`: it is not restarted when it has finished or crashed.
        `(Task, fn)` in a list of children is the short form. Source: Elixir's `Task.child_spec/1`.

        >>> Task.child_spec(print, id="warm up").restart
        'temporary'
        """
        return super().child_spec(
            arg,
            name=name,
            id=id,
            restart=restart,
            shutdown=shutdown,
            type=type,
            significant=significant,
            **options,
        )

    @classmethod
    async def __otp_start_on__(cls, node: Node, arg: Any = None, *, name: GivenName = None) -> Pid:
        """Start a task that a node owns."""
        check_function(arg, "node.start(Task, fn)")
        return await _spawn(node, None, arg, (), name, "node.start(name=…)")

    # Waiting

    @staticmethod
    async def await_(task: Task[T], timeout: Limit = 5) -> T:
        """Wait for the result of a task of this process and return it.

        Raises:
            Exit: `.reason` is `(R, ("Task", "await", [task, timeout]))`; R is the reason why the task ended without a
                result, or `"timeout"`, after which its result is dropped. (Unless exits are trapped, the crash of a
                linked task ends this process instead.)
            BadArgument: another process started the task.

        Source: Elixir's `Task.await/2`.

        >>> import otp
        >>> async def main():
        ...     try:
        ...         await Task.await_(Task.async_(otp.receive), timeout=0.001)
        ...     except otp.Exit as failure:
        ...         return failure.reason[0]
        >>> otp.run(main)
        'timeout'
        """
        return await waiting.await_one(task, timeout)

    @staticmethod
    async def await_many(tasks: Sequence[Task[T]], timeout: Limit = 5) -> list[T]:
        """Wait for the results of all these tasks, `timeout` seconds in total.

        Returns them in order.

        Raises `Exit` like `await_` when the first of them fails; no message of the others is left in the mailbox.
        Source: Elixir's `Task.await_many/2`.

        >>> import otp
        >>> async def main():
        ...     return await Task.await_many([Task.async_(abs, n) for n in (-1, -2)])
        >>> otp.run(main)
        [1, 2]
        """
        return await waiting.await_many(tasks, timeout)

    @staticmethod
    async def yield_(task: Task[T], timeout: Limit = 5) -> TaskOk[T] | TaskExit | None:
        """Wait at most `timeout` seconds for the outcome of a task.

        Returns `TaskOk(value)`, `TaskExit(reason)`, or None while it is still running: then call it again, or `await
        Task.shutdown(task)`. Source: Elixir's `Task.yield/2`.

        >>> import otp
        >>> async def main():
        ...     task = Task.async_(otp.receive)
        ...     return await Task.yield_(task, 0) or await Task.shutdown(task)
        >>> otp.run(main)
        """
        return await waiting.yield_one(task, timeout)

    @staticmethod
    async def yield_many(
        tasks: Sequence[Task[T]],
        timeout: Limit = 5,
        *,
        limit: int | None = None,
        on_timeout: Literal["nothing", "ignore", "kill_task"] = "nothing",
    ) -> list[tuple[Task[T], TaskOk[T] | TaskExit | None]]:
        """Wait at most `timeout` seconds for the outcomes of these tasks.

        Args:
            tasks: tasks of this process.
            timeout: seconds in total.
            limit: return as soon as this many have ended; `on_timeout` then has no effect.
            on_timeout: what to do with tasks that are still running: `"nothing"`, `"ignore"`, `"kill_task"`.

        Returns each task with the result of `yield_`. Source: Elixir's `Task.yield_many/2`.

        >>> import otp
        >>> async def main():
        ...     tasks = [Task.async_(lambda: 1), Task.async_(otp.receive)]
        ...     return [found for _, found in await Task.yield_many(tasks, 0.001, on_timeout="kill_task")]
        >>> otp.run(main)
        [TaskOk(1), None]
        """
        found = await waiting.yield_many(tasks, timeout, limit, on_timeout)
        return list(zip(tasks, found, strict=True))

    @staticmethod
    async def shutdown(task: Task[T], shutdown: Limit | Literal["brutal_kill"] = 5) -> TaskOk[T] | TaskExit | None:
        """Unlink a task, stop it, and wait for its end.

        Returns None, or `TaskOk(value)` if it had replied, or `TaskExit(reason)` if it ended for another reason, such
        as `"killed"` after more than `shutdown` seconds of cleanup. `"brutal_kill"` leaves no time for cleanup. Source:
        Elixir's `Task.shutdown/2`.

        >>> import otp
        >>> async def main():
        ...     task = Task.async_(otp.receive)
        ...     await Task.shutdown(task)
        ...     return otp.is_alive(task.pid)
        >>> otp.run(main)
        False
        """
        return await waiting.shut_down(task, shutdown)

    @staticmethod
    def ignore(task: Task[T]) -> TaskOk[T] | TaskExit | None:
        """Unlink a running task and drop its result, without waiting.

        Returns the outcome that has arrived, else None. Source: Elixir's `Task.ignore/1`.

        >>> import otp
        >>> async def main():
        ...     return Task.ignore(Task.completed("in time"))
        >>> otp.run(main)
        TaskOk('in time')
        """
        return waiting.ignore(task)

    # Many items

    @overload
    @staticmethod
    def async_stream(
        items: Source[I], fn: Callable[[I, *Ts], Awaitable[T]], /, *args: *Ts, **options: Unpack[StreamKeywords]
    ) -> TaskStream[T]: ...
    @overload
    @staticmethod
    def async_stream(
        items: Source[I], fn: Callable[[I, *Ts], T], /, *args: *Ts, **options: Unpack[StreamKeywords]
    ) -> TaskStream[T]: ...
    @staticmethod
    def async_stream(
        items: Source[Any],
        fn: Callable[..., Any],
        /,
        *args: Any,
        max_concurrency: int = DEFAULT_CONCURRENCY,
        ordered: bool = True,
        timeout: Limit = 5.0,
        on_timeout: OnTimeout = "exit",
        zip_input_on_exit: bool = False,
    ) -> TaskStream[Any]:
        """Run `fn(item, *args)` for each item in its own task, and iterate over the results.

        Args:
            items: an iterable or async iterable, read as there is room; it may be endless.
            fn: any callable; an awaitable result is awaited.
            args: further arguments, after the item.
            max_concurrency: how many tasks run at a time.
            ordered: results in the order of the items; else in order of completion.
            timeout: seconds that each task may take before it is killed.
            on_timeout: `"exit"`: the reader gets `Exit`; `"kill_task"`: it gets `TaskExit("timeout")`.
            zip_input_on_exit: return `TaskExit((item, reason))` instead of `TaskExit(reason)`.

        Returns an iterator of `TaskOk(value)` and `TaskExit(reason)`; see `otp.behaviours.task.stream`.

        Difference from Elixir: 8 tasks by default, not the number of cores; an iterator for one pass. Source:
        `Task.async_stream/5`.

        >>> import otp
        >>> async def main():
        ...     async with Task.async_stream("ab", str.upper) as results:
        ...         return [result async for result in results]
        >>> otp.run(main)
        [TaskOk('A'), TaskOk('B')]
        """
        options = StreamOptions(max_concurrency, ordered, timeout, on_timeout, zip_input_on_exit)
        return TaskStream("Task.async_stream", items, fn, args, options)

    # Threads

    @staticmethod
    async def run_blocking(fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking function in a thread and wait for its result.

        All other processes continue. The process itself waits, as for any `await`. Its end, or `asyncio.timeout`, ends
        the wait at once; the function cannot be interrupted, runs to its end, and its result is dropped. A function
        that is still waiting for a free thread then never starts. There are few threads (those of the loop, at most
        32), and a program that ends waits for them. The function must not touch processes: `send_from_thread` and
        `call_from_thread` of `otp.node()` are the way back.

        In the virtual time of `otp.testing.Scheduler` there are no threads: the function runs at once, takes no time,
        and other processes may run before its result is available. It must not use `call_from_thread`.

        Raises what `fn` raises (`RuntimeError` for a `StopIteration`); `TypeError` for an async function.

        >>> import otp
        >>> async def main():
        ...     return await Task.run_blocking(sum, [40, 2])
        >>> otp.run(main)
        42
        """
        check_function(fn, "Task.run_blocking(fn)")
        if inspect.iscoroutinefunction(fn):
            raise TypeError(
                f"Task.run_blocking(fn): expected a plain function, got the async {name_of(fn)}; "
                f"try await {name_of(fn)}(…), or Task.async_"
            )
        owner = find_caller()
        s = find_scheduler()
        if s is None or not s.virtual:
            return await asyncio.to_thread(_owned_by, owner, fn, args, kwargs)
        try:
            return run_as_in_a_thread(s, partial(_owned_by, owner, fn, args, kwargs))
        finally:  # as after a thread, other processes may run before the result is available
            await asyncio.sleep(0)


def _owned_by(process: Process | None, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    """Run a function in the thread, in a copied context that identifies the process for calls into the node."""
    OWNER.set(process)
    try:
        return fn(*args, **kwargs)
    except StopIteration as error:  # no future can hold one: before Python 3.13 its waiter waited forever
        raise RuntimeError(f"Task.run_blocking(fn): {name_of(fn)} raised StopIteration") from error


async def _spawn(
    node: Node, me: Process | None, fn: Any, args: tuple[Any, ...], name: Any, what: str, link: bool = False
) -> Process:
    await spend()  # first: a process is linked in the step in which it is created
    claim: Claim | None = None
    if name is not None:
        require_free(name, node, what)
        if hasattr(name, "grant") and hasattr(name, "whereis"):
            claim = claim_of(name)
            if claim is not None:
                fn, args = after_grant(claim, fn, args), ()
    pid = spawn_work(node, me, callers_of(me), fn, args)
    if name is not None:
        give_name(name, pid)
    if link and me is not None:
        link_processes(me, pid)
    if claim is not None:
        claim.attach(pid)
        await wait_for_start(Begun(me, pid, None, link))
    return pid
