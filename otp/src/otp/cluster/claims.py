"""Claims to keys that are unique in the cluster: those of this member, and those that other members have sent.

A hash of the key chooses the member that grants it, so if two processes ask at once, one is refused. The owner's member
then sends the claim to all other members. A member that comes up gets the claims of each member. After a partition a
key may have two claims. The lower one stays, by Lamport time, then member name, then number; the member of the other
one ends it.

`Global` has one table of claims on all members; each unique `DistributedRegistry` and each
`DistributedSupervisor` has one on the members that run it.
"""

# Keys and values are terms of any type.
# pyright: reportUnknownLambdaType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from otp.behaviours.registry._table import Entry, Table, UniqueTable
from otp.cluster.choosing import rendezvous
from otp.cluster.refusals import NotMember
from otp.cluster.travelling import CHUNK, divide
from otp.distribution import NodeId
from otp.kernel.ends.death import exit_signal
from otp.kernel.ends.info import is_alive
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import Process, off_exit, on_exit

if TYPE_CHECKING:
    from otp.cluster.membership import Membership

__all__ = ["GONE", "AllMembers", "Channel", "Claim", "Claims", "node_of", "plain"]


GONE: Final[Any] = object()
"""The answer of a member that is gone."""


class Claim(NamedTuple):
    """A claim to a key; in a conflict, the lower claim stays."""

    time: int
    member: str
    number: int
    pid: Pid
    value: Any = None
    formation: str = ""
    """The formation in which its member dated it; claims of different formations cannot be compared."""

    def order(self) -> tuple[int, str, int]:
        """Return the sort key that decides a conflict."""
        return self[:3]


class Channel(Protocol):
    """The connections of a table with the same table on other members."""

    @property
    def membership(self) -> Membership:
        """The members that this one sees."""
        ...

    @property
    def table(self) -> Any:
        """The name of the table in a history."""
        ...

    @property
    def peers(self) -> Mapping[str, NodeId]:
        """The other members that have the table."""
        ...

    def tell(self, node: NodeId, *message: Any) -> bool:
        """Send a message to the table of another member; return False if it is not connected."""
        ...

    def tell_all(self, *message: Any) -> None:
        """Send a message to the table on all other members."""
        ...


class AllMembers:
    """The channel of a table that every member has."""

    def __init__(self, membership: Membership, kind: str) -> None:
        self.membership: Membership = membership
        self.table: Any = kind

    @property
    def peers(self) -> Mapping[str, NodeId]:
        """The other members."""
        return {name: NodeId(name, member.incarnation) for name, member in self.membership.up.items()}

    def tell(self, node: NodeId, *message: Any) -> bool:
        """Send a message to the table of another member; return False if it is not connected."""
        return self.membership.distribution.tell(node, ("cluster", self.table, *message))

    def tell_all(self, *message: Any) -> None:
        """Send a message to the table on all other members."""
        self.membership.tell_all(("cluster", self.table, *message))


class Claims:
    """The claims that one member sees.

    `lost(key, pid, winner)` is called when a process of this member loses a key in a conflict. By default the process
    gets an exit signal `("name_conflict", name(key), winner)`. `tie(pid)` is called before the first claim of a
    process; it must arrange that `end_owner(pid)` is called when the process ends. `untie(pid)` is called after its
    last claim ends.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        name: Callable[[Any], Any] = lambda key: key,
        lost: Callable[[Any, Pid, Pid], None] | None = None,
        tie: Callable[[Any], None] | None = None,
        untie: Callable[[Any], None] | None = None,
    ) -> None:
        self._channel = channel
        self.table: Table = UniqueTable()
        """The owner and the value of each key."""
        self._claims: dict[Any, dict[str, Claim]] = {}
        """For each key its claims, by member."""
        self._own: dict[Pid, dict[Any, None]] = {}
        """The keys of each process of this member."""
        self._granted: dict[Any, Pid] = {}
        """Keys granted here whose claims have not arrived yet."""
        self._asked: dict[int, tuple[NodeId, asyncio.Future[Any]]] = {}
        self._number = 0
        self._order: Callable[[Claim], Any] = Claim.order
        """Returns the sort key by which the lower claim to a key stays."""
        self._name = name
        self._lost = lost or self._end_loser
        self._tie = tie or (lambda pid: on_exit(pid, self, self.end_owner))
        self._untie = untie or (lambda pid: off_exit(pid, self))

    # Queries

    def whereis(self, key: Any) -> Pid | None:
        """Return the owner of a key."""
        found = self.table.lookup(key)
        return found[0].pid if found else None

    def all(self) -> list[Any]:
        """Return the keys that have an owner."""
        return list(self._claims)

    def winners(self) -> Iterator[tuple[Any, Claim]]:
        """Return each key with the claim that holds it."""
        for key, claims in self._claims.items():
            yield key, min(claims.values(), key=self._order)

    def find(self, key: Any) -> Claim | None:
        """Return the claim that holds a key."""
        claims = self._claims.get(key)
        return min(claims.values(), key=self._order) if claims else None

    def dates(self) -> Iterator[tuple[int, Claims, Any]]:
        """Return the time of each claim of this member, with this table and the key."""
        for keys in self._own.values():
            for key in keys:
                yield self._claims[key][self._me].time, self, key

    @property
    def _membership(self) -> Membership:
        return self._channel.membership

    @property
    def _me(self) -> str:
        return self._membership.me.name

    def granter(self, key: Any) -> NodeId | None:
        """Return the member that grants a key, or None if this member does."""
        peers = self._channel.peers
        return peers.get(rendezvous(key, [self._me, *peers]))

    # Requests on this member

    async def register(self, entries: Mapping[Any, Any], pid: Pid) -> dict[Any, Pid | None]:
        """Register keys with values for a process of this member; return for each None, or the process that has it.

        Raises `BadArgument` if the process has ended, and frees the keys granted to it.
        """
        found: dict[Any, Pid | None] = dict.fromkeys(entries)
        waiting = list(entries)
        loop, settings = asyncio.get_running_loop(), self._membership.settings
        detected = loop.time() + settings.dead + settings.heartbeat
        while waiting:
            if self._membership.over:
                raise NotMember(f"node {self._membership.me.name!r} has left its cluster")
            granted, again, unseen = list[Any](), list[Any](), list[Any]()
            for key, holder in (await self.reserve(waiting, pid)).items():
                if holder is None:
                    granted.append(key)
                elif holder is GONE:
                    again.append(key)
                elif holder is pid and self.whereis(key) is not pid:
                    granted.append(key)  # by a member that granted keys before
                elif self.whereis(key) is not holder and loop.time() < detected:
                    unseen.append(key)  # its claim has not arrived here, or its granter has yet to miss its member
                else:
                    found[key] = holder
            found.update((key, self.whereis(key)) for key in granted)  # already there if registered twice
            granted = [key for key in granted if found[key] is None]
            if granted and not is_alive(pid):
                self.withdraw(granted, pid)
                raise BadArgument(f"register: expected a living process, got {pid}, which has ended")
            self.claim({key: entries[key] for key in granted}, pid)
            if unseen:
                await self._await_owners(unseen)
            waiting = again + unseen
        return found

    async def _await_owners(self, keys: list[Any]) -> None:
        """Wait until keys have owners here, for one heartbeat at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._membership.settings.heartbeat):
                while any(self.whereis(key) is None for key in keys):
                    await self._membership.changed()

    async def reserve(self, keys: Sequence[Any], pid: Pid) -> dict[Any, Pid | None]:
        """Ask the members that grant keys; return for each key its holder, or None if it was granted.

        The holder is `pid` if the key was granted to it before, and `GONE` if the member that grants the key is gone.
        """
        answers: dict[Any, Pid | None] = {}
        asked: list[tuple[list[Any], int]] = []
        try:
            by_granter: dict[NodeId | None, list[Any]] = {}
            for number, key in enumerate(keys, 1):
                if (holder := self.whereis(key)) is not None:
                    answers[key] = holder
                else:
                    by_granter.setdefault(self.granter(key), []).append(key)
                if number % CHUNK == 0:
                    await asyncio.sleep(0)  # many keys must not hold the loop
            for granter, theirs in by_granter.items():
                if granter is None:
                    answers.update((key, self._grant(key, pid)) for key in theirs)
                    continue
                asked += [(part, self._ask(granter, part, pid)) for part in divide(theirs)]
            for theirs, number in asked:
                holders = await self._asked[number][1] or [GONE] * len(theirs)
                answers.update(zip(theirs, holders, strict=True))
            if GONE in answers.values():
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.withdraw(keys, pid)
            raise
        finally:
            for _, number in asked:
                del self._asked[number]
        return answers

    def _ask(self, granter: NodeId, keys: list[Any], pid: Pid) -> int:
        self._number += 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[self._number] = (granter, answer)
        message = ("ask", self._number, keys[0], pid) if len(keys) == 1 else ("ask_many", self._number, keys, pid)
        if not self._channel.tell(granter, *message):
            answer.set_result(None)
        return self._number

    def claim(self, entries: Mapping[Any, Any], pid: Pid, sent_as: tuple[Any, ...] = ("claim",)) -> None:
        """Record keys granted to a process of this member, and send its claims to the others."""
        claims: list[tuple[Any, Claim]] = []
        for key, value in entries.items():
            formation = self._membership.formation
            claim = Claim(self._date(key), self._me, pid.number, pid, value, formation.id)
            if pid not in self._own:
                self._tie(pid)
            self._own.setdefault(pid, {})[key] = None
            self._report("registered", key, pid, time=claim.time)
            claims.append((key, claim))
        if len(claims) == 1:
            self._channel.tell_all(*sent_as, *_written(*claims[0]))
        else:
            for part in divide(_written(*claim) for claim in claims):
                self._channel.tell_all("all", part)
        for key, claim in claims:
            self._enter(key, claim)

    def _date(self, key: Any) -> int:
        """Return the time of a new claim."""
        return self._membership.formation.tick()

    def update(self, key: Any, value: Any, pid: Pid | None = None) -> None:
        """Change the value or the process of a claim of this member; keep its time."""
        before = self._claims[key][self._me]
        claim = before._replace(value=value)
        if pid is not None:
            claim = claim._replace(pid=pid, number=pid.number)
            self._disown(key, before.pid)
            self._own.setdefault(pid, {})[key] = None
            self._report("replaced", key, before.pid)
            self._report("registered", key, pid, time=claim.time)
        self._channel.tell_all("claim", *_written(key, claim))
        self._enter(key, claim)

    def unregister(self, key: Any) -> bool:
        """Free a key, or ask its owner's member to do so; return False if it has no owner."""
        pid = self.whereis(key)
        if pid is None:
            return False
        if pid.runtime.name == self._me:
            self.release(key, pid)
        else:
            self._channel.tell(node_of(pid), "free", key, pid)
        return True

    def release(self, key: Any, pid: Pid, kind: str = "unregistered") -> None:
        """End a claim of this member."""
        if self._drop(key, self._me, pid):
            self._report(kind, key, pid)
            self._channel.tell_all("drop", key, pid)

    def end_owner(self, pid: Any) -> None:
        """End the claims of a process of this member that has ended."""
        for key in list(self._own.get(pid, ())):
            self.release(key, pid, "owner_ended")

    def withdraw(self, keys: Sequence[Any], pid: Pid) -> None:
        """Release keys that were granted to a process but not claimed."""
        for key in keys:
            self._give_back(key, pid)
            self._channel.tell_all("withdraw", key, pid)
        self._membership.wake()

    def _grant(self, key: Any, pid: Pid) -> Pid | None:
        """Grant a key to a process, or return its owner."""
        holder = self.whereis(key) or self._granted.get(key)
        if holder is None:
            self._granted[key] = pid
        return holder

    def _give_back(self, key: Any, pid: Pid) -> None:
        if self._granted.get(key) is pid:
            del self._granted[key]

    # Messages of other members

    def send_all(self, node: NodeId) -> None:
        """Send all claims of this member to a member that came up."""
        for message in self._all():
            self._channel.tell(node, *message)

    def send_grants(self, node: NodeId) -> None:
        """Send the grants made here whose claims have not arrived yet to a member that begins to grant keys."""
        for key, pid in self._granted.items():
            self._channel.tell(node, "granted", key, pid)

    def redate(self, key: Any, time: int) -> None:
        """Change the time of a claim of this member; call `resend` to send it to the others."""
        claims = self._claims[key]
        claims[self._me] = claims[self._me]._replace(time=time, formation=self._membership.formation.id)

    def begin_again(self) -> None:
        """Keep the claims of this member, which has joined a cluster again, as claims that it makes now."""
        for _, _, key in sorted(self.dates(), key=lambda date: date[0]):
            self.redate(key, self._membership.formation.tick())
            claim = self._claims[key][self._me]
            self._report("registered", key, claim.pid, time=claim.time)

    def resend(self) -> None:
        """Send the claims of this member to all other members."""
        for message in self._all():
            self._channel.tell_all(*message)

    def compare(self) -> None:
        """Compare the claims to each key again after the formation of a member has changed."""
        for key, claims in list(self._claims.items()):
            if len(claims) > 1:
                self._enter(key, next(iter(claims.values())))

    def _all(self) -> list[tuple[str, list[Any]]]:
        own = [_written(key, self._claims[key][self._me]) for keys in self._own.values() for key in keys]
        return [("all", part) for part in divide(own)]

    def read(self, node: NodeId, message: tuple[Any, ...]) -> None:
        """Handle a message of another member. Raises `ValueError` for an invalid one."""
        match message:
            case ("all", list(claims)):
                for claim in claims:
                    self._learn(node, *_read(claim))
            case ("claim", *claim):
                self._learn(node, *_read(claim))
            case ("drop", Hashable() as key, Process() as pid):
                self._drop(key, node.name, pid)
            case ("ask", int(number), Hashable() as key, Process() as pid):
                self._channel.tell(node, "answer", number, self._grant(key, pid))
            case ("ask_many", int(number), list(keys), Process() as pid):
                self._channel.tell(node, "answers", number, [self._grant(key, pid) for key in keys])
            case ("answer", int(number), holder):
                self._answered(number, [holder])
            case ("answers", int(number), list(holders)):
                self._answered(number, holders)
            case ("withdraw", Hashable() as key, Process() as pid):
                self._give_back(key, pid)
            case ("granted", Hashable() as key, Process() as pid):
                if key not in self._claims:
                    self._granted.setdefault(key, pid)
            case ("free", Hashable() as key, Process() as pid):
                if self.whereis(key) is pid:
                    self.unregister(key)
            case ("lost", Hashable() as key, Process() as pid, Process() as winner, int(time)):
                self._lose(key, pid, winner, time)
            case _:
                raise ValueError(f"expected a message about claims, got {message!r:.200}")
        self._membership.wake()

    def _answered(self, number: int, holders: list[Any]) -> None:
        _, future = self._asked.get(number, (None, None))
        if future is not None and not future.done():
            future.set_result(holders)

    def remove_member(self, node: NodeId, why: str = "") -> None:
        """Remove the claims of a member whose connection ended; open requests to it go to another member."""
        for key in [key for key, claims in self._claims.items() if node.name in claims]:
            self._drop(key, node.name, self._claims[key][node.name].pid)
        self._granted = {key: pid for key, pid in self._granted.items() if pid.runtime.name != node.name}
        for asked, future in self._asked.values():
            if asked == node and not future.done():
                future.set_result(None)

    def _learn(self, node: NodeId, key: Any, pid: Any, time: Any, value: Any) -> None:
        if not isinstance(pid, Process) or pid.runtime.name != node.name or not isinstance(time, int):
            raise ValueError(f"expected a process of {node} and a time, got {pid!r:.100}, {time!r:.100}")
        if not isinstance(key, Hashable):
            raise ValueError(f"expected a key that can be hashed, got {key!r:.100}")
        formation = self._membership.formation
        formation.see(time)
        self._enter(key, Claim(time, node.name, pid.number, pid, value, formation.of(node)))

    def _enter(self, key: Any, claim: Claim) -> None:
        self._granted.pop(key, None)
        claims = self._claims.setdefault(key, {})
        claims[claim.member] = claim
        if len(claims) == 1:
            self._show(key, claim)
        else:
            winner = min(claims.values(), key=self._order)
            self._show(key, winner)
            for loser in [loser for loser in claims.values() if loser is not winner]:
                if loser.formation != winner.formation:
                    continue
                if loser.member == self._me:
                    self._lose(key, loser.pid, winner.pid, loser.time)
                else:
                    self._channel.tell(node_of(loser.pid), "lost", key, loser.pid, winner.pid, loser.time)
        self._membership.wake()

    def _lose(self, key: Any, pid: Pid, winner: Pid, time: int) -> None:
        """End a claim of this member after a conflict, and its owner, unless the claim has been redated."""
        claim = self._claims.get(key, {}).get(self._me)
        if claim is None or claim.pid is not pid or claim.time != time:
            return
        self._report("conflict", key, pid, winner=plain(winner))
        self._drop(key, self._me, pid)
        self._channel.tell_all("drop", key, pid)
        self._lost(key, pid, winner)

    def _end_loser(self, key: Any, pid: Any, winner: Pid) -> None:
        exit_signal(pid, self._membership.node.outside, ("name_conflict", self._name(key), winner), False)

    def _drop(self, key: Any, member: str, pid: Pid) -> bool:
        claims = self._claims.get(key, {})
        if member not in claims or claims[member].pid is not pid:
            return False
        if member == self._me:
            self._disown(key, pid)
        del claims[member]
        if claims:
            self._show(key, min(claims.values(), key=self._order))
        else:
            del self._claims[key]
            self.table.remove(key, pid)
        self._membership.wake()
        return True

    def _show(self, key: Any, claim: Claim) -> None:
        """Show a claim as the owner of its key in the table."""
        for shown in self.table.lookup(key):
            if shown.pid is claim.pid:
                return self.table.replace(key, Entry(claim.pid, claim.value))
            self.table.remove(key, shown.pid)
        self.table.add(key, Entry(claim.pid, claim.value))
        return None

    def _disown(self, key: Any, pid: Pid) -> None:
        keys = self._own[pid]
        del keys[key]
        if not keys:
            del self._own[pid]
            self._untie(pid)

    def _report(self, kind: str, key: Any, pid: Pid, **more: Any) -> None:
        self._membership.report(kind, table=self._channel.table, key=key, pid=plain(pid), **more)


def _written(key: Any, claim: Claim) -> tuple[Any, ...]:
    """Return a claim as it is sent; one without a value has the form of earlier versions."""
    return (key, claim.pid, claim.time) if claim.value is None else (key, claim.pid, claim.time, claim.value)


def _read(claim: Any) -> tuple[Any, Any, Any, Any]:
    match claim:
        case (key, pid, time):
            return key, pid, time, None
        case (key, pid, time, value, *_):
            return key, pid, time, value
        case _:
            raise ValueError(f"expected a claim, got {claim!r:.200}")


def node_of(pid: Pid) -> NodeId:
    """Return the node of a process."""
    return NodeId(pid.runtime.name, pid.runtime.creation)


def plain(pid: Pid) -> tuple[str, int, int]:
    """Return a pid as plain data that is equal on all members."""
    return pid.runtime.name, pid.runtime.creation, pid.number
