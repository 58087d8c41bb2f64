"""What a session wants done: its answers to what happened to it, in the order in which they are to be done."""

from __future__ import annotations

from typing import NamedTuple

from otp.distribution.node_id import NodeId

__all__ = ["Action", "Down", "Drained", "Put", "Refused", "Signal", "Up"]


class Put(NamedTuple):
    """Give `frame` to the carrier, for `node`."""

    node: NodeId
    frame: bytes


class Up(NamedTuple):
    """The connection number `epoch` of this session stands, with `node`."""

    node: NodeId
    epoch: int


class Signal(NamedTuple):
    """`node` sent `data`."""

    node: NodeId
    data: bytes


class Down(NamedTuple):
    """The connection with `node` ended; the reasons are those of `TransportEvents.node_down`."""

    node: NodeId
    reason: str


class Drained(NamedTuple):
    """`node` is not busy any more."""

    node: NodeId


class Refused(NamedTuple):
    """Something of `node` was refused; `text` says what, for the log."""

    node: NodeId
    text: str


Action = Put | Up | Signal | Down | Drained | Refused
