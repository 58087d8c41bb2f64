"""Opening a database: check that it is ours and sound, and migrate it.

Everything here blocks; the store calls it in a thread, the command line directly. A database that is not ours, newer
than this program or damaged is refused before a byte of it is changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import sqlite3
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, inspect, select, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from otp.locked_entries import follow_own_links, open_regular
from superlearner.store import engines
from superlearner.store.database_file import create_private, identify, make_replaced
from superlearner.store.engines import DATABASE_ERRORS, explained, file_of, hide_password, make_engine, read_url
from superlearner.store.failures import StoreLocked, StoreUnavailable
from superlearner.store.tables import HEAD, METADATA, SCHEMAS, VERSION_TABLE, create_version_table

__all__ = ["DatabaseInfo", "database_info", "migrate"]

MAGIC: Final = b"SQLite format 3\0"
TURNS: Final = 30
"""Number of times that a migration waits `BUSY_S` seconds for another program: a minute in all."""
PAUSE_S: Final = 0.1
ONE_AT_A_TIME: Final = 7_329_110_441
"""Key of the PostgreSQL lock that allows one migration at a time."""


@dataclass(frozen=True, slots=True)
class DatabaseInfo:
    """Facts about a database; `revision` is None while it is empty."""

    database: str
    kind: str
    revision: str | None
    head: str
    size: int | None
    rows: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def up_to_date(self) -> bool:
        """Return whether no migration is missing."""
        return self.revision == self.head


def migrate(url: str | Path, *, turns: int = TURNS, tell: Callable[[str], object] = str) -> str:
    """Create the tables, or upgrade them to this version; return the revision. Blocks.

    Safe to call at any time and from several programs: each step is applied once, all of them or none.

    Args:
        url: the URL or the file of the database.
        turns: how often to wait `BUSY_S` seconds for another program that holds an SQLite database.
        tell: called with a sentence when the first of these has passed.

    Raises:
        StoreUnavailable: the database cannot be used, or is not ours to change; it is unchanged.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(migrate(f"sqlite:///{folder}/store.db") == database_info(f"sqlite:///{folder}/store.db").head)
    True
    """
    place = read_url(url)
    until = time.monotonic() + turns * engines.BUSY_S
    notified = False
    while True:
        try:
            return asyncio.run(_migrate(place))
        except StoreLocked as error:
            left = until - time.monotonic()
            if turns < 2 or left <= 0:
                raise
            if not notified:
                tell(f"{error.why}; waiting for its turn, for up to {left:.0f} s")
                notified = True
            time.sleep(min(left, PAUSE_S))  # SQLite does not wait for some of its locks


def database_info(url: str | Path) -> DatabaseInfo:
    """Inspect a database without changing it. Blocks.

    Raises:
        StoreUnavailable: it does not exist, cannot be read, or is not ours.
    """
    return asyncio.run(_inspect(read_url(url)))


async def _migrate(url: URL) -> str:
    url, file = _without_links(url)
    entry = None
    if file is not None:
        with _words(url):
            checked = identify(file)
        if _check_file(url, file) == HEAD:
            return HEAD
        with _words(url):
            entry = create_private(file)
        if checked not in (None, entry):
            raise make_replaced(file)
    with _words(url):
        engine = make_engine(url, begin="BEGIN IMMEDIATE", poolclass=NullPool)
        try:
            async with engine.begin() as connection:
                if file is None:
                    await connection.execute(select(func.pg_advisory_xact_lock(ONE_AT_A_TIME)))
                elif identify(file) != entry:
                    raise make_replaced(file)
                await connection.run_sync(_bring_to_head)
        finally:
            await engine.dispose()
    return HEAD


def _bring_to_head(connection: Connection) -> None:
    """Create the tables of a new database, without the steps of earlier ones; upgrade an old database."""
    names, revision = _check_tables(connection)
    if VERSION_TABLE not in names:
        METADATA.create_all(connection, checkfirst=False)
        create_version_table(connection)
    elif revision != HEAD:
        from superlearner.store.migrating import upgrade  # takes a tenth of a second and is seldom needed

        upgrade(connection)


async def _inspect(url: URL) -> DatabaseInfo:
    shown_url = hide_password(url)
    url, file = _without_links(url)
    if file is not None:
        if not file.exists():
            raise StoreUnavailable(f"there is no database file {file.name}", f"{file} is created on the first start")
        _check_file(url, file)
    with _words(url):
        engine = make_engine(url, poolclass=NullPool)
        try:
            async with engine.connect() as connection:
                there, revision = await connection.run_sync(_check_tables)
                rows: dict[str, int] = {}
                for table in METADATA.sorted_tables:
                    if revision is not None and table.name in there:
                        rows[table.name] = await connection.scalar(select(func.count()).select_from(table)) or 0
        finally:
            await engine.dispose()
    size = None if file is None else file.stat().st_size
    return DatabaseInfo(shown_url, url.get_backend_name(), revision, HEAD, size, rows)


@contextlib.contextmanager
def _words(url: URL) -> Generator[None]:
    try:
        yield
    except DATABASE_ERRORS as error:
        raise explained(error, url) from error


def _without_links(url: URL) -> tuple[URL, Path | None]:
    """Return the URL and the file of a database behind links of this user, such as on another disk."""
    file = file_of(url)
    if file is None:
        return url, None
    try:
        file = follow_own_links(file)
    except OSError as error:
        raise explained(error, url) from error
    return url.set(database=str(file)), file


def _check_file(url: URL, file: Path) -> str | None:
    """Refuse a file that is not ours or is damaged; return its revision. It is only read: WAL mode would change it."""
    try:
        entry = identify(file)
        if entry is None:
            return None
        with open(open_regular(file), "rb") as opened:
            head = opened.read(len(MAGIC))
    except FileNotFoundError:  # removed since then
        return None
    except OSError as error:
        raise explained(error, url) from error
    if not head:
        return None
    if head != MAGIC:
        raise StoreUnavailable(
            f"the file {file.name} is not an SQLite database, or its first bytes are damaged",
            f"it was not touched; move it away with: mv {shlex.quote(str(file))} {shlex.quote(f'{file}.old')}",
        )
    with _words(url), contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as read:
        names = {name for (name,) in read.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if identify(file) != entry:
            raise make_replaced(file)
        if names and VERSION_TABLE not in names:
            raise _foreign(f"the database file {file.name}", f"use a file other than {file}")
        revision = None
        if names:
            found = read.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
            revision = _known(None if found is None else found[0])
        (verdict,) = read.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"malformed: {verdict}")
    return revision


def _check_tables(connection: Connection) -> tuple[set[str], str | None]:
    """Refuse another program's tables with our names; return the names of the tables, and the revision."""
    names = set(inspect(connection).get_table_names())
    if VERSION_TABLE in names:
        return names, _known(connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}")))
    if names & set(METADATA.tables):
        raise _foreign("the database", "create a separate database for SuperLearner and use that")
    return names, None


def _foreign(what: str, instead: str) -> StoreUnavailable:
    return StoreUnavailable(f"{what} belongs to another program", f"it was not touched; {instead}")


def _known(revision: str | None) -> str | None:
    if revision is not None and revision not in SCHEMAS:
        raise StoreUnavailable(
            f"the database was made by a newer SuperLearner (schema {revision})",
            "it was not touched; use that version again, or another folder with --data-dir FOLDER",
        )
    return revision
