"""Claims to keys in lease mode: a store of leases grants them, and the latest epoch of a key stays."""

# Keys and values are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from otp.cluster.claims import Channel, Claims, plain
from otp.cluster.leases import Held, LeaseUnavailable, NotOwner
from otp.cluster.member_leases import MemberLeases
from otp.cluster.refusals import NotMember
from otp.kernel.ends.death import decide
from otp.kernel.ends.info import is_alive
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.pids import Pid

__all__ = ["LeaseClaims"]


class LeaseClaims(Claims):
    """The claims that one member sees; the arguments as for `Claims`."""

    def __init__(
        self,
        channel: Channel,
        leases: MemberLeases,
        *,
        name: Callable[[Any], Any],
        tie: Callable[[Any], None] | None = None,
        untie: Callable[[Any], None] | None = None,
    ) -> None:
        super().__init__(channel, name=name, tie=tie, untie=untie)
        self.leases: MemberLeases = leases
        self._epochs: dict[Any, int] = {}
        """The epochs of the keys that processes of this member own."""
        leases.tables.add(self)

    def close(self) -> None:
        """End the owners on this member: the table is gone, or its session has ended."""
        self.end_owners()
        self.leases.tables.discard(self)

    def epoch(self, key: Any, pid: Pid) -> int:
        """Return the epoch of a key that a process of this member owns. Raises `NotOwner`."""
        if self.whereis(key) is not pid or not self.leases.is_held():
            raise NotOwner(f"epoch({self._name(key)!r}): expected the owner of the key, got {pid}")
        return self._epochs[key]

    async def register(self, entries: Mapping[Any, Any], pid: Pid) -> dict[Any, Pid | None]:
        """Register keys with values for a process of this member; return for each None, or the process that has it.

        Raises `LeaseUnavailable` if the store fails; then no key is registered.
        """
        waiting = [key for key in entries if self.whereis(key) is not pid]
        found: dict[Any, Pid | None] = {key: pid for key in entries if key not in waiting}
        loop, settings = asyncio.get_running_loop(), self._membership.settings
        detected = loop.time() + settings.dead + settings.heartbeat
        acquired: dict[Any, int] = {}
        ended = self.leases.ended
        try:
            while waiting:
                if self._membership.over:
                    raise NotMember(f"node {self._me!r} has left its cluster")
                answers = await self.leases.acquire_many([self._lease(key) for key in waiting], pid)
                unseen: list[Any] = []
                for key, answer in zip(waiting, answers, strict=True):
                    if not isinstance(answer, Held):
                        acquired[key] = answer
                    elif self._is_unseen(key, answer) and loop.time() < detected:
                        unseen.append(key)
                    else:
                        found[key] = self._membership.distribution.pid(*answer.pid)
                if unseen:
                    await self._await_owners(unseen)
                waiting = unseen
            if not is_alive(pid):
                raise BadArgument(f"register: expected a living process, got {pid}, which has ended")
            if acquired and (self.leases.ended != ended or not self.leases.is_held()):
                raise LeaseUnavailable("the session has ended")
            if self not in self.leases.tables:
                raise LeaseUnavailable("the registry has ended")
        except BaseException:
            for key in entries:
                if key not in found and self.whereis(key) is not pid:
                    self.leases.release(self._lease(key), pid)
            raise
        self._epochs.update(acquired)
        for key, epoch in acquired.items():
            found[key] = None
            self._report("lease_acquired", key, pid, epoch=epoch)
        self.claim({key: entries[key] for key in acquired}, pid)
        return found

    def end_owners(self) -> None:
        """End the owners of all keys on this member, as `kill` does."""
        for pid, keys in [(pid, next(iter(keys))) for pid, keys in self._own.items()]:
            decide(pid, ("lease_lost", self._name(keys)), self._membership.node.outside, 0, True)  # pyright: ignore[reportArgumentType]
            self.end_owner(pid)

    def _is_unseen(self, key: Any, held: Held) -> bool:
        """Return whether a connected member has yet to send the claim, or to free the lease."""
        node, incarnation, _ = held.pid
        if node == self._me:
            return self.whereis(key) is None
        peer = self._channel.peers.get(node)
        if peer is None or peer.creation != incarnation:
            return False
        seen = self.whereis(key)
        return seen is None or plain(seen) != held.pid

    def _lease(self, key: Any) -> Any:
        return (self._channel.table, key)

    # What differs from claims that members grant

    def _date(self, key: Any) -> int:
        """Return the rank of a new claim: the latest epoch is the lowest."""
        return -self._epochs[key]

    def dates(self) -> Iterator[tuple[int, Claims, Any]]:
        """Return nothing: epochs are the same in all formations."""
        return iter(())

    def _lose(self, key: Any, pid: Pid, winner: Pid, time: int) -> None:
        """Keep a claim: its member ends it with its session."""

    def _disown(self, key: Any, pid: Pid) -> None:
        super()._disown(key, pid)
        self._epochs.pop(key, None)
        self._report("lease_ended", key, pid)
        self.leases.release(self._lease(key), pid)
