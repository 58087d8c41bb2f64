"""Result models of single processes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from superlearner.operations.results import Pid, Seconds
from superlearner.operations.results.result import ResultModel

__all__ = [
    "Backtrace",
    "Collected",
    "Dictionary",
    "Item",
    "MemoryUse",
    "ShutdownResult",
    "SignalResult",
    "Started",
    "Suspension",
    "TreeResult",
]


class Item(ResultModel):
    """A single field of a process."""

    pid: Pid
    item: str
    value: Any


class MemoryUse(ResultModel):
    """An estimate of memory in bytes; unknown values are null."""

    pid: Pid
    state: int | None = Field(description="null for a coroutine, whose variables are not counted")
    mailbox: int
    dictionary: int
    total: int | None
    complete: bool = Field(description="false: the limit of the count was reached, so this is a lower bound")


class Place(ResultModel):
    """A line at which code waits."""

    file: str
    line: int
    function: str
    source: str | None = Field(description="the line itself, if its file can be read")


class Backtrace(ResultModel):
    """The backtrace of a process, outermost line first; empty while it waits for a message."""

    pid: Pid
    status: str
    callback: str | None = Field(description="the running callback")
    handling: str | None = Field(description="the message it is handling")
    busy_for_s: Seconds | None
    places: list[Place]
    text: str


class Dictionary(ResultModel):
    """The process dictionary, secrets redacted; empty for a sensitive process."""

    pid: Pid
    entries: dict[str, Any]
    count: int


class Started(ResultModel):
    """A started process."""

    pid: Pid | None = Field(description="null if its start was ignored")
    name: str | None
    what: str
    supervisor: Pid
    child_id: str | None = Field(description="null under a DynamicSupervisor")


class SignalResult(ResultModel):
    """A sent exit signal; its effect is not awaited."""

    pid: Pid
    name: str | None
    reason: str
    traps: bool = Field(description="it traps exits, so it receives the signal as a message")


class ShutdownResult(ResultModel):
    """A process that was shut down."""

    pid: Pid
    name: str | None
    terminated: bool
    killed: bool = Field(description="it was killed at the timeout")
    took_ms: int


class TreeResult(ResultModel):
    """A process that was terminated with its descendants."""

    pid: Pid
    ended: list[Pid] = Field(description="the first 1,000 of `ended_count`")
    ended_count: int
    survived: list[Pid] = Field(description="processes that trapped the signal and are alive")


class Suspension(ResultModel):
    """A suspended or resumed server."""

    pid: Pid
    name: str | None
    status: Literal["suspended", "running"]
    message_queue_len: int


class Collected(ResultModel):
    """The result of a garbage collection of the whole program."""

    collected: int
    uncollectable: int
    took_ms: float
