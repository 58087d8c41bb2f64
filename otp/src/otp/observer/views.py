"""The records that `otp.observer` answers: frozen, bounded, made for pages, command lines and wires."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from otp.kernel.pids import Pid

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
"""What runs: a supervisor, another behaviour, or an `async def` function."""

ChildState = Literal["running", "restarting", "stopped"]

Cut = Literal["depth", "limit", "deadline", "starting"]
"""Why something was left off: too deep, too many, too long, or a supervisor that has no children yet."""


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A node in a few numbers.

    `now` is its monotonic clock in seconds, `creation` tells incarnations of one name apart, `life` is `open` or
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
    """One line of the list of processes."""

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
    """A part of the list: `total` processes fit the filter, these are some of them.

    `partial` says that the deadline came first: then `total` counts those that were looked at.
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
    """One end of a child: its pid, the reason as text, the time in seconds, the event's number."""

    pid: Pid | None
    reason: str
    at: float
    event: int


@dataclass(frozen=True, slots=True)
class ProcessDetails:
    """All that the tables say about a process. Unknown is `None`.

    `messages` are the oldest of the mailbox as bounded text, `state` is bounded and without
    secrets (`None` for a coroutine). `callback` and `handling` say what an `async def` callback
    is busy with, `busy_for` since how many seconds. `child_id`, `restarts`, `restarted_along` and `exits` are what its
    supervisor and the trace remember, latest exit first. `links`, `monitors`, `monitored_by` and `children` hold at
    most as many as were asked for; the `…_count` fields count all.
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
    """A child as its supervisor knows it; `supervisor` is the tree below, if it is one and was read.

    `restarts` counts its starts after it ended by itself, `restarted_along` those with a sibling that was restarted.
    Both go on when the supervisor itself is restarted.
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
    """A supervisor and its children in start order; `more` were left off, and `cut` says why."""

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
    """Supervision trees from their roots; `size` counts supervisors and children that are in it.

    `partial` says that something was left off, `why` for what reasons, each once.
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
    """How many specs, running children, supervisors and workers a supervisor has."""

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
    """A module was read anew: `servers` went over to it, `still_old` are coroutines that run old code."""

    module: str
    servers: tuple[ReloadedServer, ...]
    still_old: tuple[Pid, ...]
