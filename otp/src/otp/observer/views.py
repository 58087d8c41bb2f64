"""The records that `otp.observer` returns: frozen, bounded, for pages, command lines and connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from otp.kernel.values.pids import Pid

__all__ = [
    "Budget",
    "ChildCounts",
    "ChildExit",
    "ChildPage",
    "ChildState",
    "ChildView",
    "Cut",
    "Kind",
    "NodeInfo",
    "Place",
    "ProcessDetails",
    "ProcessPage",
    "ProcessSummary",
    "Reloaded",
    "ReloadedServer",
    "SupervisorView",
    "Tree",
]

Kind = Literal["supervisor", "worker", "coroutine"]
"""The kind of a process: a supervisor, another behaviour, or an `async def` function."""

ChildState = Literal["running", "restarting", "stopped"]

Cut = Literal["depth", "limit", "deadline", "starting"]
"""The reason for left-out parts: too deep, too many, too slow, or a supervisor without children yet."""


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A summary of a node.

    `now` is its monotonic clock in seconds, `creation` distinguishes incarnations of one name, `life` is `open` or
    `closing`; `spawned` and `events` count since its start. `nodes` are the names of all nodes in its event loop,
    `applications` the running ones, the latest first; `os_pid` and `system` are the program's.
    """

    name: str
    now: float
    virtual_time: bool
    processes: int
    supervisors: int
    names: int
    run_queue: int
    spawned: int
    events: int
    nodes: tuple[str, ...]
    python: str
    creation: int
    life: str
    applications: tuple[str, ...]
    os_pid: int
    system: str


@dataclass(frozen=True, slots=True)
class ProcessSummary:
    """A line of the list of processes."""

    pid: Pid
    name: str | None
    kind: Kind
    what: str
    status: str
    mailbox: int
    links: int
    monitors: int
    monitored_by: int
    trap_exit: bool
    parent: Pid | None


@dataclass(frozen=True, slots=True)
class ProcessPage:
    """A part of the list: some of the `total` processes that match the filter.

    `partial` says that the deadline came first: `total` then counts those that were read.
    """

    processes: tuple[ProcessSummary, ...]
    total: int
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A line of code that waits or runs."""

    file: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class ChildExit:
    """An exit of a child: its pid, the reason as text, the time in seconds, the event's number."""

    pid: Pid | None
    reason: str
    at: float
    event: int


@dataclass(frozen=True, slots=True)
class ProcessDetails:
    """The details of a process from the tables; unknown values are `None`.

    `messages` are the oldest of the mailbox as bounded text, such as `cast ('add', 3)`; `state` is bounded and without
    secrets (`None` for a coroutine). `callback` and `handling` describe the running `async def` callback, `busy_for`
    its seconds so far.
    `child_id`, `restarts`, `restarted_along` and `exits` come from its supervisor and the trace, latest exit first.
    `links`, `monitors`, `monitored_by` and `children` are limited to the requested number; the `…_count` fields count
    all.
    """

    pid: Pid
    name: str | None
    kind: Kind
    what: str
    module: str
    status: str
    trap_exit: bool
    parent: Pid | None
    ancestors: tuple[Pid, ...]
    children: tuple[Pid, ...]
    links: tuple[Pid, ...]
    monitors: tuple[Pid | tuple[str, str], ...]
    monitored_by: tuple[Pid, ...]
    mailbox: int
    messages: tuple[str, ...]
    state: str | None
    callback: str | None
    handling: str | None
    busy_for: float | None
    waiting_at: tuple[Place, ...]
    child_id: str | None
    restarts: int | None
    exits: tuple[ChildExit, ...]
    link_count: int
    monitor_count: int
    monitored_by_count: int
    child_count: int
    restarted_along: int | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """Restart intensity: `used` restarts of `max_restarts` count in the last `max_seconds`."""

    max_restarts: int | Literal["infinity"]
    max_seconds: float | Literal["infinity"]
    used: int


@dataclass(frozen=True, slots=True)
class ChildView:
    """A child as recorded by its supervisor.

    `supervisor` is the tree below, if it is one and was read. `restarts` counts its starts after it ended by itself,
    `restarted_along` those with a sibling that was restarted. Both continue when the supervisor itself is restarted.
    """

    id: str
    pid: Pid | None
    name: str | None
    what: str
    type: Literal["worker", "supervisor"]
    restart: str
    state: ChildState
    status: str | None
    mailbox: int
    restarts: int
    last_exit: str | None
    last_exit_at: float | None
    supervisor: SupervisorView | None = None
    restarted_along: int = 0


@dataclass(frozen=True, slots=True)
class SupervisorView:
    """A supervisor and its children in start order; `more` were left out, and `cut` says why."""

    pid: Pid
    name: str | None
    what: str
    strategy: str
    auto_shutdown: str
    budget: Budget
    children: tuple[ChildView, ...] = ()
    more: int = 0
    cut: Cut | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """Supervision trees from their roots.

    `size` counts the supervisors and children in it. `partial` says that something was left out, `why` for what
    reasons, each once.
    """

    node: str
    roots: tuple[SupervisorView, ...]
    partial: bool
    size: int
    why: tuple[Cut, ...] = ()


@dataclass(frozen=True, slots=True)
class ChildPage:
    """Some of the `total` children of a supervisor, in start order."""

    children: tuple[ChildView, ...]
    total: int


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """The number of specs, running children, supervisors and workers of a supervisor."""

    specs: int
    active: int
    supervisors: int
    workers: int


@dataclass(frozen=True, slots=True)
class ReloadedServer:
    """A server that runs new code; the versions are bounded text."""

    pid: Pid
    what: str
    old_vsn: str
    new_vsn: str


@dataclass(frozen=True, slots=True)
class Reloaded:
    """A reloaded module: `servers` were upgraded, `still_old` are coroutines that run old code."""

    module: str
    servers: tuple[ReloadedServer, ...]
    still_old: tuple[Pid, ...]
