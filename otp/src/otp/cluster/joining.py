"""Joining: open the connections of a member, and wait until it is clear whether the others accept it."""

# Reasons have no type.
# pyright: reportUnknownLambdaType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from otp.cluster.discovery import Discovery
from otp.cluster.member import Member
from otp.cluster.membership import Membership
from otp.cluster.refusals import JoinRefused, Refusal
from otp.cluster.transport import MemberDistribution, MemberTransport
from otp.distribution import Incarnations, NodeId, Session, Settings
from otp.distribution.incarnations import HIGHEST
from otp.kernel.steps.node import Node
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.pids import Pid

__all__ = ["ClockIncarnations", "Opening", "wait_connected"]

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
        dials: bool = True,
        services: Mapping[str, Pid] | None = None,
    ) -> None:
        self._services = services
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
        self._dials = dials  # False for a carrier that was created with the addresses, and tries them by itself

    async def run(self, timeout: float) -> tuple[Membership, Any]:
        """Join, and return the membership and its carrier. Raises `JoinRefused`."""
        deadline = self.node.scheduler.loop.time() + timeout
        for _ in range(ATTEMPTS):
            found = await self._attempt(deadline)
            if found is not None:
                return found
        raise JoinRefused(("name_taken", self.node.name))

    async def _attempt(self, deadline: float) -> tuple[Membership, Any] | None:
        """Join with one incarnation; return None if others know a higher one."""
        id = NodeId(self.node.name, self._incarnations.next())
        carrier = self._carrier(id)
        simulated = getattr(carrier, "simulated", False)
        me = Member(id.name, id.creation, "up", None, self._clock(), self._version, self._meta, simulated)
        membership = Membership(self.node, me, self._settings, carrier, self._discovery, self._clock)
        session = Session(id, self._cookie, self._settings, probes=True)
        session.seeks = lambda node: not membership.is_apart(node)
        create: type[MemberTransport] = getattr(carrier, "transport", MemberTransport)
        transport = create(carrier, session, membership, self._incarnations)
        distribution = MemberDistribution(self.node, transport, spawnable=self._allow, services=self._services)
        if hasattr(carrier, "on_stranger"):
            carrier.on_stranger = membership.stranger
        if hasattr(carrier, "on_itself"):
            carrier.on_itself = membership.handle_own_address
        if hasattr(carrier, "on_closed"):
            carrier.on_closed = transport.closed
        distribution.observer, distribution.member_transport = membership, transport
        membership.distribution = distribution
        try:
            await self._start(distribution)
            membership.me = me._replace(address=getattr(carrier, "address", None) or None)
            membership.shared.take_over()
            membership.begin()
            if await self._decided(membership, carrier, deadline):
                membership.accepted()
                await membership.shared.reopen()
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
            raise JoinRefused(reason, str(error)) from error

    async def _decided(self, membership: Membership, carrier: Any, deadline: float) -> bool:
        """Wait until the others have accepted this node, or none is there; False if they know a higher incarnation.

        Raises `JoinRefused`.
        """
        # Until then only the answer of a member counts, afterwards also that of another node that joins.
        listened = min(self.node.scheduler.loop.time() + min(LISTEN, self._settings.heartbeat), deadline)
        dials = [asyncio.ensure_future(carrier.connect(address)) for address in self._connect if self._dials]
        for dial in dials:
            dial.add_done_callback(lambda _: membership.wake())
        try:
            while (decided := self._verdict(membership)) is None:
                if membership.answers:
                    until = listened
                elif self._connect:
                    until = give_up_at(membership, dials, self._connect, 0, deadline)
                else:
                    until = self._patience(membership, listened, deadline)
                if _is_past(until):
                    return True
                await _changed(membership, until)
            return decided
        finally:
            for dial in dials:
                dial.cancel()
            await asyncio.gather(*dials, return_exceptions=True)

    def _verdict(self, membership: Membership) -> bool | None:
        """Return what is decided so far. Raises `JoinRefused` for a name that is taken."""
        for refusal in membership.refusals:
            if _kind(refusal) == "name_taken" and refusal.by == "there":
                raise JoinRefused(refusal.reason)
        if membership.outdated_by:
            return False
        return True if membership.admissions else None

    def _patience(self, membership: Membership, listened: float, deadline: float) -> float:
        """Return when to begin alone: later if the carrier reports nodes that might still answer."""
        refusals = list(membership.refusals)
        if _is_past(listened):
            for refusal in refusals:
                if _kind(refusal) == "incompatible":
                    raise JoinRefused(refusal.reason)
        refused = {refusal.node for refusal in refusals}
        waiting = [since for node, since in membership.hints.items() if node.name not in refused]
        if not waiting:
            return listened
        return min(max(listened, max(waiting) + self._settings.dead + 3 * self._settings.heartbeat), deadline)


async def wait_connected(membership: Membership, dial: asyncio.Future[Any], address: str, deadline: float) -> None:
    """Wait until the member of an address is up.

    The address that a member shows may differ from the one at which it was found, so after two heartbeats any new
    member will do. Raises `JoinRefused`.
    """
    loop = asyncio.get_running_loop()
    admissions, noted = membership.admissions, membership.noted
    found: float | None = None
    while not any(member.address == address for member in membership.up.values()):
        if membership.admissions > admissions:
            found = loop.time() + 2 * membership.settings.heartbeat if found is None else found
            until = min(found, deadline)
            if _is_past(until):
                return
        else:
            until = give_up_at(membership, [dial], (address,), noted, deadline)
        await _changed(membership, until)


def give_up_at(
    membership: Membership, dials: list[asyncio.Future[Any]], addresses: tuple[str, ...], noted: int, deadline: float
) -> float:
    """Return until when an address may still answer, with refusals from the number `noted` on in mind.

    Raises `JoinRefused` with the best known reason once none may.
    """
    if membership.own_addresses.issuperset(addresses):
        named = ", ".join(addresses)
        why = f"{named} leads to this node itself; try the address of another member"
        raise JoinRefused(("unreachable", addresses), why)
    failed = [dial.exception() for dial in dials if dial.done() and not dial.cancelled()]
    for error in failed:
        if isinstance(reason := getattr(error, "reason", None), tuple):  # the address itself is wrong
            raise JoinRefused(reason, str(error)) from error
    reasons: dict[Any, Any] = {}
    for at, refusal in membership.refused_since(noted):
        if (kind := _kind(refusal)) in ("incompatible", "wrong_cookie"):
            reasons[kind] = refusal.reason
            deadline = min(at + 2 * membership.settings.heartbeat, deadline)  # another address may still answer
    nobody = bool(dials) and not reasons and len(failed) == len(dials) and all(failed)
    if nobody or _is_past(deadline):
        best = reasons.get("incompatible") or reasons.get("wrong_cookie")
        raise JoinRefused(("unreachable", addresses) if best is None else best)
    return deadline


def _kind(refusal: Refusal) -> Any:
    return refusal.reason[0] if isinstance(refusal.reason, tuple) else refusal.reason


def _is_past(until: float) -> bool:
    return asyncio.get_running_loop().time() > until - 1e-6  # a timer may be early by the resolution of the clock


async def _changed(membership: Membership, until: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout_at(until):
            await membership.changed()


async def _close(membership: Membership) -> None:
    membership.finish()
    with suppress(Exception):  # the carrier may not have started
        await membership.distribution.stop()
