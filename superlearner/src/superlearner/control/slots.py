"""`Slot` values: a snapshot of a supervision tree from the node's tables.

A slot is a child's place in its supervisor; processes in it come and go. Slots hold no pid objects and no references to
the runtime, so computations on them are pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from otp.sentences import name_text as id_text
from superlearner.control.terms import is_a

__all__ = [
    "DYNAMIC", "GROUPS", "MAX_CHILDREN", "Budget", "LastExit", "Slot", "Suspended", "id_text",
    "max_seconds_of", "slot_key", "window_of",
]  # fmt: skip

DYNAMIC: Final = ("dynamic", "simple_one_for_one")
"""Strategies of supervisors whose children have no id of their own."""

GROUPS: Final = ("one_for_all", "rest_for_one")
"""Strategies that restart siblings of a child as well."""

MAX_CHILDREN: Final = 500
"""Maximum number of listed children of a supervisor; the others are counted."""


@dataclass(frozen=True, slots=True)
class LastExit:
    """The previous end: wall clock seconds, short reason, whether it was a failure.

    With `start`, the failed start that was requested after it, and the line.
    """

    at: float
    reason: str
    crash: bool
    start: bool = False
    where: str | None = None


@dataclass(frozen=True, slots=True)
class Suspended:
    """A present suspension: its start in wall clock seconds, and who requested it ("" if that is not known)."""

    at: float
    by: str


EVER: Final = 1e9
"""The window of a budget without one (`max_seconds="infinity"`), whose restarts count while the supervisor runs."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A supervisor's restarts: times of the newest (wall clock), used, allowed."""

    used: int
    max: int
    window_s: float
    times: tuple[float, ...] = ()

    def counting(self, now: float) -> tuple[int, tuple[float, ...]]:
        """Return the restarts that count at `now`, and their known expiry times."""
        ends = [time + self.window_s for time in self.times]
        expires = tuple(end for end in ends if end >= now)
        if not expires:
            return 0, ()
        return (len(expires) if len(ends) >= self.used else self.used - (len(ends) - len(expires))), expires


def window_of(max_seconds: Any) -> float:
    """Return the window of a budget in seconds, at most `EVER`."""
    return EVER if max_seconds == "infinity" else min(float(max_seconds), EVER)


def max_seconds_of(window_s: float) -> float | Literal["infinity"]:
    """Return the `max_seconds` of a budget with this window.

    >>> max_seconds_of(window_of(5)), max_seconds_of(window_of("infinity"))
    (5.0, 'infinity')
    """
    return "infinity" if window_s == EVER else window_s


@dataclass(frozen=True, slots=True)
class Slot:
    """A child of a supervisor, or a root."""

    id: str
    part: str
    """The last part of the slot's key."""
    pid: str | None
    name: str | None
    kind: str
    what: str
    restart: str | None = None
    strategy: str | None = None
    budget: Budget | None = None
    last: LastExit | None = None
    restarts: int = 0
    """Restarts by its supervisor after it ended by itself."""
    restarted_along: int = 0
    """Restarts together with a sibling, because of the strategy."""
    since: float = 0.0
    restarting: bool = False
    suspended: Suspended | None = None
    critical: bool = False
    children: tuple[Slot, ...] = ()
    child_count: int | None = None
    """A supervisor's number of children; `children` has at most `MAX_CHILDREN`."""

    @property
    def dynamic(self) -> bool:
        """True if its children have no id of their own."""
        return self.strategy in DYNAMIC


def slot_key(parent: str | None, child_id: Any, pid: str | None = None) -> str:
    """Return a slot's key: ids from the root joined by `/`, a pid for dynamic ones.

    >>> slot_key("app", "a/b")
    'app/a%2Fb'
    """
    part = key_part(child_id) if pid is None else pid
    return part if parent is None else f"{parent}/{part}"


def key_part(child_id: Any) -> str:
    """Return one part of a key; `%` and `/` are escaped, and `1` differs from `"1"`."""
    text = id_text(child_id).replace("%", "%25").replace("/", "%2F")
    return text if is_a(child_id, str, type) else f"={text}"
