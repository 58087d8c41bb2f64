"""The store: data that outlives the program.

Writing never waits and never raises: a row is *accepted* into a bounded queue, and the `store` service commits waiting
rows in batches, a fifth of a second later. The queue belongs to this object and not to the service, so a crash of the
service loses nothing; a row leaves the queue only after its commit. `sync()` is the barrier. Reads query the database.

While the database cannot be used, rows wait; when the queue is full, new ones are refused, counted and reported. Reads
raise `StoreUnavailable`. The service retries by itself, eventually every 30 seconds.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from superlearner.base.telemetry import Telemetry
from superlearner.store.failures import StoreUnavailable
from superlearner.store.learning import Learning
from superlearner.store.pruning import Pruning, RowRetention
from superlearner.store.reading import StoreReading
from superlearner.store.records import Records
from superlearner.store.rows import (
    AUDIT,
    MOMENTS,
    RESTARTS,
    SETTING_CHANGES,
    AuditRow,
    MomentRow,
    Restart,
    SettingChange,
    json_text,
    stored_as,
)
from superlearner.store.status import StoreState, StoreStatus
from superlearner.store.upkeep import Upkeep
from superlearner.store.waiting import LIMIT, Waiting
from superlearner.store.writer import Writer

__all__ = ["Store"]

SYNC_S: Final = 5.0
HISTORY_ROWS: Final = 1_000_000
AUDIT_KEPT: Final = RowRetention(1_000_000)
MOMENT_LINES: Final = 200_000
"""Moments of which at least the line is kept."""
MOMENTS_KEPT: Final = RowRetention(MOMENT_LINES, 7, 20_000)
MOMENTS_WAIT: Final = 2_000
"""Rows that may wait before moments are refused: they are larger than other rows."""


class Store(StoreReading):
    """The storage of one platform.

    A plain object, owned by the platform; the `store` service writes for it.

    Args:
        url: `sqlite:///FILE`, `postgresql://…`, or the path of an SQLite file; None stores nothing.
        telemetry: receives `store.commit` (rows, duration) and `store.drop` (rows).
        tell: called with a level (`bad`, `info`) and a sentence when the store becomes unavailable or usable again.
        limit: rows that may wait.
        history_rows: rows of the restart history beyond which the oldest are removed.
        audit: returns what is kept of the audit log and of the changes of settings.
        moments: returns what is kept of moments of restarts.

    Rows are read newest first; the `id` of the last one selects the next page:

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
        audit: Callable[[], RowRetention] = lambda: AUDIT_KEPT,
        moments: Callable[[], RowRetention] = lambda: MOMENTS_KEPT,
    ) -> None:
        self.url = url
        self.telemetry = Telemetry() if telemetry is None else telemetry
        self.tell = tell
        self.run = f"{round(time.time() * 1000):x}-{secrets.token_hex(4)}"
        self.waiting = Waiting(limit)
        pruning = Pruning(
            {RESTARTS: lambda: RowRetention(history_rows), MOMENTS: moments, AUDIT: audit, SETTING_CHANGES: audit}
        )
        self.writer = Writer(url, self.waiting, self.telemetry, self._report, pruning)
        super().__init__(self.writer.opened)
        self.records = Records(self.writer.opened)
        """Recordings, users and tokens; written at once, by the caller."""
        self.learning = Learning(self.writer.wait_open)
        """The work of learners in the course; written at once, by the caller."""
        self.upkeep = Upkeep(self.writer.opened)
        """Export, backup, compaction and deletion of stored data."""
        self._numbers: Counter[str] = Counter()
        self._reported_drops = False

    def append_restarts(self, rows: Iterable[Restart]) -> int:
        """Accept rows of the restart history; return how many were accepted.

        It never waits and never raises.

        The store sets `run`, `number` and `id`. Accepted rows are committed within a second, in this order; they
        survive a crash of the service and, once committed, a kill of the program. Rows that are refused, because too
        many wait for a database that cannot be used, are counted in `status().dropped`.
        """
        return sum(
            self._put(
                RESTARTS,
                at=row.at,
                supervisor=stored_as("supervisor", row.supervisor),
                child=stored_as("child", row.child),
                event=stored_as("event", row.event),
                old_pid=stored_as("old_pid", row.old_pid),
                new_pid=stored_as("new_pid", row.new_pid),
                reason=stored_as("reason", row.reason),
            )
            for row in rows
        )

    def append_moment(self, row: MomentRow) -> bool:
        """Accept a moment; return whether it was accepted. See `append_restarts`; one that is stored already stays."""
        if len(self.waiting) >= MOMENTS_WAIT and self.trouble is not None:
            self.waiting.dropped[MOMENTS] += 1
            return False
        return self._put(
            MOMENTS,
            node=stored_as("node", row.node),
            run=stored_as("run", row.run),
            number=row.number,
            last=row.last,
            at=row.at,
            until=row.until,
            line=stored_as("line", row.line),
            count=row.count,
            events=row.events,
            owner=stored_as("owner", row.owner),
            data=row.data,
            kind=row.kind,
            cause=stored_as("cause", row.cause),
        )

    def append_audit(self, row: AuditRow) -> bool:
        """Accept a row of the audit log; return whether it was accepted."""
        return self._put(
            AUDIT,
            at=row.at,
            user=stored_as("user", row.user),
            door=stored_as("door", row.door),
            operation=stored_as("operation", row.operation),
            parameters=json_text(row.parameters),
            did=stored_as("did", row.did),
            outcome=stored_as("outcome", row.outcome),
            duration=row.duration,
            node=stored_as("node", row.node),
            claims=stored_as("claims", row.claims),
        )

    def append_setting_change(self, row: SettingChange) -> bool:
        """Accept a changed setting, without secrets; return whether it was accepted."""
        return self._put(
            SETTING_CHANGES,
            at=row.at,
            source=stored_as("source", row.source),
            setting=stored_as("setting", row.setting),
            before=json_text(row.before),
            after=json_text(row.after),
        )

    async def sync(self, timeout: float = SYNC_S) -> None:
        """Wait until everything accepted so far is committed.

        Raises:
            StoreUnavailable: it could not be committed, or not within `timeout` seconds. The rows keep waiting.
        """
        await self.writer.settle(timeout)

    async def close(self) -> None:
        """Commit waiting rows if possible, then close all connections.

        Call it after the service has ended.
        """
        await self.writer.close()

    @property
    def trouble(self) -> StoreUnavailable | None:
        """The reason the database cannot be used; None if it can."""
        return self.writer.trouble

    @property
    def kind(self) -> str | None:
        """`sqlite` or `postgresql`; None if no database is configured."""
        if self.url is None:
            return None
        return "sqlite" if isinstance(self.url, Path) or self.url.startswith("sqlite") else "postgresql"

    def place(self) -> str | None:
        """Return the location of the open database, without its password."""
        return None if self.writer.database is None else self.writer.database.place

    def status(self) -> StoreStatus:
        """Return the state of the store, without a query."""
        trouble, waiting = self.trouble, self.waiting
        return StoreStatus(
            self._state(),
            None if trouble is None else trouble.why,
            None if trouble is None else trouble.hint,
            self.run,
            waiting.accepted,
            waiting.settled,
            len(waiting),
            dict(waiting.dropped),
        )

    def _state(self) -> StoreState:
        if self.url is None:
            return "off"
        if self.writer.closed:
            return "closed"
        if self.trouble is not None:
            return "unavailable"
        return "opening" if self.writer.database is None else "open"

    def _put(self, table: str, **values: Any) -> bool:
        if self.url is None or self.writer.closed:
            return False
        if not len(self.waiting):
            self._reported_drops = False
        number = self._numbers[table] + 1
        if not self.waiting.put(table, {"run": self.run, "number": number, **values}):
            self._dropped(table)
            return False
        self._numbers[table] = number
        self.writer.arm()
        return True

    def _dropped(self, table: str) -> None:
        self.telemetry.execute("store.drop", {"rows": 1}, {"table": table})
        if not self._reported_drops:
            self._reported_drops = True
            self._report("bad", f"{self.waiting.limit} rows wait for the database; further rows are not stored")

    def _report(self, level: str, text: str) -> None:
        if self.tell is not None:
            self.tell(level, text)
