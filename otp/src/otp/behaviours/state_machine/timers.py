"""The timers of a state machine as values: which run, which are due, and how actions change them.

Source: Erlang/OTP, stdlib, `gen_statem`, `timeout_action()` and "loop_timeouts".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from otp.behaviours.state_machine.results import EventTimeout, NamedTimeout, StateTimeout
from otp.behaviours.state_machine.timer_table import with_timer, without
from otp.kernel.tables.scheduler import nanoseconds
from otp.kernel.values.errors import BadArgument

__all__ = [
    "CancelTimer",
    "StartTimer",
    "TimeoutAction",
    "is_hashable",
    "is_time",
    "timer_of",
    "timers_after",
]

TimeoutAction: TypeAlias = StateTimeout | EventTimeout | NamedTimeout


class StartTimer(NamedTuple):
    """An effect: start the timer of this kind, `seconds` from now, or at clock time `seconds` if `abs`."""

    kind: Any
    seconds: float
    abs: bool


class CancelTimer(NamedTuple):
    """An effect: stop the timer of this kind, and drop its message if it has fired."""

    kind: Any


def timer_of(action: Any) -> Any:
    """Return the event kind of a time-out action; `None` for anything else."""
    kind = action.__class__
    if kind is StateTimeout:
        return "state_timeout"
    if kind is EventTimeout:
        return "timeout"
    if kind is NamedTimeout and is_hashable(action.name):
        return ("timeout", action.name)
    return None


def is_hashable(name: Any) -> bool:
    """Return whether a value can be the name of a timer."""
    try:
        hash(name)
    except TypeError:
        return False
    return True


def is_time(action: TimeoutAction) -> bool:
    """Return whether the time of a time-out action is valid."""
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


def timers_after(
    running: Mapping[Any, Any],
    due: tuple[Any, ...],
    changed: bool,
    actions: Mapping[Any, TimeoutAction],
    effects: list[Any],
) -> tuple[Mapping[Any, Any], tuple[Any, ...]]:
    """Return the timers after an event: (running, due).

    `changed` says whether the state has. `running` is kind -> content, `due` those set to 0 seconds, in that order.
    Timers to start and stop are added to `effects`.
    """
    for kind in ("state_timeout", "timeout") if changed else ("timeout",):
        running, due = _cancel(running, due, kind, effects)
    for kind, action in actions.items():
        seconds: Any = action.seconds
        if seconds == "update" and kind in running:
            running = with_timer(running, kind, action.content)
            continue
        running, due = _cancel(running, due, kind, effects)
        if seconds is None or seconds == "infinity" or seconds == "cancel":
            continue
        running = with_timer(running, kind, action.content)
        if seconds == "update" or seconds == 0 or (not action.abs and nanoseconds(seconds, "a time") == 0):
            due = (*due, kind)
        else:
            effects.append(StartTimer(kind, seconds, action.abs))
    return running, due


def _cancel(
    running: Mapping[Any, Any], due: tuple[Any, ...], kind: Any, effects: list[Any]
) -> tuple[Mapping[Any, Any], tuple[Any, ...]]:
    if kind not in running:
        return running, due
    if kind in due:
        due = tuple(other for other in due if other != kind)
    else:
        effects.append(CancelTimer(kind))
    return without(running, kind), due
