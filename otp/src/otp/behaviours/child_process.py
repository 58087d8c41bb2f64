"""Starting and stopping one child: what all supervisors do to processes.

All of it runs in the supervisor's own process, inside its callbacks.
Source: OTP's `supervisor.erl`, `do_start_child`, `shutdown`, `unlink_flush`, `terminate_dynamic_children`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Generator, Iterable
from inspect import isawaitable
from itertools import islice
from types import CoroutineType
from typing import Any, Final, cast

from otp.behaviours.argument_copy import copy_arguments
from otp.behaviours.child_spec import ChildSpec, Shutdown
from otp.behaviours.gen_server import GenServer
from otp.kernel.errors import ReceiveTimeout, StartError, Throw
from otp.kernel.mailbox import merge_batch, receive
from otp.kernel.messages import Down, ExitSignal, TimerFired
from otp.kernel.process import Process
from otp.kernel.reasons import Reason, is_clean, reason_of
from otp.kernel.results import Ignore
from otp.kernel.scheduler import current_process
from otp.kernel.signals import exit as exit_process
from otp.kernel.signals import monitor, unlink
from otp.kernel.starting import start_server
from otp.kernel.timers import cancel_timer, start_timer

__all__ = [
    "AGAIN",
    "Failed",
    "Pending",
    "Quick",
    "begin",
    "begin_in_call",
    "ended_as_asked",
    "here",
    "prepare",
    "start",
    "started_pid",
    "stop",
    "stop_all",
]

WAVE: Final = 256
"""How many dynamic children are signalled between two looks at who has ended already."""

_START_LINK: Final = GenServer.start_link.__func__
_OWN_MODULES: Final = ("otp.behaviours.gen_server", "otp.behaviours.supervisor", "otp.behaviours.dynamic_supervisor")

UNLIMITED: Final = 1e9
"""Seconds that stand for `"infinity"` where the kernel wants a number."""


AGAIN: Final = "try_again_restart"
"""First element of the message by which a supervisor reminds itself of a restart that failed."""


def here() -> Process:
    """The process of the supervisor whose callback runs."""
    return current_process("a supervisor's callback")


class Failed:
    """A start failed; `reason` is what OTP has in `{error, Reason}`."""

    __slots__ = ("reason",)

    def __init__(self, reason: Reason) -> None:
        self.reason = reason


def prepare(spec: ChildSpec, extra: tuple[Any, ...] = ()) -> Callable[[], Any]:
    """The call that starts a child; it copies what must be copied, each time anew.

    `extra` goes before the arguments, as the extra arguments of a `DynamicSupervisor` do.
    """
    begun: Any = spec.start
    function, positional = (begun[0], begun[1:]) if begun.__class__ is tuple else (begun, ())
    named: dict[str, Any] = {}
    while function.__class__ is functools.partial:
        named = {**function.keywords, **named}
        function, positional = function.func, (*function.args, *positional)
    if extra:
        positional = (*extra, *positional)
    values = (*positional, *named.values()) if named else positional
    if copy_arguments(values) is values:
        underlying = getattr(function, "__func__", None)
        if underlying is _START_LINK and len(positional) == 1:
            return Quick(start_server, getattr(function, "__self__", None), positional[0], link=True, **named)
        if getattr(underlying, "__module__", None) in _OWN_MODULES:
            return Quick(function, *positional, **named)
        return functools.partial(function, *positional, **named)
    names, count = tuple(named), len(positional)

    def call() -> Any:
        fresh = copy_arguments(values)
        return function(*fresh[:count], **dict(zip(names, fresh[count:], strict=True)))

    return call


class Quick(functools.partial[Any]):
    """The call of one of our own start functions: an `async def` that mostly does not suspend."""

    __slots__ = ()


class Pending:
    """A start that has been begun and waits for something; `await` it for its outcome."""

    __slots__ = ("_coroutine", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        coroutine, waits_for = self._coroutine, self._waits_for
        try:
            while True:
                step: Any = coroutine.send
                try:
                    value = yield waits_for
                except BaseException as error:
                    step, value = coroutine.throw, error
                waits_for = step(value)
        except StopIteration as done:
            return outcome_of(done.value)
        except Exception as error:
            return failure_of(error)


def begin(call: Callable[[], Any]) -> Any:
    """Start a child with a `Quick` call: its outcome as that of `start`, or `Pending`.

    Most starts are through when the first step is; to await them properly costs twice the start.
    """
    coroutine = call()
    try:
        waits_for = coroutine.send(None)
    except StopIteration as done:
        pid = done.value
        return pid if type(pid) is Process else outcome_of(pid)
    except Exception as error:
        return failure_of(error)
    return Pending(coroutine, waits_for)


def begin_in_call(call: Callable[[], Any], me: Process) -> Any:
    """As `begin`, inside `handle_call`, which may run on the stack of its caller.

    There the supervisor cannot wait as a process does until the stack is its own again. So the
    start is made as by a task of the supervisor: what it waits for, if it does, is a future.
    """
    if me._ctx is None:  # without a context of its own nothing would tell whose task it is
        return start(call)
    s = me._node._s
    s.current = None
    try:
        return begin(call)
    finally:
        s.current = me


async def start(call: Callable[[], Any]) -> Any:
    """Start a child: its pid, `(pid, extra)`, `Ignore()` or `Failed(reason)`.

    A start function that lets `StartError(R)` escape has failed with R, one that raises anything
    else with `("EXIT", reason)`, one that returns or throws something else with just that.
    """
    try:
        result: Any = call()
        if type(result) is CoroutineType or isawaitable(result):
            result = cast("Any", await result)
    except Exception as error:
        return failure_of(error)
    return outcome_of(result)


def outcome_of(result: Any) -> Any:
    """What a start function returned, told apart: a start or a failure."""
    if isinstance(result, Process | Ignore) or started_pid(result) is not None:
        return result
    return Failed(result)


def failure_of(error: Exception) -> Any:
    """What a start function raised, as OTP sees it."""
    if isinstance(error, StartError):
        return Failed(error.reason)
    if isinstance(error, Throw):
        return outcome_of(error.value)
    return Failed(("EXIT", reason_of(error)))


def started_pid(result: Any) -> Any:
    """The pid in the result of a start: `pid` itself or `(pid, extra)`; else None."""
    if type(result) is Process:
        return result
    if isinstance(result, tuple) and len(cast("tuple[Any, ...]", result)) == 2:
        result = cast("tuple[Any, ...]", result)[0]
    return result if isinstance(result, Process) else None


async def stop(pid: Any, shutdown: Shutdown | None) -> Reason:
    """Stop a child in order and return the reason it ended with.

    `"shutdown"` is signalled; who lives on after `shutdown` seconds is killed; `"brutal_kill"`
    kills at once. Nothing of the child is left in the mailbox.
    """
    ref = monitor(pid)
    _signal(pid, shutdown)
    try:
        down = await receive(ref, timeout="infinity" if shutdown == "brutal_kill" else shutdown)
    except ReceiveTimeout:
        exit_process(pid, "kill")
        down = await receive(ref)
    unlink(pid)

    def is_exit(message: Any) -> bool:
        return type(message) is ExitSignal and message.pid is pid

    try:
        # What the link says counts more: a child that was dead before has "noproc" in its Down.
        return (await receive(is_exit, timeout=0)).reason
    except ReceiveTimeout:
        return down.reason


def _signal(pid: Any, shutdown: Shutdown | None) -> None:
    if shutdown == "brutal_kill":
        exit_process(pid, "kill")
        return
    if type(pid) is Process and pid._coro is not None:
        # How long its `finally` blocks may await things is the supervisor's word.
        pid._ext().shutdown = UNLIMITED if shutdown == "infinity" else cast("float", shutdown)
    exit_process(pid, "shutdown")


def ended_as_asked(spec: ChildSpec, reason: Reason) -> bool:
    """Whether a stopped child ended as it should; the others are reported.

    Killed is right for `"brutal_kill"` only; a permanent child should end with `"shutdown"`.
    """
    if reason == ("killed" if spec.shutdown == "brutal_kill" else "shutdown"):
        return True
    return spec.restart != "permanent" and is_clean(reason)


async def stop_all(children: Iterable[tuple[Any, Shutdown | None]]) -> dict[Any, Reason]:
    """Stop many children at once: all are signalled first, then waited for together.

    Those with one `shutdown` time share one timer; who lives on when it fires is killed. Returns
    the reason of each.
    """
    work = _Stopping()
    limits: dict[Any, list[Any]] = {}
    pending = iter(list(children))
    while wave := list(islice(pending, WAVE)):
        for pid, shutdown in wave:
            work.waiting[monitor(pid)] = pid
            work.pids.add(pid)
            if shutdown != "brutal_kill" and shutdown != "infinity":
                limits.setdefault(shutdown, []).append(pid)
            _signal(pid, shutdown)
        # A child without cleanup has ended within the signal: look now, while the mailbox is short.
        work.take_arrived()
    me = here()
    for seconds, pids in limits.items():
        late = [pid for pid in pids if pid not in work.reasons]
        if late:
            work.timers[start_timer(seconds, me, "kill")] = late
    while work.waiting:
        work.take(await receive(work.concerns))
        work.take_arrived()
    for timer in work.timers:
        cancel_timer(timer)
    for pid in work.pids:
        unlink(pid)
    work.take_arrived()
    return {**work.reasons, **work.exits}


class _Stopping:
    """Who is still waited for, and what has arrived about whom."""

    __slots__ = ("exits", "pids", "reasons", "timers", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[Any, Any] = {}  # ref of a monitor -> pid
        self.pids: set[Any] = set()
        self.reasons: dict[Any, Reason] = {}  # as the monitors said
        self.exits: dict[Any, Reason] = {}  # as the links said, which counts more
        self.timers: dict[Any, list[Any]] = {}  # ref of a timer -> whom it kills

    def concerns(self, message: Any) -> bool:
        kind = cast("Any", type(message))
        if kind is Down:
            return message.ref in self.waiting
        if kind is ExitSignal:
            return message.pid in self.pids
        return kind is TimerFired and message.ref in self.timers

    def take(self, message: Any) -> None:
        kind = cast("Any", type(message))
        if kind is Down:
            self.reasons[self.waiting.pop(message.ref)] = message.reason
        elif kind is ExitSignal:
            self.exits[message.pid] = message.reason
        else:
            for pid in self.timers.pop(message.ref):
                if pid not in self.reasons:
                    exit_process(pid, "kill")

    def take_arrived(self) -> None:
        for message in _take_all(self.concerns):
            self.take(message)


def _take_all(matching: Callable[[Any], bool]) -> list[Any]:
    """All messages that have arrived and match, oldest first, in one pass over the mailbox."""
    me = here()
    merge_batch(me)
    mailbox = me._mbox
    if not mailbox:
        return []
    taken: list[Any] = []
    kept: list[Any] = []
    for message in mailbox:
        (taken if matching(message) else kept).append(message)
    if taken:
        mailbox.clear()
        mailbox.extend(kept)
        if me._x is not None:
            me._x.mark = 0
    return taken
