"""Requests to a node in another program, with its exit reason in errors."""

from __future__ import annotations

from typing import Final

from otp import CallExit
from otp.peer import Peer
from superlearner.nodes.remote import NodeGone
from superlearner.sandbox.line import BACKEND, GONE, SandboxConnection

__all__ = ["PeerLink"]

WORD_S: Final = 2.0
"""The connection closes a moment before the reason is known."""


class PeerLink:
    """The backend's channel of a connection, in the form that `RemoteNode` uses.

    Args:
        line: the connection to the program.
        peer: the program.
        node: the name of its node.
    """

    def __init__(self, line: SandboxConnection, peer: Peer, node: str) -> None:
        self._line = line
        self._peer = peer
        self._node = node

    async def ask(self, request: bytes) -> object:
        """Send a request and return the answer. Raises NodeGone, with the reason."""
        try:
            answer = await self._line.ask(BACKEND, request)
            if answer == GONE:
                raise NodeGone(f"the process that answers for the node {self._node} has ended")
            return answer
        except NodeGone as gone:
            try:
                why = await self._peer.ended(WORD_S)
            except CallExit:
                raise gone from None
            raise NodeGone(f"the node {self._node} is gone: {why}") from None

    def cast(self, request: bytes) -> None:
        """Send a message without an answer."""
        self._line.cast(BACKEND, request)
