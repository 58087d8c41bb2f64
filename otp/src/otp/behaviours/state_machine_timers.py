"""The timers of a state machine, as values: which run, which are due, and what an action makes of them.

Source: Erlang/OTP, stdlib, `gen_statem`, `timeout_action()` and "loop_timeouts".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from otp.behaviours.state_machine_results import EventTimeout, NamedTimeout, StateTimeout
from otp.kernel.errors import BadArgument
from otp.kernel.scheduler import nanoseconds

__all__ = ["CancelTimer", "StartTimer", "TimeoutAction", "Timers", "is_hashable", "is_time", "timer_of"]

TimeoutAction: TypeAlias = StateTimeout | EventTimeout | NamedTimeout


class StartTimer(NamedTuple):
    """Start the timer of this kind, `seconds` from now, or at `seconds` of the clock if `abs`."""

    kind: Any
    seconds: float
    abs: bool


class CancelTimer(NamedTuple):
    """Stop the timer of this kind, and forget its message if it has fired."""

    kind: Any


def timer_of(action: Any) -> Any:
    """The kind of the event that a time-out action is about; `None` for anything else."""
    kind = action.__class__
    if kind is StateTimeout:
        return "state_timeout"
    if kind is EventTimeout:
        return "timeout"
    if kind is NamedTimeout and is_hashable(action.name):
        return ("timeout", action.name)
    return None


def is_hashable(name: Any) -> bool:
    """Whether a value can be the name of a timer."""
    try:
        hash(name)
    except TypeError:
        return False
    return True


def is_time(action: TimeoutAction) -> bool:
    """Whether what a time-out action says about its time makes sense."""
    seconds: Any = action.seconds
    if not isinstance(action.abs, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        return False
    if seconds is None or (isinstance(seconds, str) and seconds == "infinity"):
        return True
    if isinstance(seconds, str):
        return seconds in ("cancel", "update") and not action.abs
    if action.abs and isinstance(seconds, (int, float)) and not isinstance(seconds, bool):
        return abs(seconds) < float("inf")
    try:
        nanoseconds(seconds, "the time of an action")
    except BadArgument:
        return False
    return True


class Timers:
    """The timers of a machine while one event changes them; the mapping that was given stays as it is.

    `running` is kind -> content, `due` those of them that were set to 0 seconds, in that order.
    """

    __slots__ = ("_effects", "due", "running")
    running: Mapping[Any, Any]
    due: tuple[Any, ...]

    def __init__(self, running: Mapping[Any, Any], due: tuple[Any, ...], effects: list[Any]) -> None:
        self.running = running
        self.due = due
        self._effects = effects

    def cancel(self, kind: Any) -> None:
        """Stop the timer of this kind, if there is one."""
        if kind not in self.running:
            return
        self.running = {other: content for other, content in self.running.items() if other != kind}
        if kind in self.due:
            self.due = tuple(other for other in self.due if other != kind)
        else:
            self._effects.append(CancelTimer(kind))

    def set(self, kind: Any, action: TimeoutAction) -> None:
        """Do what an action says about the timer of this kind."""
        seconds: Any = action.seconds
        if seconds == "update" and kind in self.running:
            self.running = {**self.running, kind: action.content}
            return
        self.cancel(kind)
        if seconds is None or seconds == "infinity" or seconds == "cancel":
            return
        self.running = {**self.running, kind: action.content}
        if seconds == "update" or seconds == 0 or (not action.abs and nanoseconds(seconds, "a time") == 0):
            self.due = (*self.due, kind)
        else:
            self._effects.append(StartTimer(kind, seconds, action.abs))

    def next_due(self) -> tuple[Any, Any] | None:
        """Take out the timer that is due: its kind and content."""
        if not self.due:
            return None
        kind, self.due = self.due[0], self.due[1:]
        content = self.running[kind]
        self.running = {other: kept for other, kept in self.running.items() if other != kind}
        return kind, content
