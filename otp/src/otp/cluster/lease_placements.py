"""The children of a distributed supervisor in lease mode: a child runs on the member that has the lease of its id.

The supervisor on that member holds the lease, so it stays when the child is restarted there. It goes when the child
ends for good or moves. At the deadline of the session all children of the member end; they start elsewhere once the
store has ended the session.
"""

# Ids and reasons are of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Final
from weakref import WeakValueDictionary

from otp.cluster.claims import Claim, Claims, plain
from otp.cluster.leases import Held, LeaseUnavailable, NotOwner
from otp.cluster.member_leases import MemberLeases
from otp.cluster.placements import HELD, Placement, Placements
from otp.cluster.shared_table import SharedTable
from otp.distribution import NodeId
from otp.kernel.ends.info import is_alive
from otp.kernel.values.pids import Pid

__all__ = ["STORE_LIMIT", "LeasePlacements"]

STORE_LIMIT: Final = 5.0
"""Seconds that a start waits for the store of leases."""

_LOOKS: Final = 12
"""Number of attempts per `ttl` to get a lease that another member has."""


class LeasePlacements(Placements):
    """The children that one member sees; `kill(id, pid)` ends those of this member at the deadline of its session."""

    leased: ClassVar[bool] = True

    def __init__(
        self,
        shared: SharedTable,
        placement: Placement,
        settle: float,
        lost: Callable[[Any, Pid, Pid], None],
        kill: Callable[[], None],
    ) -> None:
        super().__init__(shared, placement, settle, lost)
        self._kill = kill
        self._order = _latest
        self._epochs: dict[Any, int] = {}
        """The epochs of the ids whose leases the supervisor on this member has."""
        self._locks: WeakValueDictionary[Any, asyncio.Lock] = WeakValueDictionary()
        settings = shared.membership.settings
        self.pause: float = max(settings.heartbeat, settings.lease_ttl / _LOOKS)

    @property
    def _leases(self) -> MemberLeases | None:
        """The session of the present membership: a node that joins again has another one."""
        leases = self._membership.shared.leases
        if leases is not None:
            leases.tables.add(self)
        return leases

    def _lease(self, id: Any) -> Any:
        return (self._shared.table, id)

    async def hold(self, id: Any) -> Any:
        """Acquire the lease of a child; return None, or the reason why it may not start here."""
        # One request at a time: the release after one that failed would free what another one has acquired.
        lock = self._locks.get(id)
        if lock is None:
            lock = self._locks[id] = asyncio.Lock()
        async with lock:
            return None if self.holds(id) else await self._acquire(id)

    async def _acquire(self, id: Any) -> Any:
        leases, supervisor = self._leases, self._shared.pid
        if leases is None:
            return LeaseUnavailable("this member has no store of leases").reason
        try:
            async with asyncio.timeout(STORE_LIMIT):
                answer = await leases.acquire(self._lease(id), supervisor)
        except BaseException as error:
            leases.release(self._lease(id), supervisor)  # the store may have granted it
            match error:
                case LeaseUnavailable():
                    return error.reason
                case TimeoutError():
                    return LeaseUnavailable(leases.problem).reason
                case _:  # the time of the start is over
                    raise
        if isinstance(answer, Held):
            return (HELD, answer.pid)
        if not is_alive(supervisor) or self._membership.over:
            leases.release(self._lease(id), supervisor)
            return LeaseUnavailable("the supervisor has ended").reason
        self._epochs[id] = answer
        self._report("lease_acquired", id, supervisor, epoch=answer)
        return None

    def holds(self, id: Any) -> bool:
        """Return whether this member has the lease of a child."""
        leases = self._leases
        return id in self._epochs and leases is not None and leases.is_held()

    def let_go(self, id: Any) -> None:
        """Free the lease of a child that does not run on this member any more."""
        if self._epochs.pop(id, None) is not None:
            self._report("lease_ended", id, self._shared.pid)
            if (leases := self._leases) is not None:
                leases.release(self._lease(id), self._shared.pid)

    async def free(self, id: Any) -> None:
        """Free the lease of a child that moves, and wait until the store has answered."""
        self.let_go(id)
        if (leases := self._leases) is not None:
            await leases.released(self._lease(id))

    def epoch(self, id: Any, pid: Any) -> int:
        """Return the epoch of a child for its process, from `init` on. Raises `NotOwner`."""
        claim = self.own(id)
        begins = self.beginning == (id,) and pid.parent is self._shared.pid and pid not in self._own
        if not self.holds(id) or not (begins or (claim is not None and claim.pid is pid)):
            raise NotOwner(f"epoch({(self._shared.table[1], id)!r}): expected the process of the child, got {pid}")
        return self._epochs[id]

    def end_owners(self) -> None:
        """End all children of this member, as `kill` does: the session has ended."""
        for id in self._epochs:
            self._report("lease_ended", id, self._shared.pid)
        self._epochs.clear()
        self._kill()
        for id in self.here():
            claim = self.own(id)
            if claim is not None:
                self.release(id, claim.pid, "owner_ended")

    def close(self) -> None:
        """Handle the end of the supervisor on this member: its children end first, then their leases."""
        super().close()
        self._kill()
        for id in list(self._epochs):
            self.let_go(id)
        if (leases := self._membership.shared.leases) is not None:
            leases.tables.discard(self)

    def _will_start(self, id: Any) -> bool:
        """Return whether a missing child starts elsewhere: not if its lease outlasts the session of a lost member."""
        orphan, ttl = self.orphans[id], self._membership.settings.lease_ttl
        return not orphan.is_held or self._loop.time() < orphan.since + 2 * ttl

    # What differs from children that members grant

    async def reserve(self, keys: Sequence[Any], pid: Pid) -> dict[Any, Pid | None]:
        """Acquire the leases of children; return for each its holder, or None. Raises `LeaseUnavailable`."""
        found: dict[Any, Pid | None] = {}
        for id in keys:
            found[id] = self.whereis(id)
            if found[id] is None and (why := await self.hold(id)) is not None:
                if why[0] != HELD:
                    raise LeaseUnavailable(why[1])
                found[id] = self._holder(id, why[1])
        return found

    def _holder(self, id: Any, held: tuple[str, int, int]) -> Any:
        """Return the process that has a lease: a supervisor, or the last known process of a child on a lost member."""
        supervisor, orphan = self.supervisor(held[0]), self.orphans.get(id)
        if supervisor is not None and plain(supervisor) == held:
            return supervisor
        return self._membership.distribution.pid(*held) if orphan is None else orphan.claim.pid

    def withdraw(self, keys: Sequence[Any], pid: Pid) -> None:
        """Free the leases of children that did not start."""
        super().withdraw(keys, pid)
        for id in keys:
            if self.own(id) is None:
                self.let_go(id)

    def send_grants(self, node: NodeId) -> None:
        """Send nothing: the store grants."""

    def read(self, node: NodeId, message: tuple[Any, ...]) -> None:
        """Handle a message of another member. Raises `ValueError` for an invalid one."""
        if message[0] != "granted":
            super().read(node, message)

    def _date(self, key: Any) -> int:
        """Return the time of a new claim: its epoch, which is the same in all formations."""
        return self._epochs[key]

    def dates(self) -> Iterator[tuple[int, Claims, Any]]:
        """Return nothing: no claim is dated again."""
        return iter(())

    def _lose(self, key: Any, pid: Pid, winner: Pid, time: int) -> None:
        """Keep a claim: its member ends it with its session."""


def _latest(claim: Claim) -> Any:
    return (-claim.time, claim.member, claim.number)
