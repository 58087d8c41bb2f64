"""The store: what must be there after the end of the program.

Writing never waits and never raises: a row is *accepted* into a bounded queue, and the service `store` commits what
waits a fifth of a second later, in batches. The queue belongs to this object and not to the service, so a crash of the
service loses nothing; a row is forgotten only after its commit. `sync()` is the barrier. Reading asks the database.

While the database cannot be used, rows wait; when too many do, new ones are refused, counted and told. Reading raises
`StoreUnavailable`. The service tries again by itself, at last every half minute.
"""

from __future__ import annotations

import asyncio
import contextvars
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import otp
from superlearner.store.failures import StoreUnavailable
from superlearner.store.records import Records, json_text
from superlearner.store.rows import AUDIT, RESTARTS, SETTING_CHANGES, AuditRow, Restart, SettingChange, clean
from superlearner.store.status import StoreState, StoreStatus
from superlearner.store.waiting import LIMIT, Waiting
from superlearner.telemetry import Telemetry

if TYPE_CHECKING:
    from superlearner.store.database import Database

__all__ = ["Store"]

BATCH_S: Final = 0.2
BATCH_ROWS: Final = 2000
CLOSE_S: Final = 2.0
SYNC_S: Final = 5.0
HISTORY_ROWS: Final = 1_000_000


class Store:
    """What one platform stores. A plain object, owned by the platform; the service `store` writes for it.

    Args:
        url: `sqlite:///FILE`, `postgresql://…`, or the path of an SQLite file; None keeps nothing.
        telemetry: told `store.commit` (rows, duration) and `store.drop` (rows).
        tell: called with a level (`bad`, `info`) and a sentence when it becomes unavailable or usable again.
        limit: rows that may wait.
        history_rows: rows of the restart history beyond which the oldest are removed.

    Rows are read back newest first, with the `id` by which the next page is asked for:

    >>> import asyncio, otp, tempfile
    >>> from superlearner.store import Restart, Store, StoreService
    >>> async def main(folder):
    ...     store = Store(f"sqlite:///{folder}/store.db")
    ...     await StoreService.start_link(store, name="store")
    ...     store.append_restarts([Restart(1.0, "shop", "till", "restarted", "0.9.0", "0.12.0", "killed")])
    ...     await store.sync()
    ...     rows = await store.restarts("shop")
    ...     await store.close()
    ...     return [(row.child, row.reason, row.number) for row in rows]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     otp.run(main, folder)
    [('till', 'killed', 1)]
    """

    def __init__(
        self,
        url: str | Path | None,
        *,
        telemetry: Telemetry | None = None,
        tell: Callable[[str, str], object] | None = None,
        limit: int = LIMIT,
        history_rows: int = HISTORY_ROWS,
    ) -> None:
        self.url = url
        self.telemetry = Telemetry() if telemetry is None else telemetry
        self.tell = tell
        self.run = f"{round(time.time() * 1000):x}-{secrets.token_hex(4)}"
        self.waiting = Waiting(limit)
        self.history_rows = history_rows
        self._unpruned = 0
        self.trouble: StoreUnavailable | None = None
        self.failures = 0
        """In a row."""
        self.records = Records(self._opened)
        """Recordings, users and tokens: written at once, by whoever asks."""
        self._numbers: Counter[str] = Counter()
        self._database: Database | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._service: otp.Pid | None = None
        self._awaited: list[tuple[int, asyncio.Future[None]]] = []
        self._armed = False
        self._told_of_drops = False

    # Writing: at once, from anywhere in the loop

    def append_restarts(self, rows: Iterable[Restart]) -> int:
        """Accept rows of the restart history; answers how many were accepted. Never waits, never raises.

        `run`, `number` and `id` are set by the store. What is accepted is committed within a second, in this order, and
        survives a crash of the service and, once committed, a kill of the program. What is not accepted, because too
        many rows wait for a database that cannot be used, is counted in `status().dropped`.
        """
        return sum(
            self._put(
                RESTARTS,
                at=row.at,
                supervisor=clean(row.supervisor),
                child=clean(row.child),
                event=clean(row.event),
                old_pid=clean(row.old_pid),
                new_pid=clean(row.new_pid),
                reason=clean(row.reason),
            )
            for row in rows
        )

    def append_audit(self, row: AuditRow) -> bool:
        """Accept a row of the audit log; whether it was accepted."""
        return self._put(
            AUDIT,
            at=row.at,
            user=clean(row.user),
            door=clean(row.door),
            operation=clean(row.operation),
            parameters=json_text(row.parameters),
            did=clean(row.did),
            outcome=clean(row.outcome),
            duration=row.duration,
        )

    def append_setting_change(self, row: SettingChange) -> bool:
        """Accept that a setting was changed; whether it was accepted. Values that are secret must not come here."""
        return self._put(
            SETTING_CHANGES,
            at=row.at,
            source=clean(row.source),
            setting=clean(row.setting),
            before=json_text(row.before),
            after=json_text(row.after),
        )

    # Reading: raises StoreUnavailable

    async def restarts(
        self,
        supervisor: str | None = None,
        *,
        child: str | None = None,
        event: str | None = None,
        since: float | None = None,
        until: float | None = None,
        run: str | None = None,
        before: int | None = None,
        limit: int = 1000,
    ) -> list[Restart]:
        """Committed rows of the restart history, newest first. `await sync()` first to see what was just accepted.

        Args:
            supervisor: only of the supervisor of this name.
            child: only of the child of this id.
            event: only this kind of event.
            since: only from this time on, in seconds of the wall clock.
            until: only before this time.
            run: only of this run of the platform (`store.run` is the present one); None for all.
            before: only rows with a smaller `id`: the last one's of the page before.
            limit: at most so many.

        Raises:
            StoreUnavailable: the database cannot be used now; the text says why and what to try.
        """
        asked = {"supervisor": supervisor, "child": child, "event": event, "since": since, "until": until, "run": run}
        return await self._opened().restarts(asked, limit, before)

    async def count_restarts(self, supervisor: str | None = None, **asked: Any) -> int:
        """How many rows `restarts` would find with the same `child`, `event`, `since`, `until` and `run`."""
        return await self._opened().count(RESTARTS, {"supervisor": supervisor, **asked})

    async def audit(
        self,
        *,
        user: str | None = None,
        operation: str | None = None,
        outcome: str | None = None,
        since: float | None = None,
        before: int | None = None,
        limit: int = 1000,
        offset: int = 0,
    ) -> list[AuditRow]:
        """Committed rows of the audit log, newest first; arguments and errors as those of `restarts`."""
        asked = {"user": user, "operation": operation, "outcome": outcome, "since": since}
        return await self._opened().audit(asked, limit, before, offset)

    async def count_audit(self, **asked: Any) -> int:
        """How many rows `audit` would find with the same `user`, `operation`, `outcome` and `since`."""
        return await self._opened().count(AUDIT, asked)

    async def setting_changes(
        self, setting: str | None = None, *, before: int | None = None, limit: int = 1000
    ) -> list[SettingChange]:
        """Committed changes of one or all settings, newest first; errors as those of `restarts`."""
        return await self._opened().setting_changes({"setting": setting}, limit, before)

    async def sync(self, timeout: float = SYNC_S) -> None:
        """Return when everything that was accepted until now is committed.

        Raises:
            StoreUnavailable: it could not be committed, or not within `timeout` seconds. It waits on.
        """
        wanted = self.waiting.accepted
        if wanted <= self.waiting.settled and self._database is not None:
            return
        if self.url is None or self._closed or self.trouble is not None:
            raise self._why_closed()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited.append((wanted, done))
        if self._service is not None:
            otp.send(self._service, "write")
        try:
            async with asyncio.timeout(timeout):
                await done
        except TimeoutError:
            raise StoreUnavailable(
                f"the store has not written what waits within {timeout:g} s", "ask again a little later"
            ) from None
        finally:
            self._awaited = [one for one in self._awaited if one[1] is not done]

    async def count_all(self) -> dict[str, int]:
        """Rows of each table, over all runs; errors as those of `restarts`."""
        return await self._opened().count_all()

    @property
    def kind(self) -> str | None:
        """`sqlite` or `postgresql`; None where no database was named."""
        if self.url is None:
            return None
        return "sqlite" if isinstance(self.url, Path) or self.url.startswith("sqlite") else "postgresql"

    def place(self) -> str | None:
        """Where the database is, without the password; None while it is not open."""
        return None if self._database is None else self._database.place

    def status(self) -> StoreStatus:
        """How it is. Asks nobody."""
        trouble, waiting = self.trouble, self.waiting
        if self.url is None:
            state: StoreState = "off"
        elif self._closed:
            state = "closed"
        elif trouble is not None:
            state = "unavailable"
        else:
            state = "opening" if self._database is None else "open"
        return StoreStatus(
            state,
            None if trouble is None else trouble.why,
            None if trouble is None else trouble.hint,
            self.run,
            waiting.accepted,
            waiting.settled,
            len(waiting),
            dict(waiting.dropped),
        )

    # For the service alone

    def attend(self, service: otp.Pid) -> None:
        """A service begins to write; the one before it, if any, has ended."""
        self._service = service
        self._armed = False

    async def open(self) -> None:
        """Open the database; the imports, the look at it and the migrations happen in a thread.

        Raises:
            StoreUnavailable: it cannot be used now.
        """
        if self.url is None or self._closed or self._database is not None:
            return
        try:
            self._database = await otp.Task.run_blocking(_open, self.url)
        except StoreUnavailable as error:
            self._failed(error)
            raise

    async def write(self) -> None:
        """Commit what waits.

        Raises:
            StoreUnavailable: what is left waits on.
        """
        self._armed = False
        while (database := self._database) is not None:
            rows = self.waiting.first(BATCH_ROWS)
            if rows:
                await self._commit(database, rows)
            self._usable()
            if self._unpruned > self.history_rows // 100:
                await self._prune(database)
            self._settled()
            if not len(self.waiting):
                return

    async def work(self) -> None:
        """Open the database if need be, and write what waits; raises StoreUnavailable.

        A task of the store's own does it. A service that is killed in the middle cancels that task, and the next one
        begins when it has ended: tearing the driver's coroutine apart would leave a connection whose thread keeps
        the program alive.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        loop.call_soon(self._begin, done, context=contextvars.Context())  # outside of the process
        try:
            await asyncio.wait({done})
        finally:
            if not done.done():
                done.cancel()
                if self._task is not None:
                    self._task.cancel()
        done.result()

    def _begin(self, done: asyncio.Future[None]) -> None:
        before = self._task

        async def both() -> None:
            if before is not None and not before.done():
                await asyncio.wait({before})
            await self.open()
            await self.write()

        if not done.done():
            self._task = asyncio.get_running_loop().create_task(both())
            self._task.add_done_callback(partial(_tell_end, done))

    async def close(self) -> None:
        """Commit what waits, if that can be done in a moment, and end all connections. The service has ended."""
        try:
            async with asyncio.timeout(CLOSE_S):
                if self._task is not None and not self._task.done():
                    await asyncio.wait({self._task})
                if len(self.waiting):
                    await self.open()
                    await self.write()
        except (StoreUnavailable, TimeoutError):
            pass  # told before, or now by the count below
        left = len(self.waiting)
        if left and self.url is not None:
            self._tell("bad", f"{left} rows could not be stored before the end")
        self._closed = True
        await self._let_go()

    # Inside

    def _put(self, table: str, **values: Any) -> bool:
        if self.url is None or self._closed:
            return False
        number = self._numbers[table] + 1
        if not self.waiting.put(table, {"run": self.run, "number": number, **values}):
            self._dropped(table)
            return False
        self._numbers[table] = number
        if not self._armed and self._service is not None:
            self._armed = True
            otp.send_after(BATCH_S, self._service, "write")
        return True

    async def _commit(self, database: Database, rows: list[Any]) -> None:
        from superlearner.store.database import Refused

        begun = time.perf_counter()
        try:
            await database.write(rows)
        except Refused as error:
            await self._commit_one_by_one(database, rows, error)
            return
        except StoreUnavailable as error:
            await self._lost(error)
            raise
        self.waiting.settle(len(rows))
        self._unpruned += len(rows)
        took = time.perf_counter() - begun
        self.telemetry.execute("store.commit", {"rows": len(rows), "duration": took}, {})

    async def _prune(self, database: Database) -> None:
        try:
            await database.prune(RESTARTS, self.history_rows)
        except StoreUnavailable as error:
            await self._lost(error)
            raise
        self._unpruned = 0

    async def _commit_one_by_one(self, database: Database, rows: list[Any], error: Exception) -> None:
        """One of them is bad: the others are written, and it is counted as not stored."""
        from superlearner.store.database import Refused

        if len(rows) == 1:
            table = rows[0][0]
            self.waiting.settle(1)
            self.waiting.dropped[table] += 1
            self._tell("bad", f"a row of {table} cannot be stored: {error}; this is a bug of ours, please report it")
            return
        for row in rows:
            try:
                await database.write([row])
            except Refused as refused:
                await self._commit_one_by_one(database, [row], refused)
            except StoreUnavailable as unavailable:
                await self._lost(unavailable)
                raise
            else:
                self.waiting.settle(1)

    async def _lost(self, error: StoreUnavailable) -> None:
        """It cannot be used any more: the next try begins with the look at the whole database."""
        self._failed(error)
        await self._let_go()

    async def _let_go(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            await database.close()

    def _failed(self, error: StoreUnavailable) -> None:
        known, self.trouble = self.trouble, error
        self.failures += 1
        if known is None or known.why != error.why:
            self._tell("bad", f"the store is unavailable: {error.why}; history waits in memory meanwhile")
        for _, done in self._awaited:
            if not done.done():
                done.set_exception(StoreUnavailable(error.why, error.hint))
        self._awaited = []

    def _usable(self) -> None:
        """Only when something was written, or nothing waits: a full disk can be opened as often as one likes."""
        self.failures = 0
        if self.trouble is not None:
            self.trouble = None
            self._told_of_drops = False
            dropped = sum(self.waiting.dropped.values())
            lost = f"; {dropped} rows were not stored" if dropped else ""
            self._tell("info", f"the store can be used again{lost}")

    def _settled(self) -> None:
        for wanted, done in self._awaited:
            if wanted <= self.waiting.settled and not done.done():
                done.set_result(None)

    def _dropped(self, table: str) -> None:
        self.telemetry.execute("store.drop", {"rows": 1}, {"table": table})
        if not self._told_of_drops:
            self._told_of_drops = True
            self._tell("bad", f"{self.waiting.limit} rows wait for the database; what comes now is not stored")

    def _tell(self, level: str, text: str) -> None:
        if self.tell is not None:
            self.tell(level, text)

    def _opened(self) -> Database:
        if self._database is None:
            raise self._why_closed()
        return self._database

    def _why_closed(self) -> StoreUnavailable:
        if self.trouble is not None:
            return StoreUnavailable(self.trouble.why, self.trouble.hint)
        if self.url is None:
            return StoreUnavailable("this platform keeps no database", "name one with the setting database or data_dir")
        if self._closed:
            return StoreUnavailable("the store is closed", "the platform ends")
        return StoreUnavailable("the store is just being opened", "ask again in a moment")


def _open(url: str | Path) -> Database:
    """In a thread: what is imported here takes a fifth of a second, and what is looked at may be big."""
    from superlearner.store.database import Database
    from superlearner.store.opening import migrate

    migrate(url)
    return Database(url)


def _tell_end(done: asyncio.Future[None], task: asyncio.Task[None]) -> None:
    """Tell whoever waits for a task how it ended, if somebody still does."""
    error = None if task.cancelled() else task.exception()
    if done.done():
        return
    if error is not None:
        done.set_exception(error)
    elif task.cancelled():
        done.cancel()
    else:
        done.set_result(None)
