"""The work of learners in the course, in the order in which they did it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from superlearner.store.rows import stored_as

if TYPE_CHECKING:
    from superlearner.store.database import Database

__all__ = ["Learned", "Learning"]


@dataclass(frozen=True, slots=True)
class Learned:
    """A thing that a learner did.

    Attributes:
        kind: `attempt`, `prediction`, `reflection`, `hint` or `solution`.
        item: the exercise, prediction or reflection.
        at: time, in seconds since 1970.
        data: what else is known, by kind.
    """

    kind: str
    item: str
    at: float
    data: Mapping[str, Any]


class Learning:
    """The work of all learners. Each method raises `StoreUnavailable` while the database cannot be used.

    Args:
        opened: returns the open database, and waits for it.
    """

    def __init__(self, opened: Callable[[], Awaitable[Database]]) -> None:
        self._opened = opened

    async def add(self, learner: str, done: Learned) -> None:
        """Add a thing that a learner did."""
        values = {
            "learner": stored_as("name", learner),
            "kind": done.kind,
            "item": stored_as("name", done.item),
            "at": done.at,
            "data": json.dumps(done.data),
        }
        await (await self._opened()).insert("learning", values)

    async def of(self, learner: str) -> list[Learned]:
        """Return all that a learner did, oldest first."""
        rows = await (await self._opened()).rows("learning", {"learner": stored_as("name", learner)})
        return [Learned(row["kind"], row["item"], row["at"], json.loads(row["data"])) for row in reversed(rows)]

    async def after(self, id: int, limit: int) -> list[tuple[int, str, Learned]]:
        """Return the id, the learner and the thing done of the next rows after an id, of all learners, oldest first."""
        rows = await (await self._opened()).oldest("learning", {}, limit, id)
        return [
            (row["id"], row["learner"], Learned(row["kind"], row["item"], row["at"], json.loads(row["data"])))
            for row in rows
        ]

    async def at(self, ids: list[int]) -> list[Learned]:
        """Return the things done that have these ids."""
        rows = await (await self._opened()).rows("learning", {"id": ids}) if ids else []
        return [Learned(row["kind"], row["item"], row["at"], json.loads(row["data"])) for row in rows]

    async def count(self) -> int:
        """Return how many things all learners did."""
        return await (await self._opened()).count("learning", {})

    async def forget(self, learner: str, items: list[str] | None = None) -> int:
        """Delete all that a learner did, or what they did on some items; return how many things it was."""
        which: dict[str, Any] = {"learner": stored_as("name", learner)} | ({} if items is None else {"item": items})
        return await (await self._opened()).delete("learning", which)
