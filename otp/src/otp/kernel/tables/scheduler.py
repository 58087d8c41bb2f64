"""The scheduler, one per event loop and thread: run queue, clock, random source and timers.

Everything that differs between production and a deterministic run (time, randomness, order) is read here and nowhere
else.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import os
import random
import threading
import time
import types
from asyncio import AbstractEventLoop
from asyncio import _get_running_loop as running_loop  # pyright: ignore[reportPrivateUsage]
from collections import deque
from collections.abc import Callable, Generator
from contextvars import Context
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn
from weakref import WeakKeyDictionary

from otp.kernel.values.current_tasks import current_task_table
from otp.kernel.values.errors import BadArgument, NotAProcess
from otp.kernel.values.leaving import IN_A_FORK, NONE_IN_FORK, leave_if_forked
from otp.kernel.values.process import DEAD, OWNER, Process

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.tables.child_tasks import Ended, Leftover


BUDGET: Final = 500  # messages and resumes of one drain: about 0.2 ms

DRAIN_NS: Final = 500_000

CLEANUP_SECONDS: Final = 5.0  # for ends other than a kill, outside a supervisor

SWEEP_FROM: Final = 1_000  # timers, or callers in the wheel; below, dead entries wait for their time

DEFAULT_TIMEOUT: Final = 5_000_000_000  # ns, of a call

LATE_NS: Final = 100_000_000

LATE_TURNS: Final = 8

"""Turns of the loop for which timers wait that are more than `LATE_NS` late: the program was stopped or its loop held,
and replies that have arrived come before the time-outs."""

TICK: Final = 8_000_000  # ns: width of a bucket of call time-outs, which fires one width after its end

NS: Final = 1_000_000_000

CALL_FROM_THREAD: Final = "node.call_from_thread(GenServer.call(dest, request))"

FROM_THREADS: Final = (
    f"node.cast_from_thread(dest, request), node.send_from_thread(dest, message) or {CALL_FROM_THREAD}"
)

LONGEST: Final = 1e12  # seconds, 31,000 years: more is not a valid number of nanoseconds for a clock


def nanoseconds(seconds: Any, what: str, *, infinite: bool = False) -> int | None:
    """Round seconds to whole nanoseconds; a time that is not 0 is at least one, so that a wait for it ends later.

    Returns `None` for no limit, where `infinite` allows it.

    Raises `BadArgument` for a negative time, one of more than 1e12 s, a bool, a text or NaN.
    """
    kind = type(seconds)  # pyright: ignore[reportUnknownVariableType]
    if (kind is int or kind is float) and 0 <= seconds <= LONGEST:  # twice as fast for most times
        return seconds * NS if kind is int else round(seconds * 1e9) or int(seconds > 0)
    if infinite and (seconds is None or seconds == "infinity"):
        return None
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not 0 <= seconds <= LONGEST:
        limit = ', "infinity" or None' if infinite else ""
        if is_number and LONGEST < seconds < float("inf"):
            raise BadArgument(f"{what}: expected at most 1e12 seconds{limit}, got {_format_seconds(seconds)}")
        raise BadArgument(f"{what}: expected a time in seconds >= 0{limit}, got {seconds!r}")
    return seconds * NS if isinstance(seconds, int) else round(seconds * 1e9) or int(seconds > 0)


def _format_seconds(seconds: float) -> str:
    return repr(seconds) if isinstance(seconds, float) or seconds < 1 << 64 else "an integer of more than 64 bits"


def _system_clock(read: Callable[[], int] = time.monotonic_ns) -> int:
    """Read the clock of a loop that is not written in Python; libraries that freeze time do not affect it."""
    return read()


class Timer:
    """An entry of the timer heap; `fire` is `None` once it fired or was cancelled."""

    __slots__ = ("due", "fire", "ref", "target")

    def __init__(self, due: int, fire: Callable[[Timer], object], target: Any = None, ref: Any = None) -> None:
        self.due: int = due
        self.fire: Callable[[Timer], object] | None = fire
        self.target: Any = target
        self.ref: Any = ref

    def is_idle(self) -> bool:
        """Return whether it has no effect: cancelled, fired, or a message to a process that has ended."""
        if self.fire is None or self.ref is None:
            return self.fire is None
        dest = self.target[0]  # a name has no status
        return isinstance(dest, Process) and dest.status == DEAD


class _Thread(threading.local):
    """The schedulers of this thread, by loop."""

    def __init__(self) -> None:
        self.by_loop: dict[AbstractEventLoop, Scheduler] = {}
        self.is_fork: bool = False  # its schedulers belong to the parent of this fork
        self.signal_mask: Any = None  # the mask before a fork


thread: _Thread = _Thread()

here: Any = threading.local()  # of this very type: an attribute is found in half the time

"""The scheduler used `last` in this thread, or None; a thread that never had one lacks the attribute."""


class Scheduler:
    """Run queue, clock, random source and timers of one event loop.

    The code that runs the processes is added by `LoopScheduler`. `inline` says whether an idle server may run on its
    caller's stack (`"seeded"`: the random source chooses each time).
    """

    __slots__ = (
        "_append",
        "_follows_loop",
        "_sweep_at",
        "_timer_handle",
        "_timer_no",
        "base_context",
        "began",
        "busy",
        "callbacks",
        "credit",
        "current",
        "cycles",
        "dead",
        "default_deadline",
        "depth",
        "drain",
        "drains",
        "eager",
        "filed",
        "finishing",
        "future_done",
        "handled",
        "hold_files",
        "holds",
        "heap",
        "idle",
        "idle_watch",
        "inline",
        "late",
        "late_worst",
        "leftover",
        "lock",
        "longest",
        "loop",
        "nodes",
        "notices",
        "now",
        "os_pid",
        "pool",
        "post",
        "prolonged",
        "push",
        "random",
        "reports_tasks",
        "runq",
        "searching",
        "send",
        "sweep_wheel_at",
        "switches",
        "task_failed",
        "task_names",
        "task_table",
        "tasks_to_find",
        "tasks_to_watch",
        "tells_owners",
        "to_notify",
        "virtual",
        "watchdogs",
        "watched",
        "wheel",
        "window_ns",
        "work_ns",
        "wrapped",
    )

    def __init__(
        self,
        loop: AbstractEventLoop | None = None,
        *,
        inline: bool | Literal["seeded"] = True,
        rng: random.Random | None = None,
    ) -> None:
        self.loop: AbstractEventLoop = asyncio.get_running_loop() if loop is None else loop
        self.virtual: bool = getattr(self.loop, "virtual", False)
        self._follows_loop: bool = type(getattr(type(self.loop), "time", None)) is FunctionType
        self.work_ns: Callable[[], int] = self.now_ns if self.virtual else time.monotonic_ns
        """Read a clock for durations of work, which is also right where the loop's clock is frozen or scaled."""
        own_time = self._follows_loop and type(self.loop).time is not asyncio.BaseEventLoop.time
        self.window_ns: Callable[[], int] = self.now_ns if own_time else time.monotonic_ns
        """Read the clock of restart windows: that of the loop if it has one, otherwise the system's, without a call."""
        self.runq: deque[Process] = deque()
        self._append = self.runq.append
        self.push: Callable[[Process], None] = self._push_first
        """Put a READY process into the run queue."""
        self.current: Process | None = None
        # How many messages the drain may still handle, and at the same time the permission to run an idle server on its
        # caller's stack: `call` reads one number for both. It is 0 outside a drain (test_any_process_may_answer_later)
        # and while messages are read (test_a_call_and_its_answer_bear_the_same_reference). An inline call costs 1
        # (test_a_process_that_calls_without_end_lets_the_loop_serve_others).
        self.credit: int = 0
        self.cycles: Any = None  # calls that were part of a cycle, by their caller, see `call_cycles`
        self.depth: int = 0
        self.idle: bool = True
        self.idle_watch: Any = None  # waiters for idleness, see otp.testing.real_idle
        self.inline = inline
        self.random: random.Random = random.Random() if rng is None else rng
        self.eager: bool = True  # a task may take its first step on the stack of its creator
        self.tells_owners: bool = False  # the loop attributes tasks and callbacks to processes, see `owners`
        self.reports_tasks: bool = False  # the loop reports each new task, see `child_tasks`
        self.leftover: dict[Process, Leftover] = {}  # tasks that outlive their process
        self.tasks_to_find: dict[Process, Ended] = {}  # dead processes that may have left tasks
        self.task_names: WeakKeyDictionary[Process, str] = WeakKeyDictionary()  # of processes, by `set_name`
        self.tasks_to_watch: dict[Process, None] = {}  # processes in whose child tasks `otp.exit` was called
        self.nodes: dict[str, list[Node]] = {}
        self.finishing: bool = False  # an end is being carried out: others wait in `dead`
        self.dead: deque[Any] = deque()
        self.notices: int = 0  # links notified in this step
        self.to_notify: deque[Any] = deque()  # (process, reason, event) of ends whose links are notified in slices
        self.drains: int = 0
        self.switches: int = 0  # entries taken from the run queue
        self.handled: int = 0  # messages of servers, spent credit, and steps of coroutines from the run queue
        self.busy: int = 0  # ns spent in all drains
        self.longest: int = 0  # ns of the longest drain
        self.late: int | None = None  # ns by which the last timers that fired were late
        self.late_worst: int = 0
        # Empty lists for mailboxes. An idle server has none: it borrows one with its first message and returns it with
        # the last (test_of_the_mailboxes_of_many_servers_few_are_kept_for_others).
        self.pool: list[list[Any]] = []
        self.post: Any = None  # post of a testing scheduler: delivers messages later
        self.watchdogs: list[Any] = []  # of this loop; those behind the first one may be spare, see otp.watchdog
        self.hold_files: tuple[Any, ...] = ()  # those that its watchdog writes, see otp.doors.holds
        self.holds: tuple[tuple[float, Any], ...] = ()  # the last ones that a watchdog saw, see otp.watchdog.find_held
        self.watched: set[Node] = set()  # nodes whose messages are read: no inline calls
        self.wheel: dict[int, list[Process]] = {}
        self.searching: bool = False  # one search for holders at a time, see `holders`
        self.wrapped: dict[str, tuple[Any, Any]] = {}  # methods of the loop with those before, see `opening`
        self.filed: int = 0  # callers in the wheel, and the count at which dead ones are dropped
        self.sweep_wheel_at: int = SWEEP_FROM
        self.prolonged: dict[int, int] = {}  # default deadlines of long drains, with their extended values
        self.callbacks: Any = getattr(self.loop, "_ready", True)  # the queue of asyncio's loop; others hide theirs
        self.heap: list[tuple[int, int, Timer]] = []
        self._sweep_at = SWEEP_FROM
        self._timer_no = 0
        self._timer_handle: tuple[int, asyncio.Handle] | None = None
        self.base_context: Context = Context()
        self.task_table: Any = current_task_table(self.loop)
        self.drain: Callable[[], None]
        self.future_done: Callable[..., None]
        self.send: Callable[..., None]
        self.task_failed: Callable[..., None]
        self.now: int = 0  # time of the timers that fire
        self.began: int = 0  # start of the current work, by `work_ns`
        self.default_deadline: int = 0  # of calls that begin in this work; 0 until the first one
        self.lock: Any  # held by the loop's thread for good, see `owned`
        self._own()
        self.os_pid: int = os.getpid()
        self.begin_work()
        thread.by_loop[self.loop] = self
        here.last = self
        thread.is_fork = False

    # Clock

    def now_ns(self) -> int:
        """Return the clock of the loop, which all timers follow, in whole nanoseconds.

        A loop that is not written in Python, such as uvloop, reads the system's monotonic clock once per turn: there,
        that clock is read, or a limit that is set in a long callback would begin before it.
        """
        if self.virtual:
            loop: Any = self.loop
            return loop.now_ns
        return int(self.loop.time() * 1e9) if self._follows_loop else _system_clock()

    def begin_work(self) -> int:
        """Record the start of a slice of work, by `work_ns`."""
        self.default_deadline = 0
        self.began = began = self.work_ns()
        return began

    def read_deadline(self) -> int:
        """Read the clock once for all calls that begin in this slice of work; return their deadline."""
        self.default_deadline = deadline = self.now_ns() + DEFAULT_TIMEOUT
        return deadline

    def prolong(self) -> None:
        """Extend the deadlines of calls begun in a long drain: their five seconds start at its end."""
        if not self.default_deadline:
            return
        now = self.now_ns()
        prolonged = self.prolonged
        while prolonged and next(iter(prolonged.values())) <= now:
            del prolonged[next(iter(prolonged))]
        prolonged[self.default_deadline] = now + DEFAULT_TIMEOUT

    # Run queue

    def _push_first(self, p: Process) -> None:
        """Queue a process and wake the loop: the `push` in use while no drain is scheduled.

        Other pushes therefore need no check for a drain, nor for the thread.
        """
        if running_loop() is not self.loop and not self.is_here():
            self._refuse_push(p)
        self._append(p)
        self.wake()

    def _refuse_push(self, p: Process) -> NoReturn:
        """Refuse a push from another thread, but queue `p`, which is READY already.

        Its state was changed by the fast path, which cannot undo it: the message arrives.
        """
        leave_if_forked(p)
        if os.getpid() == self.os_pid:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self.loop.call_soon_threadsafe(lambda: self.push(p), context=self.base_context)
        self.check_thread(f"a message, an answer or a signal to {p}")
        raise AssertionError("should never happen, a bug of otp: refused in the scheduler's own thread")

    def rest(self) -> None:
        """Mark the queue as empty: the next READY process wakes the loop."""
        self.idle = True
        self.push = self._push_first

    def wake(self) -> None:
        """Schedule the drain, in the base context, so that no context variable leaks into it."""
        self.idle = False
        self.push = self._append
        self.loop.call_soon(self.drain, context=self.base_context)

    def begin_drain(self, p: Process) -> None:
        """Run `p` now, in a callback of an idle loop: the drain that `push` schedules would run one turn later."""
        self.idle = False
        self.push = self._append
        self._append(p)
        self.drain()

    def on_main(self, me: Process) -> bool:
        """Return whether the main coroutine of the current process `me` runs, not an eager child task."""
        return self.task_table.get(self.loop) is me

    def _own(self) -> None:
        """Make this thread the one that the loop runs in."""
        self.lock = lock = threading.RLock()
        lock.acquire()

    def owned(self) -> bool:
        """Return whether this is the loop's thread, by a lock that it holds for good; `is_here` checks a second time.

        This takes 10 ns, a `threading.local` 60. `call` reads the lock itself.
        """
        return self.lock._is_owned()

    def is_here(self) -> bool:
        """Return whether this is the thread of the scheduler's loop."""
        if not self.owned():
            if running_loop() is not self.loop:
                return False
            self._own()  # the loop was made in another thread
        return True

    def check_thread(self, what: str, instead: str = "") -> None:
        """Raise `BadArgument` in a thread other than the loop's, where tables must not be touched.

        `send` and `cast` check only where they wake an idle server or an idle loop: more would cost every message.
        """
        if not self.is_here():
            self.check_os_process(what)
            raise BadArgument(
                f"{what}: expected the thread of the node's event loop, got {threading.current_thread().name!r}; "
                f"try {instead or FROM_THREADS}"
            )

    def check_os_process(self, what: str) -> None:
        """Raise `BadArgument` in a fork of the OS process that runs the loop."""
        if os.getpid() != self.os_pid:
            raise BadArgument(
                f"{what}: expected the process {self.os_pid} of the operating system, which runs the node's event "
                f"loop, got a fork of it; {IN_A_FORK}"
            )

    def watch(self, node: Node, watched: bool) -> None:
        """Note that reading a node's messages began or ended; meanwhile no call runs inline, unseen."""
        if watched:
            self.watched.add(node)
            self.handled -= self.credit  # removed, not spent
            self.credit = 0
        else:
            self.watched.discard(node)

    def drain_credit(self) -> int:
        """Return how many calls may run inline in a drain."""
        return BUDGET if self.inline is True and not self.watched else 0

    # Timers

    def call_at(self, due: int, fire: Callable[[Timer], object], target: Any = None, ref: Any = None) -> Timer:
        """Call `fire(timer)` when the clock reaches `due` (ns)."""
        timer = Timer(due, fire, target, ref)
        handle = self._timer_handle
        if handle is None or due < handle[0]:
            self._arm(due)  # first: a time that the loop refuses must not enter the heap
        self._timer_no += 1
        heap = self.heap
        heapq.heappush(heap, (due, self._timer_no, timer))
        if len(heap) > self._sweep_at:
            self._sweep()
        return timer

    def _arm(self, due: int) -> None:
        if self._follows_loop:
            handle = self.loop.call_at(due / 1e9, self._fire_timers, context=self.base_context)
        else:
            delay = max(0, due - _system_clock()) / 1e9
            handle = self.loop.call_later(delay, self._fire_timers, context=self.base_context)
        if self._timer_handle is not None:
            self._timer_handle[1].cancel()
        self._timer_handle = (due, handle)

    def _sweep(self) -> None:
        """Drop entries without effect once they may be half of all, so that cancelled timers do not pile up."""
        self.heap[:] = [entry for entry in self.heap if not entry[2].is_idle()]
        heapq.heapify(self.heap)
        self._sweep_at = max(SWEEP_FROM, 2 * len(self.heap))

    def _fire_timers(self, turns: int = 0) -> None:
        armed, self._timer_handle = self._timer_handle, None
        heap = self.heap
        self.begin_work()
        now = self.now_ns()
        if armed is not None and self._follows_loop and now < armed[0]:
            now = armed[0]  # the loop decides when a timer is due; the tests of some projects run its handles early
        self.now = now
        limit = BUDGET
        if heap and heap[0][0] <= now:
            self.late = late = now - heap[0][0]
            if late > self.late_worst:
                self.late_worst = late
            if late > LATE_NS and turns < LATE_TURNS and not self.virtual:
                handle = self.loop.call_soon(self._fire_timers, turns + 1, context=self.base_context)
                self._timer_handle = (heap[0][0], handle)
                return
        try:
            while heap and heap[0][0] <= now and limit:
                timer = heapq.heappop(heap)[2]
                fire = timer.fire
                if fire is not None:
                    limit -= 1
                    timer.fire = None
                    fire(timer)
            while heap and heap[0][2].fire is None:
                heapq.heappop(heap)
        finally:  # a timer that raises must not stop the others, nor a new one that is due after them
            if heap and ((handle := self._timer_handle) is None or heap[0][0] < handle[0]):
                self._arm(heap[0][0])

    # Life

    def forget_work(self) -> None:
        """Drop all queued work: in a fork it would run a second time."""
        self.push = self._push_first
        self.current = None
        self.credit = 0
        self.runq.clear()
        self.heap.clear()

    def close(self) -> None:
        """Forget the loop, when its last node is closed."""
        if self._timer_handle is not None:
            self._timer_handle[1].cancel()
            self._timer_handle = None
        self.heap.clear()
        self.wheel.clear()
        self.filed = 0
        self.prolonged.clear()
        if thread.by_loop.get(self.loop) is self:
            del thread.by_loop[self.loop]
        if last_scheduler() is self:
            here.last = None


def last_scheduler() -> Scheduler | None:
    """Return the scheduler that this thread used last, if there is one."""
    return getattr(here, "last", None)


def find_scheduler() -> Scheduler | None:
    """Return the scheduler of this thread's running loop, or None."""
    s = last_scheduler()
    loop = running_loop()
    if s is not None and s.loop is loop:
        return s
    if loop is None:
        return None
    s = thread.by_loop.get(loop)
    if s is not None:
        here.last = s
    return s


def current_process(what: str, instead: str = "") -> Process:
    """Return the process whose code runs now; raises `NotAProcess`, which names `what`; in a fork `BadArgument`."""
    try:
        me = here.last.current  # like `thread_current`, without the call
    except AttributeError:
        me = None
    if me is not None:
        return me
    s = find_scheduler()
    p = OWNER.get()
    if s is not None and p is not None and p.runtime.scheduler is s and p is not p.runtime.outside:
        if p.status == DEAD:
            raise NotAProcess(f"{what}: the process {p}, whose child task this is, has ended")
        child = asyncio.current_task(s.loop)
        if isinstance(child, asyncio.Future) and _belongs(child, p):  # the task ends with its process
            p.ensure_ext().task_table(p).add(child, True)
        return p
    if thread.is_fork:
        raise BadArgument(f"{what}: {NONE_IN_FORK}")
    hint = f"; {instead}" if instead else ""
    raise NotAProcess(f"{what} works inside a process only{hint}")


def _belongs(child: Any, p: Process) -> bool:
    """Return whether a task belongs to `p`; a server may run on the stack of another process's eager task."""
    context = getattr(child, "get_context", None)  # Python 3.12; before, no task is eager
    return context is None or context().get(OWNER) is p


def thread_current() -> Process | None:
    """Return the process on this thread's stack (not the owner of a child task), or `None`."""
    try:
        return here.last.current
    except AttributeError:  # no scheduler in this thread
        return None


# Credit for operations that fail at once, so a loop of them lets other processes run.
#
# Messages are charged where they are handled. A call to a dead server, `receive(timeout=0)` or a start that fails is
# not a message, so a loop that retries would never yield.


FAILED_START: Final = 25  # messages: the least that a failed start and its report cost


@types.coroutine
def spend(messages: int = 1) -> Generator[None, None, None]:
    """Charge the running code for `messages`; yield when its credit is used up."""
    s = find_scheduler()
    if s is None:
        return
    s.credit = credit = s.credit - messages
    if s.current is not None:
        s.handled -= messages  # spent, but no message
    if credit < -BUDGET:
        yield
        if s.current is None:  # plain asyncio code: no drain renews its credit
            s.credit = 0
