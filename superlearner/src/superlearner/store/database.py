"""An open database: reads and writes rows, one transaction per batch."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import Select, Table, and_, delete, func, insert, literal, or_, select, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from superlearner.store import tables
from superlearner.store.connections import RowRefused, StoreConnections
from superlearner.store.engines import file_of, hide_password, read_url
from superlearner.store.failures import NameTaken, StoreUnavailable
from superlearner.store.rows import ON_REQUEST, SAME_S, AuditRow, MomentRow, Restart, SettingChange, naming, stored_as
from superlearner.store.waiting import Row

__all__ = ["Database"]

AT_ONCE: Final = 250
"""Rows per statement; preparing their values takes about a millisecond."""
NEWEST: Final = tables.moments.c.at.desc(), tables.moments.c.id.desc()
"""The order of moments: a service tells of earlier ones when it is attached."""


class Database:
    """A database prepared by `migrate`; work outlives a killed caller."""

    def __init__(self, url: str | Path) -> None:
        self.url: URL = read_url(url)
        self.file = file_of(self.url)
        self.place = hide_password(self.url)
        self.connections = StoreConnections(self.url)
        self._insert: Any = _insert_of(self.url)
        self._file_id = self._identity()

    async def close(self) -> None:
        """Wait for running work, then close all connections and end their threads."""
        await self.connections.close()

    async def write(self, rows: Sequence[Row]) -> None:
        """Write rows in one transaction; rows that already exist stay as they are.

        Raises:
            Refused: one of them can never be written.
            StoreUnavailable: none was written.
        """
        if self._identity() != self._file_id:
            assert self.file is not None
            raise StoreUnavailable(
                f"the database file {self.file.name} was moved or removed",
                f"{self.file} is created again; its previous content is lost",
            )

        async def work(connection: AsyncConnection) -> None:
            by_table: dict[str, list[dict[str, Any]]] = {}
            for name, values in rows:  # grouped by table, in order: a statement costs ten times as much as a row
                by_table.setdefault(name, []).append(values)
            for name, values in by_table.items():
                statement = _insert_once(self._insert, tables.METADATA.tables[name])
                for start in range(0, len(values), AT_ONCE):
                    await connection.execute(statement, values[start : start + AT_ONCE])

        await self.connections.do(work)

    async def restarts(self, conditions: dict[str, Any], limit: int, before: int | None) -> list[Restart]:
        """Return rows of the restart history, newest first; see `Reading.restarts`."""
        return [Restart(**row) for row in await self._rows(tables.restarts, conditions, limit, before)]

    async def moments(
        self, conditions: dict[str, Any], limit: int, offset: int, *, replays: bool = True
    ) -> list[MomentRow]:
        """Return moments, newest first; see `Reading.moments`."""
        ids = _where(select(tables.moments.c.id), tables.moments, conditions).order_by(*NEWEST)
        return await self._moments_of(ids.limit(limit).offset(offset), replays=replays)

    async def moments_beside(self, conditions: dict[str, Any], seconds: float, limit: int) -> list[MomentRow]:
        """Return moments soon before or after another one; see `Reading.moments_beside`."""
        table = tables.moments
        in_order: Any = {"partition_by": table.c.node, "order_by": (table.c.at, table.c.id)}
        before, after = (one(table.c.at).over(**in_order) for one in (func.lag, func.lead))
        rows: Any = select(table.c.id, table.c.at, before.label("before"), after.label("after")).where(
            table.c.data.is_(None)
        )
        near = _where(rows, table, conditions).subquery()
        ids = select(near.c.id).where(or_(near.c.at - near.c.before <= seconds, near.c.after - near.c.at <= seconds))
        return await self._moments_of(ids.order_by(near.c.at.desc(), near.c.id.desc()).limit(limit), replays=False)

    async def _moments_of(self, ids: Select[Any], *, replays: bool) -> list[MomentRow]:
        columns = [one for one in tables.moments.c if replays or one is not tables.moments.c.data]
        query = select(*columns).where(tables.moments.c.id.in_(ids)).order_by(*NEWEST)  # sorts ids, not replays

        async def work(connection: AsyncConnection) -> list[MomentRow]:
            return [MomentRow(**row) for row in (await connection.execute(query)).mappings()]

        return await self.connections.do(work)

    async def moments_about(self, conditions: dict[str, Any], number: int, limit: int) -> list[MomentRow]:
        """Return the moments that may contain an event: of a program, those that begin last before it."""
        table = tables.moments
        query = _where(select(table).where(table.c.number <= number, table.c.last >= number), table, conditions)
        query = query.order_by(table.c.number.desc(), table.c.id).limit(limit)

        async def work(connection: AsyncConnection) -> list[MomentRow]:
            return [MomentRow(**row) for row in (await connection.execute(query)).mappings()]

        return await self.connections.do(work)

    async def audit(self, conditions: dict[str, Any], limit: int, before: int | None, offset: int) -> list[AuditRow]:
        """Return rows of the audit log, newest first; see `Reading.audit`."""
        rows = await self._rows(tables.audit, conditions, limit, before, offset)
        return [AuditRow(**{**row, "parameters": json.loads(row["parameters"])}) for row in rows]

    async def setting_changes(self, conditions: dict[str, Any], limit: int, before: int | None) -> list[SettingChange]:
        """Return rows about changed settings, newest first; see `Reading.setting_changes`."""
        rows = await self._rows(tables.setting_changes, conditions, limit, before)
        return [
            SettingChange(**{**row, "before": json.loads(row["before"]), "after": json.loads(row["after"])})
            for row in rows
        ]

    async def count(self, name: str, conditions: dict[str, Any]) -> int:
        """Return the number of rows that meet the conditions."""
        table = tables.METADATA.tables[name]
        query = _where(select(func.count()).select_from(table), table, conditions)
        return await self.connections.do(lambda connection: connection.scalar(query)) or 0

    async def count_all(self) -> dict[str, int]:
        """Return the number of rows of each table."""

        async def work(connection: AsyncConnection) -> dict[str, int]:
            return {
                table.name: await connection.scalar(select(func.count()).select_from(table)) or 0
                for table in tables.METADATA.sorted_tables
            }

        return await self.connections.do(work)

    async def rows(self, name: str, conditions: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return all rows of a small table, newest first."""
        return await self._rows(tables.METADATA.tables[name], conditions or {}, None, None)

    async def insert(self, name: str, values: dict[str, Any]) -> dict[str, Any]:
        """Add a row and return it as stored. Raises NameTaken."""
        table = tables.METADATA.tables[name]

        async def work(connection: AsyncConnection) -> dict[str, Any]:
            added = await connection.execute(insert(table).values(values).returning(table))
            return dict(added.mappings().one())

        try:
            return await self.connections.do(work)
        except RowRefused as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
            raise NameTaken(f"{name} already has a row named {values.get('name')!r}; try another name") from None

    async def update(self, name: str, conditions: dict[str, Any], values: dict[str, Any]) -> int:
        """Change rows and return their number; None matches rows without a value."""
        table = tables.METADATA.tables[name]
        return await self._changed(update(table).where(*_are(table, conditions)).values(values))

    async def delete(self, name: str, conditions: dict[str, Any]) -> int:
        """Remove rows and return their number."""
        table = tables.METADATA.tables[name]
        return await self._changed(delete(table).where(*_are(table, conditions)))

    async def oldest(self, name: str, conditions: dict[str, Any], limit: int, after: int) -> list[dict[str, Any]]:
        """Return raw rows with an id greater than `after`, oldest first."""
        table = tables.METADATA.tables[name]
        query = _where(select(table).where(table.c.id > after), table, conditions).order_by(table.c.id).limit(limit)

        async def work(connection: AsyncConnection) -> list[dict[str, Any]]:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

        return await self.connections.do(work)

    async def delete_oldest(self, name: str, conditions: dict[str, Any], limit: int) -> int:
        """Remove at most `limit` of the rows that `oldest` returns; return their number."""
        table = tables.METADATA.tables[name]
        ids = _where(select(table.c.id), table, conditions).order_by(table.c.id).limit(limit)
        return await self._changed(delete(table).where(table.c.id.in_(ids)))

    async def prune(self, name: str, keep: int) -> None:
        """Remove the oldest rows of a table, so that about `keep` are left."""
        table = tables.METADATA.tables[name]
        newest = select(func.max(table.c.id)).scalar_subquery()
        await self._changed(delete(table).where(table.c.id <= newest - keep))

    async def empty(self, name: str, keep: int) -> None:
        """Remove the data of all rows but the newest `keep`; the rows stay."""
        table = tables.METADATA.tables[name]
        full = table.c.data.is_not(None)
        oldest = select(table.c.id).where(full).order_by(table.c.id.desc()).offset(keep).limit(1).scalar_subquery()
        await self._changed(update(table).where(full, table.c.id <= oldest).values(data=None))

    async def empty_before(self, name: str, until: float) -> None:
        """Remove the data of rows before a time; the rows stay."""
        table = tables.METADATA.tables[name]
        await self._changed(update(table).where(table.c.data.is_not(None), table.c.at < until).values(data=None))

    async def revoke_user(self, name: str, at: float) -> bool:
        """Revoke a user with all tokens and links, in one transaction."""
        users, tokens = tables.users, tables.tokens

        async def work(connection: AsyncConnection) -> bool:
            theirs = _are(users, {"name": name, "revoked": None})
            found = await connection.execute(update(users).where(*theirs).values(revoked=at))
            also = _are(tokens, {"user": name, "revoked": None})
            await connection.execute(update(tokens).where(*also).values(revoked=at))
            ids = select(users.c.id).where(users.c.name == name)
            await connection.execute(delete(tables.sign_in_links).where(tables.sign_in_links.c.user.in_(ids)))
            return found.rowcount > 0

        return await self.connections.do(work)

    async def _changed(self, statement: Any) -> int:
        async def work(connection: AsyncConnection) -> int:
            return (await connection.execute(statement)).rowcount

        return await self.connections.do(work)

    async def _rows(
        self,
        table: Table,
        conditions: dict[str, Any],
        limit: int | None,
        before: int | None,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        query = _where(select(table), table, conditions)
        if before is not None:
            query = query.where(table.c.id < before)
        query = query.order_by(table.c.id.desc()).limit(limit).offset(offset)

        async def work(connection: AsyncConnection) -> list[dict[str, Any]]:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

        return await self.connections.do(work)

    def _identity(self) -> tuple[int, int] | None:
        """Return the identity of the file; writes would follow it if it is moved away."""
        if self.file is None:
            return None
        with contextlib.suppress(OSError):
            status = os.stat(self.file)
            return status.st_dev, status.st_ino
        return (0, 0)


def _insert_of(url: URL) -> Any:
    """Return this database's INSERT, which supports ON CONFLICT."""
    if url.get_backend_name() == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as into_sqlite

        return into_sqlite
    from sqlalchemy.dialects.postgresql import insert as into_postgres

    return into_postgres


def _insert_once(insert: Any, table: Table) -> Any:
    """Return an INSERT that leaves rows as they are, but for a restart that went on when it was stored."""
    statement = insert(table)
    if table is not tables.moments:
        return statement.on_conflict_do_nothing()
    new, old = statement.excluded, table.c
    changes = {name: new[name] for name in ("last", "until", "line", "count", "events")}
    changes |= {name: func.coalesce(new[name], old[name]) for name in ("data", "cause")}
    continues = and_(  # as `MomentRow.continues`
        new.last > old.last,
        func.abs(new.at - old.at) < SAME_S,
        new.events != "",
        old.events != "",
        old.line.not_like(f"%{ON_REQUEST}"),
    )
    return statement.on_conflict_do_update(
        index_elements=[old.node, old.run, old.number], set_=changes, where=continues
    )


def _are(table: Table, conditions: dict[str, Any]) -> list[Any]:
    """Return conditions: a value, or any of a list."""
    return [
        table.c[name].in_([_sought(name, one) for one in cast("list[Any]", value)])
        if isinstance(value, list)
        else table.c[name] == _sought(name, value)
        for name, value in conditions.items()
    ]


def _sought(column: str, value: Any) -> Any:
    """Return a search value as its column stores it: no NUL, no lone surrogates."""
    return stored_as(column, value) if isinstance(value, str) else value


def _where(query: Select[Any], table: Table, conditions: dict[str, Any]) -> Select[Any]:
    """Add conditions: `since` and `until` limit `at`, `expired` limits `expires`; None adds none, a list any of it.

    `of` has names of nodes and of kinds, and matches rows of either. `besides` is a number that rows do not have,
    `without` has ids of no row.
    `process` matches a name in the line, and all give-ups, whose line names the supervisors only.
    """
    for name, value in conditions.items():
        if value is None:
            continue
        if name == "since":
            query = query.where(table.c.at >= value)
        elif name == "until":
            query = query.where(table.c.at < value)
        elif name == "expired":
            query = query.where(table.c.expires < value)
        elif name == "besides":
            query = query.where(table.c.number != value)
        elif name == "without":
            query = query.where(table.c.id.not_in(value))
        elif name == "process":
            words = literal(" ") + table.c.line + "\n"
            # With LIKE, some databases do not distinguish upper and lower case.
            named = (func.replace(words, phrase, "") != words for phrase in naming(value))
            query = query.where(or_(*named, table.c.line.like("% gave up")))
        elif name == "of":
            names, kinds = value
            query = query.where(or_(table.c.node.in_([_sought("node", one) for one in names]), table.c.kind.in_(kinds)))
        elif isinstance(value, list):
            query = query.where(table.c[name].in_([_sought(name, one) for one in cast("list[Any]", value)]))
        else:
            query = query.where(table.c[name] == _sought(name, value))
    return query
