"""GenStateMachine: a process that is always in one of a few states, which determines its behaviour.

A door with a code. Locked, it collects digits; open, it locks itself after ten seconds:

>>> import otp
>>> from otp import GenStateMachine, KeepState, MachineOk, NextState, ReplyTo, StateTimeout, impl
>>> class Door(GenStateMachine[str, str]):
...     callback_mode = "state_functions"
...
...     @impl
...     def init(self, code):
...         return MachineOk("locked", "")
...
...     @impl
...     def locked(self, event, content, data):
...         match event, content:
...             case ("call", caller), digit if data + digit == "1234":
...                 return NextState("open", "", ReplyTo(caller, "welcome"), StateTimeout(10, "lock"))
...             case ("call", caller), digit:
...                 return KeepState((data + digit)[-3:], ReplyTo(caller, "go on"))
...
...     @impl
...     def open(self, event, content, data):
...         match event, content:
...             case "state_timeout", "lock":
...                 return NextState("locked", "")
...             case ("call", caller), _:
...                 return KeepState(data, ReplyTo(caller, "come in"))
>>> async def main():
...     door = await Door.start_link()
...     return [await Door.call(door, digit) for digit in "12345"]
>>> otp.run(main)
['go on', 'go on', 'go on', 'welcome', 'come in']

An event is `("call", caller)`, `"cast"`, `"info"` (any other message), `"internal"` (from `NextEvent`),
`"state_timeout"`, `"timeout"`, `("timeout", name)`, or with `state_enter = True` also `"enter"`, whose content is the
previous state. With `callback_mode = "handle_event_function"` one method handles them all, and a state may be any
value: `handle_event(event, content, state, data)`. With `"state_functions"` a state is the name of a method, `(event,
content, data)`. Their results, and the actions in them, are described in `results`.

`async def` callbacks may wait; meanwhile the machine is busy and its mailbox grows.

Source: Erlang/OTP, stdlib, `gen_statem`; design principles, *gen_statem Behaviour*; Elixir's `GenStateMachine`.
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Mapping
from types import FunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NoReturn, Self, TypeAlias, TypeVar, overload

from otp.behaviours.server import gen_server
from otp.behaviours.server.behaviour import (
    Behaviour,
    MissingCallback,
    callback,
    check_arity,
    implements,
    optional_callback,
)
from otp.behaviours.server.child_spec import Startable
from otp.behaviours.server.positional import positional
from otp.behaviours.server.request import Request
from otp.behaviours.state_machine.results import (
    EventType,
    KeepState,
    KeepStateAndData,
    MachineOk,
    NextState,
    RepeatState,
    RepeatStateAndData,
    ReplyTo,
    StopAndReply,
)
from otp.behaviours.state_machine.server import server_of
from otp.kernel.ends.mailbox import reply as send_reply
from otp.kernel.steps import calling
from otp.kernel.steps.calls import retold
from otp.kernel.steps.starting import start_server
from otp.kernel.tables.callers import From
from otp.kernel.values.errors import BadArgument, BadTimeout, CallExit, Error, StartError, did_you_mean
from otp.kernel.values.pids import Pid, Ref
from otp.kernel.values.reasons import Crash
from otp.kernel.values.results import ABSENT, Ignore, Stop

if TYPE_CHECKING:
    from otp.kernel.values.terms import Dest, GivenName, Limit

__all__ = ["GenStateMachine"]

S = TypeVar("S")
D = TypeVar("D")
R = TypeVar("R")

InitResult: TypeAlias = "MachineOk[S, D] | Stop[D] | Ignore"
EventResult: TypeAlias = (
    "NextState[S, D] | KeepState[D] | KeepStateAndData | RepeatState[D] | RepeatStateAndData | Stop[D] | StopAndReply"
)

_STATE_ARGUMENTS = "(self, event, content, data)"
_MODES = ("handle_event_function", "state_functions")


class GenStateMachine(Behaviour, Startable, Generic[S, D]):
    """The base class of state machines; `init` is required.

    >>> import otp
    >>> from otp import GenStateMachine, KeepState, MachineOk, NextState, ReplyTo, impl
    >>> class Switch(GenStateMachine[str, int]):
    ...     @impl
    ...     def init(self, arg):
    ...         return MachineOk("off", 0)
    ...
    ...     @impl
    ...     def handle_event(self, event, content, state, pressed):
    ...         match event, content:
    ...             case "cast", "press":
    ...                 return NextState("off" if state == "on" else "on", pressed + 1)
    ...             case ("call", caller), _:
    ...                 return KeepState(pressed, ReplyTo(caller, (state, pressed)))
    >>> async def main():
    ...     switch = await Switch.start_link()
    ...     for _ in range(3):
    ...         Switch.cast(switch, "press")
    ...     return await Switch.call(switch, "look")
    >>> otp.run(main)
    ('on', 3)

    `callback_mode` and `state_enter` are class attributes. With `"state_functions"` a state cannot be named like a
    callback (`init`, `terminate`, `code_change`, `format_status`, `handle_event`) or begin with `_`.

    Difference from OTP: there `callback_mode/0` is called after `init/1`; here a wrong mode fails when the class is
    created.
    """

    __slots__ = ()

    callback_mode: ClassVar[Literal["handle_event_function", "state_functions"]] = "handle_event_function"
    state_enter: ClassVar[bool] = False

    _new_state: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "init": "return MachineOk(state, data)",
            "handle_event": "return KeepState(new_data) or NextState(state, new_data)",
        }
    )

    @positional
    @callback
    def init(self, arg: Any) -> InitResult[S, D] | Awaitable[InitResult[S, D]]:
        """Begin: `MachineOk(state, data, *actions)`, `Stop(reason)` or `Ignore()`. Runs in the new process."""
        raise NotImplementedError

    @positional
    @optional_callback
    def handle_event(
        self, event: EventType, content: Any, state: S, data: D
    ) -> EventResult[S, D] | Awaitable[EventResult[S, D]]:
        """Handle an event; required in the mode `"handle_event_function"`."""
        raise NotImplementedError

    @positional
    @optional_callback
    def terminate(self, reason: Any, state: S, data: D) -> Any:
        """Clean up before the end.

        Not called for a fatal signal unless the process traps exits. After an exception, `reason` is what was raised
        without its stack; the exit reason includes it (as in OTP).
        """
        return None

    @positional
    @optional_callback
    def code_change(
        self, old_vsn: Any, state: Any, data: Any, extra: Any
    ) -> MachineOk[S, D] | Awaitable[MachineOk[S, D]]:
        """Convert state and data of an older version: `MachineOk(state, data)`; raise to refuse."""
        return MachineOk(state, data)

    @positional
    @optional_callback
    def format_status(self, state: S, data: D) -> Any:
        """Return what debuggers and crash reports may show; by default `(state, data)`."""
        return state, data

    # The class

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if cls.callback_mode not in _MODES:  # pyright: ignore[reportUnnecessaryContains]
            raise TypeError(f"expected {cls.__name__}.callback_mode to be one of {_MODES}, got {cls.callback_mode!r}")
        if not isinstance(cls.state_enter, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"expected {cls.__name__}.state_enter to be True or False, got {cls.state_enter!r}")
        super().__init_subclass__(**kwargs)
        if cls.callback_mode == "state_functions":
            for name, member in cls.__dict__.items():
                if getattr(member, "__otp_impl__", False) and name not in cls.__callbacks__:
                    check_arity(cls, name, member, 3, f"{_STATE_ARGUMENTS} in {cls.__name__}, as each state has")

    def _no_state(self) -> AttributeError:
        """Return the error for an assignment to `self`; a state may be a method of any name."""
        error = super()._no_state()
        if "Reply" in str(error):
            return AttributeError("self holds no state; return KeepState(new_data) or NextState(state, new_data)")
        return error

    @classmethod
    def __accepts_impl__(cls, name: str) -> bool:
        """Return whether a name may be a state, where states are functions."""
        if name.startswith("_"):
            return False
        if cls.callback_mode == "state_functions":
            return True
        if not difflib.get_close_matches(name, cls.__callbacks__, n=1, cutoff=0.5):
            raise TypeError(
                f"expected the name of a callback after @impl in {cls.__name__}, got {name!r}; "
                'for a method per state try callback_mode = "state_functions"'
            )
        return False

    @classmethod
    def __handler__(cls) -> Self:
        """Return the one immutable instance; `handle_event` is required in its mode."""
        if cls.callback_mode == "handle_event_function" and not implements(cls, "handle_event"):
            raise MissingCallback(
                f"expected {cls.__name__} to have all required callbacks, got no handle_event; "
                "try @impl above def handle_event(self, event, content, state, data), "
                'or callback_mode = "state_functions"'
            )
        return super().__handler__()

    @classmethod
    def __state_function__(cls, state: Any) -> Callable[[Any, Any, Any], Any]:
        """Return the method of a state.

        Raises `Error("undef")` without such a method, `Error("badarg")` for an invalid state.
        """
        if not isinstance(state, str):
            error = Error("badarg")
            error.add_note(f'expected a state that names a method (callback_mode = "state_functions"), got {state!r}')
            try:
                raise error
            finally:
                del error  # else frame, error and traceback form a cycle
        table = cls.__dict__.get("__states__")
        if table is None:
            type.__setattr__(cls, "__states__", table := {})
        found = table.get(state)
        if found is None:
            found = table[state] = _own_method(cls, state)
        return found

    # Starting

    @classmethod
    async def start_link(cls, arg: Any = None, *, name: GivenName = None, timeout: Limit = "infinity") -> Pid:
        """Start the machine linked with the calling process and wait for its `init`.

        A failed start ends the caller through the link, even if it catches the error: see `GenServer.start_link`.

        Returns the pid (or `Ignore()` if `init` returned it) before the first state is entered. Raises
        `StartError(reason)`; `AlreadyStarted(pid)` if the name is taken.
        """
        return await _start(cls, arg, name=name, link=True, timeout=timeout)

    @classmethod
    async def start(cls, arg: Any = None, *, name: GivenName = None, timeout: Limit = "infinity") -> Pid:
        """Start the machine without a link; also from outside a process. The caller can handle a `StartError`."""
        return await _start(cls, arg, name=name, timeout=timeout)

    @classmethod
    async def start_monitor(
        cls, arg: Any = None, *, name: GivenName = None, timeout: Limit = "infinity"
    ) -> tuple[Pid, Ref]:
        """Start the machine, monitored by the calling process; return (pid, ref)."""
        return await _start(cls, arg, name=name, monitor=True, timeout=timeout)

    @classmethod
    async def __otp_start_on__(cls, node: Any, arg: Any = None, *, name: GivenName = None, **options: Any) -> Any:
        """Start a machine that a node owns."""
        return await _start(cls, arg, name=name, node=node, **options)

    # The client side

    if TYPE_CHECKING:

        @overload
        @staticmethod
        async def call(dest: Dest, request: Request[R], timeout: Limit = ...) -> R: ...
        @overload
        @staticmethod
        async def call(dest: Dest, request: Any, timeout: Limit = ...) -> Any: ...

    @staticmethod
    async def call(dest: Dest, request: Any, timeout: Limit = "infinity") -> Any:
        """Send `request` and wait for the reply, by default without a time limit.

        `GenServer.call` has a limit of 5 seconds. `timeout` is in seconds. The default is that of Erlang's
        `gen_statem`.

        Raises a `CallExit`: its `reason` is `(R, ("gen_statem", "call", [dest, request, timeout]))`. An invalid time is
        a `BadArgument`, where OTP also has an error.
        """
        try:
            return await calling.call(dest, request, timeout)
        except BadTimeout as wrong:
            raise BadArgument(str(wrong)) from None
        except CallExit as failed:
            limit = "infinity" if timeout is None else timeout
            reason = (failed.cause_reason, ("gen_statem", "call", [dest, request, limit]))
            raise retold(failed, reason, dest, request) from failed.__cause__

    if TYPE_CHECKING:

        @staticmethod
        def cast(dest: Dest, request: Any) -> str:
            """Send `request` without waiting; always returns `"ok"`, even if the machine does not exist."""
            ...

    else:
        cast = staticmethod(calling.cast)

    @overload
    @staticmethod
    def reply(caller: From, value: Any, /) -> None: ...
    @overload
    @staticmethod
    def reply(caller: ReplyTo | list[ReplyTo], /) -> None: ...
    @staticmethod
    def reply(caller: Any, value: Any = ABSENT, /) -> None:
        """Reply to a call later: `reply(caller, value)`, `reply(ReplyTo(…))` or a list of those.

        Any process may reply. A late or second reply is dropped.
        """
        if value is not ABSENT:
            replies = [ReplyTo(caller, value)]
        elif isinstance(caller, ReplyTo):
            replies = [caller]
        else:
            replies = list(caller)
        for to, answer in replies:
            if not isinstance(to, From):
                raise BadArgument(f'reply(caller, value): expected the caller of an event ("call", caller), got {to!r}')
            send_reply(to, answer)

    @staticmethod
    async def stop(dest: Dest, reason: Any = "normal", timeout: Limit = "infinity") -> None:
        """Stop a machine and wait until it and its child tasks have ended.

        `terminate` runs.

        Raises `Exit` with the bare reason: `"noproc"`, `"timeout"`, or the other reason with which the machine ended.
        """
        await gen_server.stop(dest, reason, timeout)


def _own_method(cls: type[GenStateMachine[Any, Any]], state: str) -> Callable[[Any, Any, Any], Any]:
    for base in cls.__mro__:
        if base in GenStateMachine.__mro__:
            continue
        if state in base.__dict__ and state not in cls.__callbacks__ and not state.startswith("_"):
            found = getattr(cls.__handler__(), state)
            if callable(found):
                if isinstance(base.__dict__[state], FunctionType):
                    where = f"{_STATE_ARGUMENTS} in {cls.__name__}, as each state has"
                    check_arity(cls, state, base.__dict__[state], 3, where)
                return found
    error = Error("undef")
    close = did_you_mean(state, _states_of(cls)) or f"try def {state}{_STATE_ARGUMENTS}"
    error.add_note(f"{cls.__qualname__} has no method for the state {state!r}; {close}")
    # as in Erlang, the innermost entry of the stack is the missing function
    code = _raise.__code__.replace(co_name=state, co_qualname=f"{cls.__qualname__}.{state}")
    try:
        return FunctionType(code, {})([error])
    finally:
        del error  # else frame, error and traceback form a cycle


def _raise(held: list[Exception]) -> NoReturn:
    raise held.pop()


def _states_of(cls: type[GenStateMachine[Any, Any]]) -> list[str]:
    """Return the methods of a machine that may be states."""
    own = [base for base in cls.__mro__ if base not in GenStateMachine.__mro__]
    return [
        name
        for base in own
        for name, member in base.__dict__.items()
        if callable(member) and name not in cls.__callbacks__ and not name.startswith("_")
    ]


async def _start(cls: type[GenStateMachine[Any, Any]], arg: Any, **options: Any) -> Any:
    """Start a machine; a `StartError` has the bare reason of `init`, the exit reason includes the stack."""
    try:
        return await start_server(cls, arg, handler=server_of(cls), **options)
    except StartError as failed:
        if type(failed.reason) is Crash:
            raise StartError(failed.reason.term) from None
        raise
