"""Result models of supervisors."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from otp.observer.prediction import Outcome
from superlearner.operations.results import Pid
from superlearner.operations.results.result import ResultModel

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

Strategy = Literal["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one", "dynamic"]
Amount = float | Literal["infinity"]


class Counts(ResultModel):
    """The numbers of a supervisor's children."""

    supervisor: Pid
    specs: int = Field(description="child specs, running or not")
    active: int = Field(description="running children")
    supervisors: int
    workers: int


class ChildSpecResult(ResultModel):
    """A child spec; values are bounded text, secrets redacted."""

    supervisor: Pid
    id: str
    start: str = Field(description="the function and its arguments")
    restart: Literal["permanent", "transient", "temporary"]
    shutdown: float | str = Field(description="seconds, `brutal_kill` or `infinity`")
    type: Literal["worker", "supervisor"]
    significant: bool
    modules: list[str]


class StartedChild(ResultModel):
    """A started child; `pid` is null if its start was ignored."""

    supervisor: Pid
    id: str | None
    pid: Pid | None


class StartedSupervisor(ResultModel):
    """A started supervisor with its children in start order."""

    name: str
    pid: Pid
    under: str
    children: list[StartedChild]


class Deleted(ResultModel):
    """A deleted child."""

    supervisor: Pid
    id: str
    deleted: Literal[True]


class ChildOutcome(ResultModel):
    """The result for one of several children."""

    id: str
    ok: bool
    pid: Pid | None = Field(default=None, description="its new process, if it was started")
    code: str | None = None
    message: str | None = None


class WholeRestart(ResultModel):
    """A restart of a whole supervisor. `pid` is its current process; only a soft restart lists `children`."""

    mode: Literal["soft", "hard"]
    supervisor: Pid
    pid: Pid | None
    children: list[ChildOutcome] | None = None


class StoppedSupervisor(ResultModel):
    """A stopped supervisor. `starts_again` is true if its own supervisor restarts it."""

    supervisor: Pid
    name: str | None
    reason: str
    terminated: Literal[True]
    starts_again: bool


class FlagsResult(ResultModel):
    """The flags of a supervisor; `restarts_used` count within the last `max_seconds`."""

    supervisor: Pid
    name: str | None
    strategy: Strategy
    max_restarts: int | Literal["infinity"]
    max_seconds: Amount
    auto_shutdown: Literal["never", "any_significant", "all_significant"]
    restarts_used: int


class PredictionStep(ResultModel):
    """The predicted reaction of a supervisor. Lists have at most 500 ids; `stopped_count` and the like count all."""

    supervisor: Pid
    name: str | None
    strategy: Strategy
    child: str = Field(description="the child that ends")
    outcome: Outcome = Field(
        description="`restarts`; `stays_down`: its child spec stays; `gone`: its child spec is removed; `gives_up`: "
        "one restart too many; `stops`: it was significant"
    )
    stopped: list[str] = Field(description="other children, in stop order")
    stopped_count: int
    started: list[str] = Field(description="children, in start order")
    started_count: int
    gone: list[str] = Field(description="temporary children, which are not restarted")
    untouched_count: int
    restarts_used: int = Field(description="including this one")
    max_restarts: int | Literal["infinity"]
    max_seconds: Amount
    words: str


class PredictionResult(ResultModel):
    """The predicted reactions, from supervisor to supervisor as long as each one ends."""

    child: str
    reason: str
    steps: list[PredictionStep]
    comes_back: bool = Field(description="the child would run again")


class Paused(ResultModel):
    """A paused or resumed supervisor."""

    supervisor: Pid
    name: str | None
    paused: bool


class BulkOfChildren(ResultModel):
    """The results for several children, in the requested order."""

    supervisor: Pid
    action: Literal["restart", "terminate", "delete"]
    results: list[ChildOutcome]


class FailureSimulated(ResultModel):
    """A caused failure. `terminated` is false if the process trapped the signal and is alive."""

    status: Literal["failure_simulated"]
    failure_type: Literal["child_crash", "supervisor_crash"]
    supervisor: Pid
    child: str | None
    pid: Pid
    reason: str
    terminated: bool
