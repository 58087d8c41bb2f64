"""What operations on events answer."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

__all__ = ["EventLine"]


class EventLine(BaseModel):
    """One event; docs/events.md says what its type has in `data`."""

    id: str = Field(description="who shows it as Last-Event-ID goes on behind it")
    type: str
    at: float = Field(description="seconds since 1970")
    timestamp: str
    node: str | None = Field(description="null: about the platform itself")
    pid: str | None
    name: str | None = Field(description="registered name of the process, or the id of the child")
    supervisor: str | None
    text: str = Field(description="a sentence for people")
    seq: int | None = Field(description="its number among the events of the node")
    cause: int | None = Field(description="the number of the event that led to it, as far as that is known")
    data: dict[str, Any]
