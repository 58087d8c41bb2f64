"""Joining: open the connections of a member, and wait until it is clear whether the others accept it."""

# The private members of nodes belong to the library.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from otp.cluster.discovery import Discovery
from otp.cluster.member import Member
from otp.cluster.membership import Membership
from otp.cluster.refusals import JoinRefused, Refusal
from otp.cluster.transport import MemberDistribution, MemberTransport
from otp.distribution import Incarnations, NodeId, Session, Settings
from otp.distribution.incarnations import HIGHEST
from otp.kernel.errors import BadArgument
from otp.kernel.node import Node

__all__ = ["ClockIncarnations", "Opening", "answered"]

LISTEN: Final = 0.5
"""Maximum seconds in which a member waits for hints of others, before it begins as a cluster of one."""
ATTEMPTS: Final = 3
"""Starts with a higher incarnation each, if others know a higher one."""


class ClockIncarnations:
    """Incarnations by the clock, for members that store none."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """Return the time in seconds, or one more than the last incarnation."""
        now = int(self._clock())
        self._last = now if self._last < now <= HIGHEST else self._last + 1
        return self._last

    def raise_to(self, known: int) -> None:
        """Begin the next time above an incarnation that another node knows."""
        self._last = max(self._last, min(known, HIGHEST - 1))


class Opening:
    """The arguments of a join, and the attempts to carry it out."""

    def __init__(
        self,
        node: Node,
        cookie: bytes,
        connect: tuple[str, ...],
        discovery: tuple[Discovery, ...],
        allow: Iterable[str],
        settings: Settings,
        meta: Any,
        version: str,
        incarnations: Incarnations | None,
        carrier: Callable[[NodeId], Any],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.node = node
        self._cookie = cookie
        self._connect = connect
        self._discovery = discovery
        self._allow = tuple(allow)
        self._settings = settings
        self._meta = meta
        self._version = version
        self._incarnations = incarnations or ClockIncarnations(clock)
        self._carrier = carrier
        self._clock = clock

    async def run(self, timeout: float) -> tuple[Membership, Any]:
        """Join, and return the membership and its carrier. Raises `JoinRefused`."""
        deadline = self.node._s.loop.time() + timeout
        for _ in range(ATTEMPTS):
            found = await self._attempt(deadline)
            if found is not None:
                return found
        raise JoinRefused(("name_taken", self.node.name))

    async def _attempt(self, deadline: float) -> tuple[Membership, Any] | None:
        """Join with one incarnation; return None if others know a higher one."""
        id = NodeId(self.node.name, self._incarnations.next())
        carrier = self._carrier(id)
        me = Member(
            id.name, id.creation, "up", None, self._clock(), self._version, self._meta, getattr(carrier, "simulated", False)
        )  # fmt: skip
        membership = Membership(self.node, me, self._settings, carrier, self._discovery, self._clock)
        session = Session(id, self._cookie, self._settings, probes=True)
        transport = MemberTransport(carrier, session, membership, self._incarnations)
        distribution = MemberDistribution(self.node, transport, spawnable=self._allow)
        distribution.observer = membership
        membership.distribution = distribution
        try:
            await self._start(distribution)
            membership.me = me._replace(address=getattr(carrier, "address", None))
            membership.begin()
            if await self._decided(membership, carrier, deadline):
                membership.joined = session.holds = True
                return membership, carrier
        except BaseException:
            await _close(membership)
            raise
        await _close(membership)
        return None

    async def _start(self, distribution: MemberDistribution) -> None:
        try:
            await distribution.start()
        except BadArgument:
            raise
        except Exception as error:
            reason = getattr(error, "reason", None)
            if reason is None:
                raise
            raise JoinRefused(reason) from error

    async def _decided(self, membership: Membership, carrier: Any, deadline: float) -> bool:
        """Wait until the others have accepted this member, or none is there; False if they know a higher incarnation.

        Raises `JoinRefused`.
        """
        dials = [asyncio.ensure_future(carrier.connect(address)) for address in self._connect]
        for dial in dials:
            dial.add_done_callback(lambda _: membership.wake())
        try:
            if self._connect:
                return await answered(membership, dials, self._connect, deadline, 0)
            return await self._alone(membership, deadline)
        finally:
            for dial in dials:
                dial.cancel()
            with suppress(Exception):
                await asyncio.gather(*dials, return_exceptions=True)

    async def _alone(self, membership: Membership, deadline: float) -> bool:
        """Wait for the members that the carrier reports; without any, this is a cluster of one."""
        loop, settings = self.node._s.loop, self._settings
        begun = loop.time()
        listened = min(begun + min(LISTEN, settings.heartbeat), deadline)
        latest = min(begun + settings.dead + 3 * settings.heartbeat, deadline)
        while not membership.admissions:
            if membership.outdated_by:
                return False
            if any(_kind(refusal) == "name_taken" and refusal.by == "there" for refusal in membership.refusals):
                break
            refused = {refusal.node for refusal in membership.refusals}
            waits = any(node.name not in refused for node in membership.hints)
            until = latest if waits else listened
            if loop.time() >= until:
                break
            await _changed(membership, until)
        if not membership.admissions:
            proven = [r for r in membership.refusals if _kind(r) in ("name_taken", "incompatible")]
            if proven:
                raise JoinRefused(proven[-1].reason)
        return True


async def answered(
    membership: Membership,
    dials: list[asyncio.Future[Any]],
    addresses: tuple[str, ...],
    deadline: float,
    since: int,
) -> bool:
    """Wait until a member has come up beyond the number `since`; False if others know a higher incarnation.

    Raises `JoinRefused` with the best known reason.
    """
    loop = asyncio.get_running_loop()
    first = len(membership.refusals)
    grace: float | None = None
    while membership.admissions <= since:
        if membership.outdated_by and not membership.joined:
            return False
        refusals = list(membership.refusals)[first:] if membership.joined else list(membership.refusals)
        failed = [dial.exception() for dial in dials if dial.done() and not dial.cancelled()]
        for error in failed:
            reason = getattr(error, "reason", None)
            if reason is not None and reason[0] == "tls_required":
                raise JoinRefused(reason) from error
        if refusals and grace is None:
            grace = loop.time() + 2 * membership.settings.heartbeat  # another address may still answer
        if any(_kind(refusal) == "name_taken" for refusal in refusals):
            grace = loop.time()
        gone = bool(failed) and all(failed) and len(failed) == len(dials)
        until = deadline if grace is None else min(grace, deadline)
        if loop.time() >= until or (gone and grace is None):
            kinds = {_kind(refusal): refusal.reason for refusal in refusals}
            for kind in ("name_taken", "incompatible", "wrong_cookie"):
                if kind in kinds:
                    raise JoinRefused(kinds[kind])
            raise JoinRefused(("unreachable", addresses))
        await _changed(membership, until)
    return True


def _kind(refusal: Refusal) -> Any:
    return refusal.reason[0] if isinstance(refusal.reason, tuple) else refusal.reason


async def _changed(membership: Membership, until: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout_at(until):
            await membership.changed()


async def _close(membership: Membership) -> None:
    membership.finish()
    with suppress(Exception):  # the carrier may not have started
        await membership.distribution.stop()
