"""What the operations on supervisors answer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from superlearner.control.prediction import Outcome

__all__ = [
    "BulkOfChildren",
    "ChildOutcome",
    "ChildSpecResult",
    "Counts",
    "Deleted",
    "FailureSimulated",
    "FlagsResult",
    "Paused",
    "PredictionResult",
    "PredictionStep",
    "StartedChild",
    "StartedSupervisor",
    "StoppedSupervisor",
    "WholeRestart",
]

Pid = str
Strategy = Literal["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one", "dynamic"]
Amount = float | Literal["infinity"]


class Counts(BaseModel):
    """How many children a supervisor has."""

    supervisor: Pid
    specs: int = Field(description="places for children, running or not")
    active: int = Field(description="children that run")
    supervisors: int
    workers: int


class ChildSpecResult(BaseModel):
    """How a supervisor starts, restarts and stops a child; values are bounded text, secrets hidden."""

    supervisor: Pid
    id: str
    start: str = Field(description="the function and its arguments")
    restart: Literal["permanent", "transient", "temporary"]
    shutdown: float | str = Field(description="seconds, `brutal_kill` or `infinity`")
    type: Literal["worker", "supervisor"]
    significant: bool
    modules: list[str]


class StartedChild(BaseModel):
    """A child that was started; `pid` is null if its start was ignored."""

    supervisor: Pid
    id: str | None
    pid: Pid | None


class StartedSupervisor(BaseModel):
    """A supervisor that was started, and its children in start order."""

    name: str
    pid: Pid
    under: str
    children: list[StartedChild]


class Deleted(BaseModel):
    """A child whose place is gone."""

    supervisor: Pid
    id: str
    deleted: Literal[True]


class ChildOutcome(BaseModel):
    """What became of one of several children."""

    id: str
    ok: bool
    pid: Pid | None = Field(default=None, description="its process, if it was started")
    code: str | None = None
    message: str | None = None


class WholeRestart(BaseModel):
    """A restart of a whole supervisor. `pid` is who it is now; `children` only for a soft one."""

    mode: Literal["soft", "hard"]
    supervisor: Pid
    pid: Pid | None
    children: list[ChildOutcome] | None = None


class StoppedSupervisor(BaseModel):
    """A supervisor that has ended. `starts_again` if its own supervisor does that."""

    supervisor: Pid
    name: str | None
    reason: str
    terminated: Literal[True]
    starts_again: bool


class FlagsResult(BaseModel):
    """The flags of a supervisor; `restarts_used` count within the last `max_seconds`."""

    supervisor: Pid
    name: str | None
    strategy: Strategy
    max_restarts: int | Literal["infinity"]
    max_seconds: Amount
    auto_shutdown: Literal["never", "any_significant", "all_significant"]
    restarts_used: int


class PredictionStep(BaseModel):
    """What one supervisor would do. Lists hold at most 500 ids; `stopped_count` and the like count all."""

    supervisor: Pid
    name: str | None
    strategy: Strategy
    child: str = Field(description="whose end it would see")
    outcome: Outcome = Field(
        description="`restarts`; `stays_down`: its place stays, empty; `gone`: so is its place; `gives_up`: one "
        "restart too many; `stops`: it was significant"
    )
    stopped: list[str] = Field(description="other children, in the order of their stop")
    stopped_count: int
    started: list[str] = Field(description="in the order of their start")
    started_count: int
    gone: list[str] = Field(description="temporary children, which are not started again")
    untouched_count: int
    restarts_used: int = Field(description="with this one")
    max_restarts: int | Literal["infinity"]
    max_seconds: Amount
    words: str


class PredictionResult(BaseModel):
    """What would follow, supervisor by supervisor as long as each one ends of it; nothing was touched."""

    child: str
    reason: str
    steps: list[PredictionStep]
    comes_back: bool = Field(description="whether the child would run again")


class Paused(BaseModel):
    """A supervisor that is paused, or goes on."""

    supervisor: Pid
    name: str | None
    paused: bool


class BulkOfChildren(BaseModel):
    """What became of each child, in the order asked."""

    supervisor: Pid
    action: Literal["restart", "terminate", "delete"]
    results: list[ChildOutcome]


class FailureSimulated(BaseModel):
    """A failure that was caused. `terminated` is false if the process trapped the signal and lives."""

    status: Literal["failure_simulated"]
    failure_type: Literal["child_crash", "supervisor_crash"]
    supervisor: Pid
    child: str | None
    pid: Pid
    reason: str
    terminated: bool
