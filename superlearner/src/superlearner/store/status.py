"""How the store is, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["StoreState", "StoreStatus"]

StoreState = Literal["off", "opening", "open", "unavailable", "closed"]


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """How the store is, without asking the database. Counts are of this run.

    Attributes:
        state: `off` where no database was named, `opening`, `open`, `unavailable`, `closed`.
        why: what is wrong, while it is unavailable.
        hint: what to try then; holds paths.
        run: the name of this run in the tables.
        accepted: rows that were accepted.
        stored: those of them that are committed.
        waiting: those of them that are not.
        dropped: rows that were not stored, by table.
    """

    state: StoreState
    why: str | None
    hint: str | None
    run: str
    accepted: int
    stored: int
    waiting: int
    dropped: dict[str, int] = field(default_factory=dict[str, int])
