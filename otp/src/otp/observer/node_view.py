"""The view of a node: the table of what can be asked of it, and the view of a node of this loop."""

# Arguments are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from otp.bounded import text
from otp.kernel.values.errors import BadArgument
from otp.observer import queries
from otp.observer.methods import Method, Query, Stream
from otp.observer.operations import ChildStart
from otp.observer.stream import EventStream, LocalStream

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.values.pids import Pid
    from otp.kernel.values.process import Process
    from otp.kernel.values.terms import Name

__all__ = ["METHODS", "LocalView", "NodeView"]


def _tuple(members: Iterable[Any] | None) -> tuple[Any, ...] | None:
    return None if members is None else tuple(members)


def _child(child: Any) -> Any:
    """Return a child in plain terms: a class by its name, since classes do not travel."""
    if isinstance(child, (ChildStart, list)):
        return child
    cls, arg = child if type(child) is tuple and len(child) == 2 else (child, None)
    if not isinstance(cls, type):
        raise BadArgument(f"expected ChildStart('module:Class', arg), a class or (class, arg), got {text(child)}")
    return ChildStart(f"{cls.__module__}:{cls.__qualname__}", arg)


class NodeView(ABC):
    """The interface that tools use: a local node reads its tables, a remote one uses a connection.

    A `pid`, `supervisor`, `root` or `child` may be a pid, a registered name, or a pid's text; one that never belonged
    to this node raises `BadArgument`. Reads never send a message to user code, run none of its code, and are bounded in
    size and time, whatever the processes hold. All results are frozen dataclasses.
    """

    __slots__ = ()

    # Reading: no program code is asked, called or changed
    info: Final = Query(queries.info, "read")
    metrics: Final = Query(queries.metrics, "read")
    processes: Final = Query(queries.processes, "read")
    process: Final = Query(queries.process, "read")
    state: Final = Query(queries.state, "read")
    supervision_tree: Final = Query(queries.supervision_tree, "read")
    graph: Final = Query(queries.graph, "read", pids=_tuple)
    which_children: Final = Query(queries.which_children, "read")
    count_children: Final = Query(queries.count_children, "read")
    trace: Final = Stream(queries.trace, "read")
    events: Final = Stream(queries.events, "read", kinds=_tuple)

    send: Final = Query(queries.send, "operate")
    cast: Final = Query(queries.cast, "operate")
    call: Final = Query(queries.call, "operate")
    exit: Final = Query(queries.exit, "operate")
    suspend: Final = Query(queries.suspend, "operate")
    resume: Final = Query(queries.resume, "operate")
    start_child: Final = Query(queries.start_child, "operate", child=_child)
    terminate_child: Final = Query(queries.terminate_child, "operate")
    restart_child: Final = Query(queries.restart_child, "operate")
    delete_child: Final = Query(queries.delete_child, "operate")
    change_strategy: Final = Query(queries.change_strategy, "operate")

    replace_state: Final = Query(queries.replace_state, "code")
    reload: Final = Query(queries.reload, "code")

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the node."""

    @abstractmethod
    async def _ask(self, method: Method, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the value of a method."""

    @abstractmethod
    def _open(self, method: Method, args: tuple[Any, ...], kwargs: dict[str, Any]) -> EventStream:
        """Return the stream of a method."""


METHODS: Final = {name: row for name, row in vars(NodeView).items() if isinstance(row, Method)}
"""The table: the methods of a view by name."""


class LocalView(NodeView):
    """The `NodeView` of a node of this loop.

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

    def find(self, pid: Pid | Name) -> Process:
        """Return the process for a pid, a registered name or a pid's text; raises `BadArgument`."""
        return queries.find(self._node, pid)

    @property
    def name(self) -> str:
        """The name of the node."""
        return self._node.name

    async def _ask(self, method: Method, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return await method.function(self._node, *args, **kwargs)

    def _open(self, method: Method, args: tuple[Any, ...], kwargs: dict[str, Any]) -> EventStream:
        return LocalStream(self._node, lambda wake: method.function(self._node, wake, None, *args, **kwargs))
