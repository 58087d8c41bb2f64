"""Leases: stores that decide which process owns a key, for `consistency="lease"`.

A member opens a session in the store and renews it. The keys of its processes belong to the session; once it has ended,
another session can acquire them. The store decides when a session ends, by its own clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Any, NamedTuple, Protocol

from otp.kernel.values.errors import StartError

__all__ = ["Held", "LeaseSession", "LeaseStore", "LeaseUnavailable", "MemoryLeases", "NotOwner", "SessionEnded"]

PidKey = tuple[str, int, int]


class Held(NamedTuple):
    """The answer of a store for a key that another process has: its node, incarnation and number.

    >>> from otp.cluster import Held
    >>> Held(("a", 1, 7)).pid
    ('a', 1, 7)
    """

    pid: PidKey


class LeaseSession(NamedTuple):
    """A session of a member in a store; `ttl` is what the store has granted, in seconds.

    >>> from otp.cluster import LeaseSession
    >>> LeaseSession("a", 1, 10.0).ttl
    10.0
    """

    member: str
    id: Any
    ttl: float


class SessionEnded(Exception):
    """A request for a session that the store has ended.

    >>> from otp.cluster import SessionEnded
    >>> print(SessionEnded("the session of a has ended"))
    the session of a has ended
    """


class LeaseUnavailable(StartError):
    """A registration that needs the store of leases, which does not answer; `.reason`: `("lease_unavailable", why)`.

    >>> from otp.cluster import LeaseUnavailable
    >>> LeaseUnavailable("timeout").reason
    ('lease_unavailable', 'timeout')
    """

    def __init__(self, why: Any) -> None:
        super().__init__(("lease_unavailable", why))
        self.hint: str = "the store of leases does not answer; try again once this member reaches it"


class NotOwner(Exception):
    """A request for the epoch of a key that the calling process does not own.

    >>> from otp.cluster import NotOwner
    >>> print(NotOwner("not the owner"))
    not the owner
    """


class LeaseStore(Protocol):
    """A store of leases. Keys can be hashed and are equal on all members.

    A method raises `SessionEnded` for a session that has ended, and any other exception if the store fails.
    A store may also have `async acquire_many(session, keys, pid)`, which returns what `acquire` returns for each key;
    `register_many` uses it.
    """

    async def open(self, member: str, ttl: float) -> LeaseSession:
        """Open a session that ends `ttl` seconds after its last renewal."""
        ...

    async def renew(self, session: LeaseSession) -> None:
        """Renew a session with all its keys."""
        ...

    async def acquire(self, session: LeaseSession, key: Hashable, pid: PidKey) -> int | Held:
        """Acquire a key; return its epoch, which grows with each owner, or its owner. Idempotent for one process."""
        ...

    async def release(self, session: LeaseSession, key: Hashable, pid: PidKey) -> None:
        """Free a key if this process has it."""
        ...

    async def close(self, session: LeaseSession) -> None:
        """End a session and free its keys."""
        ...


class MemoryLeases:
    """A store of leases in memory, for tests: it serves the members of one program.

    >>> import otp
    >>> from otp.cluster import MemoryLeases
    >>> async def main():
    ...     leases = MemoryLeases()
    ...     one, two = await leases.open("a", 10), await leases.open("b", 10)
    ...     first = await leases.acquire(one, "key", ("a", 1, 1))
    ...     refused = await leases.acquire(two, "key", ("b", 1, 1))
    ...     await leases.close(one)
    ...     return first, refused, await leases.acquire(two, "key", ("b", 1, 1))
    >>> otp.run(main)
    (1, Held(pid=('a', 1, 1)), 2)
    """

    def __init__(self) -> None:
        self._number = 0
        self._ends: dict[LeaseSession, float] = {}
        self._held: dict[Hashable, tuple[LeaseSession, PidKey]] = {}
        self._epochs: dict[Hashable, int] = {}

    async def open(self, member: str, ttl: float) -> LeaseSession:
        """Open a session that ends `ttl` seconds after its last renewal."""
        self._number += 1
        session = LeaseSession(member, self._number, ttl)
        self._ends[session] = _now() + ttl
        return session

    async def renew(self, session: LeaseSession) -> None:
        """Renew a session with all its keys."""
        self._check(session)
        self._ends[session] = _now() + session.ttl

    async def acquire(self, session: LeaseSession, key: Hashable, pid: PidKey) -> int | Held:
        """Acquire a key; return its epoch, which grows with each owner, or its owner. Idempotent for one process."""
        self._check(session)
        holder = self._held.get(key)
        if holder is not None and self._is_open(holder[0]):
            return self._epochs[key] if holder == (session, pid) else Held(holder[1])
        self._held[key] = (session, pid)
        self._epochs[key] = epoch = self._epochs.get(key, 0) + 1
        return epoch

    async def release(self, session: LeaseSession, key: Hashable, pid: PidKey) -> None:
        """Free a key if this process has it."""
        self._check(session)
        if self._held.get(key) == (session, pid):
            del self._held[key]

    async def close(self, session: LeaseSession) -> None:
        """End a session and free its keys."""
        self._ends.pop(session, None)

    def _is_open(self, session: LeaseSession) -> bool:
        if self._ends.get(session, 0.0) > _now():
            return True
        self._ends.pop(session, None)
        return False

    def _check(self, session: LeaseSession) -> None:
        if not self._is_open(session):
            raise SessionEnded(f"the session of {session.member} has ended")


def _now() -> float:
    return asyncio.get_running_loop().time()
