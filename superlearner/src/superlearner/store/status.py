"""The state of the store, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["StoreState", "StoreStatus"]

StoreState = Literal["off", "opening", "open", "unavailable", "closed"]


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """The state of the store, known without a query. Counts are of this run."""

    state: StoreState = field(metadata={"description": "`off` without a database"})
    why: str | None = field(metadata={"description": "the problem while it is unavailable"})
    hint: str | None = field(metadata={"description": "what to try then; needs the scope `code`"})
    run: str = field(metadata={"description": "the name of this run in the tables"})
    accepted: int
    stored: int
    """Accepted rows that are committed."""
    waiting: int
    """Accepted rows that are not committed yet."""
    dropped: dict[str, int] = field(metadata={"description": "rows that could not be stored, by table"})
