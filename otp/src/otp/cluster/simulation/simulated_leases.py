"""The store of leases of a simulated cluster, as one member reaches it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TypeVar

from otp.cluster.leases import Held, LeaseSession, LeaseStore, PidKey

T = TypeVar("T")

__all__ = ["STORE", "SimulatedLeases"]

STORE = "leases"
"""The name of the store in faults."""


class SimulatedLeases:
    """A store that a member can be cut off from; `delay()` is None while they are, else the seconds of a way."""

    def __init__(self, store: LeaseStore, delay: Callable[[], float | None], pause: float) -> None:
        self._store = store
        self._delay = delay
        self._pause = pause
        self.killed: bool = False
        """True once the member was killed."""

    async def open(self, member: str, ttl: float) -> LeaseSession:
        """Open a session."""
        await self._travel()
        return await self._answer(self._store.open(member, ttl))

    async def renew(self, session: LeaseSession) -> None:
        """Renew a session."""
        await self._travel()
        await self._answer(self._store.renew(session))

    async def acquire(self, session: LeaseSession, key: Hashable, pid: PidKey) -> int | Held:
        """Acquire a key."""
        await self._travel()
        return await self._answer(self._store.acquire(session, key, pid))

    async def acquire_many(self, session: LeaseSession, keys: Sequence[Hashable], pid: PidKey) -> list[int | Held]:
        """Acquire keys in one request."""
        await self._travel()
        return await self._answer(_acquire_all(self._store, session, keys, pid))

    async def release(self, session: LeaseSession, key: Hashable, pid: PidKey) -> None:
        """Free a key."""
        await self._travel()
        await self._answer(self._store.release(session, key, pid))

    async def close(self, session: LeaseSession) -> None:
        """End a session."""
        await self._travel()
        await self._answer(self._store.close(session))

    async def _answer(self, request: Awaitable[T]) -> T:
        answer = await request
        await self._travel()
        return answer

    async def _travel(self) -> None:
        while self.killed or (delay := self._delay()) is None:
            if self.killed:
                raise ConnectionError("the member was killed")
            await asyncio.sleep(self._pause)
        if delay:
            await asyncio.sleep(delay)


async def _acquire_all(
    store: LeaseStore, session: LeaseSession, keys: Sequence[Hashable], pid: PidKey
) -> list[int | Held]:
    return [await store.acquire(session, key, pid) for key in keys]
