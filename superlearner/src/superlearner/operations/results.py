"""What the operations answer: the models behind the routes, the forms and whoever makes a client."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from superlearner.control.slots import LastExit

__all__ = [
    "Asker",
    "BulkError",
    "BulkItem",
    "BulkResult",
    "Child",
    "Health",
    "KillResult",
    "MessageResult",
    "Metrics",
    "NodeLine",
    "OperationLine",
    "Parts",
    "ProcessDetails",
    "ProcessLine",
    "ProcessType",
    "RESTARTED_ALONG",
    "RESTARTS",
    "RestartResult",
    "SupervisorDetails",
    "TerminateResult",
]

RESTARTS: Final = "how often its supervisor restarted it after it ended by itself"
RESTARTED_ALONG: Final = "how often it was restarted with a sibling, because of the strategy"

Pid = str
Seconds = float


class Named(BaseModel):
    """A process that another one is related to; one that is monitored by name has no pid."""

    pid: Pid | None
    name: str | None
    what: str | None = None


class PastExit(BaseModel):
    """One end of the processes that ran in a slot."""

    at: Seconds
    reason: str
    crash: bool
    pid: Pid | None
    message: str | None = Field(description="what it was handling")
    where: str | None = Field(description="`shop.py:58 in handle_call`")


ProcessType = Literal["supervisor", "genserver", "worker"]


class ProcessLine(BaseModel):
    """A process in the list."""

    pid: Pid
    name: str | None
    type: ProcessType = Field(description="a `genserver` is a behaviour, a `worker` a function")
    what: str = Field(description="its class or function")
    status: str
    message_queue_len: int
    links: int
    monitors: int
    monitored_by: int
    trap_exit: bool
    parent: Pid | None
    critical: bool = Field(description="the platform needs it")
    supervisor: Pid | None = Field(description="who started it, if that is a supervisor")
    supervisor_name: str | None
    child_id: str | None = Field(description="what its supervisor calls it")
    restarts: int | None = Field(description=f"{RESTARTS}; null for a process without a supervisor")
    started_at: Seconds | None = Field(description="within some seconds; null if it was there before that was noted")
    current_function: str | None = Field(description="where it waits, or the callback that is not through yet")
    messages_per_s: float | None = Field(description="null unless `measure_ms`")
    callback_percent: float | None = Field(description="share of the time in callbacks; null unless `measure_ms`")


class ChildOf(BaseModel):
    """What its supervisor says about a process."""

    id: str | None
    restart: str
    shutdown: str
    type: str
    restarts: int = Field(description=RESTARTS)
    restarted_along: int = Field(description=RESTARTED_ALONG)


class ProcessDetails(BaseModel):
    """All about a process. Values that are not known are null; messages and state are bounded text."""

    pid: Pid
    name: str | None
    registered_name: str | None
    key: str | None = Field(description="its slot on the page")
    what: str
    type: ProcessType
    kind: Literal["supervisor", "worker"]
    status: str
    alive: bool
    critical: bool
    trap_exit: bool
    started_at: Seconds | None
    parent: Named | None
    ancestors: list[Named]
    links: list[Named] = Field(description="the first 200 of `link_count`; so it is with the monitors")
    link_count: int
    monitors: list[Named]
    monitor_count: int
    monitored_by: list[Named]
    monitored_by_count: int
    message_queue_len: int
    messages: list[str]
    memory: int | None = Field(description="an estimate in bytes; null if not known, or more than is soon counted")
    callbacks: list[str] = Field(description="the functions of its class, the first 100 of them")
    current_call: str | None
    state: str | None
    exits: list[PastExit]
    child: ChildOf | None


class KillResult(BaseModel):
    """What became of a kill."""

    pid: Pid
    name: str | None
    reason: str
    terminated: bool = Field(description="false if it trapped the signal and lives")
    timestamp: str


class BulkError(BaseModel):
    """Why one of many could not be done."""

    code: str
    message: str


class BulkItem(BaseModel):
    """What became of one of many; `error` if it could not be done."""

    pid: str
    ok: bool
    terminated: bool | None = None
    error: BulkError | None = None


class BulkResult(BaseModel):
    """What became of each."""

    action: Literal["kill"]
    results: list[BulkItem]


class MessageResult(BaseModel):
    """A message that was sent; `reply` is there for a call."""

    message_sent: Literal[True]
    message_type: Literal["send", "cast", "call"]
    target_pid: Pid
    reply: Any = None


class Child(BaseModel):
    """A child of a supervisor."""

    id: str
    pid: Pid | None
    name: str | None
    type: str
    what: str
    modules: list[str]
    alive: bool
    restart: Literal["permanent", "transient", "temporary"] | None
    restarting: bool
    restarts: int = Field(description=RESTARTS)
    restarted_along: int = Field(description=RESTARTED_ALONG)
    last_exit: LastExit | None
    strategy: str | None
    child_count: int | None


class SupervisorDetails(BaseModel):
    """A supervisor; `children`, in start order, where they are asked for. One that has just ended has less to say."""

    name: str | None
    pid: Pid
    alive: bool
    what: str | None = None
    child_count: int | None
    strategy: str | None
    max_restarts: int | Literal["infinity"] | None = None
    max_seconds: float | Literal["infinity"] | None = None
    restarts_used: int | None = None
    children: list[Child] | None = None


class RestartResult(BaseModel):
    """A child that was started again."""

    supervisor: Pid
    id: str
    pid: Pid | None


class TerminateResult(BaseModel):
    """A child that was stopped."""

    supervisor: Pid
    id: str
    terminated: Literal[True]


class Parts(BaseModel):
    """Which parts of the platform are up."""

    services: bool
    playground: bool
    web: bool
    store: bool = Field(description="false while history cannot be stored; true where it is not to be")


class Metrics(BaseModel):
    """Numbers of the node; null where one cannot be told."""

    total_processes: int
    supervisors: int
    run_queue: int
    spawned: int
    message_queue_lengths: int
    memory_usage: int | None = Field(description="bytes of this operating-system process")
    supervision_health: float = Field(description="percent of the supervisors that neither storm nor give up")
    anomalies: int = Field(description="how many go on; see system.anomalies")
    restarts: int = Field(description="of all children by their supervisors, since the node started")
    viewers: int | None


class Health(BaseModel):
    """How the platform is."""

    status: Literal["healthy", "degraded"]
    parts: Parts
    node: str
    version: str
    python: str
    uptime_s: Seconds
    metrics: Metrics


class NodeLine(BaseModel):
    """A node that can be looked into."""

    name: str
    own: bool = Field(description="it is the platform's own")
    default: bool = Field(description="it is asked where no node is named")
    remote: bool = Field(description="it is in another process")
    owner: str | None = Field(description="whose it is; null: nobody's")
    status: Literal["up", "silent", "gone", "bad"] = Field(
        description="silent: it does not answer just now, and what else it would say is null; bad: it answers nonsense"
    )
    life: str | None
    processes: int | None
    supervisors: int | None
    python: str | None
    os_pid: int | None


class Asker(BaseModel):
    """Who asks, and what they may do."""

    user: str = Field(description="as the audit log names them")
    scopes: list[Literal["read", "operate", "code", "own"]] = Field(description="what their credential has")
    may: list[Literal["read", "operate", "code"]] = Field(description="what of it holds on the node that is asked")
    credential: bool = Field(description="false for who comes over loopback without one")
    local: bool = Field(description="the call came from the machine of the platform")


class OperationLine(BaseModel):
    """One operation of Arsenal."""

    name: str
    category: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    scope: Literal["read", "operate", "code"]
    summary: str
    description: str
    changes: bool = Field(description="it can be tried with `dry_run`, and is written into the audit log")
    destroys: bool = Field(description="it ends or deletes something, and what that held is lost")
    bare: bool = Field(description="the answer is not put into the envelope")
    on_node: bool = Field(description="it takes `node`, the name of the node that is asked")
    here: bool = Field(description="it runs in the platform, also where it is about another node")
    streams: bool = Field(description="it goes on for as long as somebody reads, as server-sent events")
    media: list[str] = Field(description="what it may answer besides JSON, as a file")
    parameters: dict[str, Any] = Field(description="JSON Schema; `x-picker` says what a form can offer")
    availability: Literal["working"]
