"""The state of the store, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["StoreState", "StoreStatus"]

StoreState = Literal["off", "opening", "open", "unavailable", "closed"]


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """The state of the store, known without a query. Counts are of this run.

    Attributes:
        state: `off` if no database is configured, `opening`, `open`, `unavailable`, `closed`.
        why: what is wrong, while it is unavailable.
        hint: what to try then; contains paths.
        run: the name of this run in the tables.
        accepted: rows that were accepted.
        stored: accepted rows that are committed.
        waiting: accepted rows that are not committed yet.
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
