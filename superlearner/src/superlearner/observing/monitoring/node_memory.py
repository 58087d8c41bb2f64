"""Memory that each attachment of a node leaves to the next one; it lasts as long as the node.

The memory of the node itself has no metrics, no anomalies, and of long holds no lines and none outside of processes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final
from weakref import WeakKeyDictionary

from otp import Node
from superlearner.observing.monitoring.alarms import Alarms
from superlearner.observing.monitoring.facts import LoopHold
from superlearner.observing.monitoring.points import History

__all__ = ["LONG_S", "NodeMemory", "memory_of"]

LONG_S: Final = 5.0
"""Seconds of a hold that may end the attachment that sees it."""
KEPT: Final = 200


@dataclass(slots=True)
class NodeMemory:
    """Findings of all attachments of a node so far."""

    history: History | None = None
    """The points of the last attachment."""
    alarms: Alarms | None = None
    """The anomalies of the last attachment."""
    _holds: deque[LoopHold] = field(default_factory=lambda: deque[LoopHold](maxlen=KEPT))

    def note_long_hold(self, hold: LoopHold) -> LoopHold:
        """Keep a hold, once for all attachments that measure it; return it with the mark that it has for all."""
        for one in self._holds:
            if _is_same(one, hold):
                return replace(hold, mark=one.mark)
        self._holds.append(hold)
        return hold

    def find_long_holds(self, since: float) -> dict[int, LoopHold]:
        """Return those that ended after a time, by their marks."""
        return {hold.mark: hold for hold in self._holds if hold.at > since}


_memories: Final = WeakKeyDictionary[Node, NodeMemory]()


def memory_of(node: Node) -> NodeMemory:
    """Return what the attachments of a node have left."""
    return _memories.setdefault(node, NodeMemory())


def _is_same(one: LoopHold, other: LoopHold) -> bool:
    """Return whether two holds are one: only one can hold the loop at a time."""
    overlap = min(one.at, other.at) - max(one.at - one.seconds, other.at - other.seconds)
    return (one.pid, one.name) == (other.pid, other.name) and overlap > min(one.seconds, other.seconds) / 2
