"""The nodes one platform looks into: its own, others of this program, and those in other processes.

One of them is meant where none is named: the person's, if their tree has a node of its own, else the platform's.

What a node of this program does is counted and remembered here; a node in another process does that itself, see
`superlearner.backend`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from otp import Node, observer
from superlearner.nodes.backups import Backups
from superlearner.nodes.remote import Link, RemoteNode
from superlearner.observing.analytics import Ledger
from superlearner.observing.monitoring import Monitor
from superlearner.settings.settings import Settings

__all__ = ["SHARED", "Absence", "Nodes", "WatchedNode", "shared"]

HELLO_S: Final = 10.0
MOST_LEFT: Final = 50

SHARED: Final = (
    "kill_wait", "scan_interval", "max_events_per_supervisor", "keep_traces", "events_kept", "frame_interval",
    "heartbeat_interval", "viewer_queue", "frame_rows", "anomaly_window", "anomaly_restarts", "anomaly_give_up_within",
    "anomaly_mailbox", "anomaly_mailbox_growth", "anomaly_memory_growth", "anomaly_memory_window", "anomaly_callback",
    "anomaly_loop_held", "anomaly_unsupervised_after", "anomaly_monitors", "anomaly_down_unread", "watchdog_after",
)  # fmt: skip
"""The settings that a node in another process goes by, too."""


def shared(settings: Settings) -> dict[str, Any]:
    """The values of those settings."""
    return {name: getattr(settings, name) for name in SHARED}


@dataclass(frozen=True, slots=True, eq=False)
class WatchedNode:
    """A node, what the platform remembers of it, and who owns it: None is nobody, as with the platform's own."""

    node: Node
    analytics: Ledger
    backups: Backups
    monitor: Monitor
    owner: str | None = None

    @property
    def name(self) -> str:
        """How the node is called."""
        return self.node.name


@dataclass(frozen=True, slots=True)
class Absence:
    """Why there is no node of a name, and what to try."""

    why: str
    hint: str


class Nodes:
    """The nodes by name. The platform's own comes first; the others are attached, and left when they close.

    Args:
        settings: answers the values in effect.
        epoch, version: what live pages are told of the platform.
        fault: called with name and what was wrong when a node in another process answers what is no answer.

    >>> import otp
    >>> from superlearner.nodes.nodes import Nodes
    >>> from superlearner.settings.settings import Settings
    >>> async def main():
    ...     nodes = Nodes(Settings)
    ...     async with otp.Node("till@127.0.0.1") as till:
    ...         nodes.attach(till)
    ...         known = [watched.node.name for watched in nodes]
    ...     return known, list(nodes)
    >>> otp.run(main)
    (['till@127.0.0.1'], [])
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        epoch: str = "",
        version: str = "0",
        fault: Callable[[str, str], object] = lambda _name, _what: None,
    ) -> None:
        self._settings = settings
        self._fault = fault
        self._epoch = epoch
        self._version = version
        self.home: Node | None = None
        """The node on which the platform itself runs, as soon as it has started."""
        self.node_of: Callable[[str], str] = str
        """Returns the name of the node that a text means: also the id of a sandbox means its node."""
        self.explainers: list[Callable[[str], Absence | None]] = []
        """Each returns why there is no node of a name, if it knows."""
        self._own: WatchedNode | None = None
        self.default: str | None = None
        """The node that is meant where none is named, if not the platform's own; it may rest, and come back."""
        self._others: dict[str, WatchedNode | RemoteNode] = {}
        self._ends: dict[str, Any] = {}
        self.left: dict[str, str] = {}
        """Why the platform has left the nodes in other processes that were left last."""
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
        self._check_free(node.name)
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

    async def attach_remote(
        self, name: str, link: Link, *, owner: str | None = None, there: str | None = None
    ) -> RemoteNode:
        """Look into a node in another process from now on, over the line to its backend.

        Whoever holds the line calls `detach` when the node is gone.

        Args:
            name: how the node is called.
            link: the line.
            owner: as of `attach`.
            there: how the node calls itself, and its backend has to say the same; None: as it is called here.

        Raises:
            ValueError: a node of this name is looked into already.
            RemoteError: it does not answer as it should.
        """
        self._check_free(name)
        found = RemoteNode(name, link, owner, there)
        found.on_fault = partial(self._fault, name)
        await found.hello(self._epoch, self._version, shared(self._settings()), HELLO_S)
        self._check_free(name)  # many may have come while it answered
        self._others[name] = found
        self._changed()
        return found

    def detach(self, name: str, why: str = "it is not looked into any more") -> None:
        """Let go of an attached node; nothing happens to it. Who waits for its answer is told `why`."""
        found = self._others.pop(name, None)
        if isinstance(found, RemoteNode):
            found.down(f"the node {name} is gone: {why}")
            self.left = dict(
                [*((key, word) for key, word in self.left.items() if key != name), (name, why)][-MOST_LEFT:]
            )
        elif found is not None:
            self._ends.pop(name).close()
            found.analytics.close()
            found.monitor.close()
        if found is not None:
            self._changed()

    def adopt(self) -> None:
        """Tell the nodes in other processes of the settings in effect."""
        for found in self:
            if isinstance(found, RemoteNode):
                found.adopt(shared(self._settings()))

    def is_own(self, name: str) -> bool:
        """Whether it is the platform's own."""
        return self._own is not None and self._own.name == name

    def find(self, name: str | None) -> WatchedNode | RemoteNode | None:
        """The node of this name, for None the one that is meant then; None if it is not looked into (any more)."""
        name = self.default if name is None else name
        if name is None or self.is_own(name):
            return self._own
        self._leave_closed()
        return self._others.get(name)

    def running_home(self) -> Node:
        """Return the node on which the platform runs; there is one as soon as the application has started."""
        if self.home is None:
            raise RuntimeError("the platform has not started; this is a bug of SuperLearner, please report it")
        return self.home

    def absence(self, name: str) -> Absence | None:
        """Return why there is no node of this name, if that is known."""
        return next((found for explain in self.explainers if (found := explain(name)) is not None), None)

    def names(self) -> list[str]:
        """How they are called, the one first that is meant where none is named, though it rest."""
        names = [found.name for found in self]
        return names if self.default is None else [self.default, *(name for name in names if name != self.default)]

    def __iter__(self) -> Iterator[WatchedNode | RemoteNode]:
        """All of them, the platform's own first."""
        self._leave_closed()
        if self._own is not None:
            yield self._own
        yield from list(self._others.values())

    def here(self) -> Iterator[WatchedNode]:
        """Those of this program."""
        return (found for found in self if isinstance(found, WatchedNode))

    def ask_no_more(self) -> None:
        """The platform is about to end: who waits for a node in another process waits no longer."""
        for found in self:
            if isinstance(found, RemoteNode):
                found.down("the platform ends")

    def close(self) -> None:
        """Let go of all; what is known of them stays."""
        self.ask_no_more()
        for found in self.here():
            found.analytics.close()
            found.monitor.close()

    def _check_free(self, name: str) -> None:
        if self.find(name) is not None:
            raise ValueError(f"expected a node of another name, {name} is looked into already")

    def _changed(self) -> None:
        for listener in self._listeners:
            listener(self)

    def _leave_closed(self) -> None:
        for name, watched in list(self._others.items()):
            if isinstance(watched, WatchedNode) and observer.info(watched.node).life == "closed":
                self.detach(name)
