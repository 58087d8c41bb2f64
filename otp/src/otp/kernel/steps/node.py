"""A node: a process table with its names and its event stream, run by the scheduler of an event loop."""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
from asyncio import _get_running_loop as running_loop  # pyright: ignore[reportPrivateUsage]
from contextvars import Context, copy_context
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar
from weakref import WeakValueDictionary

from otp.kernel.ends.death import exit_signal
from otp.kernel.ends.wording import exit_words, keyed_name
from otp.kernel.steps.calls import send_system
from otp.kernel.steps.drain import LoopScheduler
from otp.kernel.steps.signals import wait_down
from otp.kernel.tables.callers import new_call
from otp.kernel.tables.child_tasks import end_found_tasks
from otp.kernel.tables.from_thread import ThreadCall, call_from_thread, cast_from_thread, end_calls, send_from_thread
from otp.kernel.tables.names import wait_registered
from otp.kernel.tables.scheduler import Scheduler, find_scheduler
from otp.kernel.tables.tracing import Subscription, Tracer
from otp.kernel.values.bounded import bounded_text
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.leaving import leave_fork
from otp.kernel.values.pids import Pid, Ref, parse_pid_number
from otp.kernel.values.process import DEAD, EXITING, OWNER, Process, new_process
from otp.kernel.values.sentences import say

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from typing import ParamSpec

    from otp.behaviours.server.child_spec import Startable
    from otp.kernel.tables.tracing import Event
    from otp.kernel.values.terms import Dest, GivenName, Limit, Name, Via

    P = ParamSpec("P")


# The ordered shutdown of a node: applications, owned behaviours, then all other processes from the leaves up.


T = TypeVar("T")

CLOSE_ROUNDS: Final = 1_000  # depth of the deepest tree; ends processes that keep starting successors


async def shut_down(node: Node, timeout: float) -> None:
    """Stop all processes of `node` and remove it from its scheduler; may be cancelled and called again."""
    if node.distribution is not None:
        await node.distribution.drain(timeout)
    if node.applications is not None:
        await node.applications.stop_all(timeout)
    for p in reversed(node.owned):
        await _stop(node, [p], timeout)
    rounds = 0
    while node.process_table:
        roots = [p for p in node.process_table.values() if p.parent is None or p.parent.status == DEAD]
        await _stop(node, roots or list(node.process_table.values()), timeout)
        rounds += 1
        if rounds == CLOSE_ROUNDS:
            say(logging.ERROR, "node %s closes, but its processes keep starting others: killed", node.name)
        if rounds >= CLOSE_ROUNDS:
            for p in list(node.process_table.values()):
                exit_signal(p, node.outside, "kill", False)
    await _tasks_end(node, timeout)
    if node.distribution is not None:
        await node.distribution.stop()
    node.life = "closed"
    node.tracer.emit("node_down", None, {})
    node.tracer.finish()
    try:
        for close in node.doors:  # a door hands over what has happened: the node may be the last one of its program
            await close()
    finally:
        await _leave_scheduler(node, timeout)


async def _leave_scheduler(node: Node, timeout: float) -> None:
    s = node.scheduler
    same_name = s.nodes.get(node.name, [])
    if node in same_name:
        same_name.remove(node)
        if not same_name:
            del s.nodes[node.name]
    if node.thread_calls:
        await end_calls(node, timeout)
    if not s.nodes and node.given_scheduler is None:
        s.close()


async def _tasks_end(node: Node, timeout: float) -> None:
    """Wait for the cleanup of child tasks whose processes have ended, and until what these have opened is closed."""
    end_found_tasks(node.scheduler)
    left = [left.ended() for p, left in node.scheduler.leftover.items() if p.runtime is node]
    if left:
        await asyncio.wait(left, timeout=timeout)


async def _stop(node: Node, processes: list[Process], timeout: float) -> None:
    """Ask processes to stop, wait for all of them, and kill the rest; behaviours are asked as by `stop`."""
    waiting: list[Process] = []
    for p in reversed(processes):
        if p.status != DEAD:
            waiting.append(p)
            busy = p.step is not None and (p.ext is None or not p.ext.trap_exit)
            if p.callbacks is None or busy:  # a busy process that traps nothing might not read the request for minutes
                exit_signal(p, node.outside, "shutdown", False)
            else:
                send_system(p, new_call(node.outside, ("terminate", "shutdown"), p))
    deadline = node.scheduler.now_ns() + round(timeout * 1e9)
    for p in waiting:
        try:
            await wait_down(p, timeout=max(0, deadline - node.scheduler.now_ns()) / 1e9)
        except TimeoutError:
            say(logging.WARNING, "%s did not stop in %s s and is killed", node.label(p), timeout)
            exit_signal(p, node.outside, "kill", False)
    await _tasks_end(node, max(0, deadline - node.scheduler.now_ns()) / 1e9)  # before the next ones are asked


def start_detached(node: Node, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Run a coroutine in a task that belongs to no process."""
    s = node.scheduler
    current, s.current = s.current, None
    try:
        return s.loop.create_task(coroutine, context=Context())
    finally:
        s.current = current


LONGEST_NAME: Final = 100  # characters of a name in the log

_creations: Final = itertools.count(1)  # distinguishes incarnations of a node name; holds no other state


class Node:
    """A running `otp` runtime: processes, names, events.

    `async with otp.Node("shop") as node:` starts it in the running loop; leaving the block is the ordered shutdown,
    after which no task of the runtime is left. It changes no global state. `SystemExit` in a process of it cancels the
    block, which raises it at its end, like a `TaskGroup`.

    Args:
        name: its name.
        scheduler: that of a loop that other code runs; None uses or creates that of the running loop.
        hidden: not the default node for code outside any process, and not asked by `multi_call`; for a node that
            inspects another node of the loop. Erlang's hidden nodes (`erl -hidden`) are not in `nodes/0`.

    >>> import asyncio, otp
    >>> async def main():
    ...     async with otp.Node("shop") as node:
    ...         otp.spawn(lambda: None)
    ...         return node.name
    >>> asyncio.run(main())
    'shop'
    """

    __slots__ = (
        "__weakref__",
        "applications",
        "awaited",
        "body",
        "_cancelled",
        "_closing",
        "context",
        "distribution",
        "ended_by",
        "faults",
        "given_scheduler",
        "life",
        "names",
        "next_number",
        "next_ref_number",
        "outside",
        "owned",
        "process_table",
        "reported",
        "scheduler",
        "shown_pids",
        "_shutdown_request",
        "stopped_by",
        "thread_calls",
        "tracer",
        "watched",
        "watched_life",
        "watched_links",
        "creation",
        "doors",
        "hidden",
        "name",
        "on_shutdown",
    )

    def __init__(self, name: str = "nonode", scheduler: Scheduler | None = None, *, hidden: bool = False) -> None:
        if not isinstance(name, str) or not name:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise BadArgument(f"Node(name): expected a str, got {name!r}")
        self.name: str = name
        self.hidden: bool = hidden
        self.creation: int = next(_creations)
        self.given_scheduler: Scheduler | None = scheduler
        self.process_table: dict[int, Process] = {}
        self.names: dict[Any, Process] = {}
        self.shown_pids: WeakValueDictionary[int, Pid] = WeakValueDictionary()  # pids whose number has been shown
        self.next_number: int = 1
        self.next_ref_number: int = 1
        self.watched: bool = False
        self.watched_life: bool = False
        self.watched_links: bool = False
        self.tracer: Tracer = Tracer(self)
        self.life: Literal["new", "open", "closing", "closed"] = "new"
        self.owned: list[Process] = []
        self.applications: Any = None
        self.awaited: dict[Any, list[Callable[[], None]]] = {}  # by key of a registry, see otp.kernel.tables.names
        self.faults: Any = None  # injected faults, see otp.kernel.steps.faults
        self.distribution: Any = None  # connections with other nodes, see otp.distribution
        self.reported: Any = None  # counts of log records, see otp.kernel.ends.report_limits
        self._shutdown_request: BaseException | None = None
        self.ended_by: str | None = None  # what a process did for which the node shuts down, as a sentence
        self.stopped_by: str | None = None  # why `otp.run` ends it, as a sentence
        self.doors: list[Callable[[], Coroutine[Any, Any, None]]] = []  # close its doors, see otp.doors
        self.body: Any = None  # the task in the block of `async with`, which ends with the node
        self._cancelled: bool = False  # whether that task was cancelled for the shutdown request
        self._closing: asyncio.Task[None] | None = None
        self.thread_calls: set[ThreadCall] = set()
        self.on_shutdown: Callable[[BaseException], None] | None = None
        if scheduler is not None:
            self._open(scheduler)

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if name not in _INTERNAL]

    def __repr__(self) -> str:
        return f"<Node {self.name} with {len(self.process_table)} processes>"

    # Life

    def _open(self, scheduler: Scheduler) -> None:
        self.scheduler: Scheduler = scheduler
        self.life = "open"
        self.context: Context = copy_context()
        self.context.run(OWNER.set, None)
        self.watched = scheduler.post is not None
        if scheduler.virtual:
            self.tracer.clock = scheduler.now_ns
        scheduler.nodes.setdefault(self.name, []).append(self)
        self.outside: Process = new_process(self, None)  # the sender outside any process
        del self.process_table[self.outside.number]
        self.outside.status = DEAD
        self.tracer.emit("node_up", None, {})

    @property
    def ends(self) -> bool:
        """Return whether it shuts down because a process asked for it: no supervisor restarts that process."""
        return self.ended_by is not None and self.life != "open"

    def check_life(self, what: str, *, also_after: bool = False) -> None:
        """Raise `BadArgument` if the node cannot do `what`: before it is entered, or from its shutdown on."""
        if self.life == "new":
            raise BadArgument(f"{what}: node {self.name!r} is not running yet; enter it first with `async with node:`")
        if self.life != "open" and not also_after:
            raise BadArgument(f"{what}: node {self.name!r} {self._word()}; it starts no more processes")

    def _word(self) -> str:
        return "is closing" if self.life == "closing" else "is closed"

    async def __aenter__(self) -> Node:
        if self.life in ("closing", "closed"):
            raise BadArgument(f"node {self.name!r} {self._word()}; try a new one: otp.Node({self.name!r})")
        if self.given_scheduler is None:
            if self.life == "open":
                raise BadArgument(f"node {self.name!r} is already running; use a separate Node for each `async with`")
            if running_loop() is None:  # trio, for example
                raise BadArgument(
                    f"node {self.name!r}: expected a running event loop of asyncio, got none; try asyncio.run(main()), "
                    "or anyio's asyncio backend in place of trio"
                )
            self._open(find_scheduler() or LoopScheduler())
        if not self.hidden:
            self.body = asyncio.current_task() if running_loop() is not None else None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        body, self.body = self.body, None
        asked = self._shutdown_request
        if self._cancelled:
            self._cancelled = False
            body.uncancel()
        await self.close()
        if asked is not None and self.on_shutdown is None and body is not None and not body.done():
            raise asked

    async def close(self, timeout: float = 10.0) -> None:
        """Shut the node down: what it owns in reverse order, then all other processes.

        Processes that do not stop within `timeout` seconds are killed. The shutdown runs once, in its own task:
        callers wait for it, and cancelling a caller does not stop it. A process of the node only requests the shutdown,
        and is stopped like all others.
        """
        closing = self.begin_close(timeout)
        current = None if closing is None else self.scheduler.current
        if closing is not None and (current is None or current.runtime is not self):
            await asyncio.shield(closing)

    def begin_close(self, timeout: float = 10.0) -> asyncio.Task[None] | None:
        """Begin the ordered shutdown unless it has begun; return its task, `None` if the node is not running."""
        if self.life == "new":
            self.life = "closed"
        closing = self._closing
        if self.life == "closed" and (closing is None or closing.done()):  # else its doors wait for their visitors
            return None
        self.scheduler.check_thread("node.close()", "loop.call_soon_threadsafe(node.begin_close)")
        if closing is None or closing.cancelled():  # all tasks were cancelled: finish the shutdown now
            self.life = "closing"
            closing = self._closing = start_detached(self, shut_down(self, timeout))
        return closing

    def request_shutdown(self, error: BaseException, p: Process | None = None) -> None:
        """Request the node's ordered shutdown, once, for a `KeyboardInterrupt` or `SystemExit` in a process.

        Without `on_shutdown`, the node closes; then the block of `async with` is cancelled, and raises the error at its
        end, like a `TaskGroup`. A node without such a block only closes.
        """
        if os.getpid() != self.scheduler.os_pid:
            leave_fork(error)
        if self._shutdown_request is None:
            self._shutdown_request = error
            self.ended_by = exit_words(error, p)
            if self.on_shutdown is not None:
                self.on_shutdown(error)
            else:
                say(logging.ERROR, "node %s shuts down: %s", self.name, self.ended_by)
                closing = self.begin_close()
                if closing is not None:
                    closing.add_done_callback(self._end_block, context=Context())

    def _end_block(self, _closing: asyncio.Task[None]) -> None:
        """Cancel the block of `async with`, after its processes have ended: tasks that wait for them act before it."""
        self._cancelled = self.body is not None and self.body.cancel(f"node {self.name} has shut down")

    async def start(self, cls: type[Startable], arg: Any = None, *, name: GivenName = None, **options: Any) -> Pid:
        """Start a behaviour that the node owns: the node logs its end and stops it on shutdown.

        Args:
            cls: the class of a behaviour: a `GenServer`, a `Supervisor`, …
            arg: the argument of its `init`. A `DynamicSupervisor`, a `TaskSupervisor` and a `Registry` have none: here
                it is a dict of the options of `start_link` (such as `{"max_children": 100}`), or None.
            name: a name to register, or `Registry.via(…)`.
            options: further options of the behaviour's start.

        Returns the pid or `Ignore()`; raises `StartError` like `start_link`. The node does not restart it, not even a
        supervisor that gave up. To end the program or to start it again, use `await otp.wait_down(pid)` in a task.

        >>> import asyncio, otp
        >>> async def main():
        ...     async with otp.Node("shop") as node:
        ...         rooms = await node.start(otp.DynamicSupervisor, {"max_children": 2}, name="rooms")
        ...         return node.whereis("rooms") == rooms
        >>> asyncio.run(main())
        True
        """
        from otp.kernel.steps.starting import start_owned

        what = f"node.start({getattr(cls, '__name__', cls)})"
        self.check_life(what)
        self.scheduler.check_thread(what, "node.call_from_thread(node.start(cls, arg))")
        return await start_owned(self, cls, arg, name, options)

    def spawn(self, fn: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> Pid:
        """Spawn a process on this node, like `otp.spawn`; raises `BadArgument` unless the node runs."""
        from otp.kernel.steps.starting import spawn_on

        self.check_life("node.spawn(fn)")
        self.scheduler.check_thread("node.spawn(fn)", "node.call_from_thread(f()), where `async def f()` does it")
        return spawn_on(self, None, fn, args, kwargs)

    # Tables

    def processes(self) -> list[Pid]:
        """Return the pids of all living processes, oldest first."""
        return [p for p in self.process_table.values() if p.status != EXITING]

    def parse_pid(self, text: str) -> Pid:
        """Return the pid that a string names: `<0.17.0>`, `0.17.0`, `#PID<0.17.0>` or `to_text()`'s form.

        A pid that is not alive is found too, as a dead pid that equals the original. Raises `BadArgument` for other
        texts and other nodes.
        """
        parsed = parse_pid_number(text) if isinstance(text, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
        if parsed is None:
            raise BadArgument(f"parse_pid: expected a str such as '<0.17.0>', got {text!r}")
        number, node = parsed
        if node is not None and node != self.name:
            raise BadArgument(f"parse_pid: {text!r} is a pid of node {node!r}, this is {self.name!r}")
        if not 0 < number < self.next_number:
            raise BadArgument(f"parse_pid: {text!r} was never a process of node {self.name!r}")
        return self.pid_numbered(number)

    def pid_numbered(self, number: int) -> Pid:
        """Return the pid with this number; a dead pid if no process has it."""
        found = self.process_table.get(number) or self.shown_pids.get(number)
        if found is None:
            found = new_process(self, None)
            del self.process_table[found.number]
            self.next_number -= 1
            found.number = number
            found.status = DEAD
            self.shown_pids[number] = found
        return found

    def whereis(self, name: Name) -> Pid | None:
        """Return the pid with this name on this node, or `None`."""
        return self.names.get(name)

    def release_name(self, p: Process) -> None:
        """Free the name of a process."""
        side = p.side
        if side is None or side.name is None:
            return
        name, side.name = side.name, None
        try:
            if self.names.get(name) is p:
                del self.names[name]
            else:
                self._sweep_names(p)
        except Exception:  # a `__hash__` or `__eq__` that raises by now
            self._sweep_names(p)
        if self.tracer.subscriptions:
            self.tracer.emit("unregistered", p, {"name": name})

    def _sweep_names(self, p: Process) -> None:
        """Free a name that cannot be looked up any more, and all others that cannot be hashed."""
        entries = list(self.names.items())
        self.names.clear()
        for name, holder in entries:
            if holder is not p:
                with contextlib.suppress(Exception):
                    self.names[name] = holder

    async def wait_registered(self, name: Name | Via, timeout: Limit = "infinity") -> Pid:
        """Wait until a process has the name, now or after a restart, and return the pid.

        Args:
            name: a registered name of this node, `Registry.via(…)`, or `(name, node)` for another node of this loop. A
                registry that is not running yet is waited for as well.
            timeout: seconds to wait, by default without limit. Then `TimeoutError`.

        Raises `BadArgument` for a name that no process can take: a pid, a key of an object that is not a unique
        registry, a name on a remote node. Also raised if the node, or a registry given by its pid, ends meanwhile.

        >>> import otp
        >>> async def main():
        ...     me = otp.self()
        ...     otp.spawn(lambda: otp.register("till", me))
        ...     return await otp.node().wait_registered("till", timeout=1) == me
        >>> otp.run(main)
        True
        """
        return await wait_registered(self, name, timeout)

    def subscribe(
        self,
        callback: Callable[[Event], object],
        *,
        kinds: Iterable[str] | None = None,
        pids: Iterable[Pid] | None = None,
        limit: int | None = None,
        rate: int | None = None,
        focus: bool = False,
    ) -> Subscription:
        """Read the node's events; see `otp.trace.subscribe`."""
        self.check_life("node.subscribe(callback)", also_after=True)
        if self.life == "open":
            self.scheduler.check_thread(
                "node.subscribe(callback)", "node.call_from_thread(f()), where `async def f()` does it"
            )
        return self.tracer.add(callback, kinds, pids, limit, rate, focus)

    @property
    def trace_seq(self) -> int:
        """The number of the last event."""
        return self.tracer.seq

    @property
    def restart_count(self) -> int:
        """The number of restarts by supervisors of this node since its start."""
        return self.tracer.restarts

    def make_ref(self) -> Ref:
        """Return a fresh reference."""
        return Ref(self, self.next_ref())

    def next_ref(self) -> int:
        """Return the number of the next reference."""
        n = self.next_ref_number
        self.next_ref_number = n + 1
        return n

    # Threads

    def call_from_thread(self, coroutine: Coroutine[Any, Any, T], timeout: Limit = "infinity") -> T:
        """Run a coroutine (such as `GenServer.call(…)`) in the node's loop from another thread, and wait.

        Names that it uses are those of this node. Servers see the process whose `Task.run_blocking` started the thread
        as their caller, otherwise a pid that exists for this call only.

        Args:
            coroutine: a coroutine object, not yet awaited.
            timeout: seconds to wait; then the coroutine is cancelled.

        Returns what the coroutine returns and raises what it raises; `TimeoutError` when the time is up;
        `CancelledError` (of `concurrent.futures`) if the node closed meanwhile; `BadArgument` on the thread of the
        node's own loop, which would wait for itself, and for a node that is not running.

        >>> import asyncio, otp
        >>> async def main():
        ...     async with otp.Node("shop") as node:
        ...         await otp.Agent.start(lambda: 42, name="answer")
        ...         ask = lambda: node.call_from_thread(otp.Agent.get("answer", lambda n: n))
        ...         return await asyncio.to_thread(ask)
        >>> asyncio.run(main())
        42
        """
        return call_from_thread(self, coroutine, timeout)

    def send_from_thread(self, dest: Dest, message: Any) -> None:
        """Send a message from another thread; messages of one thread arrive in order.

        A name is resolved on this node when the message is delivered; an unknown name is logged as a warning (the
        thread has gone on by then; `otp.send` raises).

        Raises `BadArgument` on the thread of the node's own loop, for a node that is not running, and for an invalid
        destination.

        >>> import asyncio, otp
        >>> async def main():
        ...     await asyncio.to_thread(otp.node().send_from_thread, otp.self(), "hello")
        ...     return await otp.receive()
        >>> otp.run(main)
        'hello'
        """
        send_from_thread(self, dest, message)

    def cast_from_thread(self, dest: Any, request: Any) -> str:
        """Cast from another thread, like `GenServer.cast`.

        Always `"ok"`, even if the process does not exist. Names are resolved on this node; casts and messages from one
        thread arrive in order. Raises `BadArgument` like `send_from_thread`.

        >>> import asyncio, otp
        >>> async def main():
        ...     await asyncio.to_thread(otp.node().cast_from_thread, "nobody", 1)
        ...     return await asyncio.to_thread(otp.node().cast_from_thread, otp.self(), "hello"), await otp.receive()
        >>> otp.run(main)
        ('ok', ('$gen_cast', 'hello'))
        """
        return cast_from_thread(self, dest, request)

    # Descriptions

    def describe(self, p: Process) -> str:
        """Return what a process runs: its class or its function."""
        if p.callbacks is not None:
            return p.callbacks.cls.__qualname__
        return "process" if p.coroutine is None else p.coroutine.__qualname__

    def label(self, p: Process) -> str:
        """Return a description of a process: name, pid and what it runs."""
        name = keyed_name(p) if p.registered_name is None else p.registered_name
        if name is None:
            shown = f"process {p}"
        else:
            shown = f"{name[:LONGEST_NAME] if type(name) is str else bounded_text(name, LONGEST_NAME)} ({p})"
        return f"{shown}, {self.describe(p)},"


_INTERNAL: Final = {"check_life", "ends", *Node.__slots__} - {"creation", "hidden", "name", "on_shutdown"}

"""Attributes of a node for the packages of `otp` only; `dir(node)` leaves them out."""
