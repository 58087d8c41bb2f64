"""What the operations on errors answer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from superlearner.operations.results import PastExit, Pid, Seconds

__all__ = ["ErrorLine", "ErrorPattern", "LastError", "Why", "WhyLine", "WhyParty", "WhyStep"]


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


class WhyLine(BaseModel):
    """The line of the program at which a crash happened; `source` is null where the file cannot be read."""

    file: str
    line: int
    function: str
    source: str | None


class WhyParty(BaseModel):
    """Another process that a step is about."""

    role: Literal["stopped", "started", "linked", "earlier"] = Field(
        description="`stopped` and `started`: by the supervisor, in that order; `linked`: whose end it shared; "
        "`earlier`: ended before, and was started again out of the same budget"
    )
    name: str
    pid: Pid | None
    at: Seconds
    reason: str | None


class WhyStep(BaseModel):
    """One link of the chain of causes, oldest first."""

    event: int
    at: Seconds
    kind: str = Field(
        description="`exited`: the first cause; `linked`: ended with another one; `stopped`, `child_started`, "
        "`child_restarted`, `restart_failed`, `gave_up`: what a supervisor did"
    )
    pid: Pid | None
    text: str
    name: str | None = Field(description="what the process is called")
    reason: str | None = Field(description="how it ended")
    crash: bool = Field(description="that was a failure")
    line: WhyLine | None
    by: str | None = Field(description="who ended it with a signal: a process, or `outside`")
    request: str | None = Field(description="the request that did it, if one did")
    strategy: str | None
    parties: list[WhyParty]
    used: int | None = Field(description="restarts that counted, this one included")
    allowed: int | Literal["infinity"] | None
    window: float | Literal["infinity"] | None


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
