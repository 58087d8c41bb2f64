"""Maintenance by the owner of the data: export, backup, compaction, deletion."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import otp
from superlearner.store.failures import NameTaken, NotOfThisDatabase, StoreUnavailable

if TYPE_CHECKING:
    from superlearner.store.database import Database

__all__ = ["Upkeep", "Written"]

PAGE_ROWS: Final = 1000
DELETE_ROWS: Final = 5000
"""Rows of one transaction: other writes run between two of them."""
AS_JSON: Final = frozenset({"parameters", "before", "after", "about"})
"""Columns that contain JSON."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written, `size` in bytes."""

    path: Path
    size: int
    rows: int | None = None


class Upkeep:
    """The maintenance of one store.

    Each method raises `StoreUnavailable` while the database cannot be used.

    Args:
        opened: returns the open database.
    """

    def __init__(self, opened: Callable[[], Database]) -> None:
        self._opened = opened

    async def export(self, table: str, target: Path, since: float | None = None, until: float | None = None) -> Written:
        """Write rows with `since` <= `at` < `until` as lines of JSON, oldest first.

        The file appears when it is complete. Rows stored meanwhile may be included; no row appears twice.

        Raises:
            NameTaken: the file exists already.
        """
        database, conditions = self._opened(), {"since": since, "until": until}
        count = after = 0
        with _appearing(target) as part, _begun(part) as file:
            while rows := await database.oldest(table, conditions, PAGE_ROWS, after):
                await otp.Task.run_blocking(_write_lines, file, rows)
                count, after = count + len(rows), rows[-1]["id"]
            await otp.Task.run_blocking(_sync, file)
        return Written(target, _size(target), count)

    async def backup(self, target: Path) -> Written:
        """Copy an SQLite database as of one moment, while other writes continue.

        Raises:
            NameTaken: the file exists already.
            NotOfThisDatabase: it is PostgreSQL, which has its own tools.
        """
        database = self._opened()
        file = database.file
        if file is None:
            raise NotOfThisDatabase("a PostgreSQL database is backed up by its own tools", "pg_dump makes a copy of it")

        async def copy() -> Written:
            with database.connections.words(), _appearing(target) as part:
                await otp.Task.run_blocking(_copy, file, part)
            return Written(target, _size(target))

        return await database.connections.whole(copy())  # a cancelled thread would leave half a file

    async def compact(self) -> tuple[int, int]:
        """Return the space of deleted rows to the disk; writes wait.

        Returns the size before and after, in bytes.

        Raises:
            NotOfThisDatabase: it is PostgreSQL, which does so by itself.
        """
        database = self._opened()
        file = database.file
        if file is None:
            raise NotOfThisDatabase("a PostgreSQL database is compacted by its server", "VACUUM FULL frees more space")
        before = _size(file)
        await database.connections.alone(lambda: otp.Task.run_blocking(_vacuum, file))
        return before, _size(file)

    async def delete_before(self, table: str, before: float) -> int:
        """Remove rows older than `before`, in seconds since 1970; return their number."""
        database, deleted = self._opened(), 0
        while count := await database.delete_oldest(table, {"until": before}, DELETE_ROWS):
            deleted += count
        return deleted


@contextlib.contextmanager
def _appearing(target: Path) -> Generator[Path]:
    """Create a private temporary file, renamed to `target` when complete."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if target.exists():
            raise NameTaken(f"the file {target.name} already exists; try another name")
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            yield part
            part.rename(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StoreUnavailable(
            f"the file {target.name} cannot be written: {error.strerror or error}", f"see: ls -la {target.parent}"
        ) from error


def _begun(file: Path) -> IO[str]:
    return open(file, "w", encoding="utf-8")


def _size(file: Path) -> int:
    return file.stat().st_size


def _write_lines(file: IO[str], rows: list[dict[str, Any]]) -> None:
    for row in rows:
        read = {name: json.loads(value) if name in AS_JSON else value for name, value in row.items()}
        file.write(json.dumps(read) + "\n")


def _sync(file: IO[str]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _copy(file: Path, target: Path) -> None:
    with contextlib.closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))
    with open(target, "rb") as copy:
        os.fsync(copy.fileno())


def _vacuum(file: Path) -> None:
    from superlearner.store.engines import BUSY_S

    with contextlib.closing(sqlite3.connect(file, timeout=BUSY_S, isolation_level=None)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
