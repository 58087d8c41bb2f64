"""The functions behind a `NodeView`, given a node of this loop.

They accept what a user of a view can name, a process by pid, registered name or a pid's text, and check each value, as
it may come from another node. `otp.observer.node_view` lists them with their permissions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Literal

from otp import sys as debug
from otp.behaviours.server.child_spec import Strategy
from otp.behaviours.server.gen_server import GenServer
from otp.bounded import text
from otp.kernel.steps import signals
from otp.kernel.tables.tracing import LIFECYCLE
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import Process
from otp.observer import inspection, operations
from otp.observer.events import (
    TraceSpec,
    check_flag,
    check_kinds,
    check_number,
    check_seconds,
    check_word,
)
from otp.observer.feed import EventFeed
from otp.observer.graph import Graph
from otp.observer.graph import graph as graph_of
from otp.observer.inspection import Sort
from otp.observer.metrics import Metrics
from otp.observer.metrics import metrics as metrics_of
from otp.observer.views import ChildCounts, ChildPage, Kind, NodeInfo, ProcessDetails, ProcessPage, Reloaded, Tree
from otp.redaction import Redact, is_secret

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.values.terms import Name

__all__ = [
    "call",
    "cast",
    "change_strategy",
    "count_children",
    "delete_child",
    "events",
    "exit",
    "find",
    "graph",
    "info",
    "metrics",
    "process",
    "processes",
    "reload",
    "replace_state",
    "restart_child",
    "resume",
    "send",
    "start_child",
    "state",
    "supervision_tree",
    "suspend",
    "terminate_child",
    "trace",
    "which_children",
]


MOST: Final = 10_000
LARGEST: Final = 1 << 62
DEFAULT_TRACE: Final = TraceSpec()


def find(node: Node, pid: Pid | Name) -> Process:
    """Return the process for a pid, a registered name or a pid's text; raises `BadArgument`."""
    found: Any = pid
    if not isinstance(pid, Pid):
        try:
            found = node.whereis(pid)
        except Exception:  # not a name: not hashable, or its `__eq__` raises
            found = None
        if found is None and type(pid) is str:
            found = _parsed(node, pid)
    if found is None or found.runtime is not node:
        raise BadArgument(f"expected a pid or a registered name of node {node.name}, got {text(pid)}")
    return found


# Reading: no program code is asked, called or changed


async def info(node: Node) -> NodeInfo:
    """Return a summary of the node."""
    return inspection.info(node)


async def metrics(node: Node) -> Metrics:
    """Return the metrics that the runtime counts."""
    return metrics_of(node, deadline=0.1)


async def processes(
    node: Node,
    *,
    kind: Kind | None = None,
    search: str = "",
    status: str | None = None,
    sort: Sort = "pid",
    descending: bool = False,
    offset: int = 0,
    limit: int = 1000,
    deadline: float = 0.1,
) -> ProcessPage:
    """Return a part of the list of processes; see `otp.observer.processes`."""
    for what, value in (("kind", kind), ("search", search), ("status", status), ("sort", sort)):
        check_word(f"processes({what}=…)", value)
    check_seconds("processes(deadline=…)", deadline)
    check_flag("processes(descending=…)", descending)
    check_number("processes(limit=…)", limit, 0, MOST)
    return inspection.processes(
        node,
        kind=kind,
        search=search,
        status=status,
        sort=sort,
        descending=descending,
        offset=check_number("processes(offset=…)", offset, 0, LARGEST),
        limit=limit,
        deadline=deadline,
    )


async def process(node: Node, pid: Pid | Name, *, redact: bool = True) -> ProcessDetails | None:
    """Return the details of a process, or `None` if it has ended."""
    return inspection.process(node, find(node, pid), redact=_redaction(redact))


async def state(node: Node, pid: Pid | Name, *, redact: bool = True, length: int = 10_000) -> str | None:
    """Return the state of a server as bounded text; `None` for a coroutine and for a dead process."""
    check_number("state(length=…)", length, 1, 1_000_000)
    shown = inspection.process(node, find(node, pid), messages=0, length=length, redact=_redaction(redact))
    return None if shown is None else shown.state


async def supervision_tree(
    node: Node, root: Pid | Name | None = None, depth: int = 20, deadline: float = 0.1, *, limit: int = 5000
) -> Tree:
    """Return the supervision trees, or the one below `root`; each says what was left out, and why."""
    found = None if root is None else find(node, root)
    check_number("supervision_tree(depth=…)", depth, 0, 32)
    check_seconds("supervision_tree(deadline=…)", deadline)
    check_number("supervision_tree(limit=…)", limit, 1, MOST)
    return inspection.supervision_tree(node, found, depth=depth, limit=limit, deadline=deadline)


async def graph(node: Node, *, pids: Iterable[Pid | Name] | None = None, limit: int = 2000) -> Graph:
    """Return the processes and the connections between them."""
    check_number("graph(limit=…)", limit, 0, MOST)
    return graph_of(node, pids=None if pids is None else [find(node, pid) for pid in pids], limit=limit)


async def which_children(node: Node, supervisor: Pid | Name, *, limit: int = 1000) -> ChildPage:
    """Return the children of a supervisor in start order, even while it is busy."""
    return operations.which_children(find(node, supervisor), check_number("which_children(limit=…)", limit, 0, MOST))


async def count_children(node: Node, supervisor: Pid | Name) -> ChildCounts:
    """Return how many children a supervisor has, by kind."""
    return operations.count_children(find(node, supervisor))


# Streams: `wake` is called when there are items for a waiting reader; `unwatched` is the server that sends them


def trace(node: Node, wake: Callable[[], object], unwatched: Pid | None, spec: TraceSpec = DEFAULT_TRACE) -> EventFeed:
    """Return the events from now on that match `spec`."""
    if type(spec) is not TraceSpec:
        raise BadArgument(f"trace(spec): expected a TraceSpec, got {text(spec)}")
    feed = EventFeed(
        node,
        kinds=frozenset(spec.kinds),
        pids=frozenset(find(node, pid) for pid in spec.pids) or None,
        limit=spec.limit,
        rate=spec.rate,
        system=spec.system,
        redact=spec.redact,
        length=spec.length,
        buffer=spec.buffer,
        unwatched=unwatched,
        wake=wake,
    )
    feed.last = node.trace_seq
    return feed


def events(
    node: Node,
    wake: Callable[[], object],
    unwatched: Pid | None,
    since: int | None = 0,
    *,
    kinds: Iterable[str] | None = None,
    redact: bool = True,
    buffer: int = 1000,
) -> EventFeed:
    """Return the lifecycle events after number `since` that the node still has, then new ones.

    No event comes twice, and the stream reports missing ones. With `since=None` only new events are returned.
    """
    chosen = LIFECYCLE if kinds is None else check_kinds("events(kinds=…)", tuple(kinds))
    if not chosen <= LIFECYCLE:
        raise BadArgument(f"events(kinds=…): expected lifecycle kinds, got {text(chosen - LIFECYCLE)}; try trace()")
    after = None if since is None else check_number("events(since=…)", since, 0, LARGEST)
    check_number("events(buffer=…)", buffer, 1, 10_000)
    check_flag("events(redact=…)", redact)
    feed = EventFeed(node, kinds=chosen, redact=redact, buffer=buffer, unwatched=unwatched, wake=wake)
    feed.last = node.trace_seq
    if after is not None:
        feed.replay(after, chosen)
    return feed


# Controlling


async def send(node: Node, pid: Pid | Name, message: Any) -> None:
    """Send a message."""
    signals.send(find(node, pid), message)


async def cast(node: Node, pid: Pid | Name, request: Any) -> None:
    """Cast a request."""
    GenServer.cast(find(node, pid), request)


async def call(node: Node, pid: Pid | Name, request: Any, timeout: float | Literal["infinity"] = 5.0) -> Any:
    """Call a server; raises `CallExit` like `GenServer.call`."""
    return await GenServer.call(find(node, pid), request, timeout)


async def exit(node: Node, pid: Pid | Name, reason: Any = "kill") -> None:
    """Send an exit signal."""
    signals.exit(find(node, pid), reason)


async def suspend(node: Node, pid: Pid | Name) -> None:
    """Stop a server from handling messages."""
    await debug.suspend(find(node, pid))


async def resume(node: Node, pid: Pid | Name) -> None:
    """Resume a suspended server."""
    await debug.resume(find(node, pid))


async def start_child(node: Node, supervisor: Pid | Name, child: Any) -> Pid | None:
    """Start one more child and return its pid, or `None` if its start was ignored.

    `child` is a `ChildStart`, a behaviour's class or `(class, arg)`; for a supervisor of simple_one_for_one a list
    of further arguments. Raises like `Supervisor.start_child`.
    """
    return await operations.start_child(find(node, supervisor), child)


async def terminate_child(node: Node, supervisor: Pid | Name, child: Any) -> None:
    """Stop a child, by its pid, its id, or its id as `ChildView.id` shows it; raises `NotFound`."""
    await operations.terminate_child(find(node, supervisor), child)


async def restart_child(node: Node, supervisor: Pid | Name, child: Any) -> Pid | None:
    """Start a stopped child; raises `NotFound`, or `StartError`, for example with `"running"`."""
    return await operations.restart_child(find(node, supervisor), child)


async def delete_child(node: Node, supervisor: Pid | Name, child: Any) -> None:
    """Remove a stopped child; raises like `restart_child`."""
    await operations.delete_child(find(node, supervisor), child)


async def change_strategy(
    node: Node,
    supervisor: Pid | Name,
    strategy: Strategy | None = None,
    *,
    max_restarts: int | Literal["infinity"] | None = None,
    max_seconds: float | Literal["infinity"] | None = None,
) -> None:
    """Change the strategy or intensity of a running supervisor; its children are not affected."""
    await operations.change_strategy(find(node, supervisor), strategy, max_restarts, max_seconds)


# Changing code and states


async def replace_state(node: Node, pid: Pid | Name, state: Any) -> None:
    """Replace the state of a server between two messages; the state is a term, since functions do not travel."""
    await operations.replace_state(find(node, pid), state)


async def reload(node: Node, module: str) -> Reloaded:
    """Reload a module and upgrade its servers, all or none; raises `UpgradeRefused`."""
    return await operations.reload(module)


def _parsed(node: Node, pid: str) -> Any:
    try:
        return node.parse_pid(pid)
    except BadArgument:
        return None


def _redaction(redact: bool) -> Redact | None:
    return is_secret if check_flag("redact=…", redact) else None
