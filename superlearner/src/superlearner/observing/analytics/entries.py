"""Entries: actions of a supervisor as plain values."""

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
"""Kinds of entries.

`terminated`: a child ended by itself; `stopped`: its supervisor ended it. `restarted`: a child was started after its
own end; `restarted_along`: a sibling that the strategy restarted with it. `restart_failed`: an attempt that will be
repeated.
"""

RESTART_TYPES: Final = frozenset[EventType]({"restarted", "restarted_along", "restart_failed", "gave_up"})
"""Types that make up a restart history: the supervisor's response to each end."""

STORED_TYPES: Final = RESTART_TYPES | frozenset[EventType]({"strategy_changed"})
"""Types that are stored, in addition to crashes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event of a supervisor.

    Attributes:
        number: position among all entries of this run, from 1.
        at: wall-clock time in seconds.
        event_type: kind of entry.
        supervisor: the supervisor's registered name, or its pid.
        supervisor_pid: the supervisor's pid; a later supervisor of the same name has another.
        child_id: the child's id as text; None for a child of a dynamic supervisor, which has none.
        old_pid: pid that ended; None if none did.
        child_pid: pid that runs now; None if none does.
        reason: exit reason, as readable text.
        crash: true if the reason is a failure: not normal, shutdown or (shutdown, term).
        recovery_s: seconds from the child's end to its restart; None for other entries.
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
        """True if the entry is stored."""
        return self.event_type in STORED_TYPES or (self.event_type == "terminated" and self.crash)
