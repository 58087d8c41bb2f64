"""The nodes one platform looks into: its own, and others of this program; and what it remembers of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from otp import Node, observer
from superlearner.analytics import Ledger
from superlearner.arsenal.backups import Backups
from superlearner.monitoring import Monitor
from superlearner.settings import Settings

__all__ = ["Nodes", "WatchedNode"]


@dataclass(frozen=True, slots=True, eq=False)
class WatchedNode:
    """A node, what the platform remembers of it, and who owns it: None is nobody, as with the platform's own."""

    node: Node
    analytics: Ledger
    backups: Backups
    monitor: Monitor
    owner: str | None = None


class Nodes:
    """The nodes by name. The platform's own comes first; the others are attached, and left when they close.

    >>> import otp
    >>> from superlearner.nodes import Nodes
    >>> from superlearner.settings import Settings
    >>> async def main():
    ...     nodes = Nodes(Settings)
    ...     async with otp.Node("till@127.0.0.1") as till:
    ...         nodes.attach(till)
    ...         known = [watched.node.name for watched in nodes]
    ...     return known, list(nodes)
    >>> otp.run(main)
    (['till@127.0.0.1'], [])
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._own: WatchedNode | None = None
        self._others: dict[str, WatchedNode] = {}
        self._ends: dict[str, Any] = {}
        self._listeners: list[Callable[[Nodes], object]] = []

    def listen(self, listener: Callable[[Nodes], object]) -> None:
        """Call `listener` whenever there is a node more or fewer."""
        self._listeners.append(listener)

    def open(self, node: Node, analytics: Ledger, backups: Backups, monitor: Monitor) -> None:
        """Begin with the platform's own node; its supervisors are followed from now on."""
        self._own = WatchedNode(node, analytics, backups, monitor)
        analytics.watch(node)
        monitor.watch(node)

    def attach(self, node: Node, *, owner: str | None = None) -> WatchedNode:
        """Look into one more node of this program; what it does is counted from now on, in memory only.

        Who owns it has every scope on it if they have the scope `own`.

        Raises:
            ValueError: a node of this name is looked into already.
        """
        if self.find(node.name) is not None:
            raise ValueError(f"expected a node of another name, {node.name} is looked into already")
        analytics = Ledger()
        analytics.watch(node)
        monitor = Monitor(self._settings, analytics)
        monitor.watch(node)
        monitor.ready()
        found = self._others[node.name] = WatchedNode(node, analytics, Backups(), monitor, owner)
        end = self._ends[node.name] = node.subscribe(lambda _event: None, kinds={"node_down"})
        end.on_node_end = lambda: self.detach(node.name)
        self._changed()
        return found

    def detach(self, name: str) -> None:
        """Let go of an attached node; nothing happens to it."""
        found = self._others.pop(name, None)
        if found is not None:
            self._ends.pop(name).close()
            found.analytics.close()
            found.monitor.close()
            self._changed()

    def is_own(self, node: Node) -> bool:
        """Whether it is the platform's own."""
        return self._own is not None and self._own.node is node

    def find(self, name: str | None) -> WatchedNode | None:
        """The node of this name, the platform's own for None; None for one that is not looked into (any more)."""
        if name is None or (self._own is not None and name == self._own.node.name):
            return self._own
        self._leave_closed()
        return self._others.get(name)

    def __iter__(self) -> Iterator[WatchedNode]:
        """All of them, the platform's own first."""
        self._leave_closed()
        if self._own is not None:
            yield self._own
        yield from list(self._others.values())

    def close(self) -> None:
        """Let go of all; what is known of them stays."""
        for watched in self:
            watched.analytics.close()
            watched.monitor.close()

    def _changed(self) -> None:
        for listener in self._listeners:
            listener(self)

    def _leave_closed(self) -> None:
        for name, watched in list(self._others.items()):
            if observer.info(watched.node).life == "closed":
                self.detach(name)
