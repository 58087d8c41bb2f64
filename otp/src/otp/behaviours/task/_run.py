"""A running stream of tasks: the started tasks, their ends, and the next result for the reader.

Source: Elixir's `task/supervised.ex`, `stream_reduce` and `stream_monitor_loop`.
"""

from __future__ import annotations

from asyncio import Future
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from typing import Any, Final, Literal, NamedTuple, NoReturn, TypeAlias, cast

from otp.behaviours.task._waiting import normalize_timeout, take
from otp.behaviours.task._work import TaskExit, TaskOk, callers_of, find_caller, spawn_work
from otp.kernel.ends.death import exit_signal, forget_link
from otp.kernel.ends.mailbox import receive
from otp.kernel.steps.signals import link_processes
from otp.kernel.steps.starting import spawn_on
from otp.kernel.tables.names import node_here
from otp.kernel.tables.scheduler import Scheduler, Timer, current_process, nanoseconds
from otp.kernel.values.errors import BadArgument, Exit
from otp.kernel.values.messages import ExitSignal, unwatch, watch
from otp.kernel.values.process import DEAD, Process
from otp.kernel.values.results import ABSENT, Ignore

__all__ = ["DEFAULT_CONCURRENCY", "OnTimeout", "Run", "StreamOptions"]

OnTimeout: TypeAlias = Literal["exit", "kill_task"]
Starter: TypeAlias = Callable[[Callable[[Process], Any]], Awaitable[Any]]

DEFAULT_CONCURRENCY: Final = 8
"""The default concurrency; not the number of cores as in Elixir, so that runs do not differ by machine."""

_END: Final = object()


class StreamOptions(NamedTuple):
    """The options of a stream, as given."""

    max_concurrency: int = DEFAULT_CONCURRENCY
    ordered: bool = True
    timeout: Any = 5.0
    on_timeout: OnTimeout = "exit"
    zip_input_on_exit: bool = False
    link: bool = True
    start: Starter | None = None  # starts the processes, if not the stream itself

    def checked(self, what: str) -> StreamOptions:
        """Return the options themselves if they are valid; raises `BadArgument`."""
        count = self.max_concurrency
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise BadArgument(f"{what}: expected max_concurrency= an int of at least 1, got {count!r}")
        if self.on_timeout not in ("exit", "kill_task"):
            raise BadArgument(f"{what}: expected on_timeout= 'exit' or 'kill_task', got {self.on_timeout!r}")
        nanoseconds(self.timeout, f"{what}: timeout=", infinite=True)
        return self


class _Job:
    """An item of the stream: its process, and how it ended."""

    __slots__ = ("item", "late", "pid", "position", "run", "timer", "value")

    def __init__(self, run: Run, position: int, item: Any) -> None:
        self.run = run
        self.position = position
        self.item = item
        self.pid: Process | None = None
        self.timer: Timer | None = None
        self.value: Any = ABSENT
        self.late = False

    def done(self, value: Any) -> None:
        """Store the value that the function returned."""
        self.value = value

    def ended(self, reason: Any) -> None:
        """Store the end of the process."""
        run = self.run
        if self.timer is not None:
            self.timer.fire = None
        if run.jobs.pop(self.position, None) is None:
            return
        if self.value is not ABSENT:
            result: TaskOk[Any] | TaskExit | None = TaskOk(self.value)
        elif self.late and run.options.on_timeout == "exit":
            result = None
        else:
            reason = "timeout" if self.late else reason
            result = TaskExit((self.item, reason) if run.options.zip_input_on_exit else reason)
        run.finished.append((self.position, result))
        run.wake()

    def time_is_up(self, timer: Timer) -> None:
        """Kill a task that took too long, regardless of `on_timeout`; processes linked to it do not end."""
        pid, anchor = self.pid, self.run.anchor
        self.late = True
        if pid is not None:
            if anchor is not None:
                forget_link(anchor, pid)
                forget_link(pid, anchor)
            exit_signal(pid, self.run.sender, "kill", False)


class Run:
    """A running stream. Tasks refer to it and not to the `TaskStream`, so that the latter's end is noticed."""

    __slots__ = (
        "active",
        "anchor",
        "args",
        "broken",
        "callers",
        "closed",
        "delivered",
        "done",
        "finished",
        "fn",
        "is_async",
        "jobs",
        "me",
        "options",
        "s",
        "sender",
        "source",
        "spawned",
        "waiter",
        "watching",
    )

    def __init__(self, items: Any, fn: Callable[..., Any], args: tuple[Any, ...], options: StreamOptions) -> None:
        self.fn = fn
        self.args = args
        self.options = options
        self.is_async = isinstance(items, AsyncIterable)
        self.source: Any = items.__aiter__() if self.is_async else iter(items)
        self.me = me = _reader(options)
        node = node_here("async_stream") if me is None else me.runtime
        self.s: Scheduler = node.scheduler
        self.callers = callers_of(me)
        self.anchor: Process | None = None
        if me is not None and options.link:
            self.anchor = spawn_on(node, me, _hold_together, (), {})
            self.anchor.ensure_ext().trap_exit = me.ext is not None and me.ext.trap_exit
            link_processes(me, self.anchor)
            watch(self.anchor, self.broke)
        self.sender: Process = self.anchor or me or node.outside
        self.jobs: dict[int, _Job] = {}
        self.finished: deque[tuple[int, TaskOk[Any] | TaskExit | None]] = deque()
        self.done: dict[int, TaskOk[Any] | TaskExit] = {}
        self.active = 0  # tasks whose end the reader has not processed
        self.spawned = 0
        self.delivered = 0
        self.broken: tuple[Any] | None = None
        self.waiter: Future[None] | None = None
        self.closed = False
        self.watching = None if me is None else watch(me, self.reader_ended)

    async def next(self) -> TaskOk[Any] | TaskExit:
        """Return the next result, like `stream_reduce`: deliver what is due, take items, process an end, repeat."""
        while not self.closed:
            due = self.done.pop(self.delivered, None)
            if due is not None:
                self.delivered += 1
                return due
            await self.fill()
            if not self.active:
                self.close()
                break
            while not self.finished and self.broken is None and not self.closed:
                await self.wait()
            if self.broken is not None:
                self.fail(self.broken[0])
            if not self.finished:
                break
            position, result = self.finished.popleft()
            self.active -= 1
            if result is None:
                self.fail("timeout")
            elif self.options.ordered:
                self.done[position] = result
            else:
                self.delivered += 1
                return result
        raise StopAsyncIteration

    def fail(self, reason: Any) -> NoReturn:
        """End the reader's wait, like `exit`."""
        self.close()
        raise Exit((reason, ("Task", "async_stream", [normalize_timeout(self.options.timeout)])))

    async def fill(self) -> None:
        """Start tasks while there is room; an async source is not read while an end is unprocessed."""
        try:
            while self.active < self.options.max_concurrency and self.source is not None:
                if not self.is_async:
                    item = next(cast("Iterator[Any]", self.source), _END)
                elif self.finished:
                    return
                else:
                    try:
                        item = await self.source.__anext__()
                    except StopAsyncIteration:
                        item = _END
                if item is _END:
                    self.source = None
                else:
                    await self.start(item)
        except BaseException:
            self.close()
            raise

    async def start(self, item: Any) -> None:
        job = self.jobs[self.spawned] = _Job(self, self.spawned, item)
        self.spawned += 1
        self.active += 1
        if self.options.start is None:
            self.begin(job, self.sender)
        elif isinstance(await self.options.start(lambda supervisor: self.begin(job, supervisor)), Ignore):
            job.ended("noproc")

    def begin(self, job: _Job, parent: Process) -> Any:
        """Start the process of a job, in the process of its parent."""
        if self.closed or self.broken is not None:
            return Ignore()
        job.pid = pid = spawn_work(
            parent.runtime, parent, self.callers, self.fn, (job.item, *self.args), None, job.done
        )
        if self.options.start is not None:
            link_processes(parent, pid)
        if self.anchor is not None:
            link_processes(self.anchor, pid)
        watch(pid, job.ended)
        limit = nanoseconds(self.options.timeout, "timeout=", infinite=True)
        if limit is not None:
            job.timer = self.s.call_at(self.s.now_ns() + limit, job.time_is_up)
        return pid

    async def wait(self) -> None:
        """Wait until a task has ended."""
        if self.waiter is not None:
            raise RuntimeError("a stream of tasks: expected one reader at a time, got two; try a stream for each")
        self.waiter = self.s.loop.create_future()
        try:
            await self.waiter
        finally:
            self.waiter = None

    def wake(self) -> None:
        """Wake the reader after an end."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def broke(self, reason: Any) -> None:
        """Handle the end of the process that links the tasks."""
        if not self.closed:
            self.broken = (reason,)
            self.wake()

    def reader_ended(self, reason: Any) -> None:
        """End the tasks of a reader that ended without leaving the stream, where links do not."""
        anchor = self.anchor
        if anchor is None or reason == "normal":
            self.close()
        elif not self.closed and anchor.status != DEAD:
            anchor.ensure_ext().trap_exit = False
            exit_signal(anchor, self.sender, reason, True)

    def close(self) -> None:
        """Kill the running tasks; none of their messages stays in a mailbox."""
        if self.closed:
            return
        self.closed = True
        self.source = None
        me, anchor = self.me, self.anchor
        jobs, self.jobs = self.jobs, {}
        if self.watching is not None:
            unwatch(self.watching)
        if me is not None and anchor is not None:
            forget_link(me, anchor)
            forget_link(anchor, me)
        for job in jobs.values():
            if job.timer is not None:
                job.timer.fire = None
            if job.pid is not None:
                exit_signal(job.pid, self.sender, "kill", False)
        if anchor is not None:
            exit_signal(anchor, anchor if me is None else me, "kill", False)
            if me is not None and self.s.current is me:  # its exit may already be in the mailbox
                take(me, lambda message: type(message) is ExitSignal and message.pid is anchor)  # pyright: ignore[reportUnknownArgumentType]
        self.finished.clear()
        self.done.clear()
        self.wake()


def _reader(options: StreamOptions) -> Process | None:
    """Return the reader: the running process; without links it may be None."""
    if options.link:
        return current_process("a stream of linked tasks", "outside a process use TaskSupervisor.async_stream_nolink")
    return find_caller()


async def _hold_together() -> None:
    """Run the process between the reader and the tasks: it exists for its links."""
    while True:
        await receive()  # exits of tasks, if the reader traps exits


_hold_together.__qualname__ = "Task.async_stream"
