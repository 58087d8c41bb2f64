"""The children of a node that its platform starts again after a pause, when their supervisor does not restart them."""

from __future__ import annotations

from typing import Final, Protocol

from otp import Application, Node

__all__ = ["BackoffChildren", "backoff_of", "register_backoff"]

APPLICATION: Final = "superlearner"
KEY: Final = "backoff"


class BackoffChildren(Protocol):
    """The children that the platform starts again after they gave up."""

    def restarts(self, supervisor: str | None, id: str) -> bool:
        """Return whether the child of this supervisor is one of them."""
        ...


def register_backoff(node: Node, children: BackoffChildren) -> None:
    """Make these children known to readers of the node."""
    Application.put_env(APPLICATION, KEY, children, node=node)


def backoff_of(node: Node) -> BackoffChildren | None:
    """Return these children of a node; None without a platform."""
    return Application.get_env(APPLICATION, KEY, node=node)
