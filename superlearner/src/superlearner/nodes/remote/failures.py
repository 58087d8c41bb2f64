"""Why a node in another process does not answer as it should.

RemoteError
├── NodeGone       the node ended, or the line to it is cut
├── NodeSilent     no answer in time
├── NodeBusy       too many questions wait for an answer already
└── BadAnswer      it answered what is no answer
"""

from __future__ import annotations

__all__ = ["BadAnswer", "NodeBusy", "NodeGone", "NodeSilent", "RemoteError"]


class RemoteError(Exception):
    """A node in another process did not answer as it should; the text says what happened, for people."""


class NodeGone(RemoteError):
    """The node ended, or the line to it is cut."""


class NodeSilent(RemoteError):
    """No answer came in time; what was asked for may still happen."""


class NodeBusy(RemoteError):
    """So many questions wait for an answer that no more are asked."""


class BadAnswer(RemoteError):
    """What came is no answer to what was asked: a bug in the node, or somebody who pretends to be one."""
