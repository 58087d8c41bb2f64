"""Opens the database and commits waiting rows, one task at a time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import otp
from otp import standstill
from otp.redaction import without_secrets
from superlearner.base.telemetry import Telemetry
from superlearner.store.failures import StoreUnavailable
from superlearner.store.waiting import Waiting

if TYPE_CHECKING:
    from superlearner.store.database import Database
    from superlearner.store.pruning import Pruning

__all__ = ["Writer"]

BATCH_S: Final = 0.2
BATCH_ROWS: Final = 2000
PAUSES_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds the service waits before each new attempt; the last value repeats."""
WRITES_S: Final = 1.5
"""Seconds that the program waits at its end for rows to be written."""
OPENS_S: Final = 4.0
"""The same while the database is still being opened."""
CLOSES_S: Final = 1.5
"""Seconds that it waits for statements that have begun."""


class Writer:
    """Moves rows into the database, and keeps the reason while it cannot.

    Args:
        url: `sqlite:///FILE`, `postgresql://…`, or the path of an SQLite file; None for no database.
        waiting: the queue.
        telemetry: receives `store.commit` (rows, duration).
        tell: called with a level (`bad`, `info`) and a sentence when the database becomes unavailable or usable again.
        pruning: removes old rows after writes.
    """

    def __init__(
        self,
        url: str | Path | None,
        waiting: Waiting,
        telemetry: Telemetry,
        tell: Callable[[str, str], object],
        pruning: Pruning,
    ) -> None:
        self.url = url
        self.waiting = waiting
        self.telemetry = telemetry
        self.tell = tell
        self.pruning = pruning
        self.trouble: StoreUnavailable | None = None
        self.failures = 0
        """Consecutive failures."""
        self.database: Database | None = None
        self.closed = False
        self._service: otp.Pid | None = None
        self._task: asyncio.Task[StoreUnavailable | None] | None = None
        self._armed = False

    def attend(self, service: otp.Pid) -> None:
        """Set the service to wake up; the previous one, if any, has ended."""
        self._service = service
        self._armed = False

    def arm(self) -> None:
        """Schedule a wake-up of the service, one for all rows that arrive until then."""
        if not self._armed and self._service is not None:
            self._armed = True
            otp.send_after(BATCH_S, self._service, "write")

    async def work(self) -> None:
        """Open the database if necessary, and write waiting rows.

        A task of the writer does it, and concurrent callers wait for the same task: a service that is killed leaves it
        to the next one, and twenty services do not open the database twenty times.

        Raises:
            StoreUnavailable: the remaining rows keep waiting.
        """
        task = self._task
        if task is None or task.done():
            task = self._task = asyncio.create_task(self._work(), context=Context())
        await asyncio.wait({task})
        failure = self.why_closed() if task.cancelled() else task.result()
        if failure is not None:
            raise StoreUnavailable(failure.why, failure.hint)

    async def settle(self, timeout: float) -> None:
        """Wait until everything accepted so far is committed.

        Raises:
            StoreUnavailable: it could not be committed, or not within `timeout` seconds. The rows keep waiting.
        """
        wanted = self.waiting.accepted
        try:
            async with standstill.timeout(timeout):
                while wanted > self.waiting.settled or self.database is None:
                    if self.url is None or self.closed or self.trouble is not None:
                        raise self.why_closed()
                    await self.work()
        except TimeoutError:
            raise StoreUnavailable(
                f"the store has not written all waiting rows within {timeout:g} s", "try again later"
            ) from None

    async def close(self) -> None:
        """Commit waiting rows if possible, then close all connections.

        Call it after the service has ended.
        """
        with contextlib.suppress(StoreUnavailable, TimeoutError):  # reported before, or by the count below
            async with standstill.timeout(OPENS_S if self.database is None and self.trouble is None else WRITES_S):
                if self._task is not None and not self._task.done():
                    await self.work()
                while len(self.waiting) and self.url is not None:  # rows may have arrived after that work had begun
                    await self.work()
        left = len(self.waiting)
        if left and self.url is not None:
            self.tell("bad", f"{left} rows could not be stored before the program ended")
        self.closed = True
        if self._task is not None:
            self._task.cancel()
        with contextlib.suppress(TimeoutError):
            async with standstill.timeout(CLOSES_S):
                await self._let_go()

    async def wait_open(self) -> Database:
        """Return the open database, and wait while it is being opened. Raises StoreUnavailable."""
        if self.database is None:
            await self.settle(OPENS_S)
        return self.opened()

    def opened(self) -> Database:
        """Return the open database; raises StoreUnavailable."""
        if self.database is None:
            raise self.why_closed()
        return self.database

    def why_closed(self) -> StoreUnavailable:
        """Return the reason that there is no open database."""
        if self.trouble is not None:
            return StoreUnavailable(self.trouble.why, self.trouble.hint)
        if self.url is None:
            return StoreUnavailable("this platform keeps no database", "name one with the setting database or data_dir")
        if self.closed:
            return StoreUnavailable("the store is closed", "the platform is shutting down")
        return StoreUnavailable("the store is just being opened", "ask again in a moment")

    async def _work(self) -> StoreUnavailable | None:
        """Do one round and return its failure, since the caller may be gone."""
        try:
            await self._open()
            await self._write()
        except StoreUnavailable as error:
            self._failed(error)
            await self._let_go()
            if self._service is not None:
                pause = PAUSES_S[min(self.failures, len(PAUSES_S)) - 1]
                otp.send_after(pause, self._service, "open")
            return error
        return None

    async def _open(self) -> None:
        """Open the database in a thread: this imports, checks the file and migrates."""
        if self.url is not None and not self.closed and self.database is None:
            self.database = await otp.Task.run_blocking(_open, self.url)

    async def _write(self) -> None:
        """Commit the rows waiting now; later ones schedule their own wake-up."""
        self._armed = False
        wanted = self.waiting.accepted
        while (database := self.database) is not None:
            rows = self.waiting.first(min(BATCH_ROWS, wanted - self.waiting.settled))
            if rows:
                await self._commit(database, rows)
            self._usable()
            await self.pruning.work(database)
            if self.waiting.settled >= wanted:
                return

    async def _commit(self, database: Database, rows: list[Any]) -> None:
        from superlearner.store.connections import RowRefused

        begun = time.perf_counter()
        try:
            await database.write(rows)
        except RowRefused as error:
            await self._commit_one_by_one(database, rows, error)
            return
        self.waiting.settle(len(rows))
        self.pruning.count(rows)
        took = time.perf_counter() - begun
        self.telemetry.execute("store.commit", {"rows": len(rows), "duration": took}, {})

    async def _commit_one_by_one(self, database: Database, rows: list[Any], error: Exception) -> None:
        """Write each row alone, to skip and count the bad one."""
        from superlearner.store.connections import RowRefused

        if len(rows) == 1:
            table = rows[0][0]
            self.waiting.settle(1)
            self.waiting.dropped[table] += 1
            why = without_secrets(str(error), 500)
            self.tell("bad", f"a row of {table} cannot be stored: {why}; this is a bug of ours, please report it")
            return
        for row in rows:
            try:
                await database.write([row])
            except RowRefused as refused:
                await self._commit_one_by_one(database, [row], refused)
            else:
                self.waiting.settle(1)
                self.pruning.count([row])

    async def _let_go(self) -> None:
        """Close the database; the next attempt checks it from the start."""
        database, self.database = self.database, None
        if database is not None:
            await database.close()

    def _failed(self, error: StoreUnavailable) -> None:
        known, self.trouble = self.trouble, error
        self.failures += 1
        if known is None or known.why != error.why:
            self.tell("bad", f"the store is unavailable: {error.why}; history waits in memory meanwhile")

    def _usable(self) -> None:
        """Clear the failure after a write; opening alone works on a full disk, too."""
        self.failures = 0
        if self.trouble is not None:
            self.trouble = None
            dropped = sum(self.waiting.dropped.values())
            lost = f"; {dropped} rows were not stored" if dropped else ""
            self.tell("info", f"the store can be used again{lost}")


def _open(url: str | Path) -> Database:
    """Open the database in a thread: imports and checks take long."""
    from superlearner.store.database import Database
    from superlearner.store.opening import migrate

    migrate(url, turns=1)  # the store tries again by itself, and says why it waits
    return Database(url)
