"""The store and its audit log: state, export, backup, cleanup."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from superlearner.control.clock import timestamp
from superlearner.nodes.nodes import Nodes
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, Picker, operation
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import TIMES, UNIX_TIME, PageNumber, PerPage, Since, Time, Until
from superlearner.operations.results.store import AuditLine, Compacted, FileWritten, RowsDeleted, StoreInfo
from superlearner.settings.settings import Settings
from superlearner.store import AuditRow, NameTaken, NotOfThisDatabase, Store, StoreUnavailable, Written

Asked = Annotated[str | None, Field(max_length=200)]
Exported = Literal["restarts", "audit", "setting_changes", "recordings"]
Aging = Literal["restarts", "audit", "setting_changes"]
FileName = Annotated[
    str | None,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        description="name of the file without extension: letters, digits, `_` and `-`; by default the time",
    ),
]
WRITES: Final = ("store_unavailable", "name_taken", "conflict")


@operation("audit.list", http=("GET", "/audit"), scope="code", on="platform", errors=("store_unavailable",),
           short="at user did outcome node operation door claims id")  # fmt: skip
async def audit(
    store: Store,
    nodes: Nodes,
    /,
    user: Annotated[Asked, Field(description="only changes by this user")] = None,
    door: Annotated[Asked, Field(description="only requests that came in so: `session`, `token` or `loopback`")] = None,
    claims: Annotated[
        Asked,
        Field(description="only clients that said they are this: `rest`, `cli`, `console`, `mcp`, `page` or `other`"),
    ] = None,
    operation: Annotated[
        Asked, Field(description="only this operation", examples=["process.kill"]), Picker("operation")
    ] = None,
    outcome: Annotated[Asked, Field(description="only this outcome: `ok`, or an error code")] = None,
    node: Annotated[Asked, Field(description="only changes on this node or sandbox", examples=["my_first"])] = None,
    since: Since = None,
    until: Until = None,
    page: PageNumber = 1,
    per_page: PerPage = 50,
) -> Paged[AuditLine]:
    """List the audit log.

    Changes and refused requests of all runs, newest first. It needs the `code` scope, because it shows parameters.
    """
    with reading_the_store():
        await store.sync()
        asked: dict[str, Any] = {"user": user, "door": door, "claims": claims}
        asked |= {"operation": operation, "outcome": outcome}
        asked["node"] = None if node is None else nodes.node_of(node)
        start = (page - 1) * per_page
        asked |= {"since": since, "until": until}
        rows = await store.audit(**asked, limit=per_page, offset=start)
        total = await store.count_audit(**asked)
    return Paged([_describe_row(row) for row in rows], total, page, per_page)


@operation("store.info", http=("GET", "/store"), scope="read", here=True, of="platform")
async def info(ctx: Context, store: Store, /) -> StoreInfo:
    """Show the state of the store.

    Its availability, its number of rows, and what to do if it is unavailable.
    """
    status = asdict(store.status())
    rows = None
    try:
        rows = await store.count_all()
    except StoreUnavailable:
        pass  # the status has the reason
    if not ctx.user.may("code"):
        status["hint"] = None
    place = store.place() if ctx.user.may("code") else None
    return StoreInfo(**status, database=place, kind=store.kind, rows=rows)


@operation("store.export", http=("POST", "/store/export"), scope="code", changes=True, on="platform", errors=WRITES)
async def export(
    ctx: Context,
    store: Store,
    settings: Settings,
    /,
    table: Annotated[Exported, Field(description="the table to write")] = "restarts",
    since: Since = None,
    until: Until = None,
    name: FileName = None,
) -> FileWritten:
    """Export rows to a file.

    Lines of JSON, oldest first, in the folder `exports` of the data directory, readable only by its owner. Users and
    tokens are left out. It needs the `code` scope, because the audit log shows parameters.
    """
    with changing_the_store():
        await store.sync()
        target = _file(settings, "exports", f"{name or f'{table}-{_stamp()}'}.jsonl")
        ctx.about_to(f"write the rows of {table} to {target.name}")
        written = await store.upkeep.export(table, target, since, until)
    return _written(written)


@operation("store.backup", http=("POST", "/store/backup"), scope="code", changes=True, on="platform", errors=WRITES)
async def backup(ctx: Context, store: Store, settings: Settings, /, name: FileName = None) -> FileWritten:
    """Back up the database.

    A consistent copy of an SQLite database, made while the platform runs, in the folder `backups` of the data
    directory. It contains everything, including hashes of tokens. To restore it, stop the platform and replace
    `superlearner.db` with it.
    """
    with changing_the_store():
        await store.sync()
        target = _file(settings, "backups", f"{name or f'superlearner-{_stamp()}'}.db")
        ctx.about_to(f"copy the database to {target.name}")
        written = await store.upkeep.backup(target)
    return _written(written)


@operation("store.compact", http=("POST", "/store/compact"), scope="code", changes=True, on="platform", errors=WRITES)
async def compact(ctx: Context, store: Store, /) -> Compacted:
    """Free the disk space of deleted rows.

    SQLite keeps that space for new rows. Compacting needs free space for a second copy of the database for a moment;
    writes wait meanwhile.
    """
    with changing_the_store():
        await store.sync()
        ctx.about_to("compact the database")
        before, after = await store.upkeep.compact()
    return Compacted(bytes_before=before, bytes_after=after)


@operation(
    "store.delete",
    http=("DELETE", "/store/rows"),
    scope="code",
    changes=True,
    destroys=True,
    on="platform",
    errors=("store_unavailable",),
)
async def delete(
    ctx: Context,
    store: Store,
    /,
    before: Annotated[
        Time,
        Field(
            description=f"delete rows older than this time: {TIMES}",
            examples=["2026-01-01T00:00:00Z"],
            json_schema_extra=UNIX_TIME,
        ),
    ],
    table: Annotated[Aging, Field(description="the table")] = "restarts",
) -> RowsDeleted:
    """Delete old rows.

    Permanently, for all runs. It needs the `code` scope, because the rows are evidence, above all those of the audit
    log; the log then shows who deleted them.
    """
    with changing_the_store():
        await store.sync()
        count = await store.count_before(table, before)
        ctx.about_to(f"delete {count} rows of {table} that are older than {timestamp(before)}")
        deleted = await store.upkeep.delete_before(table, before)
    return RowsDeleted(table=table, deleted=deleted)


@contextmanager
def reading_the_store() -> Generator[None]:
    """Convert an unavailable store to the error `store_unavailable`."""
    try:
        yield
    except StoreUnavailable as error:
        raise OperationError("store_unavailable", error.why, hint="see GET /api/v1/store, with a credential") from None


def _describe_row(row: AuditRow) -> AuditLine:
    fields = asdict(row)
    del fields["number"]
    return AuditLine(**fields)


@contextmanager
def changing_the_store() -> Generator[None]:
    """Convert exceptions of the store to errors of operations."""
    try:
        with reading_the_store():
            yield
    except NameTaken as error:
        raise OperationError("name_taken", str(error)) from None
    except NotOfThisDatabase as error:
        raise OperationError("conflict", error.why, hint=error.hint) from None


def _file(settings: Settings, folder: str, name: str) -> Path:
    data_dir = settings.data_dir
    if data_dir is None:
        raise OperationError("conflict", "this platform has no data directory", hint="start it with --data-dir FOLDER")
    return data_dir.absolute() / folder / name


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")


def _written(written: Written) -> FileWritten:
    return FileWritten(file=str(written.path), size=written.size, rows=written.rows)
