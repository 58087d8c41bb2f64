"""The children of a distributed supervisor by id, and those that have to start elsewhere after a loss.

Each child is a claim to its id; the value of the claim is the term of its spec. When a member is lost, its permanent
and transient children become orphans. After the settle delay, the member that grants an id chooses where the orphan
starts. The other members send it their orphans, because it may not know all of them.
"""

# Ids and terms of specs are of any type.
# pyright: reportUnknownLambdaType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal, NamedTuple, TypeAlias

from otp.behaviours.registry._table import Table, UniqueTable
from otp.bounded import text
from otp.cluster.choosing import rendezvous, spread
from otp.cluster.claims import Claim, Claims, plain
from otp.cluster.member import Member
from otp.cluster.shared_table import SharedTable
from otp.cluster.travelling import divide
from otp.distribution import NodeId
from otp.kernel.steps.calling import cast
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import Process, on_exit
from otp.kernel.values.sentences import say

__all__ = ["ADOPT", "HELD", "STAY", "UNWANTED", "Drained", "Placement", "Placements"]

Placement: TypeAlias = Literal["hash", "least_loaded"] | Callable[[Any, list[Member]], Any]
ADOPT: Final = "adopt"
"""The tag of the message that asks a supervisor to start an orphan."""
HELD: Final = "held"
"""The tag of the reason why a child does not start: another member has its lease."""
STAY: Final = "stay"
"""The tag of the message that asks a supervisor to restart a child that could not move."""
UNWANTED: Final = "unwanted"
"""The tag of the message that asks a supervisor to terminate a child that was terminated before it started here."""
MOST_ENDED: Final = 10_000
"""Maximum number of ids of ended children to keep, so that members that missed an end do not restart the child."""


class Drained(NamedTuple):
    """The ids of the children that moved to another member, and of those that could not move.

    >>> Drained(["w1"], []).moved
    ['w1']
    """

    moved: list[Any]
    kept: list[Any]


@dataclass(slots=True)
class _Orphan:
    """A child whose member is gone: the supervisor that had it, its claim, and the time at which to start it."""

    keeper: Any
    claim: Claim
    due: float
    since: float
    """The time at which this member learned that it is gone."""
    why: str = ""
    """The reason why its member is gone; "" if this member has not seen it go."""
    unfit: set[str] = field(default_factory=set[str])
    """Members that cannot start it."""
    full: set[str] = field(default_factory=set[str])
    """Members that have no room for it at the moment."""
    waits: bool = False
    """True after an attempt for which no member had room."""
    is_held: bool = False
    """True if its lease is held elsewhere, or the store does not answer."""
    target: str | None = None
    """The least loaded member, where it will start, as all members have chosen for all orphans together."""
    seen_by: NodeId | None = None
    """A member that sees it run on a member to which this one is not connected."""


class Placements(Claims):
    """The children that one member sees."""

    def __init__(
        self, shared: SharedTable, placement: Placement, settle: float, lost: Callable[[Any, Pid, Pid], None]
    ) -> None:
        super().__init__(shared, lost=lost, tie=lambda _: None, untie=lambda _: None)
        self._shared = shared
        self._placement = placement
        self._settle = settle
        self._loop = shared.membership.node.scheduler.loop
        self.orphans: dict[Any, _Orphan] = {}
        self.moving: dict[Any, str] = {}
        """Children that were stopped on this member and have yet to start on another one, or on this one again."""
        self.refused: defaultdict[Any, set[str]] = defaultdict(set)
        """The members that refused each child that has to move away from here."""
        self.placing: dict[Any, str] = {}
        """The children that this member asked one to start, each with that member, until it has answered."""
        self.adopted: dict[Any, int] = {}
        """The time of the lost claim to each child that starts, or was started, here instead of on a lost member."""
        self.starting: dict[Any, None] = {}
        """The ids of children that start on this member, as the members that grant them allowed."""
        self.beginning: tuple[Any, ...] = ()
        """The id of the child whose start or restart has begun here; a supervisor begins one at a time."""
        self.pause: float = shared.membership.settings.heartbeat
        """Seconds after which a child whose lease another member has is tried again."""
        self._ended: dict[Any, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        shared.listed = self._leave_to_keeper

    # Queries

    def supervisor(self, member: str) -> Any:
        """Return the process of the supervisor on a member."""
        return self._shared.pid if member == self._me else self._shared.pids.get(member)

    def is_supervisor(self, pid: Any) -> bool:
        """Return whether the holder of an id is a supervisor that is starting the child."""
        return pid is self._shared.pid or any(pid is found for found in self._shared.pids.values())

    def choose(self, id: Any, unfit: Any = (), on: str | None = None) -> str | None:
        """Return the member on which a child should start, or None if all are unfit."""
        members = [name for name in (self._me, *self._shared.peers) if name not in unfit]
        members = [name for name in members if not self.leaves(name)] or members
        if on in members or not members:
            return on if members else None
        if self._placement == "hash":
            return rendezvous(id, members)
        if isinstance(self._placement, str):
            load = self._load()
            least = min(load[name] for name in members)
            return rendezvous(id, [name for name in members if load[name] == least])
        up = {member.name: member for member in self._membership.members()}
        try:
            chosen = self._placement(id, [up[name] for name in members if name in up])
        except Exception as error:
            what = f"placement({id!r:.100}, members)"
            raise BadArgument(f"{what}: expected one of {members}, but it raised {error!r:.200}") from error
        name = getattr(chosen, "name", chosen)
        if name not in members:
            raise BadArgument(f"placement({id!r:.100}, members): expected one of {members}, got {name!r:.100}")
        return name

    def _load(self) -> Counter[str]:
        """Return the number of children of each member, with those that it is to start."""
        load = Counter(claim.member for _, claim in self.winners())
        load.update(member for id, member in self.placing.items() if id not in self._claims)
        load.update(orphan.target for orphan in self.orphans.values() if orphan.target and orphan.seen_by is None)
        return load

    def leaves(self, member: str) -> bool:
        """Return whether a member is about to leave the cluster."""
        membership = self._membership
        known = membership.me if member == self._me else membership.up.get(member)
        return known is not None and known.status == "leaving"

    def plan_drain(self) -> list[tuple[Any, str]]:
        """Return the moves that leave no child on this member: id, new member."""
        others = [name for name in self._shared.peers if not self.leaves(name)]
        load = self._load()
        moves: list[tuple[Any, str]] = []
        for id in self.here():
            fit = [name for name in others if name not in self.refused.get(id, ())]
            if id in self.moving or not fit:
                continue
            if self._placement == "least_loaded":
                target = min(fit, key=lambda name: (load[name], name))
                load[target] += 1
            else:
                target = self.choose(id, {self._me, *self._shared.peers} - set(fit))
            if target is not None:
                moves.append((id, target))
        return moves

    def plan(self) -> list[tuple[str, Any, str]]:
        """Return the moves that the placement asks for: current member, id, new member."""
        moves: list[tuple[str, Any, str]] = []
        load = self._load()
        for id, claim in list(self.winners()):
            if self._placement == "least_loaded":
                members = [name for name in (self._me, *self._shared.peers) if not self.leaves(name)]
                target = min(members or [claim.member], key=lambda name: (load[name], name))
                if load[target] + 1 >= load[claim.member]:
                    continue
            else:
                target = self.choose(id)
            if target is not None and target != claim.member:
                moves.append((claim.member, id, target))
                load.update({target: 1, claim.member: -1})
        return moves

    def plan_loss(self, member: str) -> dict[Any, str | None]:
        """Return where the children of a member would start if it left; None for those that no other member can run."""
        ids = [id for id, claim in self.winners() if claim.member == member]
        others = [name for name in (self._me, *self._shared.peers) if name != member and not self.leaves(name)]
        if self._placement == "least_loaded" and others:
            return dict(spread(ids, self._load(), others))
        return {id: self.choose(id, {member}) for id in ids}

    def here(self) -> list[Any]:
        """Return the ids of the children of this member."""
        return [id for id, claims in self._claims.items() if self._me in claims]

    def own(self, id: Any) -> Claim | None:
        """Return the claim of this member to an id."""
        return self._claims.get(id, {}).get(self._me)

    def has_moved(self, id: Any) -> bool:
        """Return whether a child runs on other members alone."""
        claims = self._claims.get(id)
        return bool(claims) and self._me not in claims

    def unsettled(self) -> bool:
        """Return whether any child has yet to start elsewhere."""
        return bool(self.moving) or any(map(self._will_start, self.missing()))

    def _will_start(self, id: Any) -> bool:
        """Return whether a missing child starts elsewhere if nothing changes."""
        return True

    def missing(self) -> dict[Any, Claim]:
        """Return the children that have yet to start elsewhere."""
        return {id: orphan.claim for id, orphan in self.orphans.items() if orphan.seen_by is None}

    # Leases, for `LeasePlacements`

    leased: ClassVar[bool] = False
    """True in lease mode."""

    async def hold(self, id: Any) -> Any:
        """Return None once a child may start on this member, or the reason why it may not."""
        return None

    def holds(self, id: Any) -> bool:
        """Return whether a child may start, and restart, on this member."""
        return True

    def let_go(self, id: Any) -> None:
        """Handle that a child does not run on this member any more."""

    async def free(self, id: Any) -> None:
        """Let another member start a child that runs here no longer."""

    # Children of this member

    def begin(self, id: Any, term: Any, pid: Process, instead_of: Pid | None = None) -> None:
        """Record a child that has started here; `instead_of` is its process on the member it moved from."""
        orphan = self.orphans.get(id)
        self._report_start(id, term, pid)
        if instead_of is not None:
            self._take(id, instead_of)
        self.claim({id: term}, pid, ("claim",) if instead_of is None else ("moved", instead_of))
        if instead_of is not None:
            old = instead_of.runtime.name
            self._emit(id, pid, old, self._me, "leaving" if self.leaves(old) else "rebalance")
        elif orphan is not None and orphan.claim.member != self._me:
            self._emit(id, pid, orphan.claim.member, self._me, orphan.why, self._loop.time() - orphan.since)

    def report_conflict(self, id: Any, pid: Any, winner: Pid) -> None:
        """Report that a child here has ended because it also runs on another member."""
        self._emit(id, pid, self._me, winner.runtime.name, "name_conflict")

    def _emit(self, id: Any, pid: Any, old: str, new: str, reason: str, down: float | None = None) -> None:
        data = {
            "supervisor": self._shared.table[1], "id": id, "child": pid, "from_member": old, "to_member": new,
            "reason": reason, "down": down,
        }  # fmt: skip
        self._membership.node.tracer.emit("placement_changed", self._shared.pid, data)

    def restart(self, id: Any, pid: Process) -> None:
        """Record the new process of a child; its claim keeps its time."""
        term = self._claims[id][self._me].value
        self._report_start(id, term, pid)
        self.update(id, term, pid)

    def end(self, id: Any, pid: Any) -> None:
        """Remove a child of this member for good."""
        claim = self.own(id)
        self.let_go(id)
        if claim is not None and self._drop(id, self._me, pid):
            self._report("unregistered", id, pid)
            self._end(id, claim.time)
            self._channel.tell_all("ended", id, pid, claim.time)

    def close(self) -> None:
        """Handle the end of the supervisor on this member."""
        if self._timer is not None:
            self._timer.cancel()
        for pid, ids in self._own.items():
            for id in ids:
                self._report("owner_ended", id, pid)

    def leave(self) -> None:
        """Forget all children, because this member has left the cluster."""
        self.close()
        for known in (self._claims, self._own, self._granted, self.orphans, self.moving, self.adopted, self.starting):
            known.clear()
        self._ended.clear()
        self.table: Table = UniqueTable()

    def abandon(self, id: Any, pid: Any) -> None:
        """Remove the claim of a child that has started here while this member left."""
        if Claims._drop(self, id, self._me, pid):
            self._report("owner_ended", id, pid)
            self._channel.tell_all("drop", id, pid)

    def _report_start(self, id: Any, term: Any, pid: Process) -> None:
        data = {"supervisor": self._shared.table[1], "id": id, "pid": plain(pid)}
        membership = self._membership
        membership.report("child_started", restart=term["restart"], **data)
        on_exit(pid, self, lambda _: membership.report("child_ended", **data))

    def peers(self) -> list[tuple[str, int]]:
        """Return the members that have the supervisor, this one first, with their incarnations."""
        peers = [(name, node.creation) for name, node in self._shared.peers.items()]
        return [(self._me, self._membership.me.incarnation), *peers]

    def acknowledge(self, id: Any, on: list[tuple[str, int]]) -> None:
        """Record the members that know a child, without those that are gone."""
        if self.own(id) is not None:
            now = self.peers()
            on = [member for member in on if member in now]
            self._membership.report("child_kept", supervisor=self._shared.table[1], id=id, on=on)

    # Orphans

    def remove_member(self, node: NodeId, why: str = "") -> None:
        """Make the children of a lost member orphans, unless it was disconnected on purpose."""
        keeper = self._shared.pids.get(node.name)
        lost = [id for id, claims in self._claims.items() if node.name in claims]
        super().remove_member(node, why)
        due = self._loop.time() + self._settle
        for id in lost:
            if why == "disconnected":
                self.orphans.pop(id, None)
            elif id in self.orphans:
                self.orphans[id].keeper, self.orphans[id].why = keeper, why
        for orphan in self.orphans.values():
            if orphan.seen_by == node:
                orphan.seen_by, orphan.due = None, due
        self._spread(again=True)
        for id, member in list(self.moving.items()):
            if member == node.name:
                self.stay(id)
        for id in self.starting:  # perhaps another member grants it from now on
            if (granter := self.granter(id)) is not None:
                self._channel.tell(granter, "granted", id, self._shared.pid)
            elif id not in self._claims:
                self._granted.setdefault(id, self._shared.pid)
        self._schedule()

    def stay(self, id: Any, handed: tuple[Any, ...] = ()) -> None:
        """Restart a child here that could not move, with the term of its `handoff` unless that may have arrived."""
        if self.moving.get(id, self._me) != self._me:
            self.moving[id] = self._me
            cast(self._shared.pid, (STAY, id, handed))

    def forget(self, id: Any, time: int | None = None) -> bool:
        """Remove an orphan without starting it; return whether it existed."""
        orphan = self.orphans.get(id)
        if orphan is None or (time is not None and orphan.claim.time > time):
            return False
        del self.orphans[id]
        self._granted.pop(id, None)
        self._end(id, orphan.claim.time)
        self._membership.report("child_forgotten", supervisor=self._shared.table[1], id=id)
        self._membership.wake()
        return True

    def has_ended(self, id: Any, time: int) -> bool:
        """Return whether a child with a claim of that time has ended for good."""
        return self._ended.get(id, -1) >= time

    def forget_everywhere(self, id: Any) -> bool:
        """Remove an orphan on all members; return whether it existed."""
        if not self.forget(id):
            return False
        self._channel.tell_all("forget", id, self._ended[id])
        return True

    def _leave_to_keeper(self, node: NodeId) -> None:
        """Remove the orphans of a member that is back: its supervisor decides about them, even if they ended."""
        keeper = self._shared.pids.get(node.name)
        self.orphans = {id: orphan for id, orphan in self.orphans.items() if orphan.keeper is not keeper}

    def _spread(self, *, again: bool = False) -> None:
        """Choose the least loaded members for all orphans together: one by one, all would go to the same member."""
        if self._placement != "least_loaded":
            return
        if again:
            for id, orphan in self.orphans.items():
                granted = self._granted.get(id)
                orphan.target = None if granted is None else granted.runtime.name
        members = [name for name in (self._me, *self._shared.peers) if not self.leaves(name)]
        missing = [id for id in self.missing() if self.orphans[id].target is None]
        for id, member in spread(missing, self._load(), members).items():
            self.orphans[id].target = member

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = [orphan.due for orphan in self.orphans.values() if orphan.seen_by is None]
        if due and not self._membership.over:
            self._timer = self._loop.call_at(min(due), self._decide)

    def _decide(self) -> None:
        """Start the orphans whose settle delay is over."""
        now = self._loop.time()
        self._spread()
        others: dict[NodeId, list[Any]] = {}
        for id, orphan in list(self.orphans.items()):
            if orphan.due > now + 1e-6 or orphan.seen_by is not None:
                continue
            orphan.due = now + max(self._settle, self._membership.settings.heartbeat)  # unless it is started by then
            granter = self.granter(id)
            if granter is None:
                self._place(id, orphan)
            else:
                others.setdefault(granter, []).append((id, orphan.claim.pid, orphan.claim.time, orphan.claim.value))
        for granter, orphans in others.items():
            for part in divide(orphans):
                self._channel.tell(granter, "orphans", part)
        self._schedule()

    def _place(self, id: Any, orphan: _Orphan) -> None:
        granted = self._granted.get(id)
        if granted is not None:  # it is being started, or that failed while another member granted ids: ask again
            self._ask_to_adopt(id, orphan, granted)
            return
        unfit, chosen = orphan.unfit | orphan.full, orphan.target
        try:
            if chosen is None or chosen in unfit or self.supervisor(chosen) is None or self.leaves(chosen):
                orphan.target = None
                chosen = self.choose(id, unfit)
                orphan.target = chosen if self._placement == "least_loaded" else None
        except BadArgument as error:
            chosen = None
            say(logging.ERROR, "supervisor %s: %s", text(self._shared.table[1]), error)
        if chosen is None and orphan.full:
            orphan.full.clear()  # it waits until a member has room or joins
            orphan.waits = True
            return
        if chosen is None:
            say(
                logging.ERROR, "removed child %s of supervisor %s: no member can start it",
                text(id), text(self._shared.table[1]),
            )  # fmt: skip
            self.forget_everywhere(id)
            return
        supervisor = self.supervisor(chosen)
        self._granted[id] = supervisor
        self._ask_to_adopt(id, orphan, supervisor)

    def _ask_to_adopt(self, id: Any, orphan: _Orphan, supervisor: Any) -> None:
        cast(supervisor, (ADOPT, id, orphan.claim.time, orphan.claim.value, self._shared.pid))

    def refuse(self, id: Any, member: str, reason: Any) -> None:
        """Handle that a member could not start an orphan; try another one."""
        of = text(self._shared.table[1])
        self._granted.pop(id, None)
        orphan = self.orphans.get(id)
        if orphan is not None:
            orphan.is_held = _tag(reason) in (HELD, "lease_unavailable")
        if orphan is not None and _tag(reason) == HELD:
            orphan.due = self._loop.time() + self.pause
            self._schedule()
            return
        if orphan is None or not orphan.waits:
            say(
                logging.WARNING,
                "child %s of supervisor %s could not start on %s: %s",
                text(id),
                of,
                member,
                text(reason),
            )
        if orphan is not None:
            passes = _tag(reason) in ("max_children", "lease_unavailable")
            (orphan.full if passes else orphan.unfit).add(member)
            orphan.due = self._loop.time()
            self._schedule()

    def _grant(self, key: Any, pid: Pid) -> Pid | None:
        orphan = self.orphans.get(key)
        if orphan is not None and key not in self._granted:
            return orphan.claim.pid  # it will start elsewhere
        return super()._grant(key, pid)

    # Messages of other members

    def read(self, node: NodeId, message: tuple[Any, ...]) -> None:
        """Handle a message of another member. Raises `ValueError` for an invalid one."""
        match message:
            case ("orphans", list(orphans)):
                for id, pid, time, term in orphans:
                    self._learn_orphan(node, id, pid, time, term)
                self._schedule()
            case ("held", Hashable() as id):
                if id in self.orphans:
                    self.orphans[id].is_held = True
            case ("running", Hashable() as id):
                if id in self.orphans:
                    self.orphans[id].seen_by = node
            case ("ended", Hashable() as id, Process() as pid, int(time)):
                self._drop(id, node.name, pid)
                self._end(id, time)
            case ("lost", Hashable() as id, *_):
                super().read(node, message)
                if id in self.orphans:
                    self.orphans[id].seen_by = node  # it sees the winner run
            case ("forget", Hashable() as id, int(time)):
                self.forget(id, time)
                self._end(id, time)
            case ("moved", Process() as old, Hashable() as id, pid, time, term):
                self._take(id, old)
                self._learn(node, id, pid, time, term)
            case _:
                super().read(node, message)
        self._membership.wake()

    def _learn_orphan(self, node: NodeId, id: Any, pid: Any, time: Any, term: Any) -> None:
        if not isinstance(pid, Process) or not isinstance(time, int) or not isinstance(term, Mapping):
            raise ValueError(f"expected a child of a lost member, got {pid!r:.100}, {time!r:.100}, {term!r:.100}")
        if self.has_ended(id, time):
            self._channel.tell(node, "forget", id, self._ended[id])
        elif id in self._claims:
            self._channel.tell(node, "running", id)  # on a member that the sender does not see
        elif (orphan := self.orphans.get(id)) is not None:
            if orphan.is_held:
                self._channel.tell(node, "held", id)
            if orphan.seen_by == node:  # the sender no longer sees it run
                orphan.seen_by, orphan.due = None, self._loop.time()
            elif orphan.seen_by is not None:  # ask that member: it may no longer see it run either
                self._channel.tell(orphan.seen_by, "orphans", [(id, orphan.claim.pid, orphan.claim.time, term)])
        else:
            claim = Claim(time, pid.runtime.name, pid.number, pid, term)
            self.orphans[id] = _Orphan(None, claim, self._loop.time(), self._loop.time())

    def _take(self, id: Any, pid: Pid) -> None:
        """Remove the claim of a process whose child has moved, unless its member has restarted the child since."""
        member = pid.runtime.name
        claim = self._claims.get(id, {}).get(member)
        if claim is None or claim.pid is not pid:
            return
        if member == self._me:
            self.moving.pop(id, None)
            self.release(id, pid, "moved")  # for members that are not connected to the new one
        else:
            self._drop(id, member, pid)

    def _learn(self, node: NodeId, key: Any, pid: Any, time: Any, value: Any) -> None:
        if not isinstance(value, Mapping) or "restart" not in value:
            raise ValueError(f"expected the term of a child spec, got {value!r:.200}")
        super()._learn(node, key, pid, time, value)

    def _enter(self, key: Any, claim: Claim) -> None:
        self.orphans.pop(key, None)
        self._ended.pop(key, None)
        super()._enter(key, claim)

    def _drop(self, key: Any, member: str, pid: Pid) -> bool:
        """Remove a claim; a child without claims that has not ended for good becomes an orphan."""
        claim = self._claims.get(key, {}).get(member)
        dropped = super()._drop(key, member, pid)
        if dropped and member == self._me:
            self.adopted.pop(key, None)
            self.moving.pop(key, None)
        if not dropped or claim is None or key in self._claims or self.has_ended(key, claim.time):
            return dropped
        if claim.value["restart"] != "temporary":
            now = self._loop.time()
            self.orphans[key] = _Orphan(None, claim, now + self._settle, now)
            self._schedule()
        return dropped

    def _end(self, id: Any, time: int) -> None:
        orphan = self.orphans.get(id)
        if orphan is not None and orphan.claim.time <= time:
            del self.orphans[id]
        if self.adopted.get(id, time + 1) <= time:
            cast(self._shared.pid, (UNWANTED, id))
        self._ended[id] = time
        if len(self._ended) > MOST_ENDED:
            del self._ended[next(iter(self._ended))]

    def _all(self) -> list[tuple[str, list[Any]]]:
        if not self.moving:
            return super()._all()
        kept = [[claim for claim in claims if claim[0] not in self.moving] for _, claims in super()._all()]
        return [("all", claims) for claims in kept if claims]


def _tag(reason: Any) -> Any:
    return reason[0] if isinstance(reason, tuple) and reason else reason
