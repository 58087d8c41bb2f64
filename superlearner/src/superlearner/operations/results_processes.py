"""What the operations on single processes answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from superlearner.operations.results import Pid, Seconds

__all__ = [
    "Backtrace",
    "Collected",
    "Dictionary",
    "Item",
    "MemoryUse",
    "Related",
    "ShutdownResult",
    "SignalResult",
    "Started",
    "Suspension",
    "TreeResult",
]


class Related(BaseModel):
    """A process that another one is related to; one that is monitored by name has no pid."""

    pid: Pid | None
    name: str | None
    what: str | None = None


class Item(BaseModel):
    """One of the facts about a process."""

    pid: Pid
    item: str
    value: Any


class MemoryUse(BaseModel):
    """An estimate in bytes; what cannot be known is null."""

    pid: Pid
    state: int | None = Field(description="null for a coroutine, whose variables cannot be counted")
    mailbox: int
    dictionary: int
    total: int | None
    complete: bool = Field(description="false: there was more than is counted, so this is the least")


class Place(BaseModel):
    """A line of code that waits."""

    file: str
    line: int
    function: str
    source: str | None = Field(description="the line itself, where its file can be read")


class Backtrace(BaseModel):
    """Where a process stands, outermost line first; no line while it waits for a message."""

    pid: Pid
    status: str
    callback: str | None = Field(description="the callback that is not through yet")
    handling: str | None = Field(description="what it was asked")
    busy_for_s: Seconds | None
    places: list[Place]
    text: str


class Dictionary(BaseModel):
    """The process dictionary, secrets hidden; that of a sensitive process is empty."""

    pid: Pid
    entries: dict[str, Any]
    count: int


class Started(BaseModel):
    """A process that was started."""

    pid: Pid | None = Field(description="null if its start was ignored")
    name: str | None
    what: str
    supervisor: Pid
    child_id: str | None = Field(description="null under a DynamicSupervisor, whose children have no id")


class SignalResult(BaseModel):
    """An exit signal that was sent; nobody waited for what becomes of it."""

    pid: Pid
    name: str | None
    reason: str
    traps: bool = Field(description="it gets the signal as a message, and decides")


class ShutdownResult(BaseModel):
    """A process that was asked to end, as its supervisor would."""

    pid: Pid
    name: str | None
    terminated: bool
    killed: bool = Field(description="it had not ended when its time was over")
    took_ms: int


class TreeResult(BaseModel):
    """A process that was ended with all below it."""

    pid: Pid
    ended: list[Pid] = Field(description="the first 1,000 of `ended_count`")
    ended_count: int
    survived: list[Pid] = Field(description="what trapped the signal, and lives")


class Suspension(BaseModel):
    """A server that was stopped from handling messages, or goes on."""

    pid: Pid
    name: str | None
    status: Literal["suspended", "running"]
    message_queue_len: int


class Collected(BaseModel):
    """What a garbage collection freed, of the whole program: there is one heap."""

    collected: int
    uncollectable: int
    took_ms: float
