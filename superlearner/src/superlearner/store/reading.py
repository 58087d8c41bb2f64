"""Reads stored rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from superlearner.store.rows import AUDIT, MOMENTS, RESTARTS, AuditRow, MomentRow, Restart, SettingChange

if TYPE_CHECKING:
    from superlearner.store.database import Database

__all__ = ["StoreReading"]


class StoreReading:
    """Reads of committed rows of all runs.

    Every method raises `StoreUnavailable` while the database cannot be used.

    Args:
        opened: returns the open database.
    """

    def __init__(self, opened: Callable[[], Database]) -> None:
        self._opened = opened

    async def restarts(
        self,
        supervisor: str | None = None,
        *,
        child: str | None = None,
        event: str | None = None,
        since: float | None = None,
        until: float | None = None,
        run: str | None = None,
        before: int | None = None,
        limit: int = 1000,
    ) -> list[Restart]:
        """Return committed rows of the restart history, newest first.

        Rows that were just accepted are included after `await sync()`.

        Args:
            supervisor: only of the supervisor with this name.
            child: only of the child with this id.
            event: only this kind of event.
            since: only from this time on, in seconds since 1970.
            until: only before this time.
            run: only of this run of the platform (`store.run` is the present one); None for all.
            before: only rows with a smaller `id`; pass the last id of the previous page.
            limit: maximum number of rows.

        Raises:
            StoreUnavailable: the database cannot be used now; the text says why and what to try.
        """
        asked = {"supervisor": supervisor, "child": child, "event": event, "since": since, "until": until, "run": run}
        return await self._opened().restarts(asked, limit, before)

    async def count_restarts(self, supervisor: str | None = None, **asked: Any) -> int:
        """Return the number of rows that `restarts` would find for the same filters."""
        return await self._opened().count(RESTARTS, {"supervisor": supervisor, **asked})

    async def moments(
        self, *, limit: int = 100, offset: int = 0, replays: bool = True, **asked: Any
    ) -> list[MomentRow]:
        """Return committed moments, newest first.

        Args:
            limit: maximum number of rows.
            offset: rows to leave out first.
            replays: False leaves out their replays.
            asked: conditions: `id`, `node`, `run`, `number`, `besides` (not this number), `without` (none of these
                ids), `owner`, `since`, `until`, `process` (a name in their line, and all give-ups), and `of` (names of
                nodes, and of kinds whose nodes are included). None adds none. See `restarts`.
        """
        return await self._opened().moments(asked, limit, offset, replays=replays)

    async def moments_beside(self, seconds: float, *, limit: int, **asked: Any) -> list[MomentRow]:
        """Return moments without a replay that begin so soon before or after another one of their node, newest first.

        The conditions are those of `moments`; both moments meet them.
        """
        return await self._opened().moments_beside(asked, seconds, limit)

    async def count_moments(self, **asked: Any) -> int:
        """Return the number of rows that `moments` would find for the same conditions."""
        return await self._opened().count(MOMENTS, asked)

    async def moments_about(
        self, number: int, *, node: str | None = None, run: str | None = None, limit: int = 200
    ) -> list[MomentRow]:
        """Return committed moments between whose first and last event a number is, the latest first; see `restarts`."""
        return await self._opened().moments_about({"node": node, "run": run}, number, limit)

    async def audit(
        self,
        *,
        user: str | None = None,
        door: str | None = None,
        claims: str | None = None,
        operation: str | None = None,
        outcome: str | None = None,
        node: str | None = None,
        since: float | None = None,
        until: float | None = None,
        before: int | None = None,
        limit: int = 1000,
        offset: int = 0,
    ) -> list[AuditRow]:
        """Return committed rows of the audit log, newest first; see `restarts`."""
        asked = {
            "user": user, "door": door, "claims": claims, "operation": operation, "outcome": outcome, "node": node,
            "since": since, "until": until,
        }  # fmt: skip
        return await self._opened().audit(asked, limit, before, offset)

    async def count_audit(self, **asked: Any) -> int:
        """Return the number of rows that `audit` would find for the same filters."""
        return await self._opened().count(AUDIT, asked)

    async def setting_changes(
        self, setting: str | None = None, *, before: int | None = None, limit: int = 1000
    ) -> list[SettingChange]:
        """Return committed changes of settings, newest first; see `restarts`."""
        return await self._opened().setting_changes({"setting": setting}, limit, before)

    async def count_before(self, table: str, before: float) -> int:
        """Return the number of rows older than `before`, in seconds since 1970."""
        return await self._opened().count(table, {"until": before})

    async def count_all(self) -> dict[str, int]:
        """Return the number of rows of each table, over all runs; see `restarts`."""
        return await self._opened().count_all()
