"""A way to other nodes: a transport, and the rights of the nodes connected by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from otp.distribution import serving
from otp.distribution.node_id import NodeId
from otp.distribution.parts import Parts
from otp.distribution.transport import Transport
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.pids import Pid

if TYPE_CHECKING:
    from otp.distribution.distribution import Distribution

__all__ = ["Door"]


class Door:
    """A transport of a distribution, and its `TransportEvents`."""

    __slots__ = ("confined", "distribution", "services", "spawnable", "transport")

    def __init__(
        self,
        distribution: Distribution,
        transport: Transport,
        spawnable: Iterable[str],
        services: Mapping[Any, Pid] | None,
        confined: bool,
    ) -> None:
        name = distribution.node.name
        if transport.me.name != name:
            raise BadArgument(
                f"a distribution of node {name!r}: expected a transport of {name!r}, got one of {transport.me.name!r}"
            )
        self.distribution: Distribution = distribution
        self.transport: Transport = transport
        self.spawnable: frozenset[str] = frozenset(spawnable)
        for target in self.spawnable:
            serving.function_named(target)
        self.services: dict[Any, Any] = dict(services or {})
        self.confined: bool = confined

    def whois(self, name: Any) -> Any:
        """Return the process that others find under a name. Raises `TypeError` for an unhashable name."""
        return self.services.get(name) or (None if self.confined else self.distribution.node.names.get(name))

    def node_up(self, node: NodeId, epoch: int) -> None:
        """Handle a new connection."""
        self.distribution.welcome(self, node)

    def signal(self, node: NodeId, data: bytes | Parts) -> None:
        """Handle a signal of a node."""
        self.distribution.receive(self, node, data)

    def node_down(self, node: NodeId, reason: str) -> None:
        """Handle the end of a connection."""
        self.distribution.last_loss = reason
        self.distribution.lose(self, node)
