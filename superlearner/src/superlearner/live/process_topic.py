"""The `processes` topic: `/live/processes?sort=-mailbox&offset=0&count=50&…`.

There is one lookout per node. A viewer changes range or order by sending `{"k": "look", "ask": {…}}` with the whole
query.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from weakref import WeakValueDictionary

from superlearner.control.clock import Clock
from superlearner.live.node_services import NodeServices
from superlearner.live.process_lookout import Lookout
from superlearner.live.process_question import Question, question_of
from superlearner.live.viewer import Viewer
from superlearner.nodes.nodes import WatchedNode
from superlearner.observing.monitoring import Monitor

__all__ = ["lookout_of", "processes"]

_lookouts: WeakValueDictionary[Monitor, Lookout] = WeakValueDictionary()
"""The lookouts with viewers; nothing is kept for a detached node."""


class _TopicQuery:
    """The lookout of a node, with the query in the URL."""

    def __init__(self, lookout: Lookout, question: Question) -> None:
        self._lookout = lookout
        self._question = question

    def attach(self) -> Viewer:
        return self._lookout.attach(self._question)

    def detach(self, viewer: Viewer) -> None:
        self._lookout.detach(viewer)


def lookout_of(watched: WatchedNode) -> Lookout | None:
    """Return the shared lookout of a node's process viewers; None if there are none."""
    return _lookouts.get(watched.monitor)


async def processes(services: NodeServices, watched: WatchedNode, asked: Mapping[str, str]) -> _TopicQuery:
    """Return the process list of a node."""
    known = lookout_of(watched)
    if known is None:
        head = {**services.head, "node": watched.name}
        known = Lookout(watched.node, partial(services.hubs.born, watched), head, Clock().now)
        _lookouts[watched.monitor] = known
    return _TopicQuery(known, question_of(asked))
