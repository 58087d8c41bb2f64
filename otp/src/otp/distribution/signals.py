"""The signals between nodes, each with a few fields, like the control messages of Erlang's distribution.

A process is identified by its number on its own node, so that a node can only speak for its own processes; `to` is a
number, or a name as a list with its term. Numbers of monitors, links and calls belong to their creator.

Later versions may add fields at the end, which this one ignores, and further signals, which it does not carry out.

Source: ERTS User's Guide, *Distribution Protocol*, "Protocol between Connected Nodes".
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from msgspec import Meta, Struct

__all__ = [
    "KINDS",
    "SIGNALS",
    "Call",
    "Cast",
    "Demonitor",
    "Down",
    "ExitTo",
    "Failed",
    "Link",
    "Monitor",
    "Reply",
    "Send",
    "Unlink",
    "UnlinkAck",
]

Number = Annotated[int, Meta(ge=0, lt=1 << 62)]
To = Number | list[Any]


class Send(Struct, array_like=True, tag=1, gc=False):
    """A message."""

    to: To
    term: Any


class Cast(Struct, array_like=True, tag=2, gc=False):
    """A request without a reply."""

    to: To
    term: Any


class Call(Struct, array_like=True, tag=3, gc=False):
    """A request of the process `caller` (0: none); `system` marks one that the runtime answers for a server."""

    to: To
    number: Number
    caller: Number
    system: bool
    term: Any


class Reply(Struct, array_like=True, tag=4, gc=False):
    """The reply to a call."""

    number: Number
    term: Any


class Failed(Struct, array_like=True, tag=5, gc=False):
    """The failure of a call."""

    number: Number
    term: Any


class Link(Struct, array_like=True, tag=6, gc=False):
    """A link of the process `sender` with another."""

    sender: Number
    to: Number


class Unlink(Struct, array_like=True, tag=7, gc=False):
    """The removal of a link. Until it is acknowledged, what the other side sends about this link is outdated."""

    sender: Number
    to: Number
    number: Number


class UnlinkAck(Struct, array_like=True, tag=8, gc=False):
    """The reply to `Unlink`; `sender` acknowledges."""

    sender: Number
    to: Number
    number: Number


class ExitTo(Struct, array_like=True, tag=9, gc=False):
    """An exit signal: over a link, because `sender` ended, or sent by `otp.exit(pid, reason)`."""

    sender: Number
    to: To
    linked: bool
    term: Any


class Monitor(Struct, array_like=True, tag=10, gc=False):
    """A monitor of the process `sender` (0: the runtime) on another."""

    sender: Number
    to: To
    number: Number


class Demonitor(Struct, array_like=True, tag=11, gc=False):
    """The removal of a monitor."""

    number: Number


class Down(Struct, array_like=True, tag=12, gc=False):
    """The end of a monitored process, the one with the number `sender`."""

    sender: Number
    number: Number
    term: Any


KINDS: Final = range(1, 13)
"""The numbers of these signals."""
SIGNALS: Final = Send | Cast | Call | Reply | Failed | Link | Unlink | UnlinkAck | ExitTo | Monitor | Demonitor | Down
