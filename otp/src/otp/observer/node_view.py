"""One interface for looking into a node and steering it, wherever the node runs."""

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
    """What the tools take: a local node answers from its tables, a remote one over a connection.

    A `pid`, `supervisor`, `root` or `child` may be a pid, a registered name, or a pid's text; one that was never of
    this node raises `BadArgument`. Reads never send a message to user code, run none of its code, and are bounded
    in size and time, whatever the processes hold. All answers are frozen dataclasses.
    """

    @property
    def name(self) -> str:
        """The name of the node."""
        ...

    # Looking: nothing of the node's programs is asked, called or changed

    async def info(self) -> NodeInfo:
        """The node in a few numbers."""
        ...

    async def metrics(self) -> Metrics:
        """What the runtime has counted."""
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
        """A part of the list of processes; see `otp.observer.processes`."""
        ...

    async def process(self, pid: Pid | Name, *, redact: bool = True) -> ProcessDetails | None:
        """All about one process, `None` if it has ended."""
        ...

    async def state(self, pid: Pid | Name, *, redact: bool = True, length: int = 10_000) -> str | None:
        """The state of a server as bounded text; `None` for a coroutine and for a dead process."""
        ...

    async def supervision_tree(
        self, root: Pid | Name | None = None, depth: int = 20, deadline: float = 0.1, *, limit: int = 5000
    ) -> Tree:
        """The supervision trees, or the one below `root`; what is left off, and why, is said in it."""
        ...

    async def graph(self, *, pids: Iterable[Pid | Name] | None = None, limit: int = 2000) -> Graph:
        """Processes and what ties them."""
        ...

    async def which_children(self, supervisor: Pid | Name, *, limit: int = 1000) -> ChildPage:
        """The children of a supervisor in start order, whatever it is busy with."""
        ...

    async def count_children(self, supervisor: Pid | Name) -> ChildCounts:
        """How many children a supervisor has, by kind."""
        ...

    def trace(self, spec: TraceSpec = DEFAULT_TRACE) -> EventStream:
        """What happens from now on, as `spec` wants it."""
        ...

    def events(
        self,
        since: int | None = 0,
        *,
        kinds: Iterable[str] | None = None,
        redact: bool = True,
        buffer: int = 1000,
    ) -> EventStream:
        """The lifecycle events after number `since` that the node still has, then those to come; `None`: only these.

        No event comes twice, and where some are missing the stream says so.
        """
        ...

    # Steering

    async def send(self, pid: Pid | Name, message: Any) -> None:
        """Send a message."""
        ...

    async def cast(self, pid: Pid | Name, request: Any) -> None:
        """Cast a request."""
        ...

    async def call(self, pid: Pid | Name, request: Any, timeout: float | Literal["infinity"] = 5.0) -> Any:
        """Call a server; raises `CallExit` as `GenServer.call` does."""
        ...

    async def exit(self, pid: Pid | Name, reason: Any = "kill") -> None:
        """Send an exit signal."""
        ...

    async def suspend(self, pid: Pid | Name) -> None:
        """Stop a server from handling messages."""
        ...

    async def resume(self, pid: Pid | Name) -> None:
        """Let a suspended server go on."""
        ...

    async def start_child(self, supervisor: Pid | Name, child: Any) -> Pid | None:
        """Start one more child and answer its pid, `None` if its start was ignored.

        `child` is a `ChildStart`, a behaviour's class or `(class, arg)`; for a supervisor of simple_one_for_one a list
        of further arguments. Raises as `Supervisor.start_child`.
        """
        ...

    async def terminate_child(self, supervisor: Pid | Name, child: Any) -> None:
        """Stop a child, by its pid, its id, or its id as `ChildView.id` shows it; raises `NotFound`."""
        ...

    async def restart_child(self, supervisor: Pid | Name, child: Any) -> Pid | None:
        """Start a child that does not run; raises `NotFound`, or `StartError` with `"running"` and the like."""
        ...

    async def delete_child(self, supervisor: Pid | Name, child: Any) -> None:
        """Forget a child that does not run; raises as `restart_child`."""
        ...

    async def change_strategy(
        self,
        supervisor: Pid | Name,
        strategy: Strategy | None = None,
        *,
        max_restarts: int | Literal["infinity"] | None = None,
        max_seconds: float | Literal["infinity"] | None = None,
    ) -> None:
        """Give a running supervisor another strategy or intensity; its children do not notice."""
        ...

    # Changing code and states

    async def replace_state(self, pid: Pid | Name, state: Any) -> None:
        """Give a server another state, between two of its messages. A function would not travel, so it is a term."""
        ...

    async def reload(self, module: str) -> Reloaded:
        """Read a module's file anew and let its servers go over to it, all or none; raises `UpgradeRefused`."""
        ...
