"""The identity of a node's incarnation: its name and its creation."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["NodeId"]


class NodeId(NamedTuple):
    """A node as others identify it; a restart under the same name is another node.

    `name` is the node's name, `creation` a number that is unique to each start and part of every pid of it.

    >>> from otp.distribution import NodeId
    >>> str(NodeId("shop@127.0.0.1", 3))
    'shop@127.0.0.1#3'

    Source: the creation of Erlang's external term format; there it has 32 bits as well.
    """

    name: str
    creation: int

    def __str__(self) -> str:
        return f"{self.name}#{self.creation}"
