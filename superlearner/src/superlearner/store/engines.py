"""Database engines, and their errors as readable messages."""

from __future__ import annotations

import asyncio
import shlex
import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from otp.locked_entries import follow_own_links
from otp.redaction import without_secrets
from superlearner.base.extras import install
from superlearner.store.database_file import identify
from superlearner.store.failures import StoreLocked, StoreUnavailable

__all__ = ["BUSY_S", "DATABASE_ERRORS", "explained", "file_of", "hide_password", "make_engine", "read_url"]

BUSY_S: Final = 2.0
"""Seconds that a statement, or a close, waits for another program's lock."""

JOURNAL_BYTES: Final = 16 * 1024 * 1024
"""Size to which SQLite's journal is cut after a checkpoint."""

POSTGRES_S: Final = {"timeout": 3.0, "command_timeout": 60.0}
"""Timeouts for a PostgreSQL server, in seconds: to connect, and for a statement."""

DATABASE_ERRORS: Final = (SQLAlchemyError, sqlite3.Error, OSError, asyncio.TimeoutError)
"""Exceptions of a statement with causes outside our code."""


def read_url(place: str | Path) -> URL:
    """Parse the URL or file path of a database and set our driver.

    Raises:
        StoreUnavailable: it is not a URL of SQLite or PostgreSQL.

    >>> read_url("postgresql://ada:secret@db/shop").drivername, read_url("sqlite:///a.db").database
    ('postgresql+asyncpg', 'a.db')
    """
    if isinstance(place, Path):  # taken literally: some characters of a file name have a meaning in a URL
        return URL.create("sqlite+aiosqlite", database=str(place.absolute()))
    expected = "expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
    try:
        url = make_url(place)
    except ArgumentError:
        raise StoreUnavailable("the `database` setting is not a URL", expected) from None
    kind = url.drivername.partition("+")[0]
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+asyncpg")
    if kind == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite+aiosqlite")
    raise StoreUnavailable(f"the setting database names {kind!r}", expected)


def file_of(url: URL) -> Path | None:
    """Return the file of an SQLite database; None for others."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def hide_password(url: URL) -> str:
    """Return a database's URL without its password, for people to read."""
    return without_secrets(url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True))


def make_engine(url: URL, *, begin: str = "BEGIN", **options: Any) -> AsyncEngine:
    """Create an engine; `begin` is the statement that begins an SQLite transaction.

    Raises:
        StoreUnavailable: the driver is not installed.
    """
    file = file_of(url)
    if file is not None:
        from superlearner.store.sqlite_connection import SQLiteConnection

        options["connect_args"] = {"timeout": BUSY_S, "async_creator_fn": SQLiteConnection}
    else:
        options["connect_args"] = dict(POSTGRES_S)
    try:
        engine = create_async_engine(url, **options)
    except ModuleNotFoundError:
        raise StoreUnavailable(
            "the driver for PostgreSQL is not installed", f"install it with: {install('postgres')}"
        ) from None
    if file is not None:
        _prepare_sqlite(engine, file, begin)
    return engine


def _prepare_sqlite(engine: AsyncEngine, file: Path, begin: str) -> None:
    """Set WAL, so that readers do not wait for writers, and sync at each commit.

    Each connection opens the files by name, so each time others must not have put them there.

    Transactions begin explicitly: Python's `sqlite3` begins none before a change of the schema.
    """

    def connects(_dialect: Any, _record: Any, _arguments: Any, _options: Any) -> None:
        identify(follow_own_links(file))

    def connected(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA journal_size_limit={JOURNAL_BYTES}")
        cursor.close()

    def begins(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "do_connect", connects)
    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", begins)


def explained(error: BaseException, url: URL) -> StoreUnavailable:
    """Return an error of the database as `StoreUnavailable`, with a readable message."""
    if isinstance(error, StoreUnavailable):
        return error
    cause: BaseException = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    file = file_of(url)
    return _of_postgres(cause, url) if file is None else _of_sqlite(cause, file)


def _of_sqlite(cause: BaseException, file: Path) -> StoreUnavailable:
    text, quoted = str(cause).lower(), shlex.quote(str(file))
    name = f"the database file {file.name}"
    if "malformed" in text or "not a database" in text or "corrupt" in text:
        return StoreUnavailable(
            f"{name} is damaged",
            f"save what can be read with: sqlite3 {quoted} .recover | sqlite3 recovered.db; then put that in its "
            f"place, or start with an empty one after: mv {quoted} {shlex.quote(f'{file}.damaged')}",
        )
    if "locked" in text or "busy" in text:
        return StoreLocked(
            f"{name} is locked by another program",
            f"find that program with: fuser {quoted}; the store retries by itself",
        )
    if "disk is full" in text or "no space" in text or "disk i/o" in text or "disk quota" in text:
        return StoreUnavailable(
            f"{name} cannot grow: the disk is full or broken", f"free space on the disk of {file.parent}"
        )
    if isinstance(cause, OSError) or "readonly" in text or "unable to open" in text:
        return StoreUnavailable(
            f"{name} cannot be opened for writing",
            f"check the permissions with: ls -la {shlex.quote(str(file.parent))}",
        )
    return StoreUnavailable(f"{name} cannot be used: {cause}", f"look at {file}")


def _of_postgres(cause: BaseException, url: URL) -> StoreUnavailable:
    where = f"the PostgreSQL database {url.database} on {url.host or 'this machine'}"
    why = str(cause).partition("\n")[0].partition(": ")[2] or str(cause) or type(cause).__name__
    if isinstance(cause, TimeoutError):
        why = "it does not answer"
    why = without_secrets(why)
    hint = f"try: psql {shlex.quote(hide_password(url))}; the store retries by itself"
    return StoreUnavailable(f"{where} cannot be used: {why}", hint)
