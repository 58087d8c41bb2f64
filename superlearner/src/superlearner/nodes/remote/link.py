"""The line to a node in another process: bytes there and back, nothing else is trusted of it."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Link"]


class Link(Protocol):
    """Carries requests of a platform to the backend of one node; see `protocol` for what they say."""

    async def ask(self, request: bytes) -> object:
        """Send a request and wait for its answer, which may be anything.

        Raises:
            NodeGone: the node is not there, or ends meanwhile.
        """
        ...

    def tell(self, request: bytes) -> None:
        """Send a request whose answer nobody waits for. A node that is gone is nothing to hear of here."""
        ...
