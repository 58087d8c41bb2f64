"""The nodes that one platform observes, in its program and in others.

The default node is the user's, if their tree has a separate node, else the platform's. If the platform runs no tree,
requests without a node are about the only attached service.

For a node in this program, events are counted and stored here; a node in another process does that itself, see
`superlearner.backend`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from otp import Node, observer
from otp.observer import LastStates, keep_last_states
from superlearner.control.listing import processes_of
from superlearner.control.terms import short_state
from superlearner.nodes.backups import Backups
from superlearner.nodes.kinds import LOCAL, PLATFORM, SERVICE, SIMULATED_HOST, NodeKind
from superlearner.nodes.remote import Link, RemoteNode
from superlearner.observing.analytics import Ledger
from superlearner.observing.monitoring import ANOMALY_EVENTS, Monitor
from superlearner.settings.settings import Settings

__all__ = [
    "GONE",
    "SHARED",
    "Absence",
    "NameTaken",
    "Nodes",
    "WatchedNode",
    "full_name",
    "full_names",
    "is_only_lost",
    "shared",
]

GONE: Final = " no longer exists"
"""These words of the reason why a node was detached say that its process has ended."""
HELLO_S: Final = 10.0
MOST_LEFT: Final = 50

SHARED: Final = (
    "kill_wait", "scan_interval", "max_events_per_supervisor", "keep_traces", "events_kept", "frame_interval",
    "heartbeat_interval", "viewer_queue", "frame_rows", "anomaly_window", "anomaly_restarts", "anomaly_give_up_within",
    "anomaly_mailbox", "anomaly_mailbox_growth", "anomaly_mailbox_wait", "anomaly_memory_growth",
    "anomaly_memory_window", "anomaly_process_growth", "anomaly_callback", "anomaly_loop_held",
    "anomaly_unsupervised_after", "anomaly_monitors", "anomaly_down_unread", "watchdog_after",
)  # fmt: skip
"""The settings that also apply to nodes in other processes."""

AnomalyHandler = Callable[[str, str, Mapping[str, float], Mapping[str, Any]], object]
"""A handler of telemetry about anomalies; its first argument is the name of their node."""


def full_name(name: str) -> str:
    """Return the name of a node with its host.

    >>> full_name("b"), full_name("b@10.0.0.5")
    ('b@127.0.0.1', 'b@10.0.0.5')
    """
    return name if "@" in name else f"{name}@127.0.0.1"


def full_names(name: str) -> list[str]:
    """Return the names that a node may have, as `name` may be its short one.

    >>> full_names("n1"), full_names("b@10.0.0.5")
    (['n1', 'n1@127.0.0.1', 'n1@simulated'], ['b@10.0.0.5'])
    """
    return [name] if "@" in name else [name, full_name(name), f"{name}@{SIMULATED_HOST}"]


def shared(settings: Settings) -> dict[str, Any]:
    """Return the values of those settings."""
    return {name: getattr(settings, name) for name in SHARED}


def is_only_lost(why: str) -> bool:
    """Return whether the program of a node may run on, by the reason why it was detached.

    >>> is_only_lost("it was detached"), is_only_lost("its process 4893 no longer exists")
    (True, False)
    """
    return GONE not in why


class NameTaken(ValueError):
    """A node of this name is attached already.

    Attributes:
        name: the name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is already attached; select it with --node {name}, or give another node another name")
        self.name = name


@dataclass(frozen=True, slots=True, eq=False)
class WatchedNode:
    """A node in this program, its kind, its history, and its owner, if it has one."""

    node: Node
    kind: NodeKind
    analytics: Ledger
    backups: Backups
    monitor: Monitor
    last_states: LastStates
    owner: str | None = None

    @property
    def name(self) -> str:
        """Return the node's name."""
        return self.node.name


@dataclass(frozen=True, slots=True)
class Absence:
    """Reason why no node has a name, with a suggestion; a node that `is_awaited` may come back by itself."""

    why: str
    hint: str
    is_awaited: bool = False


def _last_states(node: Node) -> LastStates:
    return keep_last_states(node, show=short_state)


class Nodes:
    """The nodes by name; the platform's own comes first.

    Args:
        home: the node on which the platform itself runs.
        settings: returns the settings in effect.
        epoch, version: facts about the platform for live pages.
        fault: called with a node's name and a description when a node in another process sends an invalid answer.

    >>> import otp
    >>> from superlearner.nodes.nodes import Nodes
    >>> from superlearner.settings.settings import Settings
    >>> async def main():
    ...     nodes = Nodes(otp.Node("home@127.0.0.1"), Settings)
    ...     async with otp.Node("till@127.0.0.1") as till:
    ...         nodes.attach(till)
    ...         known = [watched.node.name for watched in nodes]
    ...     return known, list(nodes)
    >>> otp.run(main)
    (['till@127.0.0.1'], [])
    """

    def __init__(
        self,
        home: Node,
        settings: Callable[[], Settings],
        epoch: str = "",
        version: str = "0",
        fault: Callable[[str, str], object] = lambda _name, _what: None,
    ) -> None:
        self.home = home
        self._settings = settings
        self._fault = fault
        self._epoch = epoch
        self._version = version
        self.node_of: Callable[[str], str] = str
        """Returns the name of the node that a string refers to; the id of a sandbox refers to its node."""
        self.explainers: list[Callable[[str], Absence | None]] = []
        """Each returns why there is no node of a name, if it knows."""
        self.on_anomaly: AnomalyHandler = lambda _node, _event, _measured, _about: None
        """Called with what the monitors of the other nodes of this program report about anomalies."""
        self._own: WatchedNode | None = None
        self.default: str | None = None
        """The default node, if it is not the platform's own; it may stop and come back."""
        self.runs_no_tree = False
        """The platform was started without a tree, to look at services."""
        self._others: dict[str, WatchedNode | RemoteNode] = {}
        self._ends: dict[str, Any] = {}
        self.called: str | None = None
        """Beside an observed node: the name that it has on the platform, if commands need it."""
        self.operates = True
        """Beside an observed node: whether its service permits commands that change its processes."""
        self.left: dict[str, str] = {}
        """The reasons why the latest nodes in other processes were detached."""
        self.awaited: dict[str, str] = {}
        """The services that are looked for, each with a sentence about that, by the names of their nodes."""
        self.missed: dict[str, str] = {}
        """The services that did not come back, each with a sentence about that, by the names of their nodes."""
        self.holds: dict[str, str] = {}
        """Sentences about the code that holds the event loops of services now, by the names of their nodes."""
        self._listeners: list[Callable[[Nodes], object]] = []

    def listen(self, listener: Callable[[Nodes], object]) -> None:
        """Call `listener` whenever a node is added or removed."""
        self._listeners.append(listener)

    def open(self, analytics: Ledger, backups: Backups, monitor: Monitor) -> None:
        """Start watching the platform's own node."""
        node = self.home
        self._own = WatchedNode(node, PLATFORM, analytics, backups, monitor, _last_states(node))
        monitor.called = partial(self.option_of, node.name)
        analytics.watch(node)
        monitor.watch(node)
        self._changed()

    def attach(self, node: Node, *, owner: str | None = None, kind: NodeKind = LOCAL) -> WatchedNode:
        """Attach another node of this program; record its events in memory.

        The owner has every scope on it if they have the `own` scope.

        Raises:
            ValueError: a node of this name is already attached.
        """
        self._check_free(node.name)
        analytics = Ledger()
        analytics.watch(node)
        monitor = Monitor(self._settings, analytics)
        monitor.called = partial(self.option_of, node.name)
        monitor.operates = lambda: self.operates
        monitor.telemetry.attach(partial(self.on_anomaly, node.name), *ANOMALY_EVENTS)
        monitor.watch(node)
        monitor.ready()
        if kind is SERVICE:  # it has run before; what a tree of ours does while it starts is no fault
            monitor.take_over()
        found = self._others[node.name] = WatchedNode(
            node, kind, analytics, Backups(), monitor, _last_states(node), owner
        )
        end = self._ends[node.name] = node.subscribe(lambda _event: None, kinds={"node_down"})
        end.on_node_end = lambda: self.detach(node.name)
        self._changed()
        return found

    async def attach_remote(
        self,
        name: str,
        link: Link,
        *,
        owner: str | None = None,
        there: str | None = None,
        kind: NodeKind = SERVICE,
    ) -> RemoteNode:
        """Attach a node in another process over the link to its backend.

        The owner of the link must call `detach` when the node is gone.

        Args:
            name: the name of the node here.
            link: the connection to its backend.
            owner: as for `attach`.
            there: the name that its backend must report; None for the same name.
            kind: the kind of the node.

        Raises:
            NameTaken: a node of this name is already attached.
            RemoteError: it does not answer as expected.
        """
        self._check_free(name)
        found = RemoteNode(name, link, owner, there, kind)
        found.on_fault = partial(self._fault, name)
        await found.hello(self._epoch, self._version, shared(self._settings()), HELLO_S)
        self._check_free(name)  # others may have been attached meanwhile
        self._others[name] = found
        self._changed()
        return found

    def detach(self, name: str, why: str = "it was detached", what: str = "is gone") -> None:
        """Detach a node; it keeps running. Callers that wait for its answer get `why`.

        Args:
            name: the name of the node.
            why: the reason.
            what: its state, for those callers: `is silent` if it is running but does not answer.
        """
        found = self._others.pop(name, None)
        if isinstance(found, RemoteNode):
            found.down(f"the node {name} {what}: {why}")
            self.keep_reason(name, why)
        elif found is not None:
            self._ends.pop(name).close()
            found.analytics.close()
            found.monitor.close()
            found.last_states.close(forget=found.kind is not SERVICE)  # it runs on, and may be attached again
        if found is not None:
            self._changed()

    def forget(self, name: str) -> None:
        """Show no longer why a node was detached: it will not come back."""
        self.keep_reason(name, "it was forgotten")
        self._changed()

    def keep_reason(self, name: str, why: str) -> None:
        """Keep why a node was detached; call `wait_for` or another method that shows it."""
        self.left = dict([*((key, word) for key, word in self.left.items() if key != name), (name, why)][-MOST_LEFT:])

    def wait_for(self, name: str, why: str) -> None:
        """Show that a node is looked for."""
        if self.awaited.get(name) != why:
            self.awaited[name] = why
            self._changed()

    def stop_waiting(self, name: str, missed: str | None = None) -> None:
        """Show no longer that a node is looked for, but that it did not come back if `missed` says so."""
        before = self.awaited.pop(name, None), self.missed.pop(name, None)
        if missed is not None:
            self.missed[name] = missed
        if before != (None, missed):
            self._changed()

    def show_hold(self, name: str, text: str | None) -> None:
        """Show what holds the event loop of a service, which therefore does not answer; None: it answers again."""
        self.holds = {key: word for key, word in self.holds.items() if key != name} | ({name: text} if text else {})
        if isinstance(found := self._others.get(name), RemoteNode):
            found.show_hold(text)
        self._changed()

    def adopt(self) -> None:
        """Send the settings in effect to the nodes in other processes."""
        for found in self:
            if isinstance(found, RemoteNode):
                found.adopt(shared(self._settings()))

    def find(self, name: str | None) -> WatchedNode | RemoteNode | None:
        """Return the node of this name, or the default; None if it is not attached.

        `b` is also `b@127.0.0.1`, and `n1` is also `n1@simulated`.
        """
        name = self.default if name is None else name
        if name is None:
            return self._own
        self._leave_closed()
        for full in full_names(name):
            if self._own is not None and self._own.name == full:
                return self._own
            if full in self._others:
                return self._others[full]
        return None

    def find_services(self) -> list[str]:
        """Return the attached and awaited services beside a platform without a tree of its own; else none."""
        if not self.runs_no_tree:
            return []
        return sorted({*(found.name for found in self if found.kind is SERVICE), *self.awaited})

    def find_only_service(self) -> str | None:
        """Return the only attached or awaited service beside a platform without a tree of its own; None if none is."""
        services = self.find_services()
        return services[0] if len(services) == 1 and not processes_of(self.home) else None

    def option_of(self, name: str | None) -> str | None:
        """Return the value of `--node` in commands about this node; None if they act on it without that."""
        if self._own is None:
            return self.called
        default = None if self.find_services() else self.default or self._own.name
        return None if name in (None, default) else name

    def absence(self, name: str) -> Absence | None:
        """Return why there is no node with this full or short name, if known."""
        asked = ((explain, full) for full in full_names(name) for explain in self.explainers)
        return next((found for explain, full in asked if (found := explain(full)) is not None), None)

    def names(self) -> list[str]:
        """Return the names of all nodes; the default comes first, even if stopped."""
        names = [found.name for found in self]
        return names if self.default is None else [self.default, *(name for name in names if name != self.default)]

    def __iter__(self) -> Iterator[WatchedNode | RemoteNode]:
        """Iterate over all nodes, the platform's own first."""
        self._leave_closed()
        if self._own is not None:
            yield self._own
        yield from list(self._others.values())

    def here(self) -> Iterator[WatchedNode]:
        """Return the nodes of this program."""
        return (found for found in self if isinstance(found, WatchedNode))

    def fail_pending_requests(self) -> None:
        """Fail all pending requests to nodes in other processes."""
        for found in self:
            if isinstance(found, RemoteNode):
                found.down("the platform is shutting down")

    def close(self) -> None:
        """Stop watching all nodes; their history is kept."""
        self.fail_pending_requests()
        for found in self.here():
            found.analytics.close()
            found.monitor.close()
            found.last_states.close()

    def _check_free(self, name: str) -> None:
        if self.find(name) is not None:
            raise NameTaken(name)

    def _changed(self) -> None:
        for listener in self._listeners:
            listener(self)

    def _leave_closed(self) -> None:
        for name, watched in list(self._others.items()):
            if isinstance(watched, WatchedNode) and observer.info(watched.node).life == "closed":
                self.detach(name)
