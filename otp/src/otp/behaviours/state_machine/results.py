"""Results of a state machine's callbacks, and the actions in them.

    result                                 the state             the data      state enter call
    MachineOk(state, data, *actions)       begins (from init)    begins        yes
    NextState(state, data, *actions)       changes               changes       if the state differs
    KeepState(data, *actions)              stays                 changes       no
    KeepStateAndData(*actions)             stays                 stays         no
    RepeatState(data, *actions)            stays                 changes       yes, again
    RepeatStateAndData(*actions)           stays                 stays         yes, again
    Stop(reason, data)                     the machine ends
    StopAndReply(reason, replies, data)    it replies, then ends

    action                                 does
    ReplyTo(caller, value)                 replies to a call immediately
    NextEvent(kind, content)               the next event to handle, before all others
    Postpone()                             this event comes again after the next change of state
    StateTimeout(seconds, content)         an event, unless the state changes before
    EventTimeout(seconds, content)         an event, unless another event comes before
    NamedTimeout(name, seconds, content)   an event, whatever happens
    Hibernate()                            accepted; there is nothing to shrink
    ChangeModule(cls), PushModule(cls), PopModule()    another class has the callbacks

Times are in seconds. 0 is an event before any message, `"infinity"` (or `"cancel"`) stops the timer of that kind,
`"update"` keeps its time and changes its content; setting a running timer replaces it. With `abs=True` the time is a
value of `otp.monotonic()`.

Source: Erlang/OTP, stdlib, `gen_statem`, types `action()`, `state_enter_result()`, `event_handler_result()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from otp.kernel.tables.callers import From
from otp.kernel.values.results import ABSENT, Result

if TYPE_CHECKING:
    from collections.abc import Hashable

    from otp.behaviours.state_machine.gen_state_machine import GenStateMachine

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
"""The type of an event; a call has its caller, a named time-out its name."""

Time: TypeAlias = float | Literal["infinity", "cancel", "update"] | None
"""Seconds, or the change of a running timer; `None` means `"infinity"`."""


class ReplyTo(NamedTuple):
    """An action: reply with `value` to `caller`, from the `("call", caller)` event.

    >>> ReplyTo("a caller", 42).value
    42
    """

    caller: From
    value: Any


class NextEvent(NamedTuple):
    """An action: handle this event next.

    `kind` is `"internal"`, `"cast"`, `"info"`, `("call", caller)` or a time-out's. Several are handled in the order of
    the actions, before postponed and waiting events.

    >>> NextEvent("internal", "check").kind
    'internal'
    """

    kind: EventType
    content: Any = None


class Postpone(NamedTuple):
    """An action: handle this event again after the next change of state.

    `Postpone(False)` cancels that.

    >>> Postpone().value
    True
    """

    value: bool = True


class StateTimeout(NamedTuple):
    """An action: the `"state_timeout"` event after `seconds`, unless the state changes before.

    >>> StateTimeout(10, "lock").seconds
    10
    """

    seconds: Time
    content: Any = None
    abs: bool = False


class EventTimeout(NamedTuple):
    """An action: the `"timeout"` event after `seconds`, unless another event is handled before.

    >>> EventTimeout(0.5, "nothing happens").content
    'nothing happens'
    """

    seconds: Time
    content: Any = None
    abs: bool = False


class NamedTimeout(NamedTuple):
    """An action: the `("timeout", name)` event after `seconds`, in any state.

    >>> NamedTimeout("session", 3600, "log out").name
    'session'
    """

    name: Hashable
    seconds: Time
    content: Any = None
    abs: bool = False


class Hibernate(NamedTuple):
    """An action: hibernate until the next event. It has no effect: a process has no separate heap.

    >>> Hibernate().value
    True
    """

    value: bool = True


class ChangeModule(NamedTuple):
    """An action: let another class handle all further events, in its callback mode.

    State and data stay.

    >>> ChangeModule(int).cls.__name__
    'int'
    """

    cls: type[GenStateMachine[Any, Any]]


class PushModule(NamedTuple):
    """An action like `ChangeModule`, but `PopModule()` returns to the present class.

    >>> PushModule(int).cls.__name__
    'int'
    """

    cls: type[GenStateMachine[Any, Any]]


class PopModule(NamedTuple):
    """An action: return to the class that was left by `PushModule`.

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
"""An action of a result. All run in order; of several for one timer or option the last one counts."""


class _MachineResult(Result):
    """A result that is compared and shown by its given fields and actions."""

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
    """The result of `init` (and `code_change`): the machine begins in `state` with `data`.

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
    """A result: go to `state`, with new data.

    The same state is not a change: no postponed event returns, and no enter call is made.

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
    """A result: stay in this state, with new data.

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
    """A result: keep state and data.

    >>> KeepStateAndData(ReplyTo("a caller", "ok")).actions
    (ReplyTo(caller='a caller', value='ok'),)
    """

    __slots__ = ("actions",)
    __match_args__ = ()
    _fields = ("actions",)

    def __init__(self, *actions: Action) -> None:
        self.actions: tuple[Action, ...] = actions


class RepeatState(_MachineResult, Generic[D]):
    """A result like `KeepState`, but with `state_enter` the state is entered again.

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
    """A result like `KeepStateAndData`, but with `state_enter` the state is entered again.

    >>> RepeatStateAndData()
    RepeatStateAndData()
    """

    __slots__ = ("actions",)
    __match_args__ = ()
    _fields = ("actions",)

    def __init__(self, *actions: Action) -> None:
        self.actions: tuple[Action, ...] = actions


class StopAndReply(_MachineResult):
    """A result: reply with `replies`, a `ReplyTo` or a list of them, then end with `reason`.

    Without `data` the data is unchanged.

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
