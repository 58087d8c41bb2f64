"""The runtime's view of the network: nodes that come up and go down, and signals in between.

A transport gives six guarantees, with any carrier of its frames:

1. signals of one sender to a node arrive in the order in which they were sent, none twice; a large signal may be passed
   by those of other senders;
2. if a signal is lost, `node_down` comes before any later signal of that node;
3. for each node, `node_up`, its signals and `node_down` alternate strictly;
4. both sides share one connection: if one side drops it, the other side is notified with the next frame that passes, or
   by time-out;
5. nothing of a connection that ended is delivered later;
6. sending a signal does not guarantee that it arrives.

Source: Erlang's distribution channel gives its runtime the same guarantees (OTP Design Principles, *Distributed
Erlang*; *Signals* in the Erlang Reference Manual).
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from otp.distribution.faults import Fault
from otp.distribution.node_id import NodeId
from otp.distribution.parts import Parts

__all__ = ["Transport", "TransportEvents"]


class TransportEvents(Protocol):
    """The callbacks of a transport, always on the loop, and for each node in this order: up, signals, down.

    They are never called from inside `send`, `connect` or `disconnect`; all three may be called from here.
    """

    def node_up(self, node: NodeId, epoch: int) -> None:
        """Handle a connection to `node`, proven by the cookie. `epoch` grows with each connection here."""
        ...

    def signal(self, node: NodeId, data: bytes | Parts) -> None:
        """Handle a signal of `node`, only between `node_up` and `node_down`."""
        ...

    def node_down(self, node: NodeId, reason: str) -> None:
        """Handle the end of the connection; `send` already returns False for it.

        `reason`: "timeout" the node was silent, "leave" the other side ended it, "disconnect" this side did, "reset"
        the other side no longer has the connection, "gap" frames were lost, "hint" the carrier lost the node, "restart"
        a new incarnation of the node is here, "malformed" it sent invalid data.
        """
        ...


class Transport(Protocol):
    """The connections of a runtime with others. All methods are called on the loop."""

    @property
    def me(self) -> NodeId:
        """This node; its creation is part of every pid that travels."""
        ...

    async def start(self, events: TransportEvents) -> None:
        """Start finding and answering other nodes; `events` is notified from now on."""
        ...

    def send(self, node: NodeId, signal: bytes | Parts, sender: int = 0) -> bool:
        """Send a signal of a sender to `node`; False means no connection (Erlang's noconnection).

        `sender` is the number of a process here, whose signals keep their order; 0 stands for all others. Without a
        connection one is tried, if the settings allow it; the signal is not kept. Raises `BadArgument` for a signal
        larger than the limit.
        """
        ...

    def busy(self, node: NodeId) -> bool:
        """Return whether so much waits for `node` that senders should wait (Erlang's busy_dist_port)."""
        ...

    def full(self, node: NodeId) -> bool:
        """Return whether so much waits for `node` that nothing may be added: four times as much."""
        ...

    def until_drained(self, node: NodeId) -> asyncio.Future[None]:
        """Return a future that is done when `node` is no longer busy or connected."""
        ...

    async def drained(self, node: NodeId) -> None:
        """Return when `node` is no longer busy or connected."""
        ...

    def connect(self, node: NodeId) -> None:
        """Try to connect; `node_up` reports success. No effect for a connected node."""
        ...

    def disconnect(self, node: NodeId) -> None:
        """End the connection, notify the other side, and do not reconnect until `connect`."""
        ...

    def nodes(self) -> frozenset[NodeId]:
        """Return the connected nodes."""
        ...

    def inject(self, fault: Fault) -> None:
        """Inject a fault: lose, delay or hold frames."""
        ...

    async def stop(self) -> None:
        """End all connections, notify the other sides, and stop; `node_down` is called for each of them."""
        ...
