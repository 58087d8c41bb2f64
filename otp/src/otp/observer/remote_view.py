"""The view of a remote node: all requests go to its `ViewServer`, over any connection."""

# Requests and terms have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from otp.behaviours.child_spec import Strategy
from otp.bounded import text
from otp.kernel.errors import BadArgument, CallExit
from otp.kernel.pids import Pid
from otp.observer.events import TraceSpec
from otp.observer.failures import ViewError, from_failure
from otp.observer.feed import Ended, Item
from otp.observer.graph import Graph
from otp.observer.inspection import Sort
from otp.observer.metrics import Metrics
from otp.observer.node_view import DEFAULT_TRACE
from otp.observer.operations import ChildStart
from otp.observer.stream import CREDIT, EventStream
from otp.observer.terms import from_term, to_term
from otp.observer.views import ChildCounts, ChildPage, Kind, NodeInfo, ProcessDetails, ProcessPage, Reloaded, Tree

if TYPE_CHECKING:
    from otp.kernel.terms import Name

__all__ = ["Link", "RemoteView"]


class Link(Protocol):
    """The connection between a `RemoteView` and the `ViewServer` of a node, as provided by `otp.distribution`."""

    @property
    def node(self) -> str:
        """The name of the remote node."""
        ...

    async def request(self, request: Any) -> Any:
        """Call the server with a plain term and return its reply.

        Waits as long as the reply takes; raises `CallExit` when the connection or the server ends.
        """
        ...

    def pid(self, node: str, creation: int, number: int) -> Pid:
        """Return the local pid that stands for a remote process."""
        ...

    def reader(self) -> Pid:
        """Return the process whose end closes the streams opened now, as the server can monitor it.

        That is the running process; outside one, a process that lives as long as the link.
        """
        ...


class RemoteView:
    """The `NodeView` of a node at the remote end of a link.

    All methods raise what they would raise there, and also `NotPermitted` for what the server does not allow,
    `ViewError` if it has too much to do, and `CallExit` if the connection ends.

    >>> import otp
    >>> from otp.observer import Link, LocalView, NodeView, RemoteView
    >>> def view_of(node: otp.Node, link: Link | None) -> NodeView:
    ...     return LocalView(node) if link is None else RemoteView(link)
    """

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    async def permissions(self) -> frozenset[str]:
        """Return what the remote server allows."""
        return frozenset((await _ask(self._link, "hello", {}))["permissions"])

    async def _ask(self, method: str, **arguments: Any) -> Any:
        return await _ask(self._link, method, arguments)

    @property
    def name(self) -> str:
        """The name of the node."""
        return self._link.node

    # Reading: no program code is asked, called or changed

    async def info(self) -> NodeInfo:
        """Return a summary of the node."""
        return await self._ask("info")

    async def metrics(self) -> Metrics:
        """Return the metrics that the runtime counts."""
        return await self._ask("metrics")

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
        return await self._ask(
            "processes",
            kind=kind,
            search=search,
            status=status,
            sort=sort,
            descending=descending,
            offset=offset,
            limit=limit,
            deadline=deadline,
        )

    async def process(self, pid: Pid | Name, *, redact: bool = True) -> ProcessDetails | None:
        """Return the details of a process, `None` if it has ended."""
        return await self._ask("process", pid=pid, redact=redact)

    async def state(self, pid: Pid | Name, *, redact: bool = True, length: int = 10_000) -> str | None:
        """Return the state of a server as bounded text; `None` for a coroutine and for a dead process."""
        return await self._ask("state", pid=pid, redact=redact, length=length)

    async def supervision_tree(
        self, root: Pid | Name | None = None, depth: int = 20, deadline: float = 0.1, *, limit: int = 5000
    ) -> Tree:
        """Return the supervision trees, or the one below `root`; each says what was left out, and why."""
        return await self._ask("supervision_tree", root=root, depth=depth, limit=limit, deadline=deadline)

    async def graph(self, *, pids: Iterable[Pid | Name] | None = None, limit: int = 2000) -> Graph:
        """Return the processes and the connections between them."""
        return await self._ask("graph", pids=None if pids is None else tuple(pids), limit=limit)

    async def which_children(self, supervisor: Pid | Name, *, limit: int = 1000) -> ChildPage:
        """Return the children of a supervisor in start order, even while it is busy."""
        return await self._ask("which_children", supervisor=supervisor, limit=limit)

    async def count_children(self, supervisor: Pid | Name) -> ChildCounts:
        """Return how many children a supervisor has, by kind."""
        return await self._ask("count_children", supervisor=supervisor)

    def trace(self, spec: TraceSpec = DEFAULT_TRACE) -> EventStream:
        """Return the events from now on that match `spec`."""
        return RemoteStream(self._link, "trace", {"spec": spec})

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
        chosen = None if kinds is None else tuple(kinds)
        return RemoteStream(self._link, "events", {"since": since, "kinds": chosen, "redact": redact, "buffer": buffer})

    # Controlling

    async def send(self, pid: Pid | Name, message: Any) -> None:
        """Send a message."""
        await self._ask("send", pid=pid, message=message)

    async def cast(self, pid: Pid | Name, request: Any) -> None:
        """Cast a request."""
        await self._ask("cast", pid=pid, request=request)

    async def call(self, pid: Pid | Name, request: Any, timeout: float | Literal["infinity"] = 5.0) -> Any:
        """Call a server; raises `CallExit` like `GenServer.call`."""
        return await self._ask("call", pid=pid, request=request, timeout=timeout)

    async def exit(self, pid: Pid | Name, reason: Any = "kill") -> None:
        """Send an exit signal."""
        await self._ask("exit", pid=pid, reason=reason)

    async def suspend(self, pid: Pid | Name) -> None:
        """Stop a server from handling messages."""
        await self._ask("suspend", pid=pid)

    async def resume(self, pid: Pid | Name) -> None:
        """Resume a suspended server."""
        await self._ask("resume", pid=pid)

    async def start_child(self, supervisor: Pid | Name, child: Any) -> Pid | None:
        """Start one more child and return its pid, `None` if its start was ignored.

        `child` is a `ChildStart`, a behaviour's class or `(class, arg)`; for a supervisor of simple_one_for_one a list
        of further arguments. Raises like `Supervisor.start_child`.
        """
        return await self._ask("start_child", supervisor=supervisor, child=_by_name(child))

    async def terminate_child(self, supervisor: Pid | Name, child: Any) -> None:
        """Stop a child, by its pid, its id, or its id as `ChildView.id` shows it; raises `NotFound`."""
        await self._ask("terminate_child", supervisor=supervisor, child=child)

    async def restart_child(self, supervisor: Pid | Name, child: Any) -> Pid | None:
        """Start a stopped child; raises `NotFound`, or `StartError`, for example with `"running"`."""
        return await self._ask("restart_child", supervisor=supervisor, child=child)

    async def delete_child(self, supervisor: Pid | Name, child: Any) -> None:
        """Remove a stopped child; raises like `restart_child`."""
        await self._ask("delete_child", supervisor=supervisor, child=child)

    async def change_strategy(
        self,
        supervisor: Pid | Name,
        strategy: Strategy | None = None,
        *,
        max_restarts: int | Literal["infinity"] | None = None,
        max_seconds: float | Literal["infinity"] | None = None,
    ) -> None:
        """Change the strategy or intensity of a running supervisor; its children are not affected."""
        await self._ask(
            "change_strategy",
            supervisor=supervisor,
            strategy=strategy,
            max_restarts=max_restarts,
            max_seconds=max_seconds,
        )

    # Changing code and states

    async def replace_state(self, pid: Pid | Name, state: Any) -> None:
        """Replace the state of a server between two messages; the state is a term, since functions do not travel."""
        await self._ask("replace_state", pid=pid, state=state)

    async def reload(self, module: str) -> Reloaded:
        """Reload a module and upgrade its servers, all or none; raises `UpgradeRefused`."""
        return await self._ask("reload", module=module)


class RemoteStream(EventStream):
    """A stream that is read through a `ViewServer`, a number of events at a time."""

    ended: Ended | None

    def __init__(self, link: Link, method: str, arguments: dict[str, Any]) -> None:
        super().__init__()
        self._link = link
        self._method = method
        self._arguments = arguments
        self._stream = 0
        self._received = 0

    async def _open(self) -> None:
        arguments = {**self._arguments, "reader": self._link.reader()}
        self._stream = await _ask(self._link, self._method, arguments)

    async def _more(self) -> Sequence[Item]:
        given = {"stream": self._stream, "received": self._received, "credit": CREDIT}
        items, ended = await _ask(self._link, "next", given)
        self._received += len(items)
        if ended is not None:
            self.ended = ended
            await self._close()
        return items

    async def _close(self) -> None:
        with contextlib.suppress(CallExit, ViewError):  # a connection that ended has closed it
            await _ask(self._link, "close", {"stream": self._stream})


async def _ask(link: Link, method: str, arguments: dict[str, Any]) -> Any:
    match await link.request((method, to_term(arguments))):
        case ("ok", value):
            return from_term(value, link.pid)
        case answer:
            raise from_failure(answer, link.pid)


def _by_name(child: Any) -> Any:
    """Return a child in plain terms: a class by its name, since classes do not travel."""
    if isinstance(child, (ChildStart, list)):
        return child
    cls, arg = child if type(child) is tuple and len(child) == 2 else (child, None)
    if not isinstance(cls, type):
        raise BadArgument(f"expected ChildStart('module:Class', arg), a class or (class, arg), got {text(child)}")
    return ChildStart(f"{cls.__module__}:{cls.__qualname__}", arg)
