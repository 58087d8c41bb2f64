"""The store and the audit log in it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field

from superlearner.arsenal.context import Context
from superlearner.arsenal.declaration import Paged, operation
from superlearner.arsenal.failures import OperationError
from superlearner.arsenal.parameters import PageNumber, PerPage
from superlearner.arsenal.results_store import AuditLine, StoreInfo
from superlearner.store import AuditRow, StoreUnavailable

Asked = Annotated[str | None, Field(max_length=200)]


@operation("audit.list", http=("GET", "/audit"), scope="code", errors=("store_unavailable",))
async def audit(
    ctx: Context,
    user: Annotated[Asked, Field(description="only what this user did")] = None,
    operation: Annotated[Asked, Field(description="only this operation", examples=["process.kill"])] = None,
    outcome: Annotated[Asked, Field(description="only what ended so: `ok`, or the code of an error")] = None,
    since: Annotated[float | None, Field(ge=0, description="only from this time on, in seconds since 1970")] = None,
    page: PageNumber = 1,
    per_page: PerPage = 50,
) -> Paged[AuditLine]:
    """List who changed what.

    The audit log of all runs, newest first, with what was refused. It names parameters, so it takes the scope code.
    """
    store = ctx.platform.store
    with reading_the_store():
        await store.sync()
        asked: dict[str, Any] = {"user": user, "operation": operation, "outcome": outcome}
        start = (page - 1) * per_page
        rows = await store.audit(**asked, since=since, limit=per_page, offset=start)
        total = await store.count_audit(**asked, since=since)
    return Paged([_line(row) for row in rows], total, page, per_page)


@operation("store.info", http=("GET", "/store"), scope="read")
async def info(ctx: Context) -> StoreInfo:
    """How the store is.

    Whether history is being kept, how much there is, and what to do if it is not.
    """
    store = ctx.platform.store
    status = asdict(store.status())
    rows = None
    try:
        rows = await store.count_all()
    except StoreUnavailable:
        pass  # the status says it
    if not ctx.user.may("code"):
        status["hint"] = None
    place = store.place() if ctx.user.may("code") else None
    return StoreInfo(**status, database=place, kind=store.kind, rows=rows)


@contextmanager
def reading_the_store() -> Generator[None]:
    """Answer `store_unavailable` while the store cannot be read."""
    try:
        yield
    except StoreUnavailable as error:
        raise OperationError(
            "store_unavailable", error.why, hint="GET /api/v1/store with a credential says what to do"
        ) from None


def _line(row: AuditRow) -> AuditLine:
    fields = asdict(row)
    del fields["number"]
    return AuditLine(**fields)
