"""What the operations on errors answer."""

from __future__ import annotations

from pydantic import BaseModel, Field

from superlearner.arsenal.results import PastExit, Pid, Seconds

__all__ = ["ErrorLine", "ErrorPattern", "LastError", "Why", "WhyStep"]


class LastError(BaseModel):
    """How the process before this one ended; null if none did that is remembered."""

    pid: Pid
    error: PastExit | None


class ErrorPattern(BaseModel):
    """Ends that are alike: the same reason at the same line."""

    reason: str
    where: str | None
    crash: bool
    count: int
    first_at: Seconds
    last_at: Seconds


class WhyStep(BaseModel):
    """One link of the chain of causes, oldest first."""

    event: int
    at: Seconds
    kind: str
    pid: Pid | None
    text: str


class Why(BaseModel):
    """Why a process is there, or how it went."""

    pid: Pid
    alive: bool
    restarted: bool = Field(description="it stands for one that ended before")
    known: bool = Field(description="false: it is longer ago than the node remembers")
    summary: str
    steps: list[WhyStep]


class ErrorLine(BaseModel):
    """A process that failed."""

    event: int
    at: Seconds
    pid: Pid | None
    name: str | None
    what: str
    reason: str
    where: str | None
    callback: str | None
    message: str | None
