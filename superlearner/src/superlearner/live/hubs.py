"""The hubs of a platform: its own node's, and those of nodes in its program.

A hub is created with its node, so that it records ends before anyone watches, and closed when the platform detaches
from the node: its viewers are disconnected and the clock drops it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otp import Node, Pid
from superlearner.control.child_requests import ChildRequests
from superlearner.control.clock import Clock
from superlearner.control.terms import plain_pid
from superlearner.control.tree import TreeReader
from superlearner.live.alone import GROUP
from superlearner.live.attached_hub import AttachedHub
from superlearner.live.hub import Hub
from superlearner.nodes.nodes import Nodes, WatchedNode
from superlearner.operations.engine.seams import ChildPast

__all__ = ["Hubs"]


class Hubs:
    """The hubs by node, all on one clock.

    Args:
        node: the platform's own node, which runs the clock.
        head: fields of every snapshot about the platform: epoch, version.
        requests: the requests to stop or start children that are being carried out.
        limits: intervals and limits of a `Hub`.
    """

    def __init__(self, node: Node, head: dict[str, Any], requests: ChildRequests | None = None, **limits: Any) -> None:
        self._head = head
        self._requests = requests
        self._limits = limits
        clock = Clock()
        self.own = Hub(node, TreeReader(clock), clock, {**head, "node": node.name}, requests=requests, **limits)
        self._others: dict[Node, AttachedHub] = {}

    def __iter__(self) -> Iterator[Hub]:
        """Iterate over all hubs, the one of the platform's own node first."""
        yield self.own
        yield from list(self._others.values())

    def has(self, hub: Hub) -> bool:
        """Return whether a hub is one of these and still open."""
        return self.known(hub.node) is hub

    def known(self, node: Node) -> Hub | None:
        """Return the hub of a node, if there is one."""
        return self.own if node is self.own.node else self._others.get(node)

    def past_of(self, node: Node, pid: Pid) -> ChildPast:
        """Return what the hub of a node remembers of the child that a process is."""
        hub = self.known(node)
        key = None if hub is None else hub.model.by_pid.get(plain_pid(pid))
        if hub is None or key is None:
            return ChildPast()
        return ChildPast(key, hub.exits.of(key))

    def born(self, watched: WatchedNode, pid: Pid) -> float | None:
        """Return when a process started; None if that is not recorded.

        Of a child its row tells it. Another row may be younger than its process: the first viewer adds it.
        """
        hub, shown = self.known(watched.node), plain_pid(pid)
        row = None if hub is None else hub.model.rows.get(hub.model.by_pid.get(shown, ""))
        recorded = watched.monitor.births.of(pid)
        if hub is None or row is None or row.parent == GROUP or shown in hub.undated:
            return recorded
        if row.parent is None and recorded is not None:
            return recorded
        return hub.model.started.get(shown, row.since)

    def hurry(self, node: Node) -> None:
        """Have the hub of a node send its next frame immediately."""
        hub = self.known(node)
        if hub is not None:
            hub.hurry()

    def viewer_count(self) -> int:
        """Count the viewers of the platform's own node."""
        return len(self.own.viewers)

    def of(self, watched: WatchedNode) -> Hub:
        """Return the hub of a node."""
        found = self.known(watched.node)
        if found is None:
            clock = Clock()
            head = {**self._head, "node": watched.node.name}
            more: dict[str, Any] = {"carrier": self.own.node, "requests": self._requests, **self._limits}
            found = AttachedHub(watched.node, TreeReader(clock), clock, head, **more)
            found.holder_of = watched.monitor.holder_of
            found.follow()
            self._others[watched.node] = found
        return found

    def keep(self, nodes: Nodes) -> None:
        """Create missing hubs for these nodes and close the hubs of all others."""
        left = {self.of(watched).node for watched in nodes.here()}
        for node in [node for node in self._others if node not in left]:
            self._others.pop(node).close()

    def adopt(self, **limits: Any) -> None:
        """Apply new limits, also to connected viewers."""
        self._limits = limits
        for hub in self:
            hub.adopt(**limits)

    def close(self) -> None:
        """Stop following and disconnect all viewers."""
        for hub in self:
            hub.close()
        self._others.clear()
