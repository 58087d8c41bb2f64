"""Pids of remote processes; their `RemoteNode` sends what is done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otp.kernel.values.process import REMOTE, Process

if TYPE_CHECKING:
    from otp.distribution.remote_node import RemoteNode

__all__ = ["RemoteName", "RemoteProcess"]


class RemoteProcess(Process):
    """A process of another node: `send`, `link`, `monitor`, `exit` and calls go there.

    Each remote process has one object while it is referenced, so that equal pids are identical. Its tables hold the
    local ends of links and monitors.
    """

    __slots__ = ()

    def __init__(self, node: RemoteNode, number: int) -> None:
        p: Process = self  # an assignment to an attribute of `self` would declare it again, without its type
        p.runtime = node  # pyright: ignore[reportAttributeAccessIssue]
        p.number = number
        p.status = REMOTE
        p.value = p.mailbox = p.monitored_by = p.step = p.callbacks = p.state = None
        p.links = p.signal = p.ext = p.context = p.side = None
        p.traced = None
        p.parent = None

    @property
    def to(self) -> Any:
        """The process as addressed in a signal."""
        return self.number

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return self.to_text()


class RemoteName(RemoteProcess):
    """The process with a name on another node when a signal arrives there.

    `address` is the name as addressed in a signal; if it is None, each signal encodes the name.
    """

    __slots__ = ("address", "name")

    def __init__(self, node: RemoteNode, name: Any, address: list[str] | None = None) -> None:
        super().__init__(node, 0)
        self.name: Any = name
        self.address: list[str] | None = address

    @property
    def to(self) -> Any:
        """The name as addressed in a signal."""
        node: Any = self.runtime
        return self.address or [node.written(self.name)]

    def to_text(self) -> str:
        """Return the name and the node as text."""
        return f"({self.name!r}, {self.runtime.name!r})"
