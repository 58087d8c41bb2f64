"""The members of a cluster, and the messages of `Cluster.monitor` about them."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from otp.kernel.values.pids import Ref

__all__ = ["DownReason", "Member", "MemberDown", "MemberLeaving", "MemberUp", "Status"]

Status = Literal["up", "leaving", "lost"]
DownReason = Literal["left", "timeout", "connection_lost", "disconnected"]


class Member(NamedTuple):
    """A member of a cluster, as another one sees it.

    `incarnation` is unique to each start of the member (`NodeId.creation`). `address` is where others may connect to
    it, `None` if it has none. `since` is the time of its join in seconds by its own clock. `version` is that of the
    library there, `meta` a term of the member's own, `simulated` true for a member of a simulated network.

    >>> from otp.cluster import Member
    >>> Member("shop@127.0.0.1", 7).status
    'up'
    """

    name: str
    incarnation: int
    status: Status = "up"
    address: str | None = None
    since: float = 0.0
    version: str = ""
    meta: Any = None
    simulated: bool = False

    def __str__(self) -> str:
        return f"{self.name}#{self.incarnation}"


class MemberUp(NamedTuple):
    """A member is in the cluster: it was present when the monitor began, or it joined later.

    >>> from otp.cluster import Member, MemberUp
    >>> match MemberUp("ref", Member("b", 7)):
    ...     case MemberUp(_, member):
    ...         print(member)
    b#7
    """

    ref: Ref
    member: Member


class MemberLeaving(NamedTuple):
    """A member has begun to leave; `MemberDown` follows.

    >>> from otp.cluster import Member, MemberLeaving
    >>> MemberLeaving("ref", Member("b", 7, "leaving")).member.status
    'leaving'
    """

    ref: Ref
    member: Member


class MemberDown(NamedTuple):
    """A member is no longer connected.

    `reason`: `"left"`: it left on purpose; `"timeout"`: it was silent for `Settings.dead`; `"connection_lost"`: its
    connection closed, as when its program ends; `"disconnected"`: one side ended the connection on purpose, by
    `disconnect` or because this member left.

    >>> from otp.cluster import Member, MemberDown
    >>> MemberDown("ref", Member("b", 7, "lost"), "timeout").reason
    'timeout'
    """

    ref: Ref
    member: Member
    reason: DownReason
