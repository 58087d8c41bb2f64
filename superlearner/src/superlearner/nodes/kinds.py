"""Kinds of observed nodes, and the differences that matter to callers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "BESIDE",
    "CLUSTERED",
    "CONFLICT",
    "LOCAL",
    "MEMBER",
    "MOVE",
    "MOVES",
    "PLATFORM",
    "SANDBOX",
    "SERVICE",
    "SIMULATED",
    "SIMULATED_HOST",
    "TREE",
    "NodeKind",
]


@dataclass(frozen=True, slots=True)
class NodeKind:
    """A kind of node.

    Attributes:
        name: name of the kind.
        description: what such a node is; it completes "NAME is".
        answers_requests: requests run in its program, so harm to it also harms their callers.
        has_playground: the platform's own trees live there: the playground, and children that are restarted after a
            pause.
        is_audited: the audit log names its processes, and events of the platform belong to it.
        listed_beside: a list of restarts has its restarts beside those of the node asked about.
        reloads_files: its modules come from files that can be read again.

    >>> PLATFORM.answers_requests, SANDBOX.reloads_files
    (True, False)
    """

    name: str
    description: str
    answers_requests: bool = False
    has_playground: bool = False
    is_audited: bool = False
    listed_beside: bool = False
    reloads_files: bool = True

    def __str__(self) -> str:
        return self.name


PLATFORM: Final = NodeKind(
    "platform", "the node that answers you", answers_requests=True, has_playground=True, is_audited=True
)
LOCAL: Final = NodeKind("local", "another node of the platform's program")
TREE: Final = NodeKind("tree", "the node of the tree that the platform was started with")
SANDBOX: Final = NodeKind("sandbox", "a sandbox, which reads no file of yours", reloads_files=False)
SERVICE: Final = NodeKind("service", "a service that runs in a program of its own", listed_beside=True)
MEMBER: Final = NodeKind("member", "a member of this platform's cluster", listed_beside=True)
SIMULATED: Final = NodeKind("simulated", "a simulated member, in the platform's program", listed_beside=True)
SIMULATED_HOST: Final = "simulated"
"""The host in the names of simulated members, which marks them wherever a name is shown."""
CLUSTERED: Final = (MEMBER, SIMULATED)
"""The kinds of the members of a cluster."""
MOVE: Final = "move"
CONFLICT: Final = "conflict"
MOVES: Final = [MOVE, CONFLICT]
"""The kinds of rows about children that moved between members, instead of the kind of their node."""
BESIDE: Final = [str(kind) for kind in (SERVICE, *CLUSTERED)] + MOVES
"""The names of the kinds that are `listed_beside`."""
