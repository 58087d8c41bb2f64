"""Result models of the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from superlearner.operations.results.result import ResultModel
from superlearner.store import StoreStatus

__all__ = ["AuditLine", "Compacted", "FileWritten", "RowsDeleted", "StoreInfo"]


class AuditLine(ResultModel):
    """A change, or a refused request."""

    id: int = Field(description="grows over all runs of the platform")
    run: str = Field(description="the run of the platform")
    at: float = Field(description="seconds since 1970")
    user: str
    door: str = Field(
        description="how the request came in, as the server saw it: by a `session` of a browser, by a `token`, or over "
        "`loopback` without a credential; in rows of older versions, what the client claimed"
    )
    claims: str | None = Field(
        description="what the client said it is: `rest`, `cli`, `console`, `mcp`, `page` or `other`; anyone can claim "
        "it"
    )
    operation: str = Field(description="`web.open` and `web.live` for pages and live feeds that were refused")
    parameters: Any
    did: str | None = Field(description="the announced change; null if it was refused before")
    outcome: str = Field(description="`ok`, or the code of the error")
    duration: float = Field(description="seconds it took")
    node: str | None = Field(
        description="the node it acted on; null for the platform itself, and in rows of older versions"
    )


@dataclass(frozen=True, slots=True)
class StoreInfo(StoreStatus):
    """The state of the store; row counts are of this run."""

    database: str | None = field(metadata={"description": "its address without the password; needs the scope `code`"})
    kind: str | None = field(metadata={"description": "`sqlite` or `postgresql`"})
    rows: dict[str, int] | None = field(
        metadata={"description": "rows of each table over all runs; null while unavailable"}
    )


class FileWritten(ResultModel):
    """A complete file."""

    file: str = Field(description="its path on the platform's machine")
    size: int = Field(description="bytes")
    rows: int | None = Field(description="number of rows; null for a copy of the database")


class Compacted(ResultModel):
    """The size of the database's file, in bytes."""

    bytes_before: int
    bytes_after: int


class RowsDeleted(ResultModel):
    """The number of deleted rows."""

    table: str
    deleted: int
