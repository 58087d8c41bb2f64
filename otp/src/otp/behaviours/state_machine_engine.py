"""What a state machine does with an event: a pure function from value to value.

A `Machine` is all that is known: state, data, the events that wait and the timers that run. `begun`, `received` and
`elapsed` give it something to do, `answered` takes what a callback returned. Each answers a `Step`: the machine as it
is now, what is to be done in the world (answers and timers, in order), and what comes then: a callback, waiting for
a message, or the end. Nothing here calls a callback, reads a clock or knows a process.

The order in which events are handled: those of `NextEvent`, in the order of the actions; then, after a change of
state, the postponed ones, oldest first; then time-outs of 0 seconds, as they were set; then messages.

Source: Erlang/OTP, stdlib, `gen_statem` ("loop_state_transition" and what follows), *gen_statem Behaviour*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from otp.behaviours.state_machine_results import (
    ChangeModule,
    EventTimeout,
    Hibernate,
    KeepState,
    KeepStateAndData,
    NamedTimeout,
    NextEvent,
    NextState,
    PopModule,
    Postpone,
    PushModule,
    RepeatState,
    RepeatStateAndData,
    ReplyTo,
    StateTimeout,
    StopAndReply,
)
from otp.kernel.calls import From
from otp.kernel.errors import BadArgument
from otp.kernel.reasons import same
from otp.kernel.results import ABSENT, Stop
from otp.kernel.scheduler import nanoseconds

__all__ = [
    "WAIT",
    "CancelTimer",
    "Callback",
    "Effect",
    "Ended",
    "Event",
    "Machine",
    "StartTimer",
    "Step",
    "answered",
    "begun",
    "elapsed",
    "received",
]


class Event(NamedTuple):
    """One event: what kind of event it is, as a callback sees it, and its content."""

    kind: Any
    content: Any


class Deciding(NamedTuple):
    """What the handler of an event has decided, while the state enter call that belongs to it is out."""

    state: Any
    data: Any
    events: tuple[Event, ...]
    timeouts: Mapping[Any, Any]
    postpone: bool
    hibernate: bool


class Machine(NamedTuple):
    """A machine between two callbacks. While an event is handled it is the first of `queue`."""

    state: Any
    data: Any
    modules: tuple[Any, ...]  # the first one has the callbacks, the others wait for PopModule
    queue: tuple[Event, ...] = ()
    postponed: tuple[Event, ...] = ()  # oldest first
    timers: Mapping[Any, Any] = {}  # kind of event -> content; not to be changed
    zero: tuple[Any, ...] = ()  # those of the timers that are due, in the order they were set
    hibernate: bool = False
    deciding: Deciding | None = None


class StartTimer(NamedTuple):
    """Start the timer of this kind, `seconds` from now, or at `seconds` of the clock if `abs`."""

    kind: Any
    seconds: float
    abs: bool


class CancelTimer(NamedTuple):
    """Stop the timer of this kind, and forget its message if it has fired."""

    kind: Any


Effect: TypeAlias = ReplyTo | StartTimer | CancelTimer


class Callback(NamedTuple):
    """Then: call the callback of `state` and hand its result to `answered`."""

    kind: Any
    content: Any
    state: Any
    data: Any


class Ended(NamedTuple):
    """Then: the machine ends. `error`: as if the callback had raised `Error(reason)`."""

    reason: Any
    error: bool


class Wait(NamedTuple):
    """Then: wait for a message."""


WAIT: Final = Wait()


class Step(NamedTuple):
    """The machine as it is now, what is to be done, and what comes then."""

    machine: Machine
    effects: list[Effect]
    then: Callback | Ended | Wait


# What happens to a machine


def begun(state: Any, data: Any, module: Any, actions: tuple[Any, ...]) -> Step:
    """`init` has answered: its actions are carried out, the first state is entered."""
    first = Event("internal", "init_state")  # it is consumed, whatever the actions say
    machine = Machine(state, data, (module,), queue=(first,))
    return _act(machine, state, data, [*actions, Postpone(False)], True, False)


def received(machine: Machine, kind: Any, content: Any) -> Step:
    """A message came to a machine that waits."""
    event = Event(kind, content)
    return Step(machine._replace(queue=(event,)), [], Callback(kind, content, machine.state, machine.data))


def elapsed(machine: Machine, kind: Any) -> Step:
    """A timer that was started, and neither cancelled nor replaced since, has fired."""
    timers = dict(machine.timers)
    content = timers.pop(kind)
    return received(machine._replace(timers=timers), kind, content)


def answered(machine: Machine, result: Any) -> Step:
    """The callback that was called last has answered with `result`."""
    deciding = machine.deciding
    entering = deciding is not None
    state, data = (deciding.state, deciding.data) if deciding is not None else (machine.state, machine.data)
    if isinstance(result, NextState):
        if same(result.state, state):  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            return _act(machine, state, result.data, result.actions, False, entering)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        if entering:
            return _error(machine, state, data, ("bad_state_enter_return_from_state_function", result), [])
        return _act(machine, result.state, result.data, result.actions, True, entering)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    if isinstance(result, KeepState):
        return _act(machine, state, result.data, result.actions, False, entering)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    if isinstance(result, KeepStateAndData):
        return _act(machine, state, data, result.actions, False, entering)
    if isinstance(result, RepeatState):
        return _act(machine, state, result.data, result.actions, True, entering)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    if isinstance(result, RepeatStateAndData):
        return _act(machine, state, data, result.actions, True, entering)
    if isinstance(result, StopAndReply):
        return _stop_and_reply(machine, state, data if result.data is ABSENT else result.data, result)
    if isinstance(result, Stop) and result.reply is ABSENT:
        return _ended(machine, state, data if result.state is ABSENT else result.state, result.reason, False, [])
    return _error(machine, state, data, ("bad_return_from_state_function", result), [])


# Ends


def _ended(machine: Machine, state: Any, data: Any, reason: Any, error: bool, effects: list[Effect]) -> Step:
    return Step(machine._replace(state=state, data=data), effects, Ended(reason, error))


def _error(machine: Machine, state: Any, data: Any, reason: Any, effects: list[Effect]) -> Step:
    return _ended(machine, state, data, reason, True, effects)


def _stop_and_reply(machine: Machine, state: Any, data: Any, result: StopAndReply) -> Step:
    replies = result.replies
    effects: list[Effect] = []
    for action in replies if isinstance(replies, (list, tuple)) and type(replies) is not ReplyTo else [replies]:
        if type(action) is not ReplyTo or not isinstance(action.caller, From):
            return _error(machine, state, data, ("bad_reply_action_from_state_function", action), effects)
        effects.append(action)
    return _ended(machine, state, data, result.reason, False, effects)


# Actions


def _act(
    machine: Machine, state: Any, data: Any, actions: Iterable[Any], enter: bool, entering: bool
) -> Step:
    """Carry out the actions of a result, then enter the state (`enter`, if its class asks for it) or go on.

    `entering`: the result is that of a state enter call, to which less is allowed.
    """
    modules = machine.modules
    effects: list[Effect] = []
    before = machine.deciding
    if not actions and before is None and not (enter and modules[0].state_enter):
        return _settled(machine, effects, Deciding(state, data, (), _NOTHING, False, False))
    events: list[Event] = []
    timeouts: dict[Any, Any] = {}
    postpone = hibernate = False
    if before is not None:
        events.extend(before.events)
        timeouts.update(before.timeouts)
        postpone, hibernate = before.postpone, before.hibernate
    for action in actions:
        kind = type(action)
        wrong = "bad_action_from_state_function"
        if kind is ReplyTo and isinstance(action.caller, From):
            effects.append(action)
            continue
        if kind is NextEvent or kind is ChangeModule or kind is PushModule or kind is PopModule or kind is Postpone:
            if entering and not (kind is Postpone and action.value is False):
                wrong = "bad_state_enter_action_from_state_function"
            elif kind is NextEvent:
                if _is_event_kind(action.kind):
                    events.append(Event(action.kind, action.content))
                    continue
            elif kind is Postpone:
                if isinstance(action.value, bool):
                    postpone = action.value
                    continue
            elif (changed := _modules_after(modules, action)) is not None:
                modules = changed
                continue
        elif kind is Hibernate and isinstance(action.value, bool):
            hibernate = action.value
            continue
        elif (timer := _timer_of(action)) is not None and _is_time(action):
            timeouts.pop(timer, None)  # the last of a kind counts, where it stands
            timeouts[timer] = action
            continue
        return _error(machine._replace(modules=modules), state, data, (wrong, action), effects)
    if modules is not machine.modules:
        machine = machine._replace(modules=modules)
    deciding = Deciding(state, data, tuple(events), timeouts, postpone, hibernate)
    if enter and modules[0].state_enter:
        return Step(machine._replace(deciding=deciding), effects, Callback("enter", machine.state, state, data))
    return _settled(machine, effects, deciding)


_NOTHING: Final[Mapping[Any, Any]] = {}
_EVENT_KINDS: Final = frozenset({"cast", "info", "internal", "timeout", "state_timeout"})


def _is_event_kind(kind: Any) -> bool:
    if isinstance(kind, str):
        return kind in _EVENT_KINDS
    match kind:
        case ("call", caller):
            return isinstance(caller, From)
        case ("timeout", name):
            return _is_hashable(name)
        case _:
            return False


def _is_hashable(name: Any) -> bool:
    try:
        hash(name)
    except TypeError:
        return False
    return True


def _timer_of(action: Any) -> Any:
    """The kind of the event that a time-out action is about; `None` for anything else."""
    kind = type(action)
    if kind is StateTimeout:
        return "state_timeout"
    if kind is EventTimeout:
        return "timeout"
    if kind is NamedTimeout and _is_hashable(action.name):
        return ("timeout", action.name)
    return None


def _is_time(action: StateTimeout | EventTimeout | NamedTimeout) -> bool:
    seconds: Any = action.seconds
    if isinstance(seconds, str) and seconds != "infinity":
        return seconds in ("cancel", "update") and not action.abs
    if action.abs and isinstance(seconds, (int, float)) and not isinstance(seconds, bool):
        return abs(seconds) < float("inf")
    try:
        nanoseconds(seconds, "the time of an action", infinite=True)
    except BadArgument:
        return False
    return isinstance(action.abs, bool)


def _modules_after(modules: tuple[Any, ...], action: Any) -> tuple[Any, ...] | None:
    if type(action) is PopModule:
        return modules[1:] or None
    if not isinstance(action.cls, type) or not hasattr(action.cls, "callback_mode"):
        return None
    return (action.cls, *modules) if type(action) is PushModule else (action.cls, *modules[1:])


# The end of an event


def _settled(machine: Machine, effects: list[Effect], deciding: Deciding) -> Step:
    """The event is through: postpone or forget it, retry what was postponed, set timers, take the next event."""
    queue = machine.queue
    event, queue = queue[0], queue[1:]
    postponed = (*machine.postponed, event) if deciding.postpone else machine.postponed
    clock = _Timers(machine.timers, machine.zero, effects)
    if not same(machine.state, deciding.state):
        queue = postponed + queue
        postponed = ()
        clock.cancel("state_timeout")
    clock.cancel("timeout")
    for kind, action in deciding.timeouts.items():
        clock.set(kind, action)
    if deciding.events:
        queue = deciding.events + queue
    timers, zero = clock.timers, clock.zero
    if not queue:
        if not zero:
            state, data = deciding.state, deciding.data
            settled = Machine(state, data, machine.modules, (), postponed, timers, zero, deciding.hibernate)
            return Step(settled, effects, WAIT)
        kind, zero = zero[0], zero[1:]
        timers = dict(timers)
        queue = (Event(kind, timers.pop(kind)),)
    state, data = deciding.state, deciding.data
    settled = Machine(state, data, machine.modules, queue, postponed, timers, zero, deciding.hibernate)
    return Step(settled, effects, Callback(*queue[0], state, data))


class _Timers:
    """The timers of a machine while they change; what was given stays as it is."""

    __slots__ = ("_effects", "timers", "zero")

    def __init__(self, timers: Mapping[Any, Any], zero: tuple[Any, ...], effects: list[Effect]) -> None:
        self.timers = timers
        self.zero = zero
        self._effects = effects

    def cancel(self, kind: Any) -> None:
        """Stop the timer of this kind, if there is one."""
        if kind not in self.timers:
            return
        self.timers = {other: content for other, content in self.timers.items() if other != kind}
        if kind in self.zero:
            self.zero = tuple(other for other in self.zero if other != kind)
        else:
            self._effects.append(CancelTimer(kind))

    def set(self, kind: Any, action: StateTimeout | EventTimeout | NamedTimeout) -> None:
        """Do what an action says about the timer of this kind."""
        seconds: Any = action.seconds
        if seconds == "update" and kind in self.timers:
            self.timers = {**self.timers, kind: action.content}
            return
        self.cancel(kind)
        if seconds is None or seconds == "infinity" or seconds == "cancel":
            return
        self.timers = {**self.timers, kind: action.content}
        if seconds == "update" or seconds == 0 or (not action.abs and nanoseconds(seconds, "a time") == 0):
            self.zero = (*self.zero, kind)
        else:
            self._effects.append(StartTimer(kind, seconds, action.abs))
