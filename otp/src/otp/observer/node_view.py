"""One interface for looking into a node and acting on it, wherever the node runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from otp import sys as debug
from otp.behaviours.gen_server import GenServer
from otp.kernel.errors import BadArgument
from otp.kernel.pids import Pid
from otp.kernel.process import Process
from otp.kernel.signals import exit as exit_process
from otp.kernel.signals import send
from otp.observer import inspection
from otp.observer.graph import Graph, graph
from otp.observer.inspection import Sort
from otp.observer.views import Kind, NodeInfo, ProcessDetails, ProcessPage, Tree
from otp.redaction import Redact, is_secret

if TYPE_CHECKING:
    from otp.kernel.node import Node
    from otp.kernel.tracing import Event

__all__ = ["LocalView", "NodeView"]


class NodeView(Protocol):
    """What the tools of the platform take: a local node answers from its tables, a remote one over a connection.

    Reads never send a message to user code. A `pid` may also be a registered name, or a pid's text.
    """

    @property
    def name(self) -> str:
        """The name of the node."""
        ...

    async def info(self) -> NodeInfo:
        """The node in a few numbers."""
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
    ) -> ProcessPage:
        """A part of the list of processes."""
        ...

    async def process(self, pid: Any, *, redact: bool = True) -> ProcessDetails | None:
        """All about one process, or `None`."""
        ...

    async def supervision_tree(self, root: Any = None, *, depth: int = 20, limit: int = 5000) -> Tree:
        """The supervision trees, or the one below `root`."""
        ...

    async def graph(self, *, pids: Iterable[Pid] | None = None, limit: int = 2000) -> Graph:
        """Processes and what ties them."""
        ...

    async def state(self, pid: Any, *, redact: bool = True, length: int = 10_000) -> str | None:
        """The state of a server as bounded text; `None` for a coroutine and for a dead process."""
        ...

    async def events(self, since: int = 0) -> list[Event]:
        """The lifecycle events with a greater number than `since` that the ring still holds."""
        ...

    async def send(self, pid: Any, message: Any) -> None:
        """Send a message."""
        ...

    async def cast(self, pid: Any, request: Any) -> None:
        """Cast a request."""
        ...

    async def call(self, pid: Any, request: Any, timeout: float = 5.0) -> Any:
        """Call a server."""
        ...

    async def exit(self, pid: Any, reason: Any = "kill") -> None:
        """Send an exit signal."""
        ...

    async def suspend(self, pid: Any) -> None:
        """Stop a server from handling messages."""
        ...

    async def resume(self, pid: Any) -> None:
        """Let a suspended server go on."""
        ...

    async def replace_state(self, pid: Any, fn: Callable[[Any], Any]) -> Any:
        """Change the state of a server."""
        ...


class LocalView:
    """The view of a node of this loop.

    >>> import otp
    >>> async def main():
    ...     view = otp.observer.LocalView(otp.trace.node_of(otp.self()))
    ...     return (await view.info()).processes
    >>> otp.run(main)
    1
    """

    __slots__ = ("_node",)

    def __init__(self, node: Node) -> None:
        self._node = node

    @property
    def name(self) -> str:
        """The name of the node."""
        return self._node.name

    def find(self, pid: Any) -> Pid:
        """The pid that a pid, a registered name or a pid's text stands for; raises `BadArgument`."""
        if isinstance(pid, Process):
            return pid
        found = self._node.whereis(pid)
        if found is None and isinstance(pid, str):
            found = self._node.parse_pid(pid)
        if found is None:
            raise BadArgument(f"expected a pid or a registered name of {self.name}, got {pid!r}")
        return found

    async def info(self) -> NodeInfo:
        """The node in a few numbers."""
        return inspection.info(self._node)

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
    ) -> ProcessPage:
        """A part of the list of processes."""
        return inspection.processes(
            self._node,
            kind=kind,
            search=search,
            status=status,
            sort=sort,
            descending=descending,
            offset=offset,
            limit=limit,
        )

    async def process(self, pid: Any, *, redact: bool = True) -> ProcessDetails | None:
        """All about one process, or `None`."""
        return inspection.process(self._node, self.find(pid), redact=_redaction(redact))

    async def supervision_tree(self, root: Any = None, *, depth: int = 20, limit: int = 5000) -> Tree:
        """The supervision trees, or the one below `root`."""
        found = None if root is None else self.find(root)
        return inspection.supervision_tree(self._node, found, depth=depth, limit=limit)

    async def graph(self, *, pids: Iterable[Pid] | None = None, limit: int = 2000) -> Graph:
        """Processes and what ties them."""
        return graph(self._node, pids=pids, limit=limit)

    async def state(self, pid: Any, *, redact: bool = True, length: int = 10_000) -> str | None:
        """The state of a server as bounded text; `None` for a coroutine and for a dead process."""
        shown = inspection.process(self._node, self.find(pid), messages=0, length=length, redact=_redaction(redact))
        return None if shown is None else shown.state

    async def events(self, since: int = 0) -> list[Event]:
        """The lifecycle events with a greater number than `since` that the ring still holds."""
        return self._node._trace.history(since)

    async def send(self, pid: Any, message: Any) -> None:
        """Send a message."""
        send(self.find(pid), message)

    async def cast(self, pid: Any, request: Any) -> None:
        """Cast a request."""
        GenServer.cast(self.find(pid), request)

    async def call(self, pid: Any, request: Any, timeout: float = 5.0) -> Any:
        """Call a server."""
        return await GenServer.call(self.find(pid), request, timeout)

    async def exit(self, pid: Any, reason: Any = "kill") -> None:
        """Send an exit signal."""
        exit_process(self.find(pid), reason)

    async def suspend(self, pid: Any) -> None:
        """Stop a server from handling messages."""
        await debug.suspend(self.find(pid))

    async def resume(self, pid: Any) -> None:
        """Let a suspended server go on."""
        await debug.resume(self.find(pid))

    async def replace_state(self, pid: Any, fn: Callable[[Any], Any]) -> Any:
        """Change the state of a server."""
        return await debug.replace_state(self.find(pid), fn)


def _redaction(redact: bool) -> Redact | None:
    return is_secret if redact else None
