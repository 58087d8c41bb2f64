"""An asyncio event loop without sockets, whose time is an integer that jumps.

```python
>>> loop = VirtualLoop()
>>> loop.run_until_complete(asyncio.sleep(3600))        # returns at once
>>> loop.now_ns
3600000000000
>>> loop.close()

```

The loop is asyncio's own `BaseEventLoop` with another *selector*: where the ordinary one would block in the operating
system until the next timer is due, this one sets the clock to that time. It does so only when nothing is ready, so
computations take no virtual time, and two runs of one program see the same times.

Before the clock moves, waiters for an idle system are woken (`when_idle`), on which `otp.testing.wait_all_idle` and
`otp.testing.advance` are based.

Errors
------
RuntimeError
├── Deadlock              nothing is ready, no timer is set: nothing more can happen
└── RealIONotSimulated    the program asked for a socket, a child process, a thread or a signal handler
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from asyncio import base_events
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final, NoReturn

__all__ = ["Deadlock", "RealIONotSimulated", "VirtualLoop"]

NS: Final = 1_000_000_000
LATER_NS: Final = 1_000
"""A timer that is at least this much later is not due, despite rounding errors of floats."""
TURNS_AT_ONE_TIME: Final = 1_000
"""Turns of pure asyncio work after which the next timer fires although something is ready."""
TURNS_WITHOUT_TIMER: Final = 100_000
"""Turns of pure asyncio work without a timer, after which the loop reports polling."""

_STREAMS = "a process that is sent messages, or an in-memory transport"
_PROCESS = "a GenServer that plays the program, or io='real'"
_THREAD = "calling the function directly"
_SIGNAL = "calling the handler directly"
REFUSED: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            "create_connection", "create_server", "create_datagram_endpoint", "create_unix_connection",
            "create_unix_server", "connect_accepted_socket", "start_tls", "sendfile", "sock_recv", "sock_recv_into",
            "sock_recvfrom", "sock_recvfrom_into", "sock_sendall", "sock_sendto", "sock_connect", "sock_accept",
            "sock_sendfile", "getaddrinfo", "getnameinfo", "add_reader", "remove_reader", "add_writer",
            "remove_writer", "connect_read_pipe", "connect_write_pipe",
        ),
        _STREAMS,
    ),
    "subprocess_exec": _PROCESS,
    "subprocess_shell": _PROCESS,
    "run_in_executor": _THREAD,
    "add_signal_handler": _SIGNAL,
    "remove_signal_handler": _SIGNAL,
}  # fmt: skip
"""Loop methods with real effects, and their replacements in a test."""


class Deadlock(RuntimeError):
    """A program in which nothing is ready and no timer is set: it would wait forever."""


class RealIONotSimulated(RuntimeError):
    """A request of the program under test for real input or output.

    `call` names the loop method, or the function with its module.
    """

    def __init__(self, call: str, instead: str) -> None:
        where = call if "." in call else f"loop.{call}"
        super().__init__(
            f"{where}: expected only simulated I/O under otp.testing.Scheduler, got real I/O; try {instead}"
        )
        self.call = call


class _Timer(asyncio.TimerHandle):
    """A timer that fires in the order of creation among those due at one time (asyncio's heap does not)."""

    __slots__ = ("_number",)
    if TYPE_CHECKING:  # a member missing in its type stub
        _scheduled: bool
        _when: float

    def __init__(
        self, when: float, number: int, callback: Callable[..., object], args: Any, loop: VirtualLoop,
        context: Context | None,
    ) -> None:  # fmt: skip
        super().__init__(when, callback, args, loop, context)
        self._number = number

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, _Timer):
            return NotImplemented
        one, two = self._when, other._when  # with many timers, comparing them costs the most
        return one < two or (one == two and self._number < other._number)

    __hash__ = asyncio.TimerHandle.__hash__


class _NumberedTask(asyncio.Task[Any]):
    """A task whose hash is its number: sets of tasks, such as a task group's, have the same order in each run."""

    def __init__(self, coro: Any, *, number: int, **options: Any) -> None:
        self._number = number  # first: asyncio enters the task in a set
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self._number


_NumberedTask.__name__ = "Task"  # asyncio's reports begin with it


class VirtualLoop(base_events.BaseEventLoop):
    """An asyncio loop whose clock stands still while anything can run.

    `virtual` is True (an ordinary loop lacks it) and `now_ns` is the time in integer nanoseconds since the creation of
    the loop; `time()` is the same in seconds. Timers of equal time fire in the order in which they were set.

    Differences from the selector loop: no sockets, pipes, child processes, executors or signal handlers
    (`RealIONotSimulated`), no wake-up from another thread, `Deadlock` where the other one would sleep forever.
    """

    virtual: Final = True
    if TYPE_CHECKING:  # members of BaseEventLoop missing in its type stub
        _scheduled: list[_Timer]
        _ready: deque[asyncio.Handle]
        _timer_cancelled_count: int

        def _check_closed(self) -> None: ...

    def __init__(self) -> None:
        super().__init__()
        self.now_ns: int = 0
        self._not_due = LATER_NS / NS
        """Timers after this time, in seconds, are not due, cancelled or not; kept because each step compares it."""
        self.refusal: RealIONotSimulated | None = None
        """The first refused call: a library may catch the exception, but the run has to fail."""
        self.kernel_idle: Callable[[], bool] = lambda: True
        """Set by the scheduler of processes: returns whether it has nothing to run."""
        self.who_waits: Callable[[], list[str]] = list
        """Set by the scheduler of processes: returns the waiting processes, for the text of a `Deadlock`."""
        self._numbers = itertools.count()
        self._task_numbers = itertools.count()
        self.task_made: Callable[[asyncio.Task[Any]], None] = lambda task: None
        """Set by the scheduler of processes: records which process has created a task."""
        self._idle_waiters: list[tuple[int, asyncio.Future[None]]] = []
        """Pairs of a target time in nanoseconds and the future that is done at that time."""
        self._turns = 0
        self.turns: int = 0
        """Turns since the creation of the loop."""
        self.look_at = 0
        self.look: Callable[[], None] = lambda: None
        """Called regularly, from turn `look_at` on; it may raise."""
        self._clock_resolution = 1e-9
        self._selector = self  # `BaseEventLoop._run_once` asks `self._selector.select(timeout)`

    # The clock

    def time(self) -> float:
        """Return the seconds of virtual time since the creation of the loop."""
        return self.now_ns / NS

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Set a timer as in asyncio; timers of equal time fire in the order of the calls."""
        self._check_closed()
        timer = _Timer(when, next(self._numbers), callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        # as in BaseEventLoop.call_at: counts for its removal of cancelled timers
        timer._scheduled = True  # pyright: ignore[reportPrivateUsage]
        return timer

    def next_timer_ns(self) -> int | None:
        """Return when the next timer is due, in nanoseconds; None without one."""
        while self._scheduled and self._scheduled[0].cancelled():
            self._timer_cancelled_count -= 1
            heapq.heappop(self._scheduled)._scheduled = False  # pyright: ignore[reportPrivateUsage]
        return round(self._scheduled[0].when() * NS) if self._scheduled else None

    def move_to(self, now_ns: int) -> None:
        """Set the clock to `now_ns`, never back. Timers due by then fire in the next turn."""
        if now_ns > self.now_ns:
            self.now_ns = now_ns
            self._not_due = (now_ns + LATER_NS) / NS
            self._turns = 0
            self._clock_resolution = max(1e-9, 2 * math.ulp(self.time()))  # asyncio adds it to a float

    def has_work(self) -> bool:
        """Return whether something is ready or due, apart from the caller."""
        return bool(self._ready) or self._is_due()

    def somebody_waits_for_idle(self) -> bool:
        """Return whether `wait_all_idle` or `advance` is active: only they may then move the clock."""
        return bool(self._idle_waiters)

    # Tasks

    def create_task(self, coro: Any, *, name: Any = None, context: Context | None = None, **options: Any) -> Any:
        """Create a task, numbered unless a task factory creates it, and report it."""
        if self.get_task_factory() is None:
            self._check_closed()
            number = next(self._task_numbers)
            task: Any = _NumberedTask(coro, number=number, loop=self, name=name, context=context, **options)
        else:
            task = super().create_task(coro, name=name, context=context, **options)
        if context is None or context:  # `Context()`: the task is meant to outlive its process
            self.task_made(task)
        return task

    # Idleness

    def when_idle(self, until_ns: int | None = None) -> asyncio.Future[None]:
        """Return a future that is done once nothing can run at this instant, before the clock moves.

        With `until_ns`, the clock first moves from timer to timer up to that time. All futures for the same time are
        done at the same idle moment.
        """
        waiter = self.create_future()
        self._idle_waiters.append((self.now_ns if until_ns is None else until_ns, waiter))
        return waiter

    def select(self, timeout: float | None) -> list[Any]:
        """Wake idle waiters or move the clock, where `_run_once` of a real loop would sleep.

        `timeout` is 0 when something is ready (or a timer is due), None when there is neither that nor a timer.
        """
        self.turns += 1
        if self.turns >= self.look_at:
            self.look()
        if timeout == 0 or (timeout is not None and self._is_due()):
            self._turn_at_one_time()
            return []
        if not self._serve_idle_waiters() and not self._jump():
            raise Deadlock(self._deadlock_text())
        return []

    def _serve_idle_waiters(self) -> bool:
        """Move the clock to the next timer or target time, and complete the futures that are due.

        Returns False if no future is waiting.
        """
        waiting = [(until, waiter) for until, waiter in self._idle_waiters if not waiter.done()]
        self._idle_waiters = waiting
        if not waiting:
            return False
        target = min(until for until, _ in waiting)
        due = self.next_timer_ns()
        if due is not None and due <= target:
            self.move_to(due)
            return True
        self.move_to(target)
        self._idle_waiters = [one for one in waiting if one[0] > target]
        for until, waiter in waiting:
            if until <= target:
                waiter.set_result(None)
        return True

    def _turn_at_one_time(self) -> None:
        # A poller (`while not done: await asyncio.sleep(0)`) keeps something ready forever, which would freeze the
        # clock and the timer it waits for. Turns of the process scheduler do not count as polling.
        self._turns += 1
        if self._turns < TURNS_AT_ONE_TIME or not self.kernel_idle():
            return
        if (self._idle_waiters or not self._jump()) and self._turns > TURNS_WITHOUT_TIMER:
            turns, self._turns = self._turns, 0
            raise Deadlock(
                f"{turns} turns of the loop at {self.time()} s and still not idle: some task polls without waiting "
                "for anything; try an asyncio.Event, a message or a sleep"
            )

    def _is_due(self) -> bool:
        # `timeout` is a difference of floats: a timer due now may be a rounding error away
        if not self._scheduled or self._scheduled[0].when() > self._not_due:
            return False
        due = self.next_timer_ns()
        return due is not None and due <= self.now_ns

    def _jump(self) -> bool:
        due = self.next_timer_ns()
        if due is None:
            return False
        self.move_to(due)
        return True

    def _deadlock_text(self) -> str:
        waiting = self.who_waits() or sorted(f"task {task.get_name()}" for task in asyncio.all_tasks(self))
        return (
            f"expected something to happen, got nothing ready and no timer set at {self.time()} s: all are waiting "
            f"({'; '.join(waiting) or 'no task at all'}); try a timeout= on the receive or call that waits, or send "
            "the message it waits for"
        )

    # Parts of a loop without a selector

    def close(self) -> None:
        """Close the loop; remaining idle waiters are dropped."""
        self._idle_waiters.clear()
        super().close()

    def _process_events(self, event_list: list[Any]) -> None:
        """Do nothing: there are no file descriptors."""

    def _write_to_self(self) -> None:
        """Do nothing: no other thread may wake this loop."""


def _refuse(call: str, instead: str) -> Callable[..., NoReturn]:
    def refused(self: VirtualLoop, *_args: object, **_kwargs: object) -> NoReturn:
        error = RealIONotSimulated(call, instead)
        if self.refusal is None:
            self.refusal = error
        raise error

    refused.__name__ = call
    refused.__qualname__ = f"VirtualLoop.{call}"
    refused.__doc__ = f"Refused: raises `RealIONotSimulated`; use {instead}."
    return refused


for _call, _instead in REFUSED.items():
    setattr(VirtualLoop, _call, _refuse(_call, _instead))
