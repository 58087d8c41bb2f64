"""The common interface for inspecting and controlling a node, wherever it runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from otp.behaviours.child_spec import Strategy
from otp.kernel.pids import Pid
from otp.observer.events import TraceSpec
from otp.observer.graph import Graph
from otp.observer.inspection import Sort
from otp.observer.metrics import Metrics
from otp.observer.stream import EventStream
from otp.observer.views import ChildCounts, ChildPage, Kind, NodeInfo, ProcessDetails, ProcessPage, Reloaded, Tree

if TYPE_CHECKING:
    from otp.kernel.terms import Name

__all__ = ["DEFAULT_TRACE", "NodeView"]

DEFAULT_TRACE: Final = TraceSpec()


class NodeView(Protocol):
    """The interface that tools use: a local node reads its tables, a remote one uses a connection.

    A `pid`, `supervisor`, `root` or `child` may be a pid, a registered name, or a pid's text; one that never belonged
    to this node raises `BadArgument`. Reads never send a message to user code, run none of its code, and are bounded in
    size and time, whatever the processes hold. All results are frozen dataclasses.
    """

    @property
    def name(self) -> str:
        """The name of the node."""
        ...

    # Reading: no program code is asked, called or changed

    async def info(self) -> NodeInfo:
        """Return a summary of the node."""
        ...

    async def metrics(self) -> Metrics:
        """Return the metrics that the runtime counts."""
        ...

    async def processes(
        self,
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
        ...

    async def process(self, pid: Pid | Name, *, redact: bool = True) -> ProcessDetails | None:
        """Return the details of a process, `None` if it has ended."""
        ...

    async def state(self, pid: Pid | Name, *, redact: bool = True, length: int = 10_000) -> str | None:
        """Return the state of a server as bounded text; `None` for a coroutine and for a dead process."""
        ...

    async def supervision_tree(
        self, root: Pid | Name | None = None, depth: int = 20, deadline: float = 0.1, *, limit: int = 5000
    ) -> Tree:
        """Return the supervision trees, or the one below `root`; each says what was left out, and why."""
        ...

    async def graph(self, *, pids: Iterable[Pid | Name] | None = None, limit: int = 2000) -> Graph:
        """Return the processes and the connections between them."""
        ...

    async def which_children(self, supervisor: Pid | Name, *, limit: int = 1000) -> ChildPage:
        """Return the children of a supervisor in start order, even while it is busy."""
        ...

    async def count_children(self, supervisor: Pid | Name) -> ChildCounts:
        """Return how many children a supervisor has, by kind."""
        ...

    def trace(self, spec: TraceSpec = DEFAULT_TRACE) -> EventStream:
        """Return the events from now on that match `spec`."""
        ...

    def events(
        self,
        since: int | None = 0,
        *,
        kinds: Iterable[str] | None = None,
        redact: bool = True,
        buffer: int = 1000,
    ) -> EventStream:
        """Return the lifecycle events after number `since` that the node still has, then new ones.

        No event comes twice, and the stream reports missing ones. With `since=None` only new events are returned.
        """
        ...

    # Controlling

    async def send(self, pid: Pid | Name, message: Any) -> None:
        """Send a message."""
        ...

    async def cast(self, pid: Pid | Name, request: Any) -> None:
        """Cast a request."""
        ...

    async def call(self, pid: Pid | Name, request: Any, timeout: float | Literal["infinity"] = 5.0) -> Any:
        """Call a server; raises `CallExit` like `GenServer.call`."""
        ...

    async def exit(self, pid: Pid | Name, reason: Any = "kill") -> None:
        """Send an exit signal."""
        ...

    async def suspend(self, pid: Pid | Name) -> None:
        """Stop a server from handling messages."""
        ...

    async def resume(self, pid: Pid | Name) -> None:
        """Resume a suspended server."""
        ...

    async def start_child(self, supervisor: Pid | Name, child: Any) -> Pid | None:
        """Start one more child and return its pid, `None` if its start was ignored.

        `child` is a `ChildStart`, a behaviour's class or `(class, arg)`; for a supervisor of simple_one_for_one a list
        of further arguments. Raises like `Supervisor.start_child`.
        """
        ...

    async def terminate_child(self, supervisor: Pid | Name, child: Any) -> None:
        """Stop a child, by its pid, its id, or its id as `ChildView.id` shows it; raises `NotFound`."""
        ...

    async def restart_child(self, supervisor: Pid | Name, child: Any) -> Pid | None:
        """Start a stopped child; raises `NotFound`, or `StartError`, for example with `"running"`."""
        ...

    async def delete_child(self, supervisor: Pid | Name, child: Any) -> None:
        """Remove a stopped child; raises like `restart_child`."""
        ...

    async def change_strategy(
        self,
        supervisor: Pid | Name,
        strategy: Strategy | None = None,
        *,
        max_restarts: int | Literal["infinity"] | None = None,
        max_seconds: float | Literal["infinity"] | None = None,
    ) -> None:
        """Change the strategy or intensity of a running supervisor; its children are not affected."""
        ...

    # Changing code and states

    async def replace_state(self, pid: Pid | Name, state: Any) -> None:
        """Replace the state of a server between two messages; the state is a term, since functions do not travel."""
        ...

    async def reload(self, module: str) -> Reloaded:
        """Reload a module and upgrade its servers, all or none; raises `UpgradeRefused`."""
        ...
