"""Findings about a node that the next attachment takes over; they are kept as long as the node exists.

The node's own memory has no metrics and no anomalies. It has no lines of long holds, and no holds outside of processes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final
from weakref import WeakKeyDictionary

from otp import Node
from otp.redaction import without_secrets
from otp.watchdog import find_held
from superlearner.observing.monitoring.alarms import Alarms
from superlearner.observing.monitoring.facts import LoopHold
from superlearner.observing.monitoring.points import History

__all__ = ["LONG_S", "NodeMemory", "memory_of", "with_line"]

LONGEST: Final = 200
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
    seen: int = 0
    """The number of the last event up to which attachments have stored the crashes."""
    _holds: deque[LoopHold] = field(default_factory=lambda: deque[LoopHold](maxlen=KEPT))

    _stops: deque[tuple[float, float]] = field(default_factory=lambda: deque[tuple[float, float]](maxlen=KEPT))

    def note_stop(self, since: float, until: float) -> None:
        """Keep a time in which no code of the program ran (node's clock), once for all attachments that measure it."""
        if not any(begun < until and since < over for begun, over in self.stops):
            self._stops.append((since, until))

    @property
    def stops(self) -> tuple[tuple[float, float], ...]:
        """The times in which no code of the program ran; another thread may add one at any time."""
        return tuple(self._stops)

    def stopped_within(self, since: float, until: float) -> float:
        """Return for how many seconds of a period no code of the program ran.

        >>> memory = NodeMemory()
        >>> memory.note_stop(10.0, 20.0)
        >>> memory.note_stop(10.1, 20.1)
        >>> memory.stops, memory.stopped_within(5.0, 12.0), memory.stopped_within(20.0, 30.0)
        (((10.0, 20.0),), 2.0, 0)
        """
        return sum(min(over, until) - max(begun, since) for begun, over in self.stops if begun < until and since < over)

    def note_long_hold(self, hold: LoopHold) -> LoopHold:
        """Keep a hold once for all attachments that measure it; return it with their common mark."""
        for one in self._holds:
            if _is_same(one, hold):
                return replace(hold, mark=one.mark)
        self._holds.append(hold)
        return hold

    def find_long_holds(self, since: float) -> dict[int, LoopHold]:
        """Return the long holds that ended after a time, by their marks."""
        return {hold.mark: hold for hold in self._holds if hold.at > since}


_memories: Final = WeakKeyDictionary[Node, NodeMemory]()


def memory_of(node: Node) -> NodeMemory:
    """Return the memory of a node; it is empty at first."""
    return _memories.setdefault(node, NodeMemory())


def with_line(hold: LoopHold, node: Node, until: float) -> LoopHold:
    """Return a hold, which ended at `until` (node's clock), with the process and line that a watchdog saw, if any.

    While no platform is attached, only the watchdog of the node's door sees them.
    """
    held = find_held(node, until - hold.seconds, until)
    if held is None or (held.pid is None and held.name is None):
        return hold
    pid = None if held.pid is None else held.pid.strip("<>")
    if pid is not None and pid == hold.pid:
        return replace(hold, place=held.place)
    name = None if held.name is None else without_secrets(held.name, LONGEST)
    return replace(hold, pid=pid, name=name, what=held.function, place=held.place)


def _is_same(one: LoopHold, other: LoopHold) -> bool:
    """Return whether two holds are one: only one can hold the loop at a time."""
    overlap = min(one.at, other.at) - max(one.at - one.seconds, other.at - other.seconds)
    return (one.pid, one.name) == (other.pid, other.name) and overlap > min(one.seconds, other.seconds) / 2
