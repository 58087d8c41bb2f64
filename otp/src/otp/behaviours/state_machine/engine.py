"""The logic of a state machine: pure functions from value to value.

A `Machine` is the complete state: state, data, waiting events and running timers. `begun`, `received` and `elapsed`
start the handling of an event, `answered` continues it with the result of a callback. Each returns a `Step`: the new
machine, the effects to carry out (replies and timers, in order), and what comes next: a callback, waiting for a
message, or the end. Nothing here calls a callback, reads a clock or touches a process.

Events are handled in this order: those of `NextEvent`, in the order of the actions; then, after a change of state, the
postponed ones, oldest first; then time-outs of 0 seconds, in the order they were set; then messages.

Source: Erlang/OTP, stdlib, `gen_statem` ("loop_state_transition" and what follows); design principles,
*gen_statem Behaviour*.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from otp.behaviours.state_machine.results import (
    ChangeModule,
    Hibernate,
    KeepState,
    KeepStateAndData,
    NextEvent,
    NextState,
    PopModule,
    Postpone,
    PushModule,
    RepeatState,
    RepeatStateAndData,
    ReplyTo,
    StopAndReply,
)
from otp.behaviours.state_machine.timer_table import without
from otp.behaviours.state_machine.timers import (
    CancelTimer,
    StartTimer,
    is_hashable,
    is_time,
    timer_of,
    timers_after,
)
from otp.kernel.tables.callers import From
from otp.kernel.values.reasons import same
from otp.kernel.values.results import ABSENT, Stop

__all__ = [
    "WAIT",
    "Callback",
    "Deciding",
    "Effect",
    "Ended",
    "Event",
    "Events",
    "Machine",
    "Step",
    "Wait",
    "answered",
    "begun",
    "each",
    "elapsed",
    "in_front",
    "received",
]

_NOTHING: Final[Mapping[Any, Any]] = {}


class Event(NamedTuple):
    """An event: its type, as a callback sees it, and its content."""

    kind: Any
    content: Any


Events: TypeAlias = "tuple[Event, Events] | None"
"""A linked list of events: adding or removing the first one takes constant time."""


def in_front(events: Iterable[Event], rest: Events) -> Events:
    """Return a list with `events`, in order, before the rest."""
    for event in reversed(tuple(events)):
        rest = (event, rest)
    return rest


def each(events: Events) -> Iterator[Event]:
    """Yield the events of a list, the first one first."""
    while events is not None:
        event, events = events
        yield event


class Deciding(NamedTuple):
    """The decisions of an event so far; kept while a state enter call belongs to it."""

    state: Any
    data: Any
    events: tuple[Event, ...] = ()
    timeouts: Mapping[Any, Any] = _NOTHING  # kind -> action, in the order of precedence
    postpone: bool = False
    hibernate: bool = False


class Machine(NamedTuple):
    """A machine between two callbacks. The event being handled is the first of `queue`."""

    state: Any
    data: Any
    modules: tuple[Any, ...]  # the first has the callbacks, the others wait for PopModule
    queue: Events = None
    postponed: Events = None  # newest first
    timers: Mapping[Any, Any] = _NOTHING  # kind -> content
    due: tuple[Any, ...] = ()  # timers that were set to 0 seconds
    hibernate: bool = False
    deciding: Deciding | None = None


Effect: TypeAlias = ReplyTo | StartTimer | CancelTimer


class Callback(NamedTuple):
    """The next step: call the callback of `state` and pass its result to `answered`."""

    kind: Any
    content: Any
    state: Any
    data: Any


class Ended(NamedTuple):
    """The next step: end the machine. `error`: as if the callback had raised `Error(reason)`."""

    reason: Any
    error: bool


class Wait(NamedTuple):
    """The next step: wait for a message."""


WAIT: Final = Wait()


class Step(NamedTuple):
    """The new machine, the effects to carry out, and the next step."""

    machine: Machine
    effects: list[Effect]
    then: Callback | Ended | Wait


# Inputs of a machine


def begun(state: Any, data: Any, module: Any, actions: tuple[Any, ...]) -> Step:
    """Begin after `init`: carry out its actions and enter the first state."""
    first = Event("internal", "init_state")  # consumed, whatever the actions say
    machine = Machine(state, data, (module,), queue=(first, None))
    return _act(machine, state, data, (*actions, Postpone(False)), True)


def received(machine: Machine, kind: Any, content: Any) -> Step:
    """Handle a message for a waiting machine."""
    state, data, modules, _queue, postponed, timers, due, hibernate, _deciding = machine
    machine = Machine(state, data, modules, (Event(kind, content), None), postponed, timers, due, hibernate)
    return Step(machine, [], Callback(kind, content, state, data))


def elapsed(machine: Machine, kind: Any) -> Step:
    """Handle a timer that fired and was neither cancelled nor replaced before."""
    return received(machine._replace(timers=without(machine.timers, kind)), kind, machine.timers[kind])


def answered(machine: Machine, result: Any) -> Step:
    """Continue with the result of the last callback."""
    deciding = machine.deciding
    state, data = (machine.state, machine.data) if deciding is None else (deciding.state, deciding.data)
    kind = result.__class__
    if issubclass(kind, NextState):
        if same(result.state, state):
            return _act(machine, state, result.data, result.actions, False)
        if deciding is not None:
            return _error(machine, state, data, ("bad_state_enter_return_from_state_function", result), [])
        return _act(machine, result.state, result.data, result.actions, True)
    if issubclass(kind, KeepState):
        return _act(machine, state, result.data, result.actions, False)
    if issubclass(kind, KeepStateAndData):
        return _act(machine, state, data, result.actions, False)
    if issubclass(kind, RepeatState):
        return _act(machine, state, result.data, result.actions, True)
    if issubclass(kind, RepeatStateAndData):
        return _act(machine, state, data, result.actions, True)
    if issubclass(kind, StopAndReply):
        return _stop_and_reply(machine, state, data if result.data is ABSENT else result.data, result)
    if issubclass(kind, Stop) and result.reply is ABSENT:
        return _ended(machine, state, data if result.state is ABSENT else result.state, result.reason, False, [])
    return _error(machine, state, data, ("bad_return_from_state_function", result), [])


# Ends


def _ended(machine: Machine, state: Any, data: Any, reason: Any, error: bool, effects: list[Effect]) -> Step:
    return Step(machine._replace(state=state, data=data), effects, Ended(reason, error))


def _error(machine: Machine, state: Any, data: Any, reason: Any, effects: list[Effect]) -> Step:
    return _ended(machine, state, data, reason, True, effects)


def _stop_and_reply(machine: Machine, state: Any, data: Any, result: Any) -> Step:
    replies: Any = result.replies
    several: Any = [replies]
    if isinstance(replies, (list, tuple)) and not isinstance(replies, ReplyTo):
        several = replies  # pyright: ignore[reportUnknownVariableType]
    effects: list[Effect] = []
    for action in several:
        if type(action) is not ReplyTo or not isinstance(action.caller, From):
            return _error(machine, state, data, ("bad_reply_action_from_state_function", action), effects)
        effects.append(action)
    return _ended(machine, state, data, result.reason, False, effects)


# Actions


def _act(machine: Machine, state: Any, data: Any, actions: tuple[Any, ...], enter: bool) -> Step:
    """Apply the actions of a result; then enter the state, if `enter` and the class require it, or continue."""
    modules = machine.modules
    effects: list[Effect] = []
    before = machine.deciding
    if not actions and before is None and not (enter and modules[0].state_enter):
        return _settled(machine, Deciding(state, data), effects)
    events: list[Event] = []
    timeouts: dict[Any, Any] = {}
    postpone = hibernate = False
    if before is not None:
        events += before.events
        timeouts |= before.timeouts
        postpone, hibernate = before.postpone, before.hibernate
    for action in actions:
        kind = action.__class__
        if before is not None and kind in _NOT_WHILE_ENTERING and action != Postpone(False):
            wrong = ("bad_state_enter_action_from_state_function", action)
            return _error(machine, state, data, wrong, effects)
        if kind is ReplyTo and isinstance(action.caller, From):
            effects.append(action)
        elif kind is NextEvent and _is_event_kind(action.kind):
            events.append(Event(action.kind, action.content))
        elif kind is Postpone and isinstance(action.value, bool):
            postpone = action.value
        elif kind is Hibernate and isinstance(action.value, bool):
            hibernate = action.value
        elif kind in _MODULES and (after := _modules_after(modules, action)):
            modules = after
            machine = machine._replace(modules=modules)
        elif (timer := timer_of(action)) is not None and is_time(action):
            timeouts.pop(timer, None)  # of each kind, only the last counts, at its position
            timeouts[timer] = action
        else:
            return _error(machine, state, data, ("bad_action_from_state_function", action), effects)
    deciding = Deciding(state, data, tuple(events), timeouts, postpone, hibernate)
    if enter and modules[0].state_enter:
        return Step(machine._replace(deciding=deciding), effects, Callback("enter", machine.state, state, data))
    return _settled(machine, deciding, effects)


_MODULES: Final = (ChangeModule, PushModule, PopModule)
_NOT_WHILE_ENTERING: Final = (Postpone, NextEvent, *_MODULES)
_EVENT_KINDS: Final = ("cast", "info", "internal", "timeout", "state_timeout")


def _is_event_kind(kind: Any) -> bool:
    if isinstance(kind, str):
        return kind in _EVENT_KINDS
    match kind:
        case ("call", caller):
            return isinstance(caller, From)
        case ("timeout", name):
            return is_hashable(name)
        case _:
            return False


def _modules_after(modules: tuple[Any, ...], action: Any) -> tuple[Any, ...]:
    """Return the classes after the action; none if it is invalid."""
    if type(action) is PopModule:
        return modules[1:]
    if not isinstance(action.cls, type) or not hasattr(action.cls, "callback_mode"):
        return ()
    return (action.cls, *(modules if type(action) is PushModule else modules[1:]))


# The end of an event


def _settled(machine: Machine, deciding: Deciding, effects: list[Effect]) -> Step:
    """Finish an event: postpone or drop it, retry postponed events, set timers, take the next event."""
    state, data, events, timeouts, postpone, hibernate = deciding
    assert machine.queue is not None
    event, queue = machine.queue
    postponed = (event, machine.postponed) if postpone else machine.postponed
    changed = not same(machine.state, state)
    if changed:
        for earlier in each(postponed):
            queue = (earlier, queue)
        postponed = None
    running, due = machine.timers, machine.due
    if running or timeouts:
        running, due = timers_after(running, due, changed, timeouts, effects)
    if events:
        queue = in_front(events, queue)
    if queue is None and due:
        kind, due = due[0], due[1:]
        queue = (Event(kind, running[kind]), None)
        running = without(running, kind)
    machine = Machine(state, data, machine.modules, queue, postponed, running, due, hibernate)
    return Step(machine, effects, WAIT if queue is None else Callback(*queue[0], state, data))
