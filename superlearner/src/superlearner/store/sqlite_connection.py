"""A connection to SQLite whose statements may outlast the event loop."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

import aiosqlite

__all__ = ["SQLiteConnection"]


class SQLiteConnection(aiosqlite.Connection):
    """A connection that ends in silence when the event loop was closed during a statement.

    A stop of the platform does not wait until a lock of another program or a slow disk lets a statement end. With a
    plain connection, Python then prints the traceback of a thread, and the file stays open.

    Args:
        database: the file.
        options: those of `sqlite3.connect`.

    Example:
        >>> import asyncio
        >>> async def add() -> int:
        ...     async with SQLiteConnection(":memory:") as connection:
        ...         return [row[0] for row in await connection.execute_fetchall("SELECT 1 + 1")]
        >>> asyncio.run(add())
        [2]
    """

    def __init__(self, database: str, **options: Any) -> None:
        super().__init__(partial(self._open, database, **options), iter_chunk_size=64)
        self._thread.daemon = True
        self._thread.run = partial(self._execute_all, self._thread.run)
        self._opened: sqlite3.Connection | None = None

    def _open(self, database: str, **options: Any) -> sqlite3.Connection:
        self._opened = sqlite3.connect(database, **options)
        return self._opened

    def _execute_all(self, statements: Callable[[], None]) -> None:
        try:
            statements()
        except RuntimeError:  # the loop is closed, so nothing waits for what is still in the queue
            self._connection = None
            if self._opened is not None:
                self._opened.close()
