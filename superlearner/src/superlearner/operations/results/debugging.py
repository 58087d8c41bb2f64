"""Result models of debugging."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from superlearner.operations.results import Pid, Seconds
from superlearner.operations.results.result import ResultModel

__all__ = ["DebugEvent", "DebugStatistics", "DebugStatus", "Switched", "Terminating"]


class DebugStatus(ResultModel):
    """The status that a server reports; its state as `format_status` shows it, secrets redacted."""

    pid: Pid
    name: str | None
    what: str
    module: str
    status: str
    parent: Pid | None
    state: str


class DebugStatistics(ResultModel):
    """Message counts; null while counting is off."""

    pid: Pid
    counting: bool
    for_s: Seconds | None
    messages_in: int | None
    messages_out: int | None = Field(description="replies to calls")


class DebugEvent(ResultModel):
    """An event of the log: `in` a message, `out` a reply, `done` a message without a reply."""

    direction: Literal["in", "out", "done", "other"]
    text: str


class Switched(ResultModel):
    """The debugging that was switched on or off."""

    pid: Pid
    name: str | None
    what: Literal["statistics", "log", "trace", "all"]
    on: bool
    watch: str | None = Field(default=None, description="of a trace: the command that prints its events")


class Terminating(ResultModel):
    """A server that was asked to terminate."""

    pid: Pid
    name: str | None
    reason: str
