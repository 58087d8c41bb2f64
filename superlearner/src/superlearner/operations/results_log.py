"""What operations on the log answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

__all__ = ["Level", "LogLineResult"]

Level = Literal["debug", "info", "warning", "error", "critical"]


class LogLineResult(BaseModel):
    """One line of the log."""

    at: float = Field(description="seconds since 1970")
    level: str
    name: str | None = Field(description="registered name of the process that logged, or of which is told")
    text: str
    supervisor: str | None = Field(description="the process above it, by name, else by pid")
    pid: str | None
    logger: str
    report: str | None = Field(description="`crash` or `supervisor` for a report of the runtime, see docs/logging.md")
    number: int = Field(description="its place among the lines of this run of the platform")
    timestamp: str
    fields: dict[str, Any] = Field(description="what such a report has in it")
    traceback: str | None
    node: str | None = Field(description="whose program wrote it; null: the platform's")
