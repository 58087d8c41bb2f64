"""What a supervision tree looks like at one instant: `Slot` values, one per child, read from the node's tables.

A slot is a child's place in its supervisor; processes come and go in it. Values only: no pid object, no reference
into the runtime, so that whatever is computed from slots is a pure function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from superlearner.control.terms import clip, is_a, text_of

__all__ = ["DYNAMIC", "MAX_CHILDREN", "Budget", "LastExit", "Slot", "id_text", "slot_key"]

DYNAMIC: Final = ("dynamic", "simple_one_for_one")
"""Strategies of supervisors whose children come and go without an id of their own."""

MAX_CHILDREN: Final = 500
"""Children of one supervisor that are kept one by one; the rest is counted."""


@dataclass(frozen=True, slots=True)
class LastExit:
    """How the process before ended: wall clock seconds, short reason, whether that was a failure."""

    at: float
    reason: str
    crash: bool


@dataclass(frozen=True, slots=True)
class Budget:
    """A supervisor's restarts: the newest ones' times (wall clock), how many count, how many are allowed."""

    used: int
    max: int
    window_s: float
    times: tuple[float, ...] = ()

    def counting(self, now: float) -> tuple[int, tuple[float, ...]]:
        """How many restarts count at `now`, and when those whose time is known stop counting."""
        ends = [time + self.window_s for time in self.times]
        expires = tuple(end for end in ends if end >= now)
        if not expires:
            return 0, ()
        return (len(expires) if len(ends) >= self.used else self.used - (len(ends) - len(expires))), expires


@dataclass(frozen=True, slots=True)
class Slot:
    """One child of a supervisor, or a root."""

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
    """How often its supervisor has restarted it after it ended by itself."""
    restarted_along: int = 0
    """How often it was restarted with a sibling, because of the strategy."""
    since: float = 0.0
    restarting: bool = False
    critical: bool = False
    children: tuple[Slot, ...] = ()
    child_count: int | None = None
    """Supervisors: how many children it has; `children` holds at most `MAX_CHILDREN` of them."""

    @property
    def dynamic(self) -> bool:
        """Whether its children come and go without an id of their own."""
        return self.strategy in DYNAMIC


def id_text(child_id: Any) -> str:
    """A child id, or a name, as people read it: text as it is, classes by their name; at most 120 characters.

    >>> id_text("ledger"), id_text(int), id_text(("worker", 1))
    ('ledger', 'int', "('worker', 1)")
    """
    if type(child_id) is str or is_a(child_id, str):
        return clip(child_id, 120)
    if is_a(child_id, type):
        return clip(type.__dict__["__name__"].__get__(child_id), 120)
    return text_of(child_id, 120)


def slot_key(parent: str | None, child_id: Any, pid: str | None = None) -> str:
    """The key of a slot: ids from the root, joined by `/`. A child of a dynamic supervisor is known by its pid.

    >>> slot_key("app", "a/b")
    'app/a%2Fb'
    """
    part = key_part(child_id) if pid is None else pid
    return part if parent is None else f"{parent}/{part}"


def key_part(child_id: Any) -> str:
    """One part of a key; `%` and `/` are escaped, and `1` is told from `"1"`."""
    text = id_text(child_id).replace("%", "%25").replace("/", "%2F")
    return text if is_a(child_id, str, type) else f"={text}"
