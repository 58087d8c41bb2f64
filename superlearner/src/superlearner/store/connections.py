"""The pool of connections to a database, and the one way in: a transaction that nobody can tear apart."""

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

__all__ = ["Connections", "Refused"]

T = TypeVar("T")


class Refused(Exception):
    """A row that no database would take; a bug of ours, which must not keep the others waiting."""


class Connections:
    """The connections to one database."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.engine = make_engine(url) if file_of(url) else make_engine(url, pool_pre_ping=True)
        self._running: set[asyncio.Task[Any]] = set()
        self._alone = asyncio.Lock()

    async def do(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `work` in a transaction, to its end even if who waits for it is killed meanwhile.

        A driver that is cancelled between two statements leaves a connection that is in no pool any more and has not
        ended its transaction: SQLite's lock is held until the garbage collector comes by, and everybody else waits.

        Raises:
            Refused: the database does not take such values, whatever is tried.
            StoreUnavailable: nothing was done.
        """
        while self._alone.locked():
            async with self._alone:
                pass
        task = asyncio.create_task(self._transaction(work), context=Context())
        self._running.add(task)
        return await self._end_of(task)

    async def alone(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run `work` while nobody else uses these connections: what comes meanwhile waits here, not for SQLite's lock.

        Raises:
            StoreUnavailable: the database could not do it.
        """

        async def when_all_is_quiet() -> T:
            async with self._alone:
                await self.settled()
                with self.words():
                    return await work()

        return await self.whole(when_all_is_quiet())

    async def whole(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something that is no transaction to its end, even if who waits for it is killed meanwhile."""
        return await self._end_of(asyncio.create_task(work, context=Context()))

    async def settled(self) -> None:
        """Return when all that has been begun is done."""
        if self._running:
            await asyncio.wait(self._running)

    async def close(self) -> None:
        """Wait for what is being done, then end all connections and their threads."""
        await self.settled()
        await self.engine.dispose()

    @contextlib.contextmanager
    def words(self) -> Generator[None]:
        """Errors of the database as `Refused` and `StoreUnavailable`."""
        try:
            yield
        except (DataError, IntegrityError) as error:
            raise Refused(str(error)) from error
        except DATABASE_ERRORS as error:
            if type(error) is StatementError or _is_of_the_row(error):
                raise Refused(str(error)) from error
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
            task.exception()  # looked at: perhaps nobody is left to be told


def _is_of_the_row(error: BaseException) -> bool:
    """Whether PostgreSQL refuses the row and not us: of class 22 is what no column takes, of 54 what no index takes."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return isinstance(state, str) and state[:2] in ("22", "54")
