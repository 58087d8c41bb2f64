"""What the callbacks of a state machine return, and the actions that a result may carry.

    result                                 the state             the data      state enter call
    MachineOk(state, data, *actions)       begins (from init)    begins        yes
    NextState(state, data, *actions)       changes               changes       if the state differs
    KeepState(data, *actions)              stays                 changes       no
    KeepStateAndData(*actions)             stays                 stays         no
    RepeatState(data, *actions)            stays                 changes       yes, again
    RepeatStateAndData(*actions)           stays                 stays         yes, again
    Stop(reason, data)                     the machine ends
    StopAndReply(reason, replies, data)    it answers, then ends

    action                                 does
    ReplyTo(caller, value)                 answers a call, at once
    NextEvent(kind, content)               the next event to handle, before all that wait
    Postpone()                             this event comes again after the next change of state
    StateTimeout(seconds, content)         an event, unless the state changes before
    EventTimeout(seconds, content)         an event, unless another event comes before
    NamedTimeout(name, seconds, content)   an event, whatever happens
    Hibernate()                            accepted; there is nothing to shrink
    ChangeModule(cls), PushModule(cls), PopModule()    another class has the callbacks

Times are seconds. 0 is an event before any message, `"infinity"` (or `"cancel"`) stops the timer of that kind,
`"update"` keeps its time and changes its content; to set a timer that runs replaces it. With `abs=True` the time is
a point of `otp.monotonic()`.

Source: Erlang/OTP, stdlib, `gen_statem`, types `action()`, `state_enter_result()`, `event_handler_result()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from otp.kernel.callers import From
from otp.kernel.results import ABSENT, Result

if TYPE_CHECKING:
    from collections.abc import Hashable

    from otp.behaviours.gen_state_machine import GenStateMachine

__all__ = [
    "Action",
    "ChangeModule",
    "EventTimeout",
    "EventType",
    "Hibernate",
    "KeepState",
    "KeepStateAndData",
    "MachineOk",
    "NamedTimeout",
    "NextEvent",
    "NextState",
    "PopModule",
    "Postpone",
    "PushModule",
    "RepeatState",
    "RepeatStateAndData",
    "ReplyTo",
    "StateTimeout",
    "StopAndReply",
    "Time",
]

S = TypeVar("S")
D = TypeVar("D")

EventType: TypeAlias = (
    Literal["cast", "info", "internal", "enter", "timeout", "state_timeout"]
    | tuple[Literal["call"], From]
    | tuple[Literal["timeout"], Any]
)
"""What kind of event is handled; a call with its caller, a named time-out with its name."""

Time: TypeAlias = float | Literal["infinity", "cancel", "update"] | None
"""Seconds, or what is to become of a timer that runs; `None` means `"infinity"`."""


class ReplyTo(NamedTuple):
    """Answer the call of `caller`, the one of the event `("call", caller)`, with `value`.

    >>> ReplyTo("a caller", 42).value
    42
    """

    caller: From
    value: Any


class NextEvent(NamedTuple):
    """Handle this event next: `kind` is `"internal"`, `"cast"`, `"info"`, `("call", caller)` or a time-out's.

    Several come in the order of the actions, before postponed events and before anything that waits.

    >>> NextEvent("internal", "check").kind
    'internal'
    """

    kind: EventType
    content: Any = None


class Postpone(NamedTuple):
    """Let the event that is handled come again after the next change of state; `Postpone(False)` takes it back.

    >>> Postpone().value
    True
    """

    value: bool = True


class StateTimeout(NamedTuple):
    """The event `"state_timeout"` after `seconds`, unless the state changes before.

    >>> StateTimeout(10, "lock").seconds
    10
    """

    seconds: Time
    content: Any = None
    abs: bool = False


class EventTimeout(NamedTuple):
    """The event `"timeout"` after `seconds`, unless any other event is handled before.

    >>> EventTimeout(0.5, "nothing happens").content
    'nothing happens'
    """

    seconds: Time
    content: Any = None
    abs: bool = False


class NamedTimeout(NamedTuple):
    """The event `("timeout", name)` after `seconds`, whatever state the machine is in then.

    >>> NamedTimeout("session", 3600, "log out").name
    'session'
    """

    name: Hashable
    seconds: Time
    content: Any = None
    abs: bool = False


class Hibernate(NamedTuple):
    """Hibernate until the next event. Nothing comes of it here: a process has no heap of its own.

    >>> Hibernate().value
    True
    """

    value: bool = True


class ChangeModule(NamedTuple):
    """Let another class handle all further events, in its own callback mode; state and data stay.

    >>> ChangeModule(int).cls.__name__
    'int'
    """

    cls: type[GenStateMachine[Any, Any]]


class PushModule(NamedTuple):
    """As `ChangeModule`, but `PopModule()` comes back to the class that is left.

    >>> PushModule(int).cls.__name__
    'int'
    """

    cls: type[GenStateMachine[Any, Any]]


class PopModule(NamedTuple):
    """Come back to the class that was left by `PushModule`.

    >>> PopModule()
    PopModule()
    """


Action: TypeAlias = (
    ReplyTo
    | NextEvent
    | Postpone
    | StateTimeout
    | EventTimeout
    | NamedTimeout
    | Hibernate
    | ChangeModule
    | PushModule
    | PopModule
)
"""What a result may carry. All run in order; of several for one timer or one option the last counts."""


class _MachineResult(Result):
    """Compared and shown by what it says: the fields that were given, then the actions."""

    __slots__ = ()

    def _key(self) -> tuple[Any, ...]:
        return (type(self).__name__, *(getattr(self, name) for name in self._fields))

    def __repr__(self) -> str:
        shown: list[str] = []
        for name in self._fields:
            value: Any = getattr(self, name)
            if name == "actions":
                shown += map(repr, value)
            elif value is not ABSENT:
                shown.append(repr(value))
        return f"{type(self).__name__}({', '.join(shown)})"


class MachineOk(_MachineResult, Generic[S, D]):
    """From `init` (and `code_change`): the machine begins in `state` with `data`.

    >>> MachineOk("locked", 0, StateTimeout(10, "alarm"))
    MachineOk('locked', 0, StateTimeout(seconds=10, content='alarm', abs=False))
    """

    __slots__ = ("actions", "data", "state")
    __match_args__ = ("state", "data")
    _fields = ("state", "data", "actions")

    def __init__(self, state: S, data: D, *actions: Action) -> None:
        self.state: S = state
        self.data: D = data
        self.actions: tuple[Action, ...] = actions


class NextState(_MachineResult, Generic[S, D]):
    """Go to `state`, with new data. The same state again is no change: nothing postponed comes, no enter call.

    >>> NextState("open", 1)
    NextState('open', 1)
    """

    __slots__ = ("actions", "data", "state")
    __match_args__ = ("state", "data")
    _fields = ("state", "data", "actions")

    def __init__(self, state: S, data: D, *actions: Action) -> None:
        self.state: S = state
        self.data: D = data
        self.actions: tuple[Action, ...] = actions


class KeepState(_MachineResult, Generic[D]):
    """Stay in this state, with new data.

    >>> KeepState(2, Postpone())
    KeepState(2, Postpone(value=True))
    """

    __slots__ = ("actions", "data")
    __match_args__ = ("data",)
    _fields = ("data", "actions")

    def __init__(self, data: D, *actions: Action) -> None:
        self.data: D = data
        self.actions: tuple[Action, ...] = actions


class KeepStateAndData(_MachineResult):
    """Stay as you are.

    >>> KeepStateAndData(ReplyTo("a caller", "ok")).actions
    (ReplyTo(caller='a caller', value='ok'),)
    """

    __slots__ = ("actions",)
    __match_args__ = ()
    _fields = ("actions",)

    def __init__(self, *actions: Action) -> None:
        self.actions: tuple[Action, ...] = actions


class RepeatState(_MachineResult, Generic[D]):
    """As `KeepState`, but with `state_enter` the state is entered again.

    >>> RepeatState(3)
    RepeatState(3)
    """

    __slots__ = ("actions", "data")
    __match_args__ = ("data",)
    _fields = ("data", "actions")

    def __init__(self, data: D, *actions: Action) -> None:
        self.data: D = data
        self.actions: tuple[Action, ...] = actions


class RepeatStateAndData(_MachineResult):
    """As `KeepStateAndData`, but with `state_enter` the state is entered again.

    >>> RepeatStateAndData()
    RepeatStateAndData()
    """

    __slots__ = ("actions",)
    __match_args__ = ()
    _fields = ("actions",)

    def __init__(self, *actions: Action) -> None:
        self.actions: tuple[Action, ...] = actions


class StopAndReply(_MachineResult):
    """Answer with `replies`, a `ReplyTo` or several in a list, then end with `reason`.

    Without `data` the data stays as it was.

    >>> StopAndReply("normal", ReplyTo("a caller", "bye"))
    StopAndReply('normal', ReplyTo(caller='a caller', value='bye'))
    """

    __slots__ = ("data", "reason", "replies")
    __match_args__ = ("reason", "replies", "data")
    _fields = ("reason", "replies", "data")

    def __init__(self, reason: Any, replies: ReplyTo | list[ReplyTo] | tuple[ReplyTo, ...], data: Any = ABSENT) -> None:
        self.reason: Any = reason
        self.replies: ReplyTo | list[ReplyTo] | tuple[ReplyTo, ...] = replies
        self.data: Any = data
