"""The session of this member in a store of leases: it is renewed, or the owners of its keys end."""

# Keys are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from otp.cluster.claims import plain
from otp.cluster.leases import LeaseSession, LeaseStore, LeaseUnavailable, PidKey, SessionEnded
from otp.kernel.steps.node import start_detached
from otp.kernel.values.sentences import say

if TYPE_CHECKING:
    from otp.cluster.membership import Membership
    from otp.kernel.tables.scheduler import Scheduler
    from otp.kernel.values.pids import Pid

__all__ = ["MemberLeases"]

_SHARE: Final = 0.9
"""The share of `ttl` after which a session counts as ended here: clocks do not run at exactly the same rate."""


class _Guard:
    """The checks before the processes of a scheduler run: after a stall, messages may be due before a timer."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.drain: Callable[[], None] = scheduler.drain
        self.checks: dict[Any, Callable[[], None]] = {}

    @staticmethod
    def of(scheduler: Scheduler) -> _Guard:
        """Return the guard of a scheduler; install one if there is none."""
        if not isinstance(scheduler.drain, _Guard):
            scheduler.drain = _Guard(scheduler)
        assert isinstance(scheduler.drain, _Guard)
        return scheduler.drain

    def __call__(self) -> None:
        for check in list(self.checks.values()):
            check()
        self.drain()

    def remove(self, member: Any) -> None:
        """End the checks of a member; the last one removes the guard."""
        self.checks.pop(member, None)
        if not self.checks and self._scheduler.drain is self:
            self._scheduler.drain = self.drain


class Leased(Protocol):
    """A table whose owners end with the session."""

    def end_owners(self) -> None:
        """End the owners of all keys on this member."""
        ...


class MemberLeases:
    """The session of a member; one request renews the leases of all its keys, every third of `ttl`.

    The deadline counts from before a request was sent, so it is earlier than the end of the session in the store.
    """

    def __init__(self, membership: Membership, store: LeaseStore) -> None:
        self._membership = membership
        self._store = store
        self._loop = membership.node.scheduler.loop
        self._now = _clock(membership.node.scheduler)
        self._ttl = membership.settings.lease_ttl
        self._session: LeaseSession | None = None
        self._opened: LeaseSession | None = None
        """The latest session, also after its end here: the store has its connections until it is closed."""
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._releases: dict[Any, asyncio.Task[None]] = {}
        self.tables: set[Leased] = set()
        self.ended: int = 0
        """The number of sessions that have ended here."""
        self.problem: str = "timeout"
        """The reason why the store has not answered."""
        self._task = start_detached(membership.node, self._run())
        self._guard = _Guard.of(membership.node.scheduler)
        self._guard.checks[self] = self._check_deadline

    def is_held(self) -> bool:
        """Return whether the session has not reached its deadline."""
        return self._session is not None and self._now() < self._deadline

    async def acquire(self, key: Hashable, pid: Pid) -> Any:
        """Acquire a key for a process; return its epoch or `Held`. Waits and raises like `acquire_many`."""
        return (await self.acquire_many([key], pid))[0]

    async def acquire_many(self, keys: Sequence[Hashable], pid: Pid) -> list[Any]:
        """Acquire keys for a process; return for each its epoch or `Held`. Waits while there is no session.

        It is one request to a store that has `acquire_many(session, keys, pid)`. Raises `LeaseUnavailable` if the store
        fails, or the session ends meanwhile.
        """
        while not self.is_held():
            await self._membership.changed()
        session = self._session
        assert session is not None
        for key in keys:
            if (release := self._releases.get(key)) is not None:
                await asyncio.shield(release)
        # In a task of no process, which would take the connections of the store with it when it ends.
        request = start_detached(self._membership.node, self._request(session, keys, plain(pid)))
        try:
            answers = await request
        except SessionEnded as error:
            if session is self._session:
                self._end(str(error))
            raise LeaseUnavailable(str(error)) from None
        except Exception as error:
            raise LeaseUnavailable(_text(error)) from error
        finally:
            request.cancel()
        if session is not self._session or not self.is_held():
            raise LeaseUnavailable("the session has ended")
        return answers

    async def _request(self, session: LeaseSession, keys: Sequence[Hashable], pid: PidKey) -> list[Any]:
        many = getattr(self._store, "acquire_many", None)
        if many is None or len(keys) == 1:
            return [await self._store.acquire(session, key, pid) for key in keys]
        return await many(session, keys, pid)

    def release(self, key: Hashable, pid: Pid) -> None:
        """Free a key in the store; it is tried again until the session ends."""
        session = self._session
        if session is not None:
            before = self._releases.get(key)
            self._releases[key] = start_detached(self._membership.node, self._release(session, key, pid, before))

    async def released(self, key: Hashable) -> None:
        """Wait until a key that was released is free in the store, for a third of `ttl` at most."""
        if (release := self._releases.get(key)) is not None:
            await asyncio.wait([release], timeout=self._ttl / 3)

    async def _release(self, session: LeaseSession, key: Any, pid: Pid, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        while session is self._session:
            try:
                async with asyncio.timeout(self._ttl / 3):
                    await self._store.release(session, key, plain(pid))
            except SessionEnded:
                break
            except Exception as error:
                self.problem = _text(error)
                await asyncio.sleep(self._ttl / 12)
            else:
                break
        if self._releases.get(key) is asyncio.current_task():
            del self._releases[key]

    def finish(self) -> None:
        """End the owners and close the session: this member has left."""
        self._task.cancel()
        self._guard.remove(self)
        self._end("left")
        if self._opened is not None:
            closing = start_detached(self._membership.node, self._close(self._opened))
            self._membership.distribution.closing = closing

    async def _close(self, session: LeaseSession) -> None:
        with suppress(Exception):
            async with asyncio.timeout(self._ttl / 3):
                await self._store.close(session)

    async def _run(self) -> None:
        while True:
            sent = self._now()
            try:
                async with asyncio.timeout(self._ttl / 3):
                    await self._renew(sent)
            except SessionEnded as error:
                self._end(str(error))
            except Exception as error:
                if self.problem != _text(error):
                    self.problem = _text(error)
                    say(logging.WARNING, "the leases of %s could not be renewed: %s", self._membership.me, self.problem)
                await asyncio.sleep(self._ttl / 12)
            else:
                self.problem = "timeout"
                await asyncio.sleep(max(0.0, sent + self._ttl / 3 - self._now()))

    async def _renew(self, sent: float) -> None:
        session = self._session
        if session is None:
            me = self._membership.me
            opened = await self._store.open(f"{me.name}#{me.incarnation}", self._ttl)
            self._session = self._opened = opened
            self._ttl = opened.ttl
        else:
            await self._store.renew(session)
            if session is not self._session or not self.is_held():
                return  # its deadline came before the answer
        self._deadline = sent + _SHARE * self._ttl
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(
            self._deadline - self._now(), self._end, "the session has reached its deadline"
        )
        self._membership.wake()

    def _check_deadline(self) -> None:
        if self._session is not None and not self.is_held():
            self._end("the session has reached its deadline")

    def _end(self, why: str) -> None:
        """End the session here, and the owners of its keys."""
        if self._session is None:
            return
        self._session, self.problem = None, why
        self.ended += 1
        if self._timer is not None:
            self._timer.cancel()
        for table in list(self.tables):
            table.end_owners()
        self._membership.wake()


def _clock(scheduler: Scheduler) -> Callable[[], float]:
    """Return the clock of deadlines: it goes on while the machine is suspended, where the system has such a clock."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return scheduler.loop.time if scheduler.virtual or boot is None else lambda: time.clock_gettime(boot)


def _text(error: BaseException) -> str:
    if isinstance(error, LeaseUnavailable):
        return error.reason[1]
    return "timeout" if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"
