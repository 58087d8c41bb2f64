"""What the operations of debugging answer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from superlearner.operations.results import Pid, Seconds

__all__ = ["DebugEvent", "DebugStatistics", "DebugStatus", "Switched", "Terminating"]


class DebugStatus(BaseModel):
    """What a server says of itself; its state as its `format_status` shows it, secrets hidden."""

    pid: Pid
    name: str | None
    what: str
    module: str
    status: str
    parent: Pid | None
    state: str


class DebugStatistics(BaseModel):
    """What was counted; null while nothing is."""

    pid: Pid
    counting: bool
    for_s: Seconds | None
    messages_in: int | None
    messages_out: int | None = Field(description="answers to calls")


class DebugEvent(BaseModel):
    """One event of the log: `in` what came, `out` an answer, `done` without one."""

    direction: Literal["in", "out", "done", "other"]
    text: str


class Switched(BaseModel):
    """What was switched on or off."""

    pid: Pid
    name: str | None
    what: Literal["statistics", "log", "trace", "all"]
    on: bool
    watch: str | None = Field(default=None, description="of a trace: the command that shows what the server does")


class Terminating(BaseModel):
    """A server that was told to end by itself, with its `terminate` callback."""

    pid: Pid
    name: str | None
    reason: str
