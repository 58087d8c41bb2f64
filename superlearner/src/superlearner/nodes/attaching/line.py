"""The connection from the platform to the backend behind a door."""

from __future__ import annotations

import otp
from otp import GenServer, Pid
from superlearner.nodes.remote import NodeGone

__all__ = ["ServiceLine"]


class ServiceLine:
    """A `superlearner.nodes.remote.Link` that calls a process of the service.

    Args:
        backend: the process that answers.
    """

    def __init__(self, backend: Pid) -> None:
        self._backend = backend

    async def ask(self, request: bytes) -> object:
        """Send a request and wait for its answer. Raises `NodeGone`."""
        try:
            return await GenServer.call(self._backend, request, timeout=None)
        except otp.CallExit:
            raise NodeGone("the service has ended, or the connection to it is lost") from None

    def tell(self, request: bytes) -> None:
        """Send a request and ignore its answer."""
        GenServer.cast(self._backend, request)
