"""The topics of the live feed, `/live/<topic>?node=…`; one source per node.

A source builds each frame once and sends the same bytes to every viewer; see `hub` for supervision trees. Frames of a
node in another process are built there and come through a `relay`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from superlearner.live.log_source import log_source
from superlearner.live.process_topic import processes
from superlearner.live.system_source import system_source
from superlearner.live.viewer import Viewer
from superlearner.nodes.nodes import WatchedNode
from superlearner.nodes.remote import RemoteNode
from superlearner.operations.rights.users import User

if TYPE_CHECKING:
    from superlearner.app.running import Platform

__all__ = ["OF_PLATFORM", "TOPICS", "LiveSource", "Topic", "source_of"]


class LiveSource(Protocol):
    """A source of frames for viewers of one topic and one node."""

    def attach(self) -> Viewer:
        """Return a new viewer; its first frame is a snapshot."""
        ...

    def detach(self, viewer: Viewer) -> None:
        """Remove a viewer."""
        ...


Topic = Callable[["Platform", WatchedNode, Mapping[str, str]], Awaitable[LiveSource | None]]
"""A function that returns the source for a node and query; None if not yet there."""


async def supervisors(platform: Platform, watched: WatchedNode, asked: Mapping[str, str]) -> LiveSource | None:
    """Return a node's supervision trees."""
    del asked
    return None if platform.hubs is None else platform.hubs.of(watched)


async def traces(platform: Platform, watched: WatchedNode, asked: Mapping[str, str]) -> LiveSource | None:
    """Return the traces of a node, with the messages of the one whose id is `trace`."""
    if platform.trace_feeds is None:
        return None
    return platform.trace_feeds.find(platform.traces, watched.node.name, asked.get("trace", "")[:40], platform.epoch)


async def system(platform: Platform, watched: WatchedNode, asked: Mapping[str, str]) -> LiveSource | None:
    """Return the metrics and anomalies of a node."""
    del asked
    return system_source(platform, watched)


def log(platform: Platform, user: User) -> LiveSource | None:
    """Return the lines of the log, which belongs to the platform and so to all nodes."""
    return log_source(platform, user)


def nodes(platform: Platform, user: User) -> LiveSource | None:
    """Return the list of nodes, whatever node is shown."""
    return None if platform.node_list is None else platform.node_list.of(user)


TOPICS: Mapping[str, Topic] = {
    "supervisors": supervisors,
    "traces": traces,
    "system": system,
    "processes": processes,
}

OF_PLATFORM: Mapping[str, Callable[[Platform, User], LiveSource | None]] = {"log": log, "platform": nodes}
"""Topics that do not depend on the shown node."""


async def source_of(
    platform: Platform, topic: str, found: WatchedNode | RemoteNode, asked: Mapping[str, str], user: User
) -> LiveSource | None:
    """Return a topic's source for a local or remote node; None if not yet there."""
    if topic in OF_PLATFORM:
        return OF_PLATFORM[topic](platform, user)
    if isinstance(found, WatchedNode):
        return await TOPICS[topic](platform, found, asked)
    return None if platform.relays is None else platform.relays.of(found, topic, asked)
