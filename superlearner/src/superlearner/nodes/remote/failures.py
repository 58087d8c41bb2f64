"""Errors of a node in another process.

RemoteError
├── NodeGone       the node ended, or the connection to it is lost
├── NodeSilent     no answer in time
├── NodeBusy       too many requests are pending
└── BadAnswer      the answer is invalid
"""

from __future__ import annotations

__all__ = ["BadAnswer", "NodeBusy", "NodeGone", "NodeSilent", "RemoteError"]


class RemoteError(Exception):
    """A node in another process did not answer as expected."""


class NodeGone(RemoteError):
    """The node ended, or the connection to it is lost."""


class NodeSilent(RemoteError):
    """No answer came in time; the request may still be carried out."""

    def __init__(self, message: str, *, is_held: bool = False) -> None:
        super().__init__(message)
        self.is_held = is_held
        """True if the text says what holds its event loop, or that it is stopped."""


class NodeBusy(RemoteError):
    """Too many requests are pending."""


class BadAnswer(RemoteError):
    """The answer is invalid: a bug in the node, or an impostor."""
