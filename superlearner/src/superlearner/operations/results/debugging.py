"""Result models of debugging."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from superlearner.operations.results import Pid, Seconds

__all__ = ["DebugEvent", "DebugStatistics", "DebugStatus", "Switched", "Terminating"]


class DebugStatus(BaseModel):
    """The status that a server reports; its state as `format_status` shows it, secrets redacted."""

    pid: Pid
    name: str | None
    what: str
    module: str
    status: str
    parent: Pid | None
    state: str


class DebugStatistics(BaseModel):
    """Message counts; null while counting is off."""

    pid: Pid
    counting: bool
    for_s: Seconds | None
    messages_in: int | None
    messages_out: int | None = Field(description="replies to calls")


class DebugEvent(BaseModel):
    """An event of the log: `in` a message, `out` a reply, `done` a message without a reply."""

    direction: Literal["in", "out", "done", "other"]
    text: str


class Switched(BaseModel):
    """The debugging that was switched on or off."""

    pid: Pid
    name: str | None
    what: Literal["statistics", "log", "trace", "all"]
    on: bool
    watch: str | None = Field(default=None, description="of a trace: the command that prints its events")


class Terminating(BaseModel):
    """A server that was asked to terminate."""

    pid: Pid
    name: str | None
    reason: str
