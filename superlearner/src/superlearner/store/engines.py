"""Connections to the database: from a URL to an engine, and from its errors to words for people."""

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

from otp.redaction import without_secrets
from superlearner.base.extras import install
from superlearner.store.failures import StoreUnavailable

__all__ = ["BUSY_S", "DATABASE_ERRORS", "explained", "file_of", "make_engine", "read_url", "shown"]

BUSY_S: Final = 2.0
"""How long a statement waits for another program that holds the file; it cannot be interrupted, so an end waits too."""

JOURNAL_BYTES: Final = 16 * 1024 * 1024
"""What SQLite's journal is cut to once all of it is in the database."""

POSTGRES_S: Final = {"timeout": 3.0, "command_timeout": 60.0}
"""How long a server may take that does not answer: to let us in, and for a statement."""

DATABASE_ERRORS: Final = (SQLAlchemyError, sqlite3.Error, OSError, asyncio.TimeoutError)
"""What a statement may raise for reasons that lie outside of us."""


def read_url(place: str | Path) -> URL:
    """The URL of a database, or of one in a file, with the driver we use.

    Raises:
        StoreUnavailable: it is no URL of SQLite or PostgreSQL.

    >>> read_url("postgresql://ada:secret@db/shop").drivername, read_url("sqlite:///a.db").database
    ('postgresql+asyncpg', 'a.db')
    """
    if isinstance(place, Path):  # as it is: in a URL some characters of a name would mean something
        return URL.create("sqlite+aiosqlite", database=str(place.absolute()))
    expected = "expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
    try:
        url = make_url(place)
    except ArgumentError:
        raise StoreUnavailable("the setting database is no URL", expected) from None
    kind = url.drivername.partition("+")[0]
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+asyncpg")
    if kind == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite+aiosqlite")
    raise StoreUnavailable(f"the setting database names {kind!r}", expected)


def file_of(url: URL) -> Path | None:
    """The file of an SQLite database."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def shown(url: URL) -> str:
    """A database's URL as people may see it: without the password."""
    return without_secrets(url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True))


def make_engine(url: URL, *, begin: str = "BEGIN", **options: Any) -> AsyncEngine:
    """An engine; `begin` is how an SQLite transaction begins.

    Raises:
        StoreUnavailable: the driver is not installed.
    """
    sqlite = file_of(url) is not None
    if sqlite:
        options["connect_args"] = {"timeout": BUSY_S}
    else:
        options["connect_args"] = dict(POSTGRES_S)
    try:
        engine = create_async_engine(url, **options)
    except ModuleNotFoundError:
        raise StoreUnavailable(
            "the driver for PostgreSQL is not installed", f"install it with: {install('postgres')}"
        ) from None
    if sqlite:
        _prepare_sqlite(engine, begin)
    return engine


def _prepare_sqlite(engine: AsyncEngine, begin: str) -> None:
    """WAL, so that nobody who reads waits for who writes; synced at each commit, so that it survives a power cut.

    Transactions are begun by us: Python's module begins none before a change of the schema.
    """

    def connected(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA journal_size_limit={JOURNAL_BYTES}")
        cursor.close()

    def begins(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", begins)


def explained(error: BaseException, url: URL) -> StoreUnavailable:
    """An error of the database in words."""
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
            f"place, or begin anew after: mv {quoted} {shlex.quote(f'{file}.damaged')}",
        )
    if "locked" in text or "busy" in text:
        return StoreUnavailable(
            f"{name} is locked by another program", f"see who holds it with: fuser {quoted}; it is tried again"
        )
    if "disk is full" in text or "no space" in text or "disk i/o" in text or "disk quota" in text:
        return StoreUnavailable(
            f"{name} cannot grow: the disk is full or broken", f"make room on the disk of {file.parent}"
        )
    if isinstance(cause, OSError) or "readonly" in text or "unable to open" in text:
        return StoreUnavailable(
            f"{name} cannot be opened for writing",
            f"see who may write there with: ls -la {shlex.quote(str(file.parent))}",
        )
    return StoreUnavailable(f"{name} cannot be used: {cause}", f"look at {file}")


def _of_postgres(cause: BaseException, url: URL) -> StoreUnavailable:
    where = f"the PostgreSQL database {url.database} on {url.host or 'this machine'}"
    why = str(cause).partition("\n")[0].partition(": ")[2] or str(cause) or type(cause).__name__
    if isinstance(cause, TimeoutError):
        why = "it does not answer"
    why = without_secrets(why)
    return StoreUnavailable(f"{where} cannot be used: {why}", f"try: psql {shlex.quote(shown(url))}; it is tried again")
