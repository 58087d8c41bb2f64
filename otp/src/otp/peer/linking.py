"""The connected nodes of a peer and its starter: pids, names, links and monitors work across.

Needs msgspec, the extra `remote`. Both sides prove that they have a secret, created for this one peer and sent over the
guard's connection.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from otp.distribution import Distribution
    from otp.kernel.steps.node import Node
    from otp.kernel.values.pids import Pid

__all__ = ["new_cookie", "new_creation", "over"]

BYTES: Final = 32


def new_cookie() -> bytes:
    """Return a new secret for one peer."""
    return secrets.token_bytes(BYTES)


def new_creation() -> int:
    """Return a creation, which distinguishes this start of a node from others.

    Pids of both sides have it.

    >>> 0 < new_creation() < 1 << 32
    True
    """
    return secrets.randbelow((1 << 32) - 1) + 1


async def over(
    link: socket.socket,
    node: Node,
    other: str | None,
    cookie: bytes,
    *,
    services: Mapping[Any, Pid] | None = None,
    spawnable: Iterable[str] = (),
) -> Distribution:
    """Start a distribution of `node` over `link`; `other` is the only name accepted at its other end."""
    from otp.distribution import Distribution, NodeId, Session, SessionTransport
    from otp.distribution.carriers.stream import StreamCarrier

    link.setblocking(False)
    session = Session(NodeId(node.name, new_creation()), cookie)
    transport = SessionTransport(StreamCarrier.over_socket(link, other), session)
    distribution = Distribution(node, transport, services=services, spawnable=spawnable)
    await distribution.start()
    return distribution
