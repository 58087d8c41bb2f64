"""What the runtime sees of the network: nodes that come up and go down, and signals between the two.

A transport keeps six promises, whatever carries its frames:

1. signals of one node arrive in the order in which they were sent, none twice;
2. where a signal is lost, `node_down` comes before any later signal of that node;
3. for each node, `node_up`, its signals and `node_down` alternate strictly;
4. a connection is one for both sides: where one side drops it, the other side is told with the next frame that passes,
   or by time-out;
5. nothing of a connection that ended is ever delivered;
6. that a signal was sent is no promise that it arrived.

Source: the same is what Erlang's distribution channel gives to its runtime (OTP Design Principles, *Distributed
Erlang*; *Signals* in the Erlang Reference Manual).
"""

from __future__ import annotations

from typing import Protocol

from otp.distribution.faults import Fault
from otp.distribution.node_id import NodeId

__all__ = ["Transport", "TransportEvents"]


class TransportEvents(Protocol):
    """What a transport tells, always on the loop, and for each node in this order: up, signals, down.

    Never out of `send`, `connect` or `disconnect`; all three may be called from here.
    """

    def node_up(self, node: NodeId, epoch: int) -> None:
        """A connection to `node` stands, and both sides know the cookie. `epoch` grows with each connection here."""
        ...

    def signal(self, node: NodeId, data: bytes) -> None:
        """`node` sent `data`. Only between `node_up` and `node_down`."""
        ...

    def node_down(self, node: NodeId, reason: str) -> None:
        """The connection ended. `send` already answers False for it.

        `reason`: "timeout" nothing was heard, "leave" the other side ended it, "disconnect" this side did, "reset" the
        other side does not know the connection any more, "gap" frames were lost, "hint" the carrier lost the node,
        "restart" a new start of the same node is here, "overflow" too much was waiting, "malformed" it sent nonsense.
        """
        ...


class Transport(Protocol):
    """What connects a runtime with others. All methods are called on the loop."""

    @property
    def me(self) -> NodeId:
        """This node; its creation is part of every pid that travels."""
        ...

    async def start(self, events: TransportEvents) -> None:
        """Begin to find and to answer other nodes; `events` is told from now on."""
        ...

    def send(self, node: NodeId, signal: bytes) -> bool:
        """Give `signal` the way to `node`; False means no connection (Erlang's noconnection).

        Without a connection one is tried, where the settings allow it; the signal is not kept for that.
        Raises `BadArgument` for a signal larger than the limit.
        """
        ...

    def busy(self, node: NodeId) -> bool:
        """Whether so much waits for `node` that the process that sends should wait (Erlang's busy_dist_port)."""
        ...

    async def drained(self, node: NodeId) -> None:
        """Return once `node` is not busy, or not connected, any more."""
        ...

    def connect(self, node: NodeId) -> None:
        """Try to connect; `node_up` tells of the success. Nothing happens for a connected node."""
        ...

    def disconnect(self, node: NodeId) -> None:
        """End the connection, and try none again until `connect`; the other side is told."""
        ...

    def nodes(self) -> frozenset[NodeId]:
        """The nodes that are connected."""
        ...

    def inject(self, fault: Fault) -> None:
        """Do something wrong on purpose: lose, delay or keep back frames."""
        ...

    async def stop(self) -> None:
        """End all connections, telling the other sides, and be silent. `node_down` is told for each of them."""
        ...
