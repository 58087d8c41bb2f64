"""What the operations about the store answer."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from superlearner.store import StoreState

__all__ = ["AuditLine", "Compacted", "FileWritten", "RowsDeleted", "StoreInfo"]


class AuditLine(BaseModel):
    """One change, or one that was refused."""

    id: int = Field(description="grows over all runs of the platform")
    run: str = Field(description="the run of the platform in which it was")
    at: float = Field(description="when, in seconds of the wall clock")
    user: str
    door: str = Field(description="`rest`, `cli`, `console`, `mcp` or `page`")
    operation: str
    parameters: Any
    did: str | None = Field(description="what it was about to do; nothing if it was refused before")
    outcome: str = Field(description="`ok`, or the code of the error")
    duration: float = Field(description="seconds it took")
    node: str | None = Field(
        description="the node it was asked of; null for what is about the platform, and unknown before"
    )


class StoreInfo(BaseModel):
    """How the store is; counts of rows are of this run."""

    state: StoreState = Field(description="`off` where no database was named")
    why: str | None = Field(description="what is wrong while it is unavailable")
    hint: str | None = Field(description="what to try then; for who has the scope code")
    database: str | None = Field(description="where it is, without a password; for who has the scope code")
    kind: str | None = Field(description="`sqlite` or `postgresql`")
    run: str = Field(description="the name of this run in the tables")
    accepted: int
    stored: int
    waiting: int
    dropped: dict[str, int] = Field(description="rows that were not stored, by table")
    rows: dict[str, int] | None = Field(description="rows of each table over all runs; null while unavailable")


class FileWritten(BaseModel):
    """A file that is complete."""

    file: str = Field(description="where it is, on the machine of the platform")
    size: int = Field(description="bytes")
    rows: int | None = Field(description="how many there are in it; null for a copy of the whole database")


class Compacted(BaseModel):
    """The size of the database's file, in bytes."""

    bytes_before: int
    bytes_after: int


class RowsDeleted(BaseModel):
    """What is gone."""

    table: str
    deleted: int
