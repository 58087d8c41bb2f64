"""An open database: rows in, in one transaction a batch, and rows out. Statements run in the driver's thread."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Generator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Select, Table, delete, func, insert, select, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, IntegrityError, StatementError

from superlearner.store import tables
from superlearner.store.engines import DATABASE_ERRORS, explained, file_of, make_engine, read_url, shown
from superlearner.store.failures import NameTaken, StoreUnavailable
from superlearner.store.rows import AuditRow, Restart, SettingChange
from superlearner.store.waiting import Row

__all__ = ["Database", "Refused"]

AT_ONCE: Final = 250
"""Rows of one statement: their values are prepared in the loop, in about a millisecond."""


class Refused(Exception):
    """A row that no database would take; a bug of ours, which must not keep the others waiting."""


class Database:
    """A pool of connections to a database that `migrate` has prepared."""

    def __init__(self, url: str | Path) -> None:
        self.url: URL = read_url(url)
        self.file = file_of(self.url)
        self.place = shown(self.url)
        self._engine = make_engine(self.url) if self.file else make_engine(self.url, pool_pre_ping=True)
        self._insert: Any = _insert_of(self.url)
        self._file_id = self._identity()

    async def close(self) -> None:
        """End all connections and their threads."""
        await self._engine.dispose()

    async def write(self, rows: Sequence[Row]) -> None:
        """Write rows in one transaction; those that are there already stay as they are.

        Raises:
            Refused: one of them cannot be written, whatever is tried.
            StoreUnavailable: none was written.
        """
        if self._identity() != self._file_id:
            assert self.file is not None
            raise StoreUnavailable(
                f"the database file {self.file.name} was moved or removed",
                f"{self.file} is made again; what it held is gone with it",
            )
        with self._words():
            async with self._engine.begin() as connection:
                for name, group in groupby(rows, key=lambda row: row[0]):
                    statement = self._insert(tables.METADATA.tables[name]).on_conflict_do_nothing()
                    values = [row[1] for row in group]
                    for start in range(0, len(values), AT_ONCE):
                        await connection.execute(statement, values[start : start + AT_ONCE])

    async def restarts(self, conditions: dict[str, Any], limit: int, before: int | None) -> list[Restart]:
        """Rows of the restart history, newest first; see `Store.restarts`."""
        return [Restart(**row) for row in await self._rows(tables.restarts, conditions, limit, before)]

    async def audit(self, conditions: dict[str, Any], limit: int, before: int | None, offset: int) -> list[AuditRow]:
        """Rows of the audit log, newest first; see `Store.audit`."""
        rows = await self._rows(tables.audit, conditions, limit, before, offset)
        return [AuditRow(**{**row, "parameters": json.loads(row["parameters"])}) for row in rows]

    async def setting_changes(self, conditions: dict[str, Any], limit: int, before: int | None) -> list[SettingChange]:
        """Rows about changed settings, newest first; see `Store.setting_changes`."""
        rows = await self._rows(tables.setting_changes, conditions, limit, before)
        return [
            SettingChange(**{**row, "before": json.loads(row["before"]), "after": json.loads(row["after"])})
            for row in rows
        ]

    async def count(self, name: str, conditions: dict[str, Any]) -> int:
        """How many rows there are."""
        table = tables.METADATA.tables[name]
        with self._words():
            async with self._engine.connect() as connection:
                query = _where(select(func.count()).select_from(table), table, conditions)
                return await connection.scalar(query) or 0

    async def count_all(self) -> dict[str, int]:
        """Rows of each table."""
        with self._words():
            async with self._engine.connect() as connection:
                return {
                    table.name: await connection.scalar(select(func.count()).select_from(table)) or 0
                    for table in tables.METADATA.sorted_tables
                }

    async def rows(self, name: str, conditions: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """All rows of a small table, newest first."""
        return await self._rows(tables.METADATA.tables[name], conditions or {}, None, None)

    async def insert(self, name: str, values: dict[str, Any]) -> dict[str, Any]:
        """Add a row; answers it as it is there. Raises NameTaken."""
        table = tables.METADATA.tables[name]
        try:
            with self._words():
                async with self._engine.begin() as connection:
                    added = await connection.execute(insert(table).values(values).returning(table))
                    return dict(added.mappings().one())
        except Refused as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
            raise NameTaken(f"there is a row named {values['name']!r} in {name} already; try another name") from None

    async def update(self, name: str, conditions: dict[str, Any], values: dict[str, Any]) -> int:
        """Change rows; answers how many. A condition that is None asks for rows that have no value there."""
        table = tables.METADATA.tables[name]
        with self._words():
            async with self._engine.begin() as connection:
                statement = update(table).where(*_are(table, conditions)).values(values)
                return (await connection.execute(statement)).rowcount

    async def delete(self, name: str, conditions: dict[str, Any]) -> int:
        """Remove rows; answers how many."""
        table = tables.METADATA.tables[name]
        with self._words():
            async with self._engine.begin() as connection:
                return (await connection.execute(delete(table).where(*_are(table, conditions)))).rowcount

    async def prune(self, name: str, keep: int) -> None:
        """Remove the oldest rows of a table, so that about `keep` are left."""
        table = tables.METADATA.tables[name]
        newest = select(func.max(table.c.id)).scalar_subquery()
        with self._words():
            async with self._engine.begin() as connection:
                await connection.execute(delete(table).where(table.c.id <= newest - keep))

    async def revoke_user(self, name: str, at: float) -> bool:
        """Revoke a user and all their tokens, both or neither."""
        users, tokens = tables.users, tables.tokens
        with self._words():
            async with self._engine.begin() as connection:
                theirs = _are(users, {"name": name, "revoked": None})
                found = await connection.execute(update(users).where(*theirs).values(revoked=at))
                also = _are(tokens, {"user": name, "revoked": None})
                await connection.execute(update(tokens).where(*also).values(revoked=at))
                return found.rowcount > 0

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
        with self._words():
            async with self._engine.connect() as connection:
                found = await connection.execute(query.order_by(table.c.id.desc()).limit(limit).offset(offset))
                return [dict(row) for row in found.mappings()]

    def _identity(self) -> tuple[int, int] | None:
        """Which file it is: one that was moved away would take what we write along."""
        if self.file is None:
            return None
        with contextlib.suppress(OSError):
            status = os.stat(self.file)
            return status.st_dev, status.st_ino
        return (0, 0)

    @contextlib.contextmanager
    def _words(self) -> Generator[None]:
        try:
            yield
        except (DataError, IntegrityError) as error:
            raise Refused(str(error)) from error
        except DATABASE_ERRORS as error:
            if type(error) is StatementError:  # a value that cannot be handed over; the database has not seen it
                raise Refused(str(error)) from error
            raise explained(error, self.url) from error


def _insert_of(url: URL) -> Any:
    """The INSERT of this database, which knows ON CONFLICT; the other one's is not imported."""
    if url.get_backend_name() == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as into_sqlite

        return into_sqlite
    from sqlalchemy.dialects.postgresql import insert as into_postgres

    return into_postgres


def _are(table: Table, conditions: dict[str, Any]) -> list[Any]:
    return [table.c[name] == value for name, value in conditions.items()]


def _where(query: Select[Any], table: Table, conditions: dict[str, Any]) -> Select[Any]:
    """`since` and `until` speak of `at`, everything else of the column of that name; None asks for nothing."""
    for name, value in conditions.items():
        if value is None:
            continue
        if name == "since":
            query = query.where(table.c.at >= value)
        elif name == "until":
            query = query.where(table.c.at < value)
        else:
            query = query.where(table.c[name] == value)
    return query
