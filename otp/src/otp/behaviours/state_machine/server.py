"""The handler of state machine processes, called by the kernel's callback engine.

One object serves one class of machines. The state of the process is a `Running`; a message changes it.
"""

from __future__ import annotations

from inspect import isawaitable
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from otp.behaviours.server.behaviour import implements
from otp.behaviours.state_machine.engine import Machine, begun, elapsed, received
from otp.behaviours.state_machine.results import MachineOk
from otp.behaviours.state_machine.running import GO_ON, Running, follow, hint, is_running
from otp.kernel.steps.outcomes import Raised
from otp.kernel.steps.system import Downgrade
from otp.kernel.tables.callers import From
from otp.kernel.tables.scheduler import current_process
from otp.kernel.values.bounded import bounded_text
from otp.kernel.values.errors import BadArgument, Error, Exit, Throw
from otp.kernel.values.messages import TimerFired
from otp.kernel.values.reasons import Crash
from otp.kernel.values.results import Ignore, NoReply, Ok, Stop

if TYPE_CHECKING:
    from otp.behaviours.state_machine.gen_state_machine import GenStateMachine

__all__ = ["MachineServer", "server_of"]

LONGEST_KIND: Final = 100
"""Characters of the type of an event in reports."""


def server_of(cls: type[GenStateMachine[Any, Any]]) -> MachineServer:
    """Return the handler of all machines of `cls`; raises `MissingCallback` if it is incomplete."""
    found: MachineServer | None = cls.__dict__.get("__machine_server__")
    if found is None:
        cls.__handler__()
        found = MachineServer(cls)
        type.__setattr__(cls, "__machine_server__", found)
    return found


class MachineServer:
    """The callbacks of a machine's process; `cls` is the user's class."""

    __slots__ = ("cls",)

    __otp_behaviour__: ClassVar[str] = "gen_statem"

    def __init__(self, cls: type[GenStateMachine[Any, Any]]) -> None:
        self.cls: type[GenStateMachine[Any, Any]] = cls

    # Starting

    def init(self, arg: Any) -> Any:
        """Ask the class for the first state; the starter continues before that state is entered, as in OTP."""
        try:
            result: Any = self.cls.__handler__().init(arg)
        except Throw as thrown:
            result = thrown.value
        except BaseException as error:
            return Raised(error)
        if type(result) is CoroutineType or isawaitable(result):
            return self._init_later(result)
        return self._ready(result)

    async def _init_later(self, awaitable: Any) -> Any:
        try:
            result = await awaitable
        except Throw as thrown:
            result = thrown.value
        except BaseException as error:
            return Raised(error)
        return self._ready(result)

    def _ready(self, result: Any) -> Any:
        if isinstance(result, (Stop, Ignore)):
            return result  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(result, MachineOk):
            error = Exit(("bad_return_from_init", result))
            error.add_note(hint(result, "MachineOk(state, data), Stop(reason) or Ignore()"))
            return Raised(error)
        state, data, actions = _parts(result)
        running = Running(Machine(state, data, (self.cls,)), current_process("a state machine"))
        if not actions and not self.cls.state_enter:
            return Ok(running)
        running.then = begun(state, data, self.cls, actions)
        return Ok(running, then=GO_ON)

    # Messages

    def handle_call(self, request: Any, caller: From, running: Running) -> Any:
        """Handle a call as the `("call", caller)` event."""
        return follow(running, received(running.machine, ("call", caller), request), caller)

    def handle_cast(self, request: Any, running: Running) -> Any:
        """Handle a cast as the `"cast"` event."""
        return follow(running, received(running.machine, "cast", request))

    def handle_info(self, message: Any, running: Running) -> Any:
        """Handle a message as the `"info"` event, unless it is from one of the machine's timers."""
        if type(message) is TimerFired:
            ref, kind = message
            if running.late is not None and ref in running.late:
                running.late.discard(ref)
                return NoReply(running)
            if running.refs is not None and is_running(running.refs, kind, ref):
                del running.refs[kind]
                return follow(running, elapsed(running.machine, kind))
        return follow(running, received(running.machine, "info", message))

    def handle_continue(self, term: Any, running: Running) -> Any:
        """Enter the first state, or continue a long chain of events."""
        step, running.then = running.then, None
        assert step is not None
        return follow(running, step)

    # Callbacks

    def terminate(self, reason: Any, running: Running) -> Any:
        """Run the last callback with the bare reason of a crash, without the stack, as in OTP."""
        machine = running.machine
        module = machine.modules[0]
        if not implements(module, "terminate"):
            return None
        if type(reason) is Crash and running.crashed is not None and not issubclass(running.crashed, Exit):
            reason = reason.term
        return module.__handler__().terminate(reason, machine.state, machine.data)

    def code_change(self, old_vsn: Any, running: Running, extra: Any) -> Any:
        """Convert state and data with the new class; if it raises, nothing changes."""
        machine = running.machine
        name = (self.cls.__module__, self.cls.__qualname__)
        same_name = [(old.__module__, old.__qualname__) == name for old in machine.modules]
        if not any(same_name):  # a successor with another name replaces the active class
            same_name[0] = True
        modules = tuple(self.cls if changes else old for old, changes in zip(machine.modules, same_name, strict=True))
        try:
            asked = machine.modules[0] if type(old_vsn) is Downgrade else modules[0]
            result = asked.__handler__().code_change(old_vsn, machine.state, machine.data, extra)
        except Throw as thrown:
            result = thrown.value
        if type(result) is CoroutineType or isawaitable(result):
            return _changed_later(running, modules, result)
        return _changed(running, modules, result)

    # Debugging

    def __otp_get_state__(self, running: Running | None) -> tuple[Any, Any] | None:
        """Return what `sys.get_state` shows; nothing while `init` waits."""
        return None if running is None else (running.machine.state, running.machine.data)

    def __otp_put_state__(self, running: Running, shown: Any) -> Running:
        """Apply what `sys.replace_state` sets; no state is entered and no postponed event returns."""
        if type(shown) is not tuple or len(shown) != 2:  # pyright: ignore[reportUnknownArgumentType]
            raise BadArgument(f"replace_state: expected fn to return (state, data) for a state machine, got {shown!r}")
        return running.with_machine(running.machine._replace(state=shown[0], data=shown[1]))

    def __otp_doing__(self, running: Running | None) -> tuple[str, str, Any, Any] | None:
        """Return where a machine crashed or returned `Stop`, or None.

        These are the callback, the type of the event as text, its content, and the state.
        """
        asked = None if running is None else running.asked
        if running is None or asked is None:
            return None
        module = running.machine.modules[0]
        name = "handle_event"
        if module.callback_mode == "state_functions":  # a state that names no method may be of any type
            name = asked.state if type(asked.state) is str else bounded_text(asked.state, LONGEST_KIND)
        match asked.kind:
            case ("call", From()):
                kind = "('call', caller)"
            case other:
                kind = bounded_text(other, LONGEST_KIND)
        return f"{module.__qualname__}.{name}", kind, asked.content, asked.state

    def format_status(self, running: Running) -> Any:
        """Return what `sys.get_status` shows of state and data."""
        machine = running.machine
        return machine.modules[0].__handler__().format_status(machine.state, machine.data)


# Upgrades


async def _changed_later(running: Running, modules: tuple[Any, ...], awaitable: Any) -> Any:
    try:
        result = await awaitable
    except Throw as thrown:
        result = thrown.value
    return _changed(running, modules, result)


def _changed(running: Running, modules: tuple[Any, ...], result: Any) -> Any:
    if not isinstance(result, MachineOk):
        raise Error(result)
    state, data, _actions = _parts(result)
    return Ok(running.with_machine(running.machine._replace(state=state, data=data, modules=modules)))


def _parts(result: Any) -> tuple[Any, Any, tuple[Any, ...]]:
    return result.state, result.data, result.actions
