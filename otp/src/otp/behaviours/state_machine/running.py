"""A state machine in its process: runs the steps of `engine`, its callbacks and timers.

Events caused by one message are handled together, as in OTP, but after `CHAIN` callbacks other processes run. While an
`async def` callback waits, the machine's mailbox grows.
"""

from __future__ import annotations

from inspect import isawaitable
from types import CoroutineType
from typing import Any, Final

from otp.behaviours.state_machine.engine import Callback, Effect, Ended, Machine, Step, answered
from otp.behaviours.state_machine.results import ReplyTo
from otp.behaviours.state_machine.timers import StartTimer, is_time, timer_of
from otp.kernel.ends.mailbox import reply
from otp.kernel.ends.timers import cancel_timer, start_timer
from otp.kernel.steps.outcomes import Raised
from otp.kernel.tables.callers import From
from otp.kernel.values.bounded import bounded_text
from otp.kernel.values.errors import Error, Throw
from otp.kernel.values.pids import Ref
from otp.kernel.values.process import Cancel, Process
from otp.kernel.values.results import Continue, NoReply, Reply, Stop, unawaited

__all__ = ["GO_ON", "Running", "follow", "hint", "is_running"]

CHAIN: Final = 256
"""Callbacks that one message may cause before other processes run."""

GO_ON: Final = Continue("state machine")


class Running:
    """A machine and what connects it with its process."""

    __slots__ = ("asked", "crashed", "handle", "late", "machine", "module", "pid", "refs", "then")

    machine: Machine
    pid: Process
    refs: dict[Any, Ref] | None  # the running timers, by the kind of their event
    late: set[Ref] | None  # cancelled after they fired: their messages will still arrive
    then: Step | None  # the next step, after other processes have run
    asked: Callback | None  # the callback that runs, or crashed
    module: Any  # the class of the last callback
    handle: Any  # its handle_event; None if states are functions
    crashed: type[BaseException] | None  # the exception that it raised

    def __init__(self, machine: Machine, pid: Process) -> None:
        self.machine = machine
        self.pid = pid
        self.refs = self.late = self.then = self.asked = self.module = self.handle = self.crashed = None

    def with_machine(self, machine: Machine) -> Running:
        """Return a copy with another machine."""
        other = Running(machine, self.pid)
        other.refs, other.late = self.refs, self.late
        return other

    def __repr__(self) -> str:
        return f"Running({self.machine.state!r}, {self.machine.data!r})"


class _Waits:
    """A callback's result that has to be awaited."""

    __slots__ = ("awaitable",)

    def __init__(self, awaitable: Any) -> None:
        self.awaitable = awaitable


# Running steps


def follow(running: Running, step: Step, caller: From | None = None) -> Any:
    """Run a step and what follows from it.

    Returns a result for the kernel's callback, or a coroutine. A reply to `caller` is left to the kernel if it is the
    last effect: the kernel has a fast path for it.
    """
    return _steps(running, step, caller)


async def _later(running: Running, awaitable: Any) -> Any:
    while True:
        try:
            result = await awaitable
        except Throw as thrown:
            result = thrown.value
        except BaseException as error:
            return _crashed(running, error)
        outcome = _steps(running, answered(running.machine, result), None, True)
        if type(outcome) is not _Waits:
            try:
                return outcome
            finally:
                del outcome  # this frame must not keep an exception alive
        awaitable = outcome.awaitable


def _steps(running: Running, step: Step, caller: From | None, is_awaited: bool = False) -> Any:
    pid = running.pid
    for _ in range(CHAIN):
        machine, effects, then = step
        running.machine = machine
        answer = _carry_out(running, effects) if effects else None
        if type(then) is not Callback:
            if isinstance(then, Ended):
                _send_reply(pid, answer)
                return _end(running, then)
            running.asked = None
            if answer is not None and answer.caller is caller:
                return Reply(answer.value, running, hibernate=machine.hibernate)
            _send_reply(pid, answer)
            return NoReply(running, hibernate=machine.hibernate)
        _send_reply(pid, answer)
        if pid.signal is not None and type(pid.signal) is not Cancel:
            return NoReply(running)  # a fatal signal: the kernel ends the process here
        running.asked = then
        kind, content, state, data = then
        module = machine.modules[0]
        try:
            if module is not running.module:
                running.handle = (
                    None if module.callback_mode == "state_functions" else module.__handler__().handle_event
                )
                running.module = module
            if running.handle is None:
                result: Any = module.__state_function__(state)(kind, content, data)
            else:
                result = running.handle(kind, content, state, data)
        except Throw as thrown:
            result = thrown.value
        except BaseException as error:
            return _crashed(running, error)
        if type(result) is CoroutineType or isawaitable(result):
            return _Waits(result) if is_awaited else _later(running, result)
        step = answered(machine, result)
    running.then = step
    return NoReply(running, then=GO_ON)


def _carry_out(running: Running, effects: list[Effect]) -> ReplyTo | None:
    """Reply to callers, in order, and set timers; the last reply is returned instead of sent."""
    last: ReplyTo | None = None
    for effect in effects:
        if isinstance(effect, ReplyTo):
            _send_reply(running.pid, last)
            last = effect
        elif isinstance(effect, StartTimer):
            _start_timer(running, effect)
        else:
            _cancel_timer(running, effect.kind)
    return last


def _send_reply(pid: Process, answer: ReplyTo | None) -> None:
    if answer is not None:
        reply(answer.caller, answer.value)
        if pid.callbacks.debug is not None:
            pid.callbacks.debug.report(("out", answer.value, answer.caller))


def _end(running: Running, then: Ended) -> Any:
    if not then.error:
        return Stop(then.reason, running)
    error = Error(then.reason)
    what, value = then.reason
    error.add_note(hint(value, _EXPECTED[what]))
    return _crashed(running, error)


_EXPECTED: Final = {
    "bad_return_from_state_function": "NextState(state, data), KeepState(data), Stop(reason) or a similar result",
    "bad_state_enter_return_from_state_function": "no change of state while it is entered",
    "bad_action_from_state_function": "actions such as ReplyTo(caller, value), a list of them as *actions",
    "bad_state_enter_action_from_state_function": "no Postpone, NextEvent or ChangeModule while a state is entered",
    "bad_reply_action_from_state_function": "ReplyTo(caller, value), or several in a list",
}


def hint(value: Any, expected: str) -> str:
    """Explain what is wrong with a result."""
    if timer_of(value) is not None and not is_time(value):
        return f'expected a time in seconds >= 0, "infinity", "cancel" or "update", got {bounded_text(value)}'
    if forgotten := unawaited(value):
        return f"expected {expected}, {forgotten}"
    if value is None:
        return "the callback returned None: did no case match, or is a return missing?"
    if isinstance(value, type):
        return f"return an instance, as in {value.__name__}(…), not the class"
    return f"expected {expected}, got {bounded_text(value)}"


def _crashed(running: Running, error: BaseException) -> Raised:
    """Return the end of a machine whose callback raised, or returned an invalid result."""
    running.crashed = type(error)
    return Raised(error)


# Timers


def is_running(refs: dict[Any, Ref], kind: Any, ref: Ref) -> bool:
    """Return whether this is the running timer of a kind of event."""
    try:
        return refs.get(kind) is ref
    except TypeError:  # a timer of the user, with an unhashable message
        return False


def _start_timer(running: Running, timer: StartTimer) -> None:
    seconds = timer.seconds
    pid = running.pid
    if timer.abs:
        seconds = max(0, round(seconds * 1e9) - pid.runtime.scheduler.now_ns()) / 1e9
    if running.refs is None:
        running.refs = {}
    running.refs[timer.kind] = start_timer(seconds, pid, timer.kind)


def _cancel_timer(running: Running, kind: Any) -> None:
    assert running.refs is not None
    ref = running.refs.pop(kind)
    if cancel_timer(ref) is None:
        if running.late is None:
            running.late = set()
        running.late.add(ref)
