"""The link to the backend of a node that is connected by a distribution."""

from __future__ import annotations

import asyncio
from typing import Final

import otp
from otp import GenServer
from otp.distribution import Distribution
from superlearner.remote.failures import NodeGone

__all__ = ["DistributionLink"]

SERVICE: Final = "backend"


class DistributionLink:
    """Asks over a distribution, which brings the bytes and says when the node is gone.

    The distribution is best that of a node which has nothing else on it, and `confined`: who is believed nothing then
    reaches nobody either.

    Args:
        distribution: of the node from which is asked.
        node: the name of the node that is asked; its distribution has the service `backend`.
    """

    def __init__(self, distribution: Distribution, node: str) -> None:
        self._distribution = distribution
        self._there = (SERVICE, node)

    async def ask(self, request: bytes) -> object:
        """Send a request and wait for its answer, as `Link.ask`."""
        answered: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        asking = self._distribution.node.spawn(_ask, answered, self._there, request)
        try:
            return await answered
        finally:
            otp.exit(asking, "kill")  # one that nobody waits for any more

    def tell(self, request: bytes) -> None:
        """Send a request whose answer nobody waits for, as `Link.tell`."""
        self._distribution.node.spawn(GenServer.cast, self._there, request)


async def _ask(answered: asyncio.Future[object], there: tuple[str, str], request: bytes) -> None:
    try:
        answer: object = await GenServer.call(there, request, "infinity")
    except otp.CallExit as error:
        if not answered.done():
            answered.set_exception(NodeGone(f"the node {there[1]} is gone: {error}"))
    else:
        if not answered.done():
            answered.set_result(answer)
