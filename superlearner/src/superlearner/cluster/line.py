"""The connection from the platform to the backend of a member."""

from __future__ import annotations

import otp
from otp import GenServer
from superlearner.cluster.ways import BACKEND
from superlearner.nodes.remote import NodeGone

__all__ = ["MemberLine"]


class MemberLine:
    """A `superlearner.nodes.remote.Link` to a member, for processes of the platform's node.

    Args:
        member: the name of the member.
    """

    def __init__(self, member: str) -> None:
        self._backend = BACKEND, member

    async def ask(self, request: bytes) -> object:
        """Send a request and wait for its answer. Raises `NodeGone`."""
        try:
            return await GenServer.call(self._backend, request, timeout=None)
        except otp.CallExit:
            raise NodeGone("the member has ended, or the connection to it is lost") from None

    def tell(self, request: bytes) -> None:
        """Send a request and ignore its answer."""
        GenServer.cast(self._backend, request)
