"""A view of a remote node: the link of `otp.observer.RemoteView` over a distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otp.distribution.distribution import Distribution
from otp.kernel.ends.mailbox import receive
from otp.kernel.steps.calling import call
from otp.kernel.steps.signals import monitor
from otp.kernel.steps.starting import spawn_on
from otp.kernel.tables.scheduler import thread_current
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import DEAD

if TYPE_CHECKING:
    from otp.kernel.values.process import Process
    from otp.kernel.values.terms import Name

__all__ = ["ViewLink"]


class ViewLink:
    """The connection of a `RemoteView` with the `ViewServer` of another node.

    Args:
        distribution: that of the observing node.
        node: the name of the observed node.
        server: the name of its `ViewServer` there, a registered name or a service.

    >>> from otp.distribution import Distribution, ViewLink
    >>> from otp.observer import RemoteView
    >>> def view_of(distribution: Distribution, node: str) -> RemoteView:
    ...     return RemoteView(ViewLink(distribution, node))
    """

    def __init__(self, distribution: Distribution, node: str, server: Name = "view") -> None:
        self._distribution = distribution
        self._node = node
        self._server = server
        self._reader: Process | None = None

    @property
    def node(self) -> str:
        """The name of the remote node."""
        return self._node

    async def request(self, request: Any) -> Any:
        """Send a request to the server as a call; raises `CallExit` when the connection or the server ends."""
        return await call(self._there(), request, "infinity")

    def pid(self, node: str, creation: int, number: int) -> Pid:
        """Return the local pid of a remote process."""
        return self._distribution.pid(node, creation, number)

    def reader(self) -> Pid:
        """Return the running process; outside one, a process that ends with the connection, or with the server."""
        running = thread_current()
        if running is not None and running.runtime is self._distribution.node:
            reader = running
        else:
            if self._reader is None or self._reader.status == DEAD:
                self._reader = spawn_on(self._distribution.node, None, _reads, (self._there(),), {})
            reader = self._reader
        peer = self._distribution.find(self._node)
        if peer is not None:
            peer.told(reader)  # it is sent as a plain term, and they have to be able to monitor it
        return reader

    def _there(self) -> Any:
        peer = self._distribution.find(self._node) or self._distribution.absent(self._node)
        return peer.names.get(self._server)


async def _reads(server: Any) -> None:
    await receive(monitor(server))
