"""The topic `processes`: `/live/processes?sort=-mailbox&offset=0&count=50&…`, one lookout for each node.

A viewer looks at another part, or in another order, by the message `{"k": "look", "ask": {…}}` with the
whole question.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from superlearner.control.clock import Clock
from superlearner.live.process_lookout import Lookout
from superlearner.live.process_question import Question, question_of
from superlearner.live.viewer import Viewer
from superlearner.nodes.nodes import WatchedNode
from superlearner.observing.monitoring import Monitor

if TYPE_CHECKING:
    from superlearner.app.running import Platform

__all__ = ["lookout_of", "processes"]

_lookouts: WeakValueDictionary[Monitor, Lookout] = WeakValueDictionary()
"""Those that somebody looks through: of a node that was left, nothing is kept."""


class _Asked:
    """The lookout of a node, with what the address asks of it."""

    def __init__(self, lookout: Lookout, question: Question) -> None:
        self._lookout = lookout
        self._question = question

    def attach(self) -> Viewer:
        return self._lookout.attach(self._question)

    def detach(self, viewer: Viewer) -> None:
        self._lookout.detach(viewer)


def lookout_of(watched: WatchedNode) -> Lookout | None:
    """What those who look at the processes of a node share; None while nobody does."""
    return _lookouts.get(watched.monitor)


async def processes(platform: Platform, watched: WatchedNode, asked: Mapping[str, str]) -> _Asked:
    """The list of processes of a node."""
    known = lookout_of(watched)
    if known is None:
        head = {"epoch": platform.epoch, "node": watched.node.name, "version": platform.version}
        known = Lookout(watched.node, watched.monitor.births, head, Clock().now)
        _lookouts[watched.monitor] = known
    return _Asked(known, question_of(asked))
