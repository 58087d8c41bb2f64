"""What running an operation comes to, whatever door asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from superlearner.operations.declaration import Streamed

__all__ = ["Answer"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answered, as JSON's types; `meta` for a page of a list."""

    data: Any
    meta: dict[str, int] | None = None
    stream: Streamed[Any] | None = None
    """For an operation that streams, whose data have yet to come."""
