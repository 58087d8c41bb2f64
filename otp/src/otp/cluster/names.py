"""The global names that a member knows: claims of its own processes, and those of which others have sent messages.

One member, chosen by a hash of the name, grants it; so of two processes that ask at once one is refused. The owner's
member then sends its claim to all, and all claims of its own to a member that comes up. After a partition a name may
have two claims: the one with the lower Lamport time, then member name, then number stays, and the member of the other
one withdraws it.
"""

# Names are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Hashable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otp.behaviours.registry.registry import AlreadyRegistered
from otp.distribution import NodeId
from otp.kernel.ends.death import exit_signal
from otp.kernel.ends.info import is_alive
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import Process, off_exit, on_exit

if TYPE_CHECKING:
    from otp.cluster.membership import Membership

__all__ = ["Names"]

KIND: Final = "global"
CHUNK: Final = 1_000
"""Claims in one message to a member that came up."""


class _Claim(NamedTuple):
    """A claim to a name; of two, the lower one stays."""

    time: int
    member: str
    number: int
    pid: Pid


class Names:
    """The names that one member sees."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self.time: int = 0
        """The time of the latest claim."""
        self._claims: dict[Any, dict[str, _Claim]] = {}
        """For each name its claims, by member."""
        self._granted: dict[Any, Pid] = {}
        """Names granted here, whose claims have not arrived yet."""
        self._asked: dict[int, tuple[NodeId, asyncio.Future[Any]]] = {}
        self._number = 0

    # Queries

    def whereis(self, name: Any) -> Pid | None:
        """Return the owner of a name."""
        claims = self._claims.get(name)
        return min(claims.values(), key=lambda claim: claim[:3]).pid if claims else None

    def all(self) -> list[Any]:
        """Return the names that have an owner."""
        return list(self._claims)

    # Requests on this member

    async def register(self, name: Any, pid: Pid) -> None:
        """Give a name to a process of this member. Raises `AlreadyRegistered`, and `BadArgument` for one that ended."""
        while True:
            holder = self.whereis(name) or await self._ask_for(name, pid)
            if holder is None:
                break
            if holder is not pid or self.whereis(name) is pid:
                raise AlreadyRegistered(holder)
        if not is_alive(pid):
            self._withdraw(name, pid)
            raise BadArgument(f"Global.register(name, pid): {pid} has ended")
        self.time += 1
        claim = _Claim(self.time, self._membership.me.name, pid.number, pid)
        self._membership.tell_all(("cluster", KIND, "claim", name, pid, claim.time))
        on_exit(pid, (self, name), partial(self._release, name, "owner_ended"))
        self._membership.report("registered", table=KIND, key=name, pid=_plain(pid), time=claim.time)
        self._enter(name, claim)

    async def _ask_for(self, name: Any, pid: Pid) -> Pid | None:
        """Ask the member that grants the name; return the holder, None for a grant, `pid` to try again."""
        granter = self._granter(name)
        if granter is None:
            return self._grant(name, pid)
        self._number += 1
        number, answer = self._number, asyncio.get_running_loop().create_future()
        self._asked[number] = (granter, answer)
        try:
            if not self._membership.distribution.tell(granter, ("cluster", KIND, "ask", number, name, pid)):
                await asyncio.sleep(0)
                return pid
            return await answer
        except ConnectionError:  # it is gone: another one grants the name
            return pid
        except asyncio.CancelledError:
            self._withdraw(name, pid)
            raise
        finally:
            del self._asked[number]

    def unregister(self, name: Any) -> bool:
        """Free a name, or ask the member of its owner to do so; return whether it had one."""
        pid = self.whereis(name)
        if pid is None:
            return False
        me = self._membership.me.name
        if pid.runtime.name == me:
            off_exit(pid, (self, name))
            self._release(name, "unregistered", pid)
        else:
            self._tell(pid, "free", name, pid)
        return True

    def _release(self, name: Any, kind: str, pid: Pid) -> None:
        self._membership.report(kind, table=KIND, key=name, pid=_plain(pid))
        self._drop(name, self._membership.me.name, pid)
        self._membership.tell_all(("cluster", KIND, "drop", name, pid))

    def _withdraw(self, name: Any, pid: Pid) -> None:
        granter = self._granter(name)
        if granter is None:
            self._give_back(name, pid)
        else:
            self._membership.distribution.tell(granter, ("cluster", KIND, "withdraw", name, pid))

    def _granter(self, name: Any) -> NodeId | None:
        """Return the member that grants a name, None for this one."""
        membership = self._membership

        def weight(member: str) -> bytes:
            return hashlib.blake2b(f"{name!r} {member}".encode(errors="replace"), digest_size=8).digest()

        best = max([membership.me.name, *membership.up], key=weight)
        member = membership.up.get(best)
        return None if member is None else NodeId(best, member.incarnation)

    def _grant(self, name: Any, pid: Pid) -> Pid | None:
        """Grant a name to a process, or return its owner."""
        holder = self.whereis(name) or self._granted.get(name)
        if holder is None:
            self._granted[name] = pid
        return holder

    def _give_back(self, name: Any, pid: Pid) -> None:
        if self._granted.get(name) is pid:
            del self._granted[name]

    # Messages of other members

    def send_all(self, node: NodeId) -> None:
        """Send a member that came up all claims of this one."""
        for message in self._all():
            self._membership.distribution.tell(node, message)

    def restamp(self, seen: int) -> None:
        """Give the claims of this member later times than all in an older cluster, in the same order."""
        me = self._membership.me.name
        self.time = max(self.time, seen)
        own = [(claims[me], claims) for claims in self._claims.values() if me in claims]
        for claim, claims in sorted(own, key=lambda found: found[0].time):
            self.time += 1
            claims[me] = claim._replace(time=self.time)
        for message in self._all():
            self._membership.tell_all(message)

    def compare(self) -> None:
        """Compare the claims to each name again, after a change of the formation of a member."""
        for name, claims in list(self._claims.items()):
            if len(claims) > 1:
                self._enter(name, next(iter(claims.values())))

    def _all(self) -> list[tuple[Any, ...]]:
        me = self._membership.me.name
        own = [(name, claims[me].pid, claims[me].time) for name, claims in self._claims.items() if me in claims]
        return [("cluster", KIND, "all", own[first : first + CHUNK]) for first in range(0, len(own), CHUNK)]

    def read(self, node: NodeId, message: tuple[Any, ...]) -> None:
        """Handle a message of another member. Raises `ValueError` for an invalid one."""
        match message:
            case ("all", list(claims)):
                for name, pid, time in claims:
                    self._learn(node, name, pid, time)
            case ("claim", name, pid, time):
                self._learn(node, name, pid, time)
            case ("drop", Hashable() as name, Process() as pid):
                self._drop(name, node.name, pid)
            case ("ask", int(number), Hashable() as name, Process() as pid):
                answer = ("cluster", KIND, "answer", number, self._grant(name, pid))
                self._membership.distribution.tell(node, answer)
            case ("answer", int(number), holder):
                _, future = self._asked.get(number, (None, None))
                if future is not None and not future.done():
                    future.set_result(holder)
            case ("withdraw", Hashable() as name, Process() as pid):
                self._give_back(name, pid)
            case ("free", Hashable() as name, Process() as pid):
                if self.whereis(name) is pid:
                    self.unregister(name)
            case ("lost", Hashable() as name, Process() as pid, Process() as winner):
                self._lose(name, pid, winner)
            case _:
                raise ValueError(f"expected a message about global names, got {message!r:.200}")
        self._membership.wake()

    def remove_member(self, node: NodeId) -> None:
        """Remove the claims of a member whose connection ended; open requests to it go to another member."""
        for name in [name for name, claims in self._claims.items() if node.name in claims]:
            self._drop(name, node.name, self._claims[name][node.name].pid)
        self._granted = {name: pid for name, pid in self._granted.items() if pid.runtime.name != node.name}
        for asked, future in self._asked.values():
            if asked == node and not future.done():
                future.cancel() if self._membership.over else future.set_exception(ConnectionError())

    def _learn(self, node: NodeId, name: Any, pid: Any, time: Any) -> None:
        if not isinstance(pid, Process) or pid.runtime.name != node.name or not isinstance(time, int):
            raise ValueError(f"expected a process of {node} and a time, got {pid!r:.100}, {time!r:.100}")
        if not isinstance(name, Hashable):
            raise ValueError(f"expected a name that can be hashed, got {name!r:.100}")
        self.time = max(self.time, time)
        self._enter(name, _Claim(time, node.name, pid.number, pid))

    def _enter(self, name: Any, claim: _Claim) -> None:
        self._granted.pop(name, None)
        claims = self._claims.setdefault(name, {})
        claims[claim.member] = claim
        if len(claims) > 1:
            winner = min(claims.values(), key=lambda claim: claim[:3])
            for loser in [loser for loser in claims.values() if loser is not winner]:
                if loser.member == self._membership.me.name:
                    self._lose(name, loser.pid, winner.pid)
                elif self._membership.formation.has(_node_of(loser.pid), _node_of(winner.pid)):
                    self._tell(loser.pid, "lost", name, loser.pid, winner.pid)
        self._membership.wake()

    def _lose(self, name: Any, pid: Pid, winner: Pid) -> None:
        """End a claim of this member after a conflict, and its owner."""
        claim = self._claims.get(name, {}).get(self._membership.me.name)
        if claim is None or claim.pid is not pid:
            return
        membership = self._membership
        off_exit(pid, (self, name))
        membership.report("conflict", table=KIND, key=name, pid=_plain(pid), winner=_plain(winner))
        self._drop(name, membership.me.name, pid)
        membership.tell_all(("cluster", KIND, "drop", name, pid))
        exit_signal(pid, membership.node.outside, ("name_conflict", name, winner), False)  # pyright: ignore[reportArgumentType]

    def _drop(self, name: Any, member: str, pid: Pid) -> None:
        claims = self._claims.get(name, {})
        if member in claims and claims[member].pid is pid:
            del claims[member]
            if not claims:
                del self._claims[name]
        self._membership.wake()

    def _tell(self, pid: Pid, *message: Any) -> None:
        """Send a message to the member of a process."""
        self._membership.distribution.tell(_node_of(pid), ("cluster", KIND, *message))


def _node_of(pid: Pid) -> NodeId:
    return NodeId(pid.runtime.name, pid.runtime.creation)


def _plain(pid: Pid) -> tuple[str, int, int]:
    return pid.runtime.name, pid.runtime.creation, pid.number
