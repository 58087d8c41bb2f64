"""The view of a node from elsewhere: everything is asked of its `ViewServer`, over whatever connects the two."""

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
    """What connects a `RemoteView` with the `ViewServer` of a node; `otp.distribution` is to bring one."""

    @property
    def node(self) -> str:
        """The name of the node at the other end."""
        ...

    async def request(self, request: Any) -> Any:
        """Bring a plain term to the server as a call and its answer back.

        Waits as long as the answer takes; raises `CallExit` when the connection or the server ends.
        """
        ...

    def pid(self, node: str, creation: int, number: int) -> Pid:
        """The pid here that stands for a process there."""
        ...

    def reader(self) -> Pid:
        """The process with whose end the streams end that are opened now, as the server can monitor it.

        That is the running process; outside one, a process that lives as long as the link.
        """
        ...


class RemoteView:
    """The `NodeView` of a node at the other end of a link.

    All methods raise what they would raise there; besides `NotPermitted` for what the server does not allow,
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
        """What the server at the other end allows."""
        return frozenset((await _ask(self._link, "hello", {}))["permissions"])

    async def _ask(self, method: str, **arguments: Any) -> Any:
        return await _ask(self._link, method, arguments)

    @property
    def name(self) -> str:
        """The name of the node."""
        return self._link.node

    # Looking: nothing of the node's programs is asked, called or changed

    async def info(self) -> NodeInfo:
        """The node in a few numbers."""
        return await self._ask("info")

    async def metrics(self) -> Metrics:
        """What the runtime has counted."""
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
        """A part of the list of processes; see `otp.observer.processes`."""
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
        """All about one process, `None` if it has ended."""
        return await self._ask("process", pid=pid, redact=redact)

    async def state(self, pid: Pid | Name, *, redact: bool = True, length: int = 10_000) -> str | None:
        """The state of a server as bounded text; `None` for a coroutine and for a dead process."""
        return await self._ask("state", pid=pid, redact=redact, length=length)

    async def supervision_tree(
        self, root: Pid | Name | None = None, depth: int = 20, deadline: float = 0.1, *, limit: int = 5000
    ) -> Tree:
        """The supervision trees, or the one below `root`; what is left off, and why, is said in it."""
        return await self._ask("supervision_tree", root=root, depth=depth, limit=limit, deadline=deadline)

    async def graph(self, *, pids: Iterable[Pid | Name] | None = None, limit: int = 2000) -> Graph:
        """Processes and what ties them."""
        return await self._ask("graph", pids=None if pids is None else tuple(pids), limit=limit)

    async def which_children(self, supervisor: Pid | Name, *, limit: int = 1000) -> ChildPage:
        """The children of a supervisor in start order, whatever it is busy with."""
        return await self._ask("which_children", supervisor=supervisor, limit=limit)

    async def count_children(self, supervisor: Pid | Name) -> ChildCounts:
        """How many children a supervisor has, by kind."""
        return await self._ask("count_children", supervisor=supervisor)

    def trace(self, spec: TraceSpec = DEFAULT_TRACE) -> EventStream:
        """What happens from now on, as `spec` wants it."""
        return RemoteStream(self._link, "trace", {"spec": spec})

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
        chosen = None if kinds is None else tuple(kinds)
        return RemoteStream(self._link, "events", {"since": since, "kinds": chosen, "redact": redact, "buffer": buffer})

    # Steering

    async def send(self, pid: Pid | Name, message: Any) -> None:
        """Send a message."""
        await self._ask("send", pid=pid, message=message)

    async def cast(self, pid: Pid | Name, request: Any) -> None:
        """Cast a request."""
        await self._ask("cast", pid=pid, request=request)

    async def call(self, pid: Pid | Name, request: Any, timeout: float | Literal["infinity"] = 5.0) -> Any:
        """Call a server; raises `CallExit` as `GenServer.call` does."""
        return await self._ask("call", pid=pid, request=request, timeout=timeout)

    async def exit(self, pid: Pid | Name, reason: Any = "kill") -> None:
        """Send an exit signal."""
        await self._ask("exit", pid=pid, reason=reason)

    async def suspend(self, pid: Pid | Name) -> None:
        """Stop a server from handling messages."""
        await self._ask("suspend", pid=pid)

    async def resume(self, pid: Pid | Name) -> None:
        """Let a suspended server go on."""
        await self._ask("resume", pid=pid)

    async def start_child(self, supervisor: Pid | Name, child: Any) -> Pid | None:
        """Start one more child and answer its pid, `None` if its start was ignored.

        `child` is a `ChildStart`, a behaviour's class or `(class, arg)`; for a supervisor of simple_one_for_one a list
        of further arguments. Raises as `Supervisor.start_child`.
        """
        return await self._ask("start_child", supervisor=supervisor, child=_by_name(child))

    async def terminate_child(self, supervisor: Pid | Name, child: Any) -> None:
        """Stop a child, by its pid, its id, or its id as `ChildView.id` shows it; raises `NotFound`."""
        await self._ask("terminate_child", supervisor=supervisor, child=child)

    async def restart_child(self, supervisor: Pid | Name, child: Any) -> Pid | None:
        """Start a child that does not run; raises `NotFound`, or `StartError` with `"running"` and the like."""
        return await self._ask("restart_child", supervisor=supervisor, child=child)

    async def delete_child(self, supervisor: Pid | Name, child: Any) -> None:
        """Forget a child that does not run; raises as `restart_child`."""
        await self._ask("delete_child", supervisor=supervisor, child=child)

    async def change_strategy(
        self,
        supervisor: Pid | Name,
        strategy: Strategy | None = None,
        *,
        max_restarts: int | Literal["infinity"] | None = None,
        max_seconds: float | Literal["infinity"] | None = None,
    ) -> None:
        """Give a running supervisor another strategy or intensity; its children do not notice."""
        await self._ask(
            "change_strategy",
            supervisor=supervisor,
            strategy=strategy,
            max_restarts=max_restarts,
            max_seconds=max_seconds,
        )

    # Changing code and states

    async def replace_state(self, pid: Pid | Name, state: Any) -> None:
        """Give a server another state, between two of its messages. A function would not travel, so it is a term."""
        await self._ask("replace_state", pid=pid, state=state)

    async def reload(self, module: str) -> Reloaded:
        """Read a module's file anew and let its servers go over to it, all or none; raises `UpgradeRefused`."""
        return await self._ask("reload", module=module)


class RemoteStream(EventStream):
    """A stream that is read through a `ViewServer`, so many events at a time."""

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
    """A child in plain terms: a class is named, since classes do not travel."""
    if isinstance(child, (ChildStart, list)):
        return child
    cls, arg = child if type(child) is tuple and len(child) == 2 else (child, None)
    if not isinstance(cls, type):
        raise BadArgument(f"expected ChildStart('module:Class', arg), a class or (class, arg), got {text(child)}")
    return ChildStart(f"{cls.__module__}:{cls.__qualname__}", arg)
