"""Runtime events as reducers read them: their fields, and the kinds of those of supervisors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

__all__ = [
    "ANSWERS",
    "COUNTED",
    "ENDS",
    "OF_CHILDREN",
    "STARTS",
    "TraceEvent",
    "act_of",
    "is_again",
    "is_along",
    "is_end",
    "is_restart",
    "is_stop",
]

STARTS: Final = frozenset({"child_started", "child_restarted"})
"""Kinds of events that report a child that runs."""

COUNTED: Final = frozenset({"child_restarted", "restart_failed", "gave_up"})
"""Kinds of events that report how many restarts count, and the limit."""

ANSWERS: Final = STARTS | COUNTED
"""Kinds of events that show what a supervisor did about an end."""

ENDS: Final = frozenset({"child_terminated"})
"""Kinds of events that report a child that ended by itself or was stopped."""

OF_CHILDREN: Final = ANSWERS | ENDS
"""Kinds of events of a supervisor about its children."""


class TraceEvent(Protocol):
    """The fields that reducers read of an `otp.trace.Event`; tests need no runtime."""

    @property
    def seq(self) -> int:
        """Sequence number."""
        ...

    @property
    def kind(self) -> str:
        """Kind of event."""
        ...

    @property
    def at(self) -> int:
        """Time of the node clock, in ns."""
        ...

    @property
    def pid(self) -> Any:
        """The process that the event is about."""
        ...

    @property
    def cause(self) -> int:
        """Sequence number of the event that led to it, 0 for none."""
        ...

    @property
    def data(self) -> Mapping[str, Any]:
        """Other values, depending on the kind."""
        ...


def act_of(event: TraceEvent) -> str:
    """Return what a supervisor tells of a child: an `end` by itself, a `stop`, a `start`, a `restart` that counts.

    Of all other events, the kind.
    """
    kind = event.kind
    if kind == "child_terminated":
        return "end" if event.data.get("by") == "exit" else "stop"
    return "start" if kind == "child_started" else "restart" if kind == "child_restarted" else kind


def is_end(event: TraceEvent) -> bool:
    """Return whether a supervisor reports that a child ended by itself."""
    return act_of(event) == "end"


def is_stop(event: TraceEvent) -> bool:
    """Return whether a supervisor reports that it stopped a child."""
    return act_of(event) == "stop"


def is_restart(event: TraceEvent) -> bool:
    """Return whether a child was started by a restart that counts; the starts of its siblings do not."""
    return event.kind == "child_restarted"


def is_along(event: TraceEvent) -> bool:
    """Return whether a child was started because of the end of a sibling."""
    return event.kind in STARTS and event.data.get("along") is True


def is_again(event: TraceEvent) -> bool:
    """Return whether a child was started after it had ended by itself."""
    known = is_restart(event) or (event.kind in STARTS and event.data.get("old") is not None)
    return known and event.data.get("along") is not True
