"""Result models of restarts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from superlearner.operations.engine.requesters import HandledMessage, LostMessages, Requester
from superlearner.operations.results import Pid, Seconds
from superlearner.operations.results.result import ResultModel
from superlearner.operations.results.system import AnomalyLine
from superlearner.restarts.cause_steps import WhyLine
from superlearner.restarts.drawing import MomentNode

__all__ = ["Crashed", "Decided", "Moment", "MomentEvent", "MomentFacts", "RestartLine", "Signalled", "Started",
           "Stopped"]  # fmt: skip

After = Annotated[float, Field(description="seconds after the first cause")]
NodeId = Annotated[str, Field(description="the id of a node of the tree")]
By = Annotated[str, Field(description="the supervisor")]
ShortState = Annotated[
    str | None, Field(description="its state now, if it still runs; null if unknown or hidden, and for a supervisor")
]


class Crashed(ResultModel):
    """A process ends by itself or because of a signal from outside; also a start that failed."""

    kind: Literal["crash"]
    at: After
    id: NodeId
    reason: str
    crash: bool = Field(description="the reason is a failure")
    start: bool = Field(default=False, description="a start that failed")
    line: WhyLine | None = Field(
        default=None,
        description="for a start that failed: the line that raised; for a process in a deadlock: the line of its call",
    )
    times: int = Field(
        default=1, description="for a start that failed: the number of equal failures that it stands for"
    )


class Linked(ResultModel):
    """The end of a process ends another one over a link."""

    kind: Literal["link"]
    at: After
    id: NodeId
    to: str = Field(description="the process that ends, too")
    reason: str


class Signalled(ResultModel):
    """A supervisor receives the exit of a child."""

    kind: Literal["signal"]
    at: After
    id: NodeId
    to: str = Field(description="the supervisor")
    reason: str


class Decided(ResultModel):
    """A supervisor decides about the end of a child."""

    kind: Literal["decide"]
    at: After
    id: By
    what: Literal["restart", "drop", "give_up", "pause"] = Field(
        description="`drop`: the child is not restarted; `pause`: the child gave up, and starts again after a pause"
    )
    left: int | None = Field(description="restarts left after this one; null: no limit, or unknown")
    later: float | None = Field(
        description="for `drop` and `pause`: seconds until the child was started after all; null if it was not"
    )
    strategy: str | None


class Stopped(ResultModel):
    """A supervisor has stopped a child."""

    kind: Literal["stop"]
    at: After
    id: NodeId
    by: By
    pid: Pid | None = Field(default=None, description="the process that ended; null in restarts of earlier versions")
    failure: str | None = Field(
        default=None, description="how it ended, if not as it was asked to: a crash in `terminate`, or a kill"
    )


class Started(ResultModel):
    """A supervisor starts a child; a supervisor comes before its children."""

    kind: Literal["start"]
    at: After
    id: NodeId
    by: By
    pid: Pid = Field(description="the new process")
    state: ShortState


MomentEvent = Annotated[Crashed | Linked | Signalled | Decided | Stopped | Started, Field(discriminator="kind")]


Difference = Literal["also", "not"]


class MomentFacts(ResultModel):
    """A restart in short texts; null: unknown, or there is none."""

    what: str = Field(description="what happened to which process")
    why: str = Field(description="the exit reason, or the request that ended it")
    where: str | None = Field(default=None, description="the file, line and function that raised")
    source: str | None = Field(default=None, description="the text of that line")
    handling: str | None = Field(default=None, description="the message in hand, and who sent it")
    state_before: str | None = Field(default=None, description="the last state of the process")
    state_after: str | None = Field(default=None, description="the state in which its successor began, or `unchanged`")
    lost: str | None = Field(default=None, description="the messages lost with its mailbox")
    supervisor: str | None = Field(default=None, description="what the supervisors did")
    gave_up: str | None = Field(
        default=None, description="the supervisor that gave up first, with its last reason, and those after it"
    )
    budget: str | None = Field(default=None, description="the restarts left to the first supervisor that decided")
    others: str | None = Field(default=None, description="how often it was restarted shortly before and after")
    away: str | None = Field(
        default=None, description="how long a service or a member was gone, and since or until when"
    )
    values: str | None = Field(default=None, description="for an incident, its evidence in sentences")
    ended_by: str | None = Field(
        default=None, description="for a deadlock, the restarts in which its calls failed, each with its id"
    )
    limit: str | None = Field(default=None, description="for an incident, the exceeded limit and its setting")
    hint: str | None = Field(default=None, description="for an incident, what to try")


class Moment(ResultModel):
    """A restart: the tree before it, and everything that happened, in order."""

    id: int = Field(description="the number of the event that is the first cause")
    ref: str = Field(default="", description="its id: the run of the node's program, and that number")
    node: str = Field(default="", description="the name of the node")
    current: bool = Field(
        default=False,
        description="the program of the node has not been started again since: its pids still name the same processes",
    )
    at: Seconds
    took: float | None = Field(description="seconds to the last event; null while it goes on")
    complete: bool = Field(description="false: the first cause is no longer in memory")
    going_on: bool
    summary: str
    request: str | None = Field(
        default=None, description="the request that ended the first process, such as `your request over HTTP`"
    )
    requester: Requester | None = Field(default=None, description="the user and interface of that request")
    signal: str | None = Field(default=None, description="who sent the exit signal that ended the first process")
    handled: HandledMessage | None = Field(
        default=None, description="the message that the first process was handling, and who sent it"
    )
    lost: LostMessages | None = Field(default=None, description="the messages lost with the first process")
    lost_beside: str | None = Field(
        default=None, description="the messages lost with others, such as siblings that were stopped"
    )
    facts: MomentFacts | None = Field(default=None, description="what happened, as short texts; null if it is stored")
    line: WhyLine | None = Field(
        description="the line that raised: that of the first end, else of the first start that failed"
    )
    root: MomentNode = Field(description="the lowest supervisor above all that happened, with what was below it")
    events: list[MomentEvent]
    ghosts: dict[str, dict[Difference, list[str]]] = Field(
        description="by strategy, the children that it would also have restarted, and those that it would not; empty "
        "for a dynamic supervisor"
    )
    storm: int = Field(description="further restarts of the same child within 20 s before and after")
    storm_before: int = Field(default=0, description="of these, the restarts before this one")
    program: bool = Field(default=False, description="the program of the node ended, with the whole tree")
    ran_on: bool = Field(
        default=False, description="the program of the node did not end: it did not answer, or the platform was away"
    )
    incident: bool = Field(
        default=False, description="true for an incident, such as a hang, which has no events and no tree"
    )
    anomaly: AnomalyLine | None = Field(default=None, description="the anomaly of an incident, with its evidence")
    moved: bool = Field(
        default=False, description="a child runs on another member of the cluster now, or has run on two members"
    )


class RestartLine(ResultModel):
    """A restart, a give-up or a crash; or many of a crash loop, which were only counted."""

    event: int = Field(description="the number of the event that is the first cause")
    last: int = Field(default=0, description="the number of its last event")
    ref: str = Field(
        default="",
        description="its id, which stays unique after a restart of the program; of many, that of the newest",
    )
    node: str | None = Field(default=None, description="the name of its node, if the list is of several")
    at: Seconds
    line: str = Field(default="", description="what happened")
    count: int = Field(
        default=1,
        description="restarts after an own end; of a sum, those from `at` to `until`",
    )
    until: Seconds | None = Field(
        default=None,
        description="the time of its last event; of many, that of the newest restart; null while it may go on",
    )
    fell_at: Seconds | None = Field(default=None, description="the time of its last give-up, if it is known")
    kept: bool = Field(
        default=True, description="false: only its line is kept; the fields below say no more than the line"
    )
    name: str | None = Field(description="the process that ended first")
    reason: str | None = Field(
        description="its exit reason; of many, that of the newest; for a give-up, that of the last end or failed start"
    )
    where: str | None = Field(default=None, description="the file, line and function that raised")
    one_cause: bool = Field(
        default=True,
        description="false: of many, some may have had another reason; arguments of exceptions do not count",
    )
    one_reason: bool = Field(default=False, description="true: all of its restarts had exactly this reason")
    reasons: int | None = Field(
        default=None,
        description="of many, the number of different reasons; null if there is only one, or it is not known",
    )
    refs: list[str] = Field(default=[], description="of many, the ids of the newest 20 that have one")
    request: str | None = Field(
        default=None,
        description="the request that ended it, such as `your request over HTTP`; null if not settled",
    )
    supervisor: str | None = Field(description="the first supervisor that decided, or that gave up")
    strategy: str | None
    started: int = Field(description="number of processes started")
    gave_up: bool
    fallen: list[str] = Field(description="the supervisors that gave up, in order")
    story: str | None = Field(default=None, description="a give-up as a sentence, with the last reason and the limit")
    restarted: bool = Field(
        default=False, description="of a give-up: a higher supervisor started again the one that gave up"
    )
    program: bool = Field(default=False, description="the program of the node ended, with the whole tree")
    ran_on: bool = Field(default=False, description="of a program: it did not end, but did not answer")
    incident: bool = Field(
        default=False,
        description="true for an incident that is no restart: a hang, a blocked event loop, a mailbox that grew or "
        "stood too long, growing memory, a crash of a process without a supervisor, or an outage",
    )
    outage: bool = Field(default=False, description="true if the platform was not running in this period")
    crash: bool = Field(default=False, description="true for crashes without a supervisor and failed starts on request")
