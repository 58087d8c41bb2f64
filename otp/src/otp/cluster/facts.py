"""Messages between members about themselves and the others: terms, which are checked when they arrive.

A message is a tuple that begins with `"cluster"`:

```
("cluster", "facts", protocol, facts, known)   once per connection, from each side
("cluster", "joined")                          when a member was accepted after that
("cluster", "known", known)                    when a member has learned of another one, and when asked
("cluster", "ask")                             to a node that connected and sees more members
("cluster", "view", count, digest)             to one member in turn, each heartbeat
("cluster", "differs", known)                  the reply to it from a member with another digest; asks for `known`
("cluster", "leaving")                         before a member leaves
("cluster", "seen")                            the reply to it
("cluster", "formed", age, founder, time)      when a member has met an older cluster
("cluster", "forget", name, incarnation)       when a lost member will not come back
```

Members of a later version may add parts at the end of a message, and further kinds, which this version ignores.

A node that joins sends its facts, too. The others count it as a member once it says, there or later, that it was
accepted.

`facts` is a dict; keys that are not known are ignored, so that later versions may add some. `known` is a list of
`(name, incarnation, address)`. Members that see the same members have the same `digest`, and exchange no
lists; otherwise n³ names would be sent while n members form a cluster.
"""

# Terms have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any, Final, NamedTuple

from otp.cluster.member import Member, Status
from otp.distribution import NodeId, wire
from otp.kernel.values.errors import BadArgument
from otp.observer.terms import DEPTH, Encoder

__all__ = [
    "ASK",
    "JOINED",
    "KINDS",
    "LEAVING",
    "PROTOCOL",
    "SEEN",
    "Known",
    "Seen",
    "check_meta",
    "facts_of",
    "forget",
    "known_in",
    "member_of",
    "seen_in",
    "token",
]

PROTOCOL: Final = 1
"""The version of these messages; members with another one refuse each other."""
ASK: Final = ("cluster", "ask")
JOINED: Final = ("cluster", "joined")
LEAVING: Final = ("cluster", "leaving")
SEEN: Final = ("cluster", "seen")
KINDS: Final = frozenset({"facts", "joined", "known", "ask", "view", "differs", "leaving", "seen", "forget", "formed"})
"""The kinds of messages that this version knows."""
META: Final = 64 * 1024
"""Maximum bytes of the term that a member shows the others."""
MOST: Final = 10_000
"""Maximum number of members in one message."""


class Known(NamedTuple):
    """A member of which another one tells."""

    node: NodeId
    address: str | None


class Seen(NamedTuple):
    """The members that a member sees, including itself: their number, and the exclusive or of their tokens."""

    size: int
    digest: int


@lru_cache(maxsize=1024)
def token(node: NodeId) -> int:
    """Return a number for a node, the same on all members."""
    return int.from_bytes(hashlib.blake2b(str(node).encode(errors="replace"), digest_size=7).digest(), "big")


def facts_of(member: Member, joined: bool, seen: Seen, formed: tuple[float, str, int]) -> dict[str, Any]:
    """Return the facts that a member sends about itself."""
    return {
        "version": member.version,
        "address": member.address,
        "since": member.since,
        "meta": member.meta,
        "simulated": member.simulated,
        "leaving": member.status == "leaving",
        "joined": joined,
        "view": tuple(seen),
        "formed": formed,
    }


def forget(name: str, incarnation: int) -> tuple[str, str, str, int]:
    """Return the message that a lost member will not come back."""
    return "cluster", "forget", name, incarnation


def check_meta(meta: Any) -> None:
    """Raise `BadArgument` for a term that cannot be a fact."""
    try:
        size = len(wire.encode(Encoder(strict=True).write(meta, DEPTH)))
    except (BadArgument, OverflowError, UnicodeEncodeError) as error:
        raise BadArgument(f"Cluster.join(meta=…): {error}") from None
    if size > META:
        raise BadArgument(f"Cluster.join(meta=…): expected a term of at most {META:,} bytes, got {size:,}")


def member_of(node: NodeId, facts: Any) -> Member:
    """Return the member that `node` describes. Raises `ValueError` for invalid facts."""
    match facts:
        case {
            "version": str(version),
            "address": str() | None as address,
            "since": float() | int() as since,
            "simulated": bool(simulated),
        }:
            status: Status = "leaving" if facts.get("leaving") is True else "up"
            return Member(
                node.name, node.creation, status, address, float(since), version, facts.get("meta"), simulated
            )
        case _:
            raise ValueError(f"expected the facts of a member, got {facts!r:.200}")


def seen_in(view: Any) -> Seen:
    """Return what another member sees. Raises `ValueError` for an invalid view."""
    match view:
        case (int(count), int(digest)) if count > 0 and digest >= 0:
            return Seen(count, digest)
        case _:
            raise ValueError(f"expected the number and the digest of members, got {view!r:.200}")


def known_in(listed: Any) -> list[Known]:
    """Return the members in a received list. Raises `ValueError` for an invalid one."""
    if not isinstance(listed, list) or len(listed) > MOST:
        raise ValueError(f"expected a list of at most {MOST:,} members, got {listed!r:.200}")
    found: list[Known] = []
    for entry in listed:
        match entry:
            case (str(name), int(creation), str() | None as address) if name and creation >= 0:
                found.append(Known(NodeId(name, creation), address))
            case _:
                raise ValueError(f"expected (name, incarnation, address), got {entry!r:.200}")
    return found
