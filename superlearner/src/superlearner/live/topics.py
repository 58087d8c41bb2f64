"""The topics of the live feed about a node, `/live/<topic>?node=…`; one source per node.

A source builds each frame once and sends the same bytes to every viewer; see `hub` for supervision trees. Frames of a
node in another process are built there and come through a `relay`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from superlearner.live.node_services import NodeServices
from superlearner.live.process_topic import processes
from superlearner.live.system_source import system_source
from superlearner.live.viewer import Viewer
from superlearner.nodes.nodes import WatchedNode

__all__ = ["TOPICS", "LiveSource", "Topic"]


class LiveSource(Protocol):
    """A source of frames for viewers of one topic and one node."""

    def attach(self) -> Viewer:
        """Return a new viewer; its first frame is a snapshot."""
        ...

    def detach(self, viewer: Viewer) -> None:
        """Remove a viewer."""
        ...


Topic = Callable[[NodeServices, WatchedNode, Mapping[str, str]], Awaitable[LiveSource]]
"""A function that returns the source for a node and query."""


async def supervisors(services: NodeServices, watched: WatchedNode, asked: Mapping[str, str]) -> LiveSource:
    """Return a node's supervision trees."""
    del asked
    return services.hubs.of(watched)


async def traces(services: NodeServices, watched: WatchedNode, asked: Mapping[str, str]) -> LiveSource:
    """Return the traces of a node, with the messages of the one whose id is `trace`."""
    return services.trace_feeds.find(services.traces, watched.name, asked.get("trace", "")[:40], services.epoch)


async def system(services: NodeServices, watched: WatchedNode, asked: Mapping[str, str]) -> LiveSource:
    """Return the metrics and anomalies of a node."""
    del asked
    return system_source(services, watched)


TOPICS: Mapping[str, Topic] = {
    "supervisors": supervisors,
    "traces": traces,
    "system": system,
    "processes": processes,
}
