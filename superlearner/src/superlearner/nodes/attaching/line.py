"""The connection from the platform to the backend behind a door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import otp
from otp import GenServer, Pid
from superlearner.nodes.remote import NodeGone

__all__ = ["ENDED", "ServiceLink"]

ENDED = "its service has ended, or the connection to it is lost"


async def _ended() -> str:
    return ENDED


class ServiceLink:
    """A `superlearner.nodes.remote.Link` that calls a process of the service.

    Args:
        backend: the process that answers.
        why: returns why it does not, as a sentence; called after a failed request.
    """

    def __init__(self, backend: Pid, why: Callable[[], Awaitable[str]] = _ended) -> None:
        self._backend = backend
        self._why = why

    async def ask(self, request: bytes) -> object:
        """Send a request and wait for its answer. Raises `NodeGone`."""
        try:
            return await GenServer.call(self._backend, request, timeout=None)
        except otp.CallExit:
            raise NodeGone(await self._why()) from None

    def cast(self, request: bytes) -> None:
        """Send a request and ignore its answer."""
        GenServer.cast(self._backend, request)
