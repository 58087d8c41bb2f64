"""The topics of the live feed: `/live/<topic>?node=…`, each with one source for all who look at the same node.

A source makes its frames once and hands the same bytes to every viewer; see `hub` for the one of supervision trees.
Those of a node in another process are made there, and come over a `relay`.
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

if TYPE_CHECKING:
    from superlearner.app.running import Platform

__all__ = ["OF_PLATFORM", "TOPICS", "LiveSource", "Topic", "source_of"]


class LiveSource(Protocol):
    """Where viewers of one topic and one node get their frames from."""

    def attach(self) -> Viewer:
        """A new viewer; its first frame is a snapshot."""
        ...

    def detach(self, viewer: Viewer) -> None:
        """A viewer has gone."""
        ...


Topic = Callable[["Platform", WatchedNode, Mapping[str, str]], Awaitable[LiveSource | None]]
"""Finds the source for a node and what else the address asks; None when there is none now: try again in a moment."""


async def supervisors(platform: Platform, watched: WatchedNode, asked: Mapping[str, str]) -> LiveSource | None:
    """The supervision trees of a node; `form=short` is the one that the pages read, see `shorthand`."""
    hub = None if platform.hubs is None else platform.hubs.of(watched)
    return hub.short if hub is not None and asked.get("form") == "short" else hub


async def traces(platform: Platform, watched: WatchedNode, asked: Mapping[str, str]) -> LiveSource | None:
    """The traces of a node, and what one of them captures: `trace` is its id."""
    if platform.trace_feeds is None:
        return None
    return platform.trace_feeds.find(platform.traces, watched.node.name, asked.get("trace", "")[:40], platform.epoch)


async def system(platform: Platform, watched: WatchedNode, asked: Mapping[str, str]) -> LiveSource | None:
    """The points of a node as they are made, and its anomalies."""
    del asked
    return system_source(platform, watched)


def log(platform: Platform) -> LiveSource | None:
    """The lines of the log, which is the platform's and so the same for all nodes."""
    return log_source(platform)


def nodes(platform: Platform) -> LiveSource | None:
    """Which nodes there are, whatever node is shown."""
    return platform.node_list


TOPICS: Mapping[str, Topic] = {
    "supervisors": supervisors,
    "traces": traces,
    "system": system,
    "processes": processes,
}

OF_PLATFORM: Mapping[str, Callable[[Platform], LiveSource | None]] = {"log": log, "platform": nodes}
"""Topics that are the same whatever node is shown."""


async def source_of(
    platform: Platform, topic: str, found: WatchedNode | RemoteNode, asked: Mapping[str, str]
) -> LiveSource | None:
    """The source of a topic for a node, wherever that is; None when there is none now."""
    if topic in OF_PLATFORM:
        return OF_PLATFORM[topic](platform)
    if isinstance(found, WatchedNode):
        return await TOPICS[topic](platform, found, asked)
    return None if platform.relays is None else platform.relays.of(found, topic, asked)
