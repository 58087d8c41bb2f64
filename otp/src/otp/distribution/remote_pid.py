"""Pids of processes that are elsewhere. What they are used for is brought there by their `RemoteNode`."""

# A pid is a `Process` to the kernel; it hands what it cannot do here to `_node`.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otp.kernel.process import Process
from otp.kernel.states import REMOTE

if TYPE_CHECKING:
    from otp.distribution.remote_node import RemoteNode

__all__ = ["RemoteName", "RemoteProcess"]


class RemoteProcess(Process):
    """A process of another node: `send`, `link`, `monitor`, `exit` and calls go there.

    There is one object for each such process as long as anybody holds it, so pids are equal that mean the same.
    Its tables hold the ends of links and monitors that are here.
    """

    __slots__ = ()

    def __init__(self, node: RemoteNode, number: int) -> None:
        self._node = node  # pyright: ignore[reportAttributeAccessIssue]
        self._id = number
        self._st = REMOTE
        self._val = self._mbox = self._mons = self._step = self._vt = self._state = None
        self._links = self._sig = self._x = self._ctx = self._side = None
        self._told = None
        self._parent = None

    @property
    def to(self) -> Any:
        """How a signal names it."""
        return self._id

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return self.to_text()


class RemoteName(RemoteProcess):
    """Whoever bears a name on another node when a signal arrives there; made for one use."""

    __slots__ = ("name",)

    def __init__(self, node: RemoteNode, name: Any) -> None:
        super().__init__(node, 0)
        self.name: Any = name

    @property
    def to(self) -> Any:
        """How a signal names it."""
        node: Any = self._node
        return [node.written(self.name)]

    def to_text(self) -> str:
        """The name and the node, for people."""
        return f"({self.name!r}, {self._node.name!r})"
