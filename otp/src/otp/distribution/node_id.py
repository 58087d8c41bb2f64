"""The identity of a node's incarnation: its name and its creation."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import quote, unquote

__all__ = ["NodeId", "node_key", "node_of"]

DIGITS: Final = 19
"""Maximum digits of a creation: it fits into 64 bits."""


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


def node_key(node: NodeId) -> str:
    """Return a node as a text of its own form; other characters than letters and digits are encoded.

    >>> node_key(NodeId("shop*@127.0.0.1", 7))
    'shop%2A%40127.0.0.1/7'
    """
    return f"{quote(node.name, safe='', errors='surrogatepass')}/{node.creation}"


def node_of(key: str) -> NodeId | None:
    """Return the node of such a text, or None if `node_key` does not write it like this.

    >>> node_of("shop%2A%40127.0.0.1/7")
    NodeId(name='shop*@127.0.0.1', creation=7)
    """
    name, _, creation = key.partition("/")
    if not name or not creation.isascii() or not creation.isdigit() or len(creation) > DIGITS:
        return None
    try:
        node = NodeId(unquote(name, errors="strict"), int(creation))
    except UnicodeDecodeError:
        return None
    return node if node_key(node) == key else None
