"""The wire format of tree rows: one record per child slot, and changes.

The field names are the wire contract between the server and the page.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Final

import msgspec

from superlearner.control.slots import Budget, LastExit

__all__ = ["Row", "WireBudget", "changes", "label", "wire_budget", "wire_row"]

MAX_EXPIRES: Final = 16


class WireBudget(msgspec.Struct, frozen=True):
    """Restarts that count now, and their expiry times (wall clock seconds, ascending)."""

    used: int
    max: int
    window_s: float
    resets_at: float | None
    expires: tuple[float, ...]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A child slot or a root. Times are wall clock seconds."""

    key: str
    parent: str | None
    id: str
    name: str | None
    pid: str | None
    kind: str
    what: str
    strategy: str | None
    restart: str | None
    state: str
    since: float
    doing: str | None = None
    again_at: float | None = None
    restarts: int = 0
    restarted_along: int = 0
    last: LastExit | None = None
    budget: Budget | None = None
    mailbox: int | None = None
    children: int | None = None
    critical: bool = False


FIELDS: Final = Row.__struct_fields__
FIXED: Final = frozenset({"key", "parent", "kind"})
values_of: Final = attrgetter(*FIELDS)


def label(row: Row | None) -> str:
    """Return a process's display name: its registered name, else its child id."""
    return "" if row is None else row.name or row.id


def wire_budget(budget: Budget, now: float) -> WireBudget:
    """Return the budget at `now`, without restarts older than the window."""
    used, expires = budget.counting(now)
    if not expires:
        return WireBudget(0, budget.max, budget.window_s, None, ())
    return WireBudget(used, budget.max, budget.window_s, expires[-1], expires[-MAX_EXPIRES:])


def wire_row(row: Row, now: float, **more: Any) -> dict[str, Any]:
    """Return a whole row for a snapshot or for the `n` of a delta."""
    shown = dict(zip(FIELDS, values_of(row), strict=True))
    if row.budget is not None:
        shown["budget"] = wire_budget(row.budget, now)
    return shown | more


def changes(before: Row, after: Row, now: float) -> dict[str, Any]:
    """Return the changed fields of a row."""
    changed: dict[str, Any] = {}
    for name in FIELDS:
        value = getattr(after, name)
        if value != getattr(before, name) and name not in FIXED:
            changed[name] = wire_budget(value, now) if isinstance(value, Budget) else value
    return changed
