"""The hubs of a platform: that of its own node, and one for each node of this program that is attached.

A hub is made with its node, so that it knows of the ends before somebody looks, and given up when the platform leaves
the node: its viewers are told, and the clock forgets it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from otp import Node
from superlearner.control.clock import Clock
from superlearner.control.tree import TreeReader
from superlearner.live.attached_hub import AttachedHub
from superlearner.live.hub import Hub
from superlearner.nodes.nodes import Nodes, WatchedNode

__all__ = ["Hubs"]


class Hubs:
    """See the module's text.

    Args:
        node: the platform's own, on which the clock lives.
        head: what every snapshot says of the platform: epoch, version.
        critical: registered names of processes that the platform needs.
        limits: intervals and bounds, as of `Hub`.
    """

    def __init__(self, node: Node, head: dict[str, Any], critical: Collection[str], **limits: Any) -> None:
        self._head = head
        self._limits = limits
        clock = Clock()
        self.own = Hub(node, TreeReader(clock, critical), clock, {**head, "node": node.name}, **limits)
        self._others: dict[Node, AttachedHub] = {}

    def __iter__(self) -> Iterator[Hub]:
        """All of them, the one of the platform's own node first."""
        yield self.own
        yield from list(self._others.values())

    def has(self, hub: Hub) -> bool:
        """Whether it is one of these, and not given up."""
        return self.known(hub.node) is hub

    def known(self, node: Node) -> Hub | None:
        """The hub of a node, if there is one."""
        return self.own if node is self.own.node else self._others.get(node)

    def of(self, watched: WatchedNode) -> Hub:
        """The hub of a node."""
        found = self.known(watched.node)
        if found is None:
            clock = Clock()
            head = {**self._head, "node": watched.node.name}
            found = AttachedHub(watched.node, TreeReader(clock), clock, head, carrier=self.own.node, **self._limits)
            found.follow()
            self._others[watched.node] = found
        return found

    def keep(self, nodes: Nodes) -> None:
        """Have a hub for each of these nodes, and give up those of others."""
        left = {self.of(watched).node for watched in nodes.here()}
        for node in [node for node in self._others if node not in left]:
            self._others.pop(node).close()

    def adopt(self, **limits: Any) -> None:
        """Go on with other limits, for those who look already, too."""
        self._limits = limits
        for hub in self:
            hub.adopt(**limits)

    def close(self) -> None:
        """Stop following, send all viewers away."""
        for hub in self:
            hub.close()
        self._others.clear()
