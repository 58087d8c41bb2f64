"""The last long holds of a node's event loop, for the next attachment.

The memory of the node has no lines, and none outside of processes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Final
from weakref import WeakKeyDictionary

from otp import Node
from superlearner.observing.monitoring.facts import LoopHold

__all__ = ["LONG_S", "find_long_holds", "note_long_hold"]

LONG_S: Final = 5.0
"""Seconds of a hold that may end the attachment that sees it."""
KEPT: Final = 200
_long_holds: Final = WeakKeyDictionary[Node, deque[LoopHold]]()


def note_long_hold(node: Node, hold: LoopHold) -> LoopHold:
    """Keep a hold, once for all attachments that measure it; return it with the mark that it has for all."""
    kept = _long_holds.setdefault(node, deque(maxlen=KEPT))
    for one in kept:
        if _is_same(one, hold):
            return replace(hold, mark=one.mark)
    kept.append(hold)
    return hold


def find_long_holds(node: Node, since: float) -> dict[int, LoopHold]:
    """Return those that ended after a time, by their marks."""
    return {hold.mark: hold for hold in _long_holds.get(node, ()) if hold.at > since}


def _is_same(one: LoopHold, other: LoopHold) -> bool:
    """Return whether two holds are one: only one can hold the loop at a time."""
    overlap = min(one.at, other.at) - max(one.at - one.seconds, other.at - other.seconds)
    return (one.pid, one.name) == (other.pid, other.name) and overlap > min(one.seconds, other.seconds) / 2
