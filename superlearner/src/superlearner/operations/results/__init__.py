"""Result models shared by several operations; routes, forms and clients are built from them."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from superlearner.control.slots import LastExit
from superlearner.operations.results.result import ResultModel
from superlearner.operations.rights.users import Grant, Role, Scope

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
    "Related",
    "RESTARTED_ALONG",
    "RESTARTS",
    "RestartResult",
    "SupervisorDetails",
    "TerminateResult",
    "TextFile",
]

RESTARTS: Final = "number of restarts by its supervisor after its own exit"
RESTARTED_ALONG: Final = "number of restarts with a sibling, because of the strategy"

Pid = str
Seconds = float


class TextFile(ResultModel):
    """A file of text as a result; its command writes it to the file named by `--to`."""

    filename: str = Field(description="a name for the file")
    media_type: str
    size: int = Field(description="its size in bytes")
    content: str


class Related(ResultModel):
    """A related process; one that is monitored by name has no pid."""

    pid: Pid | None
    name: str | None
    what: str | None = None


class PastExit(ResultModel):
    """A past exit of a child."""

    at: Seconds
    reason: str
    crash: bool
    pid: Pid | None
    message: str | None = Field(description="the message it was handling")
    where: str | None = Field(description="`shop.py:58 in handle_call`")


ProcessType = Literal["supervisor", "genserver", "worker"]


class ProcessLine(ResultModel):
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
    supervisor: Pid | None = Field(description="its supervisor")
    supervisor_name: str | None
    child_id: str | None = Field(description="its child id")
    restarts: int | None = Field(description=f"{RESTARTS}; null for a process without a supervisor")
    started_at: Seconds | None = Field(description="null if it is not recorded")
    current_function: str | None = Field(description="where it waits, or its running callback")
    messages_per_s: float | None = Field(description="null unless `measure_ms`")
    callback_percent: float | None = Field(description="percent of the time in callbacks; null unless `measure_ms`")


class ChildOf(ResultModel):
    """The child spec of a process and its restarts."""

    id: str | None
    restart: str
    shutdown: str
    type: str
    restarts: int = Field(description=RESTARTS)
    restarted_along: int = Field(description=RESTARTED_ALONG)


class ProcessDetails(ResultModel):
    """A process in detail. Unknown values are null; messages and state are bounded text."""

    pid: Pid
    name: str | None
    registered_name: str | None
    key: str | None = Field(description="the key of its child on the live page")
    what: str
    type: ProcessType
    kind: Literal["supervisor", "worker"]
    status: str
    alive: bool
    critical: bool
    trap_exit: bool
    started_at: Seconds | None
    parent: Related | None
    ancestors: list[Related]
    links: list[Related] = Field(description="the first 200 of `link_count`; likewise for monitors")
    link_count: int
    monitors: list[Related]
    monitor_count: int
    monitored_by: list[Related]
    monitored_by_count: int
    message_queue_len: int
    messages: list[str]
    memory: int | None = Field(description="an estimate in bytes; null if unknown or too large to count quickly")
    callbacks: list[str] = Field(description="the first 100 functions of its class")
    current_call: str | None
    state: str | None
    state_note: str | None = Field(None, description="why there is no state to show; null if there is")
    exits: list[PastExit]
    child: ChildOf | None


class KillResult(ResultModel):
    """The result of a kill."""

    pid: Pid
    name: str | None
    reason: str
    terminated: bool = Field(description="false if it trapped the signal and is alive")
    timestamp: str


class BulkError(ResultModel):
    """The error of one item of a bulk operation."""

    code: str
    message: str


class BulkItem(ResultModel):
    """The result of one item of a bulk operation."""

    pid: str
    ok: bool
    terminated: bool | None = None
    error: BulkError | None = None


class BulkResult(ResultModel):
    """The results of a bulk operation."""

    action: Literal["kill"]
    results: list[BulkItem]


class MessageResult(ResultModel):
    """A sent message; a call has a `reply`."""

    message_sent: Literal[True]
    message_type: Literal["send", "cast", "call"]
    target_pid: Pid
    reply: Any = None
    warning: str | None = Field(
        default=None, description="what happened to the message, or to the node, after the delivery"
    )
    dropped: bool = Field(default=False, description="its server has no `handle_info`, as the warning says")


class Child(ResultModel):
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


class SupervisorDetails(ResultModel):
    """A supervisor; `children` are in start order, if requested. Most fields of an ended one are null."""

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


class RestartResult(ResultModel):
    """A restarted child."""

    supervisor: Pid
    id: str
    pid: Pid | None


class TerminateResult(ResultModel):
    """A stopped child."""

    supervisor: Pid
    id: str
    terminated: Literal[True]


class Parts(ResultModel):
    """The parts of the platform, true if running."""

    services: bool
    playground: bool
    web: bool
    store: bool = Field(description="false while history cannot be stored; true if storing is off")


class Metrics(ResultModel):
    """Metrics of the node; unknown ones are null."""

    total_processes: int
    platform_processes: int = Field(description="those that the platform runs for itself, which no other figure counts")
    supervisors: int
    run_queue: int
    spawned: int
    message_queue_lengths: int
    memory_usage: int | None = Field(description="bytes of this operating-system process")
    supervision_health: float = Field(description="percent of the supervisors without a restart storm or crash loop")
    anomalies: int = Field(description="active anomalies, see system.anomalies")
    restarts: int = Field(description="of all children by their supervisors, since the node started")
    viewers: int | None


class Health(ResultModel):
    """The health of the platform."""

    status: Literal["healthy", "degraded"]
    parts: Parts
    node: str
    version: str
    python: str
    uptime_s: Seconds
    metrics: Metrics
    missing: list[str] = Field(description="services of the platform that do not run; it starts them again")
    suspended: list[str] = Field(description="services of the platform that are suspended")


class NodeLine(ResultModel):
    """A node that the platform observes."""

    name: str
    beside: bool = Field(description="`restart.list` without a node also has its restarts")
    own: bool = Field(description="the platform's own node")
    default: bool = Field(description="the node for operations without `node`")
    remote: bool = Field(description="the node runs in another process")
    kind: str = Field(description="such as platform, member, service or sandbox")
    simulated: bool = Field(description="a simulated member in the platform's program")
    owner: str | None = Field(description="the owner's name; null: none")
    status: Literal["up", "silent", "gone", "bad", "lost"] = Field(
        description="silent: it does not answer now, unknown fields are null; gone: it has ended; bad: its answers are "
        "invalid; lost: a member that disappeared without leaving"
    )
    life: str | None
    processes: int | None
    supervisors: int | None
    python: str | None
    os_pid: int | None


class Asker(ResultModel):
    """The current user and their scopes."""

    user: str = Field(description="the name in the audit log")
    role: Role | None = Field(description="null for a request without a credential")
    scopes: list[Grant] = Field(description="scopes of the credential")
    may: list[Scope] = Field(description="scopes that apply on this node")
    credential: bool = Field(description="false for a request over loopback without a credential")
    local: bool = Field(description="the request came from the platform's machine")


class OperationLine(ResultModel):
    """An operation."""

    name: str
    category: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    scope: Scope
    summary: str
    description: str
    changes: bool = Field(description="it supports `dry_run` and is written to the audit log")
    destroys: bool = Field(description="it ends or deletes something with its data")
    bare: bool = Field(description="the answer has no envelope")
    on_node: bool = Field(description="it takes `node`, the name of the node to act on")
    here: bool = Field(description="it runs in the platform, even for another node")
    streams: bool = Field(description="it sends server-sent events until the client disconnects")
    media: list[str] = Field(description="media types of its files, besides JSON")
    short: list[str] = Field(description="the fields of its result to show first, in this order")
    parameters: dict[str, Any] = Field(description="JSON Schema; `x-picker` names the choices a form can offer")
    availability: Literal["working"]
