"""Actions requested by a session in response to an input, in the order to carry them out."""

from __future__ import annotations

from typing import Any, NamedTuple

from otp.distribution.node_id import NodeId
from otp.distribution.parts import Parts

__all__ = ["Action", "Down", "Drained", "Flush", "Outdated", "Put", "Refused", "Room", "Signal", "Taken", "Up"]


class Put(NamedTuple):
    """Give `frame` to the carrier, for `node`."""

    node: NodeId
    frame: bytes


class Room(NamedTuple):
    """Ask the carrier for how many bytes it takes for `node`, and tell the session once it takes any."""

    node: NodeId


class Flush(NamedTuple):
    """Call `Session.flush` in the next turn of the loop: signals sent to `node` until then share frames."""

    node: NodeId


class Up(NamedTuple):
    """The connection number `epoch` of this session, with `node`, is up."""

    node: NodeId
    epoch: int


class Signal(NamedTuple):
    """A signal from `node`, with `data`."""

    node: NodeId
    data: bytes | Parts


class Down(NamedTuple):
    """The end of the connection with `node`; the reasons are those of `TransportEvents.node_down`."""

    node: NodeId
    reason: str


class Drained(NamedTuple):
    """The end of a busy period of `node`."""

    node: NodeId


class Refused(NamedTuple):
    """A refused input from `node`; `text` describes it for the log.

    `reason` is `("wrong_cookie", node)`, `("name_taken", name)` or `("incompatible", what, here, there)` if the node
    itself is refused.
    """

    node: NodeId
    text: str
    reason: tuple[Any, ...] | None = None


class Outdated(NamedTuple):
    """`node` knows the incarnation `known` of this node, which is higher than its own; they do not connect."""

    node: NodeId
    known: int


class Taken(NamedTuple):
    """The name of this node belongs to another living one: `node` is that one, or is connected with it."""

    node: NodeId


Action = Put | Room | Flush | Up | Signal | Down | Drained | Refused | Outdated | Taken
