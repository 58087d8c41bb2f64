"""What one node tells another: a signal each, of a few fields, as Erlang's distribution has its control messages.

A process is named by its number on its own node, so that a node can speak for its own processes only; `to` is a number,
or a name as a list with the term of the name in it. Numbers of monitors, links and calls are those of who made them.

Source: ERTS User's Guide, *Distribution Protocol*, "Protocol between Connected Nodes".
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from msgspec import Meta, Struct

__all__ = [
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


class Send(Struct, array_like=True, tag=1, gc=False, forbid_unknown_fields=True):
    """A message."""

    to: To
    term: Any


class Cast(Struct, array_like=True, tag=2, gc=False, forbid_unknown_fields=True):
    """A request that nobody answers."""

    to: To
    term: Any


class Call(Struct, array_like=True, tag=3, gc=False, forbid_unknown_fields=True):
    """A request of the process `caller` (0: of none); `system` is one that the runtime answers for a server."""

    to: To
    number: Number
    caller: Number
    system: bool
    term: Any


class Reply(Struct, array_like=True, tag=4, gc=False, forbid_unknown_fields=True):
    """The answer to a call."""

    number: Number
    term: Any


class Failed(Struct, array_like=True, tag=5, gc=False, forbid_unknown_fields=True):
    """There will be no answer to a call."""

    number: Number
    term: Any


class Link(Struct, array_like=True, tag=6, gc=False, forbid_unknown_fields=True):
    """The process `sender` links itself with another."""

    sender: Number
    to: Number


class Unlink(Struct, array_like=True, tag=7, gc=False, forbid_unknown_fields=True):
    """It does so no more. Until that is acknowledged, what the other side says of this link is out of date."""

    sender: Number
    to: Number
    number: Number


class UnlinkAck(Struct, array_like=True, tag=8, gc=False, forbid_unknown_fields=True):
    """The answer to `Unlink`; `sender` is who acknowledges."""

    sender: Number
    to: Number
    number: Number


class ExitTo(Struct, array_like=True, tag=9, gc=False, forbid_unknown_fields=True):
    """An exit signal: over a link, because `sender` ended, or sent by `otp.exit(pid, reason)`."""

    sender: Number
    to: To
    linked: bool
    term: Any


class Monitor(Struct, array_like=True, tag=10, gc=False, forbid_unknown_fields=True):
    """The process `sender` (0: the runtime) watches another."""

    sender: Number
    to: To
    number: Number


class Demonitor(Struct, array_like=True, tag=11, gc=False, forbid_unknown_fields=True):
    """It does so no more."""

    number: Number


class Down(Struct, array_like=True, tag=12, gc=False, forbid_unknown_fields=True):
    """A watched process, the one with the number `sender`, ended."""

    sender: Number
    number: Number
    term: Any


SIGNALS: Final = Send | Cast | Call | Reply | Failed | Link | Unlink | UnlinkAck | ExitTo | Monitor | Demonitor | Down
