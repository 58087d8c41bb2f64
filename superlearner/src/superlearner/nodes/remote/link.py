"""The connection to a node in another process: it carries untrusted bytes."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Link"]


class Link(Protocol):
    """Carries requests to the backend of one node; see `protocol`."""

    async def ask(self, request: bytes) -> object:
        """Send a request and return its answer, which may be anything.

        Raises:
            NodeGone: the node is gone, or ends meanwhile.
        """
        ...

    def cast(self, request: bytes) -> None:
        """Send a request and ignore its answer, and whether the node still exists."""
        ...
