"""A server's state before an upgrade, and the way back to it."""

# States and processes are terms of any type.

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from otp.behaviours.supervisor.argument_copy import copy_arguments
from otp.behaviours.supervisor.dynamic_state import DynamicState
from otp.behaviours.supervisor.state import SupervisorState
from otp.kernel.tables.callers import read_callback_state
from otp.kernel.values.process import DEAD, Process
from otp.kernel.values.reasons import same

__all__ = ["Before", "is_supervisor"]

_FLAGS: Final = ("strategy", "max_restarts", "max_seconds", "auto_shutdown")


def is_supervisor(p: Process) -> bool:
    """Return whether a server is a supervisor, whose state is the children that it has."""
    return issubclass(type(p.state), SupervisorState | DynamicState)  # a state may misreport its class, or raise


class Before:
    """A snapshot of a suspended server, taken before its `code_change`, which may alter the state in place."""

    __slots__ = ("_backup", "_callbacks", "_p", "_state", "_undo", "kept")

    def __init__(self, p: Process) -> None:
        self._p = p
        self._callbacks: Any = p.callbacks
        self._state: Any = p.state
        self._undo: Any = None
        self._backup: Any = None
        self.kept: bool = True
        """True while `code_change` has left the state unchanged."""
        if is_supervisor(p):
            self._undo = _undo_supervisor(p)
        else:
            (self._backup,) = copy_arguments((read_callback_state(p),))

    def bring_back(self) -> None:
        """Undo changes that `code_change` made to the state itself before it refused."""
        p = self._p
        if self._undo is not None:
            self._undo()
        elif p.state is self._state and p.callbacks is not None and not same(read_callback_state(p), self._backup):
            self._put_backup()

    def note_state(self) -> None:
        """Note the state when the new class is installed and has handled nothing."""
        self.kept = same(read_callback_state(self._p), self._backup)

    def withdraw(self) -> bool:
        """Restore the old class, and the old state if `code_change` converted it; return whether the state is kept."""
        self._p.callbacks = self._callbacks
        if self._undo is not None:
            self._p.state = self._state
            self._undo()
        elif not self.kept:
            self._put_backup()
        return self.kept

    def _put_backup(self) -> None:
        put = getattr(self._callbacks.handler, "__otp_put_state__", None)
        self._p.state = self._backup if put is None else put(self._state, self._backup)


def _undo_supervisor(p: Process) -> Callable[[], None]:
    state: Any = p.state
    before = {name: getattr(state, name) for name in _FLAGS}
    undo = state.undo()

    def bring_back() -> None:
        changed = {name: getattr(state, name) for name in _FLAGS}
        undo()
        if changed != before and p.status != DEAD:
            p.runtime.tracer.emit("strategy_changed", p, {"before": changed, **before})

    return bring_back
