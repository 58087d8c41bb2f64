"""One thing that a supervisor did, as a value: text and numbers only, no reference into the runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["RESTART_TYPES", "STORED_TYPES", "Entry", "EventType"]

EventType = Literal[
    "started",
    "stopped",
    "terminated",
    "restarted",
    "restarted_along",
    "restart_failed",
    "gave_up",
    "strategy_changed",
]
"""What happened, from the supervisor's side.

`terminated`: a child ended by itself; `stopped`: its supervisor ended it. `restarted`: a child that had ended runs
again; `restarted_along`: a sibling that its strategy restarts with it. `restart_failed`: an attempt that is repeated.
"""

RESTART_TYPES: Final = frozenset[EventType]({"restarted", "restarted_along", "restart_failed", "gave_up"})
"""What a restart history holds: how each end was answered."""

STORED_TYPES: Final = RESTART_TYPES | frozenset[EventType]({"strategy_changed"})
"""What goes into the store, besides ends that are crashes: starts and ends in order are too many, and say little."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of one supervisor.

    Attributes:
        number: its place among all entries of this run, from 1.
        at: when, in seconds of the wall clock.
        event_type: what happened.
        supervisor: the supervisor's registered name, or its pid.
        supervisor_pid: the supervisor that did it; one of the same name may have another.
        child_id: the child's id as text; None for a child of a dynamic supervisor, which has none.
        old_pid: who ended, if somebody did.
        child_pid: who runs now, if somebody does.
        reason: why, as text for people.
        crash: whether the reason is a failure: not normal, shutdown or (shutdown, term).
        recovery_s: for how long nobody ran in the child's place; of a restart.
    """

    number: int
    at: float
    event_type: EventType
    supervisor: str
    supervisor_pid: str
    child_id: str | None
    old_pid: str | None
    child_pid: str | None
    reason: str | None
    crash: bool
    recovery_s: float | None = None

    @property
    def is_stored(self) -> bool:
        """Whether it goes into the store."""
        return self.event_type in STORED_TYPES or (self.event_type == "terminated" and self.crash)
