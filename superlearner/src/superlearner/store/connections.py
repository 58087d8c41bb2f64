"""Connections to a database, with transactions that outlive a killed caller."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, TypeVar

from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from superlearner.store.engines import DATABASE_ERRORS, explained, file_of, make_engine

__all__ = ["StoreConnections", "RowRefused"]

T = TypeVar("T")


class RowRefused(Exception):
    """The database rejects this row for good; a bug of ours."""


class StoreConnections:
    """The connections to one database."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.engine = make_engine(url) if file_of(url) else make_engine(url, pool_pre_ping=True)
        self._running: set[asyncio.Task[Any]] = set()
        self._alone = asyncio.Lock()

    async def do(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `work` in a transaction, to its end even if the caller is killed meanwhile.

        Cancelling a driver between two statements leaves a connection that is in no pool and whose transaction is still
        open: SQLite's lock is then held until the garbage collector runs, and everyone else waits.

        Raises:
            Refused: the database rejects these values for good.
            StoreUnavailable: nothing was done.
        """
        while self._alone.locked():
            async with self._alone:
                pass
        task = asyncio.create_task(self._transaction(work), context=Context())
        self._running.add(task)
        return await self._end_of(task)

    async def alone(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run `work` with no other use of these connections.

        Other work waits here, not for SQLite's lock.

        Raises:
            StoreUnavailable: the database could not do it.
        """

        async def when_idle() -> T:
            async with self._alone:
                await self.settled()
                with self.words():
                    return await work()

        return await self.whole(when_idle())

    async def whole(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, even if the caller is killed meanwhile."""
        return await self._end_of(asyncio.create_task(work, context=Context()))

    async def settled(self) -> None:
        """Wait for all work that has begun."""
        if self._running:
            await asyncio.wait(self._running)

    async def close(self) -> None:
        """Wait for running work, then close all connections and end their threads."""
        await self.settled()
        await self.engine.dispose()

    @contextlib.contextmanager
    def words(self) -> Generator[None]:
        """Translate the database's errors into `RowRefused` and `StoreUnavailable`."""
        try:
            yield
        except (DataError, IntegrityError) as error:
            raise RowRefused(str(error)) from error
        except DATABASE_ERRORS as error:
            if type(error) is StatementError or _is_of_the_row(error):
                raise RowRefused(str(error)) from error
            raise explained(error, self.url) from error

    async def _transaction(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        with self.words():
            async with self.engine.begin() as connection:
                return await work(connection)

    async def _end_of(self, task: asyncio.Task[T]) -> T:
        task.add_done_callback(self._ended)
        await asyncio.wait({task})
        return task.result()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # mark it as retrieved: the caller may be gone


def _is_of_the_row(error: BaseException) -> bool:
    """Return whether PostgreSQL rejects the row itself.

    Error class 22 is invalid data; 54 is too large for an index.
    """
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return isinstance(state, str) and state[:2] in ("22", "54")
