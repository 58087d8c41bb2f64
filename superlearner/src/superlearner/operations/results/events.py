"""Result model of events."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from superlearner.operations.results.result import ResultModel

__all__ = ["EventLine"]


class EventLine(ResultModel):
    """An event; docs/events.md describes the `data` of its type."""

    id: str = Field(description="send it as Last-Event-ID to continue after it")
    type: str
    at: float = Field(description="seconds since 1970")
    timestamp: str
    node: str | None = Field(description="null for an event of the platform itself")
    pid: str | None
    name: str | None = Field(description="registered name of the process, or id of the child")
    supervisor: str | None
    text: str = Field(description="the event as a sentence")
    seq: int | None = Field(description="its number among the events of the node")
    cause: int | None = Field(description="the `seq` of the event that caused it, if known")
    critical: bool = Field(default=False, description="true if it is about processes that the platform runs for itself")
    data: dict[str, Any]
