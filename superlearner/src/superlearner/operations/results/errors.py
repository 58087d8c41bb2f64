"""Result models of errors."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from superlearner.operations.engine.requesters import HandledMessage, LostMessages
from superlearner.operations.results import PastExit, Pid, Seconds
from superlearner.operations.results.result import ResultModel
from superlearner.restarts.cause_steps import WhyLine

__all__ = ["ErrorLine", "ErrorPattern", "LastError", "Why", "WhyParty", "WhyRepeats", "WhyStep"]


class LastError(ResultModel):
    """The last exit before this process, or its own if it has ended; null if none is in memory."""

    pid: Pid
    alive: bool = Field(description="false: it is not running")
    error: PastExit | None


class ErrorPattern(ResultModel):
    """Exits with the same reason at the same line."""

    reason: str
    where: str | None
    crash: bool
    count: int
    first_at: Seconds
    last_at: Seconds


class WhyParty(ResultModel):
    """Another process of a step."""

    role: Literal["stopped", "started", "linked", "earlier"] = Field(
        description="`stopped` and `started`: by the supervisor, in that order; `linked`: ended by the same signal; "
        "`earlier`: an earlier restart that counts against the same budget"
    )
    name: str
    pid: Pid | None
    at: Seconds
    reason: str | None


class WhyStep(ResultModel):
    """A step of the chain of causes, oldest first."""

    event: int
    at: Seconds
    kind: str = Field(
        description="`exited`: the first cause; `linked`: ended by a link; `stopped`, `child_started`, "
        "`child_restarted`, `restart_failed`, `gave_up`: an action of a supervisor"
    )
    pid: Pid | None
    text: str
    name: str | None = Field(description="name of the process")
    reason: str | None = Field(description="its exit reason")
    crash: bool = Field(description="the reason is a failure")
    times: int = Field(
        description="`restart_failed`: the number of attempts that failed in this way, one after another"
    )
    line: WhyLine | None
    by: str | None = Field(description="the sender of the exit signal: a process or `outside`")
    request: str | None = Field(description="the request that caused it, if any")
    handled: HandledMessage | None = Field(
        default=None, description="for an end: the message that the process was handling, and who sent it"
    )
    lost: LostMessages | None = Field(default=None, description="for an end: the messages lost with its mailbox")
    strategy: str | None
    parties: list[WhyParty]
    used: int | None = Field(description="restarts that count, including this one")
    allowed: int | Literal["infinity"] | None
    window: float | Literal["infinity"] | None


class WhyRepeats(ResultModel):
    """The restarts of a child after it had crashed, was killed, or ended by itself."""

    name: str | None = Field(description="its name: the registered one, else its id as a child")
    killed: bool = Field(description="true: the last of them followed a kill")
    count: int = Field(description="the restarts in this run of its program, in memory and in the store")
    crashes: int = Field(default=0, description="those of them that followed a crash")
    kills: int = Field(default=0, description="those of them that followed a kill")
    with_supervisor: int = Field(default=0, description="those of them together with a supervisor that had given up")
    with_siblings: int = Field(default=0, description="restarts with a sibling, which are not in `count`")
    before: int = Field(
        default=0, description="its restarts in earlier runs, in the store; those with a sibling are not counted"
    )
    since: Seconds | None = Field(description="the time of the first one; null without one")
    until: Seconds | None = Field(description="the last of them")
    reason: str | None = Field(default=None, description="the reason of the last end; null from an older service")
    alike: int = Field(description="those with this reason, of the newest `of`")
    of: int = Field(description="those in memory under the same supervisor process, or more with a stored reason")
    message: str | None = Field(description="the message that it handled most of these times")
    times: int = Field(description="how often it handled that message")


class WhyStored(ResultModel):
    """A stored restart whose events are no longer in memory."""

    ref: str = Field(description="its id, for `restart.show`")
    at: Seconds
    line: str = Field(description="what happened, and the reason if it is known")


class WhyProblem(ResultModel):
    """A problem of a process other than a restart, such as a hang."""

    at: Seconds = Field(description="when it began")
    line: str = Field(description="what it is")
    ref: str | None = Field(description="its id, for `restart.show`; null while it lasts")


class WhyTimeouts(ResultModel):
    """Calls of a process to another one that timed out."""

    at: Seconds = Field(description="when the last one timed out")
    line: str = Field(description="to whom, after how long, how often, and the line of the last one")


class Why(ResultModel):
    """The causes of a process's restart or exit."""

    pid: Pid | None = Field(description="null if its node is not connected")
    name: str | None = Field(default=None, description="its name: the registered one, else its id as a child")
    alive: bool | None = Field(description="false: it is not running; null if its node is not connected")
    restarted: bool | None = Field(
        description="it replaced a process that ended, or was replaced itself; null while it is being restarted"
    )
    known: bool = Field(description="false: the events are no longer in memory; its restart may be `stored`")
    summary: str = Field(description="what happened, one sentence per line")
    repeats: WhyRepeats | None = Field(
        default=None, description="how often the child was restarted; null without a restart or a give-up"
    )
    earlier: str | None = Field(
        default=None,
        description="its last stored end or restart, and the number of restarts; null if the last one is in memory, or "
        "the process has no name or is not running",
    )
    problems: list[WhyProblem] = Field(
        default=[],
        description="hangs, deadlocks, long mailboxes and the like: those that it has, then the newest stored",
    )
    timeouts: list[WhyTimeouts] = Field(
        default=[],
        description="its own calls that timed out, also if it caught the error, as far as they are in memory",
    )
    run: str = Field(default="", description="the run of its program; the ids of its restarts begin with it")
    stored: WhyStored | None = Field(
        default=None, description="its newest stored restart, if `earlier`; from an earlier run unless `restarted`"
    )
    steps: list[WhyStep]


class ErrorLine(ResultModel):
    """A process that failed. If it failed several times in the same way, the fields describe the newest failure."""

    event: int
    at: Seconds
    count: Annotated[int, Field(description="how often it failed with this reason at this line")] = 1
    first_at: Annotated[Seconds | None, Field(description="the time of the first of these failures")] = None
    pid: Pid | None
    name: str | None
    what: str
    reason: str
    where: str | None
    callback: str | None
    message: str | None
    hint: Annotated[str | None, Field(description="what to try, if something is known")] = None
