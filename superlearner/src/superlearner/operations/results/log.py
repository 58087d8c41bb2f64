"""Result model of the log."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from superlearner.operations.results.result import ResultModel

__all__ = ["Level", "LogLineResult"]

Level = Literal["debug", "info", "warning", "error", "critical"]


class LogLineResult(ResultModel):
    """A line of the log."""

    at: float = Field(description="seconds since 1970")
    level: str
    name: str | None = Field(description="registered name of the process that logged it or that it is about")
    text: str
    supervisor: str | None = Field(description="its supervisor's name, else its pid")
    pid: str | None
    logger: str
    report: str | None = Field(description="`crash` or `supervisor` for a report of the runtime, see docs/logging.md")
    number: int = Field(description="grows within a run of the platform")
    timestamp: str
    fields: dict[str, Any] = Field(description="fields of the report")
    traceback: str | None
    node: str | None = Field(description="the node whose program wrote it; null: the platform")
