"""The process object: mailbox, state and links in one slotted record, which is also the pid.

While its coroutine runs it also implements what asyncio expects of the current task (`cancel`, `uncancel`,
`add_done_callback`, …), so that `asyncio.timeout`, `TaskGroup`, anyio, httpx and others work inside a process. Those
members belong to asyncio, not to the interface of a pid: `dir(pid)` leaves them out.
"""

from __future__ import annotations

import gc
import os
import sys
from asyncio import CancelledError, InvalidStateError
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from otp.kernel.values.pids import Pid

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from types import CoroutineType, FrameType

    from otp.kernel.steps.node import Node
    from otp.kernel.tables.openings import OpenedTable


# The state of a process: a small integer, so that each decision on a hot path is one comparison.
REMOTE: Final = -1  # a process of another node; below DEAD, so that one comparison finds both
DEAD: Final = 0
READY: Final = 1  # in the run queue
RUN: Final = 2  # on the stack now
IDLE: Final = 3  # callback process, empty mailbox
RECV: Final = 4  # coroutine process in receive() without a pattern; the mailbox is empty
SEL: Final = 5  # coroutine process in a selective receive
CALLING: Final = 6  # waits for a reply
FUT: Final = 7  # awaits an asyncio future
EXITING: Final = 8  # its end is decided, its cleanup still runs
SUSPENDED: Final = 9  # callback process stopped by sys.suspend
TIMED: Final = 10  # callback process, idle with a `timeout=` running, or hibernating

HIBERNATE: Final = -1
"""The `timeout_ns` of a TIMED process that hibernates: no timer runs."""

ALIVE: Final = frozenset({READY, RUN, IDLE, RECV, SEL, CALLING, FUT, SUSPENDED, TIMED})
WAITING: Final = frozenset({RECV, SEL, CALLING})

STATE_NAMES: Final = {
    REMOTE: "remote",
    DEAD: "dead",
    READY: "runnable",
    RUN: "running",
    IDLE: "waiting",
    RECV: "waiting",
    SEL: "waiting",
    CALLING: "calling",
    FUT: "awaiting",
    EXITING: "exiting",
    SUSPENDED: "suspended",
    TIMED: "waiting",
}

# The tags that Erlang/OTP puts in front of its own messages; a process that is not a server sees them.
CALL_TAG: Final = "$gen_call"
CAST_TAG: Final = "$gen_cast"
SYSTEM_TAG: Final = "system"

INJECTED: Final = "injected"  # among unanswered calls: a fault lost or delayed the request


class Cancel:
    """A pending asyncio cancellation in a process's signal slot, with the message of `cancel(msg)`."""

    __slots__ = ("message",)

    def __init__(self, message: Any = None) -> None:
        self.message: Any = message

    def error(self) -> CancelledError:
        """Return the error to raise, of exactly this type: TaskGroup and timeout() compare with `is`."""
        return CancelledError() if self.message is None else CancelledError(self.message)


_OURS: Final = os.path.dirname(os.path.dirname(__file__)) + os.sep

CUT_SHORT: Final = True
"""The state of a dead process that did not return: no more tasks are created for it.

It is in the slot of the state, which a dead process no longer needs. Without it a connection gets a handler after its
process has ended: test_a_connection_that_is_accepted_when_its_process_ends_is_not_served.
"""


class Thrown:
    """A value with which a process is resumed by raising it: an error or its class."""

    __slots__ = ("_held",)

    def __init__(self, error: BaseException | type[BaseException]) -> None:
        self._held: list[BaseException | type[BaseException]] = [error]

    def into(self, coro: Any) -> Any:
        """Raise it where `coro` waits, and drop it: its traceback refers to the frame that resumes."""
        return coro.throw(self._held.pop())


class ThrowingStep:
    """A step for one resume that raises what is `Thrown`, so that other resumes need no check."""

    __slots__ = ("__self__", "_p")

    def __init__(self, p: Process) -> None:
        self._p = p
        self.__self__: Any = p.coroutine  # like the `send` of a coroutine

    def __call__(self, _nothing: None) -> Any:
        p, send = self._p, self.__self__.send
        p.step = select_step(p, send) if p.traced else send
        thrown = p.value
        if type(thrown) is not Thrown:
            return send(None)
        p.value = None
        return thrown.into(self.__self__)


OWNER: ContextVar[Process | None] = ContextVar("otp_owner", default=None)

"""The process whose code, or whose child task, runs in this context."""


class Badge:
    """A marker in the contexts of one server; it lives as long as any of them, such as a task's."""

    __slots__ = ("__weakref__",)


BADGE: ContextVar[Badge | None] = ContextVar("otp_badge", default=None)


def own_context(p: Process | None, /) -> None:
    """Mark the running context as a server's, in a loop that does not report new tasks.

    A coroutine process has no badge: it would cost a fifth of its start.
    """
    OWNER.set(p)
    BADGE.set(Badge())


class Side:
    """Fields of callers and named processes only: a tenth of an `Ext`, which most of them never need."""

    __slots__ = ("armed", "deadline", "name")

    def __init__(self) -> None:
        self.armed: int = 0  # due time of its bucket of call time-outs, 0 for none
        self.deadline: int = 0
        self.name: Any = None


class TaskTable:
    """The unfinished child tasks of a process, oldest first, and whether each has acted for it.

    Those that have not may belong to a library, such as a pool of connections, and outlive a process that returns:
    test_a_process_that_returns_leaves_tasks_that_never_acted_for_it. `p` is the process while it lives, None for tasks
    that outlive it. `opened` is what it has opened in the loop.
    """

    __slots__ = ("acted", "opened", "p")

    def __init__(self, p: Process | None = None) -> None:
        self.acted: dict[Any, bool] = {}
        self.opened: OpenedTable | None = None
        self.p: Process | None = p

    def add(self, task: Any, acted: bool) -> None:
        """Enter a task until it is done."""
        if task not in self.acted:
            task.add_done_callback(self._forget)
        self.acted[task] = acted or self.acted.get(task, False)  # an eager task acts before it is reported

    def watch(self, task: Any) -> None:
        """Enter a task whose end matters, unless it is in the table."""
        if task not in self.acted:
            self.add(task, False)

    def _forget(self, task: Any) -> None:
        self.acted.pop(task, None)
        if self.p is not None and getattr(task, "_exception", None) is not None:  # `exception()` would retrieve it
            self.p.runtime.scheduler.task_failed(self.p, task)


class Ext:
    """The rarely used fields of a process, allocated on first need."""

    __slots__ = (
        "ack",
        "answer",
        "begun",
        "callback",
        "cause",
        "cbs",
        "cleanup_timer",
        "dictionary",
        "doing",
        "frm",
        "fut",
        "held",
        "hooks",
        "it",
        "lasted",
        "mark",
        "match",
        "message",
        "monitors",
        "ncancel",
        "reason",
        "sender",
        "sensitive",
        "shutdown",
        "stop_reason",
        "suspended",
        "tasks",
        "timeout_ns",
        "timeout_timer",
        "trap_exit",
        "unanswered",
    )

    monitors: dict[Any, None] | None  # its monitors
    trap_exit: bool
    sensitive: bool
    unanswered: dict[Any, str | None] | None  # calls received and not yet replied to, or INJECTED
    fut: Future[Any] | None
    held: Future[None] | None  # a server handles its next message once it is done
    ncancel: int
    cbs: list[tuple[Callable[[Any], object], Context | None]] | None
    match: Any  # the last pattern; of an exiting process: how often it was refused a wait
    mark: int
    frm: Any  # the call being handled
    message: Any  # the message being handled by an async callback
    callback: Any  # name of the async callback
    reason: Any  # the decided reason, in a 1-tuple, while cleanup runs
    it: Any  # the unread rest of a batch
    hooks: dict[Any, Callable[[Any], object]] | None
    ack: Any  # the caller that waits for the start
    suspended: bool | tuple[int, Any]  # when and by whom; True: for a moment, by an upgrade
    timeout_ns: int | None
    timeout_timer: Any
    cleanup_timer: Any
    dictionary: dict[Any, Any] | None
    doing: str | None  # the callback whose outcome ends it
    sender: Any  # the sender of the fatal signal
    cause: int  # the event that led to it
    begun: int  # when the async callback began, ns
    lasted: tuple[int, int] | None  # begin and end of its last async callback of `LASTED_NS` or longer
    shutdown: float | None  # seconds its cleanup may take
    tasks: TaskTable | None
    answer: Any  # the reply that a stopping server still owes
    stop_reason: Any

    def __init__(self) -> None:
        self.monitors = self.unanswered = self.fut = self.cbs = self.match = self.frm = None
        self.message = self.callback = self.reason = self.it = self.hooks = self.ack = self.timeout_ns = None
        self.timeout_timer = self.cleanup_timer = self.dictionary = self.doing = self.sender = None
        self.shutdown = self.tasks = self.answer = self.stop_reason = self.held = self.lasted = None
        self.trap_exit = self.sensitive = self.suspended = False
        self.ncancel = self.mark = self.cause = self.begun = 0

    def task_table(self, p: Process) -> TaskTable:
        """Return the table of the child tasks of `p`, whose `Ext` this is; created on first use."""
        if self.tasks is None:
            self.tasks = TaskTable(p)
        return self.tasks


class Process(Pid):
    """A local process; the module's docstring explains its two roles."""

    __slots__ = (
        "callbacks",
        "context",
        "ext",
        "links",
        "mailbox",
        "monitored_by",
        "parent",
        "side",
        "signal",
        "state",
        "status",
        "step",
        "traced",
        "value",
    )
    # Several slots have more than one meaning, which `status` and `callbacks` tell apart: each slot costs every process
    # and every dead pid eight bytes (test_a_dead_pid_that_is_kept_costs_about_200_bytes).
    #
    # `value`: what a waiting process waits for (its `From` or its timer, compared by identity) and then what it is
    # resumed with; what a server does before it reads its mailbox (`_begin_pending`); of a dead process, the number of
    # its `exited` event. `signal`: None, a `Cancel`, or the `Fatal` that takes effect when it leaves the stack.
    status: int
    value: Any
    mailbox: Any
    monitored_by: Any
    traced: bool | None  # True: its messages are reported, see `focus`; `is None` is the cheapest check
    step: Any  # `send` of its coroutine: looking it up for each resume takes a twelfth of a hop
    callbacks: Any
    state: Any
    links: Any
    signal: Any
    ext: Ext | None
    context: Context | None
    side: Side | None
    parent: Process | None

    def send(self, message: Any) -> None:
        """Send `message` to the process; never fails, a dead process drops it."""
        self.runtime.scheduler.send(self, message)

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in _NOT_OF_A_PID]

    def throw(self, error: BaseException | type[BaseException]) -> None:
        """Resume its waiting coroutine by raising `error` there."""
        self.value = Thrown(error)
        self.step = ThrowingStep(self)
        if self.status != READY and self.status != EXITING:  # else it is queued already
            self.status = READY
            self.runtime.scheduler.push(self)

    def ensure_ext(self) -> Ext:
        """Return the record of what most processes never have; create it if it is missing."""
        x = self.ext
        if x is None:
            x = self.ext = Ext()
        return x

    @property
    def registered_name(self) -> Any:
        """Its registered name, or None."""
        side = self.side
        return None if side is None else side.name

    @property
    def coroutine(self) -> CoroutineType[Any, Any, Any] | None:
        """Its coroutine, if any: a callback process has one only while an async callback waits."""
        step = self.step
        return None if step is None else step.__self__

    @property
    def exit_seq(self) -> int:
        """The number of the `exited` event of a dead process, 0 if it was not recorded."""
        value = self.value
        return abs(value) if type(value) is int and self.status == DEAD else 0

    @property
    def was_signalled(self) -> bool:
        """Return whether an exit signal ended it, so that it wrote no report; known if `exit_seq` is."""
        return self.status == DEAD and type(self.value) is int and self.value < 0

    # The interface of a task that asyncio and libraries on it use.

    def cancel(self, msg: Any = None) -> bool:
        """Request its end, as `asyncio` cancels a task; False if it has ended."""
        st = self.status
        if st == DEAD:
            return False
        x = self.ensure_ext()
        x.ncancel += 1
        if x.fut is not None and (st == FUT or st == EXITING) and x.fut.cancel(msg=msg):
            return True
        cancel = Cancel(msg)
        if self._is_interruptible():
            self.throw(cancel.error())
        elif self.signal is None or type(self.signal) is Cancel:
            self.signal = cancel
        return True

    def _is_interruptible(self) -> bool:
        """Return whether an error can be raised where it waits or has yielded, without losing what it is to get."""
        step, st = self.step, self.status
        if step is None or st == FUT:
            return False
        if st in WAITING:
            return True
        if step.__self__.cr_running or not (st == READY or (st == EXITING and self.ensure_ext().fut is None)):
            return False
        return type(self.value) is Thrown or (self.value is None and not _waits_here(step.__self__))

    def cancelling(self) -> int:
        """Return how many requests to cancel it are pending."""
        return 0 if self.ext is None else self.ext.ncancel

    def uncancel(self) -> int:
        """Withdraw one request to cancel it; return how many are left."""
        x = self.ensure_ext()
        if x.ncancel:
            x.ncancel -= 1
        if x.ncancel == 0 and type(self.signal) is Cancel:
            self.signal = None
        return x.ncancel

    def done(self) -> bool:
        """Return whether it has ended."""
        return self.status == DEAD

    def cancelled(self) -> bool:
        """Return False: a process ends with a reason, never as cancelled."""
        return False

    def get_loop(self) -> AbstractEventLoop:
        """Return the event loop it runs in."""
        return self.runtime.scheduler.loop

    def get_coro(self) -> Coroutine[Any, Any, Any] | None:
        """Return its main coroutine, or None."""
        return self.coroutine

    def get_name(self) -> str:
        """Return its name as a task: its pid, unless `set_name` has set another."""
        return self.runtime.scheduler.task_names.get(self) or repr(self)

    def set_name(self, value: object) -> None:
        """Set its name as a task, which is neither its pid nor its registered name."""
        self.runtime.scheduler.task_names[self] = str(value)

    def get_stack(self, *, limit: int | None = None) -> list[FrameType]:
        """Return the frames of its coroutine, oldest first; while it waits, asyncio shows only the outermost one."""
        coro = self.coroutine
        frame = None if coro is None else coro.cr_frame
        frames: list[FrameType] = []
        while frame is not None and (limit is None or len(frames) < limit):
            frames.append(frame)
            frame = frame.f_back
        return frames[::-1]

    def print_stack(self, *, limit: int | None = None, file: Any = None) -> None:
        """Print the frames of its coroutine to `file`, or to standard error."""
        import traceback

        places = [(frame, frame.f_lineno) for frame in self.get_stack(limit=limit)]
        print(f"Stack for {self!r} (most recent call last):", file=file or sys.stderr)
        traceback.print_list(traceback.StackSummary.extract(iter(places)), file=file or sys.stderr)

    def result(self) -> None:
        """Return None: a process ends with a reason, not a value; raises `InvalidStateError` before its end."""
        if self.status != DEAD:
            raise InvalidStateError(f"process {self} has not ended")

    def exception(self) -> None:
        """Return None: the exit reason goes to its monitors; raises `InvalidStateError` before its end."""
        self.result()

    def get_context(self) -> Context | None:
        """Return the context it runs in."""
        return self.context

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context | None = None) -> None:
        """Call `callback(process)` when it has ended."""
        if self.status == DEAD:
            self.runtime.scheduler.loop.call_soon(callback, self, context=context)
            return
        x = self.ensure_ext()
        if x.cbs is None:
            x.cbs = []
        x.cbs.append((callback, context))

    def remove_done_callback(self, callback: Callable[[Any], object]) -> int:
        """Remove a callback; return how often it was registered."""
        x = self.ext
        if x is None or x.cbs is None:
            return 0
        kept = [entry for entry in x.cbs if entry[0] != callback]
        removed = len(x.cbs) - len(kept)
        x.cbs = kept
        return removed

    @property
    def _must_cancel(self) -> bool:
        """Return whether a cancellation is still to be raised in it."""
        return type(self.signal) is Cancel or (self.status == READY and type(self.value) is Thrown)

    @_must_cancel.setter
    def _must_cancel(self, value: bool) -> None:
        if value and self.signal is None:
            self.signal = Cancel()
        elif not value and type(self.signal) is Cancel:
            self.signal = None

    @property
    def _fut_waiter(self) -> Future[Any] | None:
        return None if self.ext is None else self.ext.fut

    def future_done(self, future: Future[Any]) -> None:
        """Resume the process, which waits for a future of asyncio that is done."""
        self.runtime.scheduler.future_done(self, future)


_NOT_OF_A_PID: Final = frozenset({
    *("coroutine", "ensure_ext", "exit_seq", "future_done", "registered_name", "throw", "was_signalled"),
    # the interface of a task
    *("add_done_callback", "cancel", "cancelled", "cancelling", "done", "exception", "get_context", "get_coro"),
    *("get_loop", "get_name", "get_stack", "print_stack", "remove_done_callback", "result", "set_name", "uncancel"),
})  # fmt: skip


def new_process(node: Node, parent: Process | None, kind: type[Process] = Process) -> Process:
    """Return a new process in the table of `node`, READY and not yet in the run queue."""
    p = kind()  # it has no initialiser; `__new__` by name takes 20 ns more
    p.runtime = node
    p.number = n = node.next_number
    node.next_number = n + 1
    p.status = READY
    p.value = p.mailbox = p.monitored_by = p.step = p.callbacks = p.state = None
    p.links = p.signal = p.ext = p.context = p.side = None
    p.traced = None
    p.parent = parent
    node.process_table[n] = p
    return p


def run_in_context(p: Process, function: Callable[..., Any], *args: Any) -> Any:
    """Call `function` in the context of `p`, which may already be the running one."""
    context = p.context
    if context is None:
        return function(*args)
    try:
        context.run(_nothing)
    except RuntimeError:  # already entered
        return function(*args)
    return context.run(function, *args)


def _waits_here(coro: Any) -> bool:
    """Return whether a suspended coroutine waits in our code, which may be about to get None as a message."""
    awaited = coro
    while awaited is not None:
        coro = awaited
        awaited = getattr(coro, "cr_await", None) or getattr(coro, "gi_yieldfrom", None)
    code = getattr(coro, "cr_code", None) or getattr(coro, "gi_code", None)
    return code is not None and code.co_filename.startswith(_OURS)


def _nothing() -> None:
    """Do nothing, to test whether a context can be entered."""


def select_step(p: Process, step: Any) -> Any:
    """Return the step of a process in focus, whose effects are reported, else `step`."""
    focus = p.runtime.tracer.focus
    return step if focus is None else focus.step_of(step)


# Queries about a process, for other modules.


def is_supervisor(p: Process | None) -> TypeGuard[Process]:
    """Return whether a process is a supervisor of this node; None is not."""
    return p is not None and p.callbacks is not None and p.callbacks.supervisor


def is_sensitive(p: Process | None) -> bool:
    """Return whether the contents of a process may not be shown."""
    return p is not None and p.ext is not None and p.ext.sensitive


def mailbox_len(p: Process) -> int:
    """Return how many messages wait in a mailbox, and in the rest of a batch, without reading them."""
    waiting = len(p.mailbox) if p.mailbox else 0
    x = p.ext
    return waiting if x is None or x.it is None else waiting + int(x.it.__length_hint__())


# The process that owns a task of asyncio.


def task_owner(task: Any) -> Any:
    """Return the process in whose context a task runs."""
    get_context = getattr(task, "get_context", None)
    if get_context is not None:
        return get_context().get(OWNER)
    for part in gc.get_referents(task):  # Python 3.11 has no `get_context`; the task's own context comes first
        if type(part) is Context:
            return part.get(OWNER)
    return None


def on_exit(pid: Any, key: Any, hook: Any) -> None:
    """Call `hook(pid)` in the step in which the process ends, before links and monitors are notified."""
    x: Ext = pid.ensure_ext()
    if x.hooks is None:
        x.hooks = {}
    x.hooks[key] = hook


def off_exit(pid: Any, key: Any) -> None:
    """Remove a hook."""
    x = pid.ext
    if x is not None and x.hooks is not None:
        x.hooks.pop(key, None)
