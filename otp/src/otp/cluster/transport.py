"""The connections of a member: session, carrier and distribution, with a membership that is notified of each event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from otp.distribution import Distribution, Incarnations, NodeId, Session, SessionTransport, TransportEvents
from otp.distribution import signals as wire_signals
from otp.distribution.actions import Action, Outdated, Refused, Taken
from otp.distribution.carriers.carrier import Carrier, OnFrame, OnHint
from otp.distribution.remote_node import RemoteNode
from otp.distribution.remote_pid import RemoteProcess

__all__ = ["MemberDistribution", "MemberTransport", "Observer"]


class Observer(Protocol):
    """The part of a membership that its transport notifies, always on the loop."""

    over: bool
    """True once the member has left."""

    def hinted(self, node: NodeId, present: bool) -> bool:
        """Handle a hint of the carrier; return whether the session should follow it."""
        ...

    def connected(self, node: NodeId) -> None:
        """Handle a new connection."""
        ...

    def ended(self, node: NodeId, reason: str) -> None:
        """Handle the end of a connection, after its effects on links and monitors."""
        ...

    def told(self, node: NodeId, message: tuple[Any, ...]) -> None:
        """Handle a message of the membership of another node."""
        ...

    def refused(self, node: NodeId, reason: Any, text: str) -> None:
        """Handle a refused node; `reason` is as in `JoinRefused`, or None."""
        ...

    def outdated(self, node: NodeId, known: int) -> None:
        """Handle that `node` knows a higher incarnation of this node."""
        ...

    def taken(self, node: NodeId) -> None:
        """Handle that `node` refuses this one, because another living node has its name."""
        ...

    async def farewell(self) -> None:
        """Prepare for the end of all connections."""
        ...

    def finish(self) -> None:
        """Handle the end of all connections."""
        ...


class _Hints:
    """A carrier whose hints the observer sees first."""

    def __init__(self, carrier: Carrier, observer: Observer) -> None:
        self._carrier = carrier
        self._observer = observer
        self.put = carrier.put  # without a call in between, since it is called for every frame
        self.room = carrier.room
        self.arrived = carrier.arrived
        self.on_room: Callable[[NodeId], object] = lambda _: None

    async def start(self, me: NodeId, on_frame: OnFrame, on_hint: OnHint) -> None:
        observer = self._observer

        def hint(node: NodeId, present: bool) -> None:
            if observer.hinted(node, present):
                on_hint(node, present)

        self._carrier.on_room = self.on_room
        await self._carrier.start(me, on_frame, hint)

    async def close(self) -> None:
        await self._carrier.close()


class _Events:
    """The events of a transport, for the distribution and then for the observer."""

    def __init__(self, events: TransportEvents, observer: Observer) -> None:
        self._events = events
        self._observer = observer
        self.signal = events.signal

    def node_up(self, node: NodeId, epoch: int) -> None:
        self._events.node_up(node, epoch)
        self._observer.connected(node)

    def node_down(self, node: NodeId, reason: str) -> None:
        self._events.node_down(node, reason)
        self._observer.ended(node, reason)


class MemberTransport(SessionTransport):
    """A session over a carrier whose events an observer sees."""

    def __init__(
        self, carrier: Carrier, session: Session, observer: Observer, incarnations: Incarnations | None
    ) -> None:
        super().__init__(_Hints(carrier, observer), session, incarnations=incarnations)
        self._observer = observer

    def hold(self) -> None:
        """From now on this node refuses others of its name: it was accepted."""
        self._session.holds = True

    def confirm(self, node: NodeId) -> None:
        """Refuse older incarnations of `node` from now on."""
        self._session.confirm(node)

    def renew(self, node: NodeId) -> None:
        """Replace the connection with `node` by a new one."""
        self._ask(self._session.renew(self._loop.time(), node))

    async def start(self, events: TransportEvents) -> None:
        """Start finding and answering other nodes."""
        await super().start(_Events(events, self._observer))

    def _do_one(self, action: Action) -> None:
        if isinstance(action, (Refused, Outdated, Taken)):  # these are rare
            self._report_refusal(action)
        super()._do_one(action)

    def _report_refusal(self, action: Refused | Outdated | Taken) -> None:
        if isinstance(action, Refused):
            self._observer.refused(action.node, action.reason, action.text)
        elif isinstance(action, Outdated):
            self._observer.outdated(action.node, action.known)
        else:
            self._observer.taken(action.node)


class MemberDistribution(Distribution):
    """The distribution of a member; messages between memberships are requests to the node itself.

    Such a request comes with the node that has proven itself in the handshake, so a member speaks for itself only.
    """

    cluster: Any = None
    """The `Cluster`, once it has joined."""
    closing: asyncio.Task[None] | None = None
    """The request that closes the session in the store of leases, once this member has left."""
    observer: Observer
    member_transport: MemberTransport

    def asked(self, peer: RemoteNode, number: int, caller: RemoteProcess | None, request: Any) -> None:
        """Handle a request of another node to this node itself."""
        match request:
            case ("cluster", *rest):
                self.observer.told(peer.id, ("cluster", *rest))
            case _:
                super().asked(peer, number, caller, request)

    def tell(self, node: NodeId, message: tuple[Any, ...]) -> bool:
        """Send a message to the membership of a connected node; return False if it is not connected."""
        peer = self._up.get(node.name)
        if peer is None or peer.id != node:
            return False
        return peer.say(wire_signals.Call, 0, 0, 0, False, term=message, sender=0)

    def ties(self, node: NodeId) -> int:
        """Return how many links, monitors and calls there are between this node and another one."""
        peer = self._known.get(node)
        return 0 if peer is None else len(peer.links) + len(peer.monitors) + len(peer.calls)

    async def drain(self, timeout: float) -> None:
        """Move the children of distributed supervisors to other members, unless this one has left."""
        if self.cluster is not None and not self.observer.over:
            await self.cluster.drain(timeout)

    async def stop(self) -> None:
        """End all connections, after telling the others."""
        await self.observer.farewell()
        try:
            await super().stop()
        finally:
            self.observer.finish()
        if self.closing is not None:
            await asyncio.shield(self.closing)
