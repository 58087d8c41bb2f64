"""TaskSupervisor: tasks under a supervisor, linked with their owner or not.

A task that crashes need not end its owner:

>>> import otp
>>> from otp import Task, TaskExit, TaskSupervisor
>>> async def main():
...     await TaskSupervisor.start_link(name="tasks")
...     task = await TaskSupervisor.async_nolink("tasks", otp.exit, "too bad")
...     match await Task.yield_(task):
...         case TaskExit(reason):
...             return reason
>>> otp.run(main)
'too bad'

A server starts a task in this way, continues, and receives the outcome in `handle_info`: `TaskReply(ref, value)`, after
which `otp.demonitor(ref, flush=True)` removes the `Down`, or only that `Down`.

When the supervisor stops, it stops its tasks. Its process is that of a `DynamicSupervisor`, so functions such as
`DynamicSupervisor.count_children` work on tasks.

Source: Elixir's `Task.Supervisor`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, Unpack, overload

from otp.behaviours.server.behaviour import Behaviour
from otp.behaviours.server.child_spec import ChildSpec, Restart, Shutdown, Startable
from otp.behaviours.supervisor.dynamic_server import DynamicOptions, DynamicServer
from otp.behaviours.supervisor.supervisor import ask, start_supervisor
from otp.behaviours.task._run import DEFAULT_CONCURRENCY, OnTimeout, StreamOptions
from otp.behaviours.task._work import callers_of, check_function, find_caller, mfa_of, send_reply, spawn_work
from otp.behaviours.task.stream import Source, StreamKeywords, TaskStream
from otp.behaviours.task.task import Task
from otp.kernel.steps.calling import call
from otp.kernel.steps.signals import link_processes, monitor_process
from otp.kernel.tables.scheduler import current_process, nanoseconds
from otp.kernel.values.errors import StartError
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import DEAD, EXITING, Process
from otp.kernel.values.results import Ignore

if TYPE_CHECKING:
    from typing import TypeVarTuple

    from otp.kernel.values.terms import Dest, GivenName, Limit

    I = TypeVar("I")
    Ts = TypeVarTuple("Ts")

__all__ = ["TaskSupervisor"]

T = TypeVar("T")


class StreamKeywordsSupervised(StreamKeywords, total=False):
    """The options of `TaskSupervisor.async_stream`."""

    shutdown: Shutdown


class TaskSupervisor(Behaviour, Startable):
    """A supervisor of tasks; subclass it to give it a name.

    >>> import otp
    >>> async def main():
    ...     await TaskSupervisor.start_link(name="tasks")
    ...     await TaskSupervisor.start_child("tasks", otp.send, otp.self(), "done on the side")
    ...     return await otp.receive()
    >>> otp.run(main)
    'done on the side'
    """

    __slots__ = ()

    _child_type: ClassVar[Literal["worker", "supervisor"]] = "supervisor"
    _id_from_name: ClassVar[bool] = True
    _takes_argument: ClassVar[bool] = False

    @classmethod
    async def start_link(
        cls,
        *,
        name: GivenName = None,
        max_children: int | Literal["infinity"] = "infinity",
        max_restarts: int | Literal["infinity"] = 3,
        max_seconds: float | Literal["infinity"] = 5,
    ) -> Pid:
        """Start the supervisor, linked with the calling process.

        Usually started by `TaskSupervisor.child_spec(name="tasks")`.

        Args:
            name: a name to register, or `Registry.via(…)`.
            max_children: how many tasks it can have at a time.
            max_restarts: how many restarts (of `start_child` with `restart=`) are allowed within `max_seconds`.
            max_seconds: the length of that window in seconds.

        Raises:
            AlreadyStarted: the name is taken.
            InvalidChildSpec: an option is wrong.

        Source: Elixir's `Task.Supervisor.start_link/1`.
        """
        options = DynamicOptions(max_children, max_restarts, max_seconds)
        return await start_supervisor(cls, options, DynamicServer(), name=name, link=True)

    @classmethod
    async def __otp_start_on__(cls, node: Any, arg: Any = None, *, name: GivenName = None, **options: Any) -> Any:
        """Start one that a node owns; `arg` is a dict of options or None."""
        given = DynamicOptions(**{**(arg or {}), **options})
        return await start_supervisor(cls, given, DynamicServer(), name=name, node=node)

    # One task

    @staticmethod
    async def start_child(
        supervisor: Dest,
        fn: Callable[[*Ts], Any],
        /,
        *args: *Ts,
        restart: Restart = "temporary",
        shutdown: Shutdown | None = None,
    ) -> Pid:
        """Start a task whose result is not needed; only the supervisor is linked with it.

        Args:
            supervisor: a pid or name.
            fn: any callable; an awaitable result is awaited. `functools.partial` binds keywords.
            args: its arguments. For a task that may be restarted they are copied at each start, as in child specs (see
                `Shared`).
            restart: `"temporary"`, `"transient"` or `"permanent"`.
            shutdown: seconds it may take to stop before it is killed (5), `"infinity"`, `"brutal_kill"`.

        Returns the pid. Raises `StartError("max_children")` if there is no room. Works outside a
        process. Source: Elixir's `Task.Supervisor.start_child/3`.

        >>> import otp
        >>> async def main():
        ...     sup = await TaskSupervisor.start_link()
        ...     await TaskSupervisor.start_child(sup, otp.send, otp.self(), "hello")
        ...     return await otp.receive()
        >>> otp.run(main)
        'hello'
        """
        check_function(fn, "TaskSupervisor.start_child(supervisor, fn)")
        callers = callers_of(find_caller())
        if restart != "temporary":
            return await _ask_to_start(supervisor, (_run_child, callers, fn, *args), restart, shutdown)

        def begin(parent: Process) -> Process:
            pid = spawn_work(parent.runtime, parent, callers, fn, args)
            link_processes(parent, pid)
            return pid

        return await _ask_to_start(supervisor, (_begin, begin), restart, shutdown)

    @overload
    @staticmethod
    async def async_(
        supervisor: Dest, fn: Callable[[*Ts], Awaitable[T]], /, *args: *Ts, shutdown: Shutdown | None = None
    ) -> Task[T]: ...
    @overload
    @staticmethod
    async def async_(
        supervisor: Dest, fn: Callable[[*Ts], T], /, *args: *Ts, shutdown: Shutdown | None = None
    ) -> Task[T]: ...
    @staticmethod
    async def async_(
        supervisor: Dest, fn: Callable[..., Any], /, *args: Any, shutdown: Shutdown | None = None
    ) -> Task[Any]:
        """Start a task to be awaited, like `Task.async_`: linked with and monitored by the calling process.

        It is a child of the supervisor and linked with that too; `shutdown` is as in `start_child`.

        Raises:
            StartError: `"max_children"`: there is no room.
            NoProcess: the supervisor is not running.

        Source: Elixir's `Task.Supervisor.async/3`.

        >>> import otp
        >>> async def main():
        ...     sup = await TaskSupervisor.start_link()
        ...     return await Task.await_(await TaskSupervisor.async_(sup, abs, -42))
        >>> otp.run(main)
        42
        """
        return await _async(supervisor, fn, args, shutdown, True)

    @overload
    @staticmethod
    async def async_nolink(
        supervisor: Dest, fn: Callable[[*Ts], Awaitable[T]], /, *args: *Ts, shutdown: Shutdown | None = None
    ) -> Task[T]: ...
    @overload
    @staticmethod
    async def async_nolink(
        supervisor: Dest, fn: Callable[[*Ts], T], /, *args: *Ts, shutdown: Shutdown | None = None
    ) -> Task[T]: ...
    @staticmethod
    async def async_nolink(
        supervisor: Dest, fn: Callable[..., Any], /, *args: Any, shutdown: Shutdown | None = None
    ) -> Task[Any]:
        """Start a task to be awaited that is monitored by the calling process, but not linked with it.

        The caller handles its end: with `Task.yield_`, or in `handle_info` of a server. The rest is as for `async_`.
        Source: Elixir's `Task.Supervisor.async_nolink/3`.
        """
        return await _async(supervisor, fn, args, shutdown, False)

    @staticmethod
    async def children(supervisor: Dest) -> list[Pid]:
        """Return the pids of the running tasks. Source: Elixir's `Task.Supervisor.children/1`."""
        found = await call(supervisor, "which_children", "infinity")
        return [child.pid for child in found if isinstance(child.pid, Pid)]

    @staticmethod
    async def terminate_child(supervisor: Dest, pid: Pid) -> None:
        """Stop a task; it is not restarted.

        Raises `NotFound` if it is not a task here. Source: Elixir's `Task.Supervisor.terminate_child/2`.
        """
        await ask(supervisor, ("terminate_child", pid))

    # Many items

    @overload
    @staticmethod
    def async_stream(
        supervisor: Dest,
        items: Source[I],
        fn: Callable[[I, *Ts], Awaitable[T]],
        /,
        *args: *Ts,
        **options: Unpack[StreamKeywordsSupervised],
    ) -> TaskStream[T]: ...
    @overload
    @staticmethod
    def async_stream(
        supervisor: Dest,
        items: Source[I],
        fn: Callable[[I, *Ts], T],
        /,
        *args: *Ts,
        **options: Unpack[StreamKeywordsSupervised],
    ) -> TaskStream[T]: ...
    @staticmethod
    def async_stream(
        supervisor: Dest,
        items: Source[Any],
        fn: Callable[..., Any],
        /,
        *args: Any,
        max_concurrency: int = DEFAULT_CONCURRENCY,
        ordered: bool = True,
        timeout: Limit = 5.0,
        on_timeout: OnTimeout = "exit",
        zip_input_on_exit: bool = False,
        shutdown: Shutdown = 5,
    ) -> TaskStream[Any]:
        """Run a function over items like `Task.async_stream`, in children linked with the reader.

        `shutdown` is as in `start_child`. The reader gets `StartError("max_children")` if there is
        no room. Source: Elixir's `Task.Supervisor.async_stream/4`.
        """
        options = StreamOptions(max_concurrency, ordered, timeout, on_timeout, zip_input_on_exit)
        return _stream("async_stream", supervisor, items, fn, args, options, shutdown)

    @overload
    @staticmethod
    def async_stream_nolink(
        supervisor: Dest,
        items: Source[I],
        fn: Callable[[I, *Ts], Awaitable[T]],
        /,
        *args: *Ts,
        **options: Unpack[StreamKeywordsSupervised],
    ) -> TaskStream[T]: ...
    @overload
    @staticmethod
    def async_stream_nolink(
        supervisor: Dest,
        items: Source[I],
        fn: Callable[[I, *Ts], T],
        /,
        *args: *Ts,
        **options: Unpack[StreamKeywordsSupervised],
    ) -> TaskStream[T]: ...
    @staticmethod
    def async_stream_nolink(
        supervisor: Dest,
        items: Source[Any],
        fn: Callable[..., Any],
        /,
        *args: Any,
        max_concurrency: int = DEFAULT_CONCURRENCY,
        ordered: bool = True,
        timeout: Limit = 5.0,
        on_timeout: OnTimeout = "exit",
        zip_input_on_exit: bool = False,
        shutdown: Shutdown = 5,
    ) -> TaskStream[Any]:
        """Run a function over items like `async_stream`, unlinked: a crash is a `TaskExit(reason)`.

        Leaving the stream still ends its tasks. Works outside a process too, such as in a web handler. Source: Elixir's
        `Task.Supervisor.async_stream_nolink/4`.

        >>> import otp
        >>> async def main():
        ...     sup = await TaskSupervisor.start_link()
        ...     async with TaskSupervisor.async_stream_nolink(sup, ["a", "b"], otp.exit) as results:
        ...         return [result.reason async for result in results]
        >>> otp.run(main)
        ['a', 'b']
        """
        options = StreamOptions(max_concurrency, ordered, timeout, on_timeout, zip_input_on_exit, link=False)
        return _stream("async_stream_nolink", supervisor, items, fn, args, options, shutdown)


async def _async(
    supervisor: Dest, fn: Callable[..., Any], args: tuple[Any, ...], shutdown: Shutdown | None, link: bool
) -> Task[Any]:
    what = f"TaskSupervisor.{'async_' if link else 'async_nolink'}(supervisor, fn)"
    check_function(fn, what)
    me = current_process(what, "outside a process use TaskSupervisor.start_child or async_stream_nolink")
    callers = callers_of(me)

    def begin(parent: Process) -> Any:
        if me.status in (DEAD, EXITING):  # while its request was being processed
            return Ignore()

        def done(value: Any) -> None:
            send_reply(me, ref, value)

        pid = spawn_work(parent.runtime, parent, callers, fn, args, None, done)
        link_processes(parent, pid)
        if link:
            link_processes(me, pid)
        ref = monitor_process(me, pid, pid)
        return pid, ref

    pid, ref = await _ask_to_start(supervisor, (_begin, begin), "temporary", shutdown)
    return Task(pid, ref, me, mfa_of(fn, len(args)))


def _stream(
    what: str,
    supervisor: Dest,
    items: Source[Any],
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    options: StreamOptions,
    shutdown: Shutdown,
) -> TaskStream[Any]:
    what = f"TaskSupervisor.{what}"
    if shutdown != "brutal_kill":
        nanoseconds(shutdown, f"{what}(shutdown=…)", infinite=True)

    def start(begin: Callable[[Process], Any]) -> Awaitable[Any]:
        return _ask_to_start(supervisor, (_begin, begin), "temporary", shutdown)

    return TaskStream(what, items, fn, args, options._replace(start=start))


async def _ask_to_start(supervisor: Dest, start: tuple[Any, ...], restart: Restart, shutdown: Shutdown | None) -> Any:
    spec = ChildSpec(Task, start, restart, shutdown, modules=(Task,))
    try:
        return await ask(supervisor, ("start_child", spec))
    except StartError as error:
        if error.reason == "max_children":
            error.add_note(
                "The task supervisor has as many tasks as its max_children= allows; try a larger value, "
                "or a max_concurrency= of streams that leaves room for other tasks."
            )
        raise


def _begin(begin: Callable[[Process], Any]) -> Any:
    """Start a task that runs once, in the supervisor's process."""
    return begin(current_process("a task's start"))


def _run_child(callers: tuple[Process, ...], fn: Callable[..., Any], *args: Any) -> Process:
    """Start a task that may be restarted, in the supervisor's process."""
    parent = current_process("a task's start")
    pid = spawn_work(parent.runtime, parent, callers, fn, args)
    link_processes(parent, pid)
    return pid
