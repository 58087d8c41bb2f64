"""The members that a node sees: connections, the facts of each node, and messages to monitoring processes.

A node is a member once its connection is up and its facts have arrived. The session layer alone decides when a
connection ends.
"""

# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from otp.bounded import text
from otp.cluster.addresses import Addresses
from otp.cluster.claims import AllMembers, Claims
from otp.cluster.discovery import Discovery
from otp.cluster.facts import (
    ASK,
    JOINED,
    KINDS,
    LEAVING,
    PROTOCOL,
    SEEN,
    Known,
    Seen,
    facts_of,
    forget,
    known_in,
    member_of,
    seen_in,
    token,
)
from otp.cluster.formation import Formation, read_shown
from otp.cluster.groups import Groups
from otp.cluster.member import DownReason, Member, MemberDown, MemberLeaving, MemberUp
from otp.cluster.refusals import Refusal, sentence
from otp.cluster.shared_table import SharedTables
from otp.cluster.sought import Sought
from otp.cluster.transport import MemberDistribution
from otp.distribution import NodeId, Settings
from otp.distribution.session_transport import Traffic
from otp.kernel.ends.mailbox import deliver
from otp.kernel.steps.node import Node
from otp.kernel.values.pids import Ref
from otp.kernel.values.process import Process, off_exit, on_exit
from otp.kernel.values.sentences import say
from otp.standstill import Pulse

__all__ = ["Membership"]

REFUSALS: Final = 100
"""Number of refusals that are kept."""
MOST_LOST: Final = 1_000
"""Number of lost members that are kept; the longest lost is forgotten first."""
MOST_IGNORED: Final = 100
"""Number of unknown kinds of messages that are logged."""
GOSSIP: Final = 10
"""Number of members up to which each new member is announced to all at once, and receives the list. In a larger cluster
a new member asks one of them for the list, and connects by itself."""
LOOKS: Final = 8
"""Heartbeats in which sources of addresses are read each time; afterwards they are read each time after as many."""
SLOWEST_DIAL: Final = 2.0
"""Maximum seconds between two attempts to reach an address."""
SLOWEST_RETRY: Final = 60.0
"""Maximum seconds until a node that sent no facts is connected again."""
_REASONS: Final[dict[str, DownReason]] = {"timeout": "timeout", "leave": "disconnected", "disconnect": "disconnected"}
"""Reasons of a session that are not `connection_lost`."""


class Membership:
    """The members that one node sees; the `Observer` of its transport."""

    def __init__(
        self,
        node: Node,
        me: Member,
        settings: Settings,
        carrier: Any,
        discovery: tuple[Discovery, ...],
        clock: Callable[[], float],
    ) -> None:
        self.node = node
        self.me: Member = me
        self.settings = settings
        self.up: dict[str, Member] = {}
        """The connected members other than this one, the longest connected first."""
        self.lost: dict[str, Member] = {}
        self.hints: dict[NodeId, float] = {}
        """The nodes that the carrier reports as present, with the time of the report."""
        self.refusals: deque[Refusal] = deque(maxlen=REFUSALS)
        self.own_addresses: set[str] = set()
        """The addresses that have led to this member itself."""
        self.outdated_by: int = 0
        """The highest incarnation of this node that others know, if it is above this one's."""
        self.joined: bool = False
        self.over: bool = False
        self.answers: int = 0
        """Number of connected nodes that sent facts, members or not."""
        self.admissions: int = 0
        """Number of members that came up so far."""
        self.noted: int = 0
        """Number of refusals so far."""
        self.distribution: MemberDistribution
        self.on_evicted: Callable[[], object] | None = None
        self.record: Callable[..., object] | None = None
        """Records an event of a kind with its data, in a simulation."""
        self._loop = node.scheduler.loop
        self.formation: Formation = Formation(self, self._loop)
        self.groups: Groups = Groups(self)
        self.names: Claims = Claims(AllMembers(self, "global"))
        self.shared: SharedTables = SharedTables(self)
        self._tables: dict[str, Any] = {"global": self.names, "pg": self.groups, "table": self.shared}
        """The tables that members share, by the kind of their messages."""
        self._carrier = carrier
        self._dials: bool = getattr(carrier, "dials", False)  # else it finds nodes by their names
        self._addresses = Addresses(self, carrier, discovery)
        self._clock = clock
        self._pending: dict[NodeId, float] = {}  # connected nodes without facts
        self._silent: dict[NodeId, Sought] = {}  # nodes that sent no facts, and when to try them again
        self._sought: dict[NodeId, Sought] = {}
        self._candidates: dict[NodeId, Member] = {}  # connected nodes that were not accepted yet
        self._apart: dict[NodeId, str | None] = {}  # not to be connected again by itself; with their addresses
        self._forgotten: dict[NodeId, float] = {}  # members still up here that another member has forgotten, and when
        self._watchers: dict[Ref, Process] = {}
        self._noted_at: deque[float] = deque(maxlen=REFUSALS)
        self._waiters: list[asyncio.Future[None]] = []
        self._unseen: set[NodeId] = set()
        self._ignored: set[str] = set()  # kinds of messages that this version does not know
        self._digest = 0  # the exclusive or of the tokens of `up`
        self._asked = False  # whether it has asked for a list of members in this heartbeat
        self._ticks = 0
        self._pulse = Pulse(settings.heartbeat)
        self._timer: asyncio.TimerHandle | None = None

    # Queries

    def members(self) -> list[Member]:
        """Return this member and the connected ones."""
        return [] if self.over else [self.me, *self.up.values()]

    def traffic(self, name: str) -> Traffic:
        """Return what was exchanged with a member."""
        transport = self.distribution.member_transport
        node = next((node for node in transport.nodes() if node.name == name), None)
        return Traffic() if node is None else transport.traffic(node)

    def is_apart(self, node: NodeId) -> bool:
        """Return whether this member does not connect with a node again by itself."""
        return node in self._apart

    def tries_again(self, node: NodeId) -> bool:
        """Return whether this member will connect again with a node that has sent no facts."""
        return node in self._silent

    def tell_all(self, message: tuple[Any, ...]) -> None:
        """Send a message to all other members."""
        for other in list(self.up.values()):
            self.distribution.tell(NodeId(other.name, other.incarnation), message)

    def report(self, kind: str, **data: Any) -> None:
        """Record an event, in a simulation."""
        if self.record is not None:
            self.record(kind, **data)

    async def changed(self) -> None:
        """Wait until something has changed."""
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter

    def wake(self) -> None:
        """Wake all that wait for a change."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    # Monitors

    def watch(self, process: Process, ref: Ref) -> None:
        """Notify a process of members that come and go; first of each present one."""
        self._watchers[ref] = process
        on_exit(process, ref, lambda _: self._watchers.pop(ref, None))
        for member in self.members():
            deliver(process, MemberUp(ref, member))
            if member.status == "leaving":
                deliver(process, MemberLeaving(ref, member))

    def unwatch(self, ref: Ref) -> bool:
        """End a monitor; return whether there was one."""
        if (process := self._watchers.pop(ref, None)) is not None:
            off_exit(process, ref)
        return process is not None

    def _notify_watchers(self, message: Callable[[Ref], Any]) -> None:
        for ref, process in list(self._watchers.items()):
            deliver(process, message(ref))

    # Life

    def begin(self) -> None:
        """Start the timer that looks for members."""
        self._tick()

    def _tick(self) -> None:
        if self.over:
            return
        self._timer = self._loop.call_later(self.settings.heartbeat, self._tick)
        now = self._loop.time()
        asleep = self._pulse.stood_still(now)
        for node, since in list(self._pending.items()):
            self._pending[node] = since = since + asleep
            if now - since <= self.settings.dead:
                continue
            if node in self._silent:
                self._give_up(node, now)
            else:  # it may not have been ready; a second connection may bring them
                self._silent[node] = Sought(None, math.inf, self.settings.dead)
                self.distribution.member_transport.renew(node)
        for node, silent in self._silent.items():
            if now >= silent.at:  # they may have been lost, for example under a partition
                silent.at = math.inf
                self._apart.pop(node, None)
                self._seek(node, None)
        for node, sought in list(self._sought.items()):
            self.distribution.transport.connect(node)
            if sought.address is not None and now >= sought.at:
                sought.pause = min(2 * sought.pause, SLOWEST_DIAL)
                sought.at = now + sought.pause
                self._addresses.dial(sought.address, again=True)
        self._gossip()
        self._ticks += 1
        if self._ticks > LOOKS and self._ticks % LOOKS:
            return
        self._addresses.look()

    def _give_up(self, node: NodeId, now: float) -> None:
        """Part with a node that has sent no facts on two connections, and try it again later."""
        silent = self._silent[node]
        if silent.pause == self.settings.dead:
            self._refuse(node, ("incompatible", "membership", PROTOCOL, None), "it sent no facts about itself")
        else:  # it is in the log already
            self._dismiss(node)
        silent.at = now + silent.pause
        silent.pause = min(2 * silent.pause, SLOWEST_RETRY)
        if len(self._silent) > MOST_LOST:
            del self._silent[next(iter(self._silent))]

    def finish(self) -> None:
        """End what runs, and tell monitoring processes that this member has left."""
        if self.over:
            return
        for member in list(self.up.values()):
            self._down(member, "disconnected")
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
        self._addresses.cancel()
        self.shared.finish()
        if self.joined:
            me = self.me._replace(status="leaving")
            self._notify_watchers(lambda ref: MemberDown(ref, me, "left"))
        for ref in list(self._watchers):
            self.unwatch(ref)
        self.wake()

    async def farewell(self) -> None:
        """Tell the others that this member leaves, and wait until they have read it, at most two heartbeats."""
        if self.over or self.me.status == "leaving":
            return
        self.me = self.me._replace(status="leaving")
        self._unseen = {NodeId(member.name, member.incarnation) for member in self.up.values()}
        for node in sorted(self._unseen):
            if not self.distribution.tell(node, LEAVING):
                self._unseen.discard(node)
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * self.settings.heartbeat):
                while self._unseen:
                    await self.changed()

    # Events of the transport

    def hinted(self, node: NodeId, present: bool) -> bool:
        """Handle a hint of the carrier."""
        if present:
            self.hints[node] = self._loop.time()
        else:
            self.hints.pop(node, None)
        self.wake()
        return node not in self._apart

    def connected(self, node: NodeId) -> None:
        """Send the facts about this member and the names of the others."""
        if self.over:
            return
        self._apart.pop(node, None)
        # The carrier has one before its first connection, which may come before `begin`, and another one later.
        self.me = self.me._replace(address=getattr(self._carrier, "address", None) or None)
        self._pending[node] = self._loop.time()
        known = self._known() if len(self.up) <= GOSSIP else list[Any]()
        facts = facts_of(self.me, self.joined, self._seen(), self.formation.show(node))
        self.distribution.tell(node, ("cluster", "facts", PROTOCOL, facts, known))

    def _known(self) -> list[tuple[str, int, str | None]]:
        return [(member.name, member.incarnation, member.address) for member in self.up.values()]

    @property
    def _id(self) -> NodeId:
        return NodeId(self.me.name, self.me.incarnation)

    def _seen(self) -> Seen:
        return Seen(len(self.up) + 1, self._digest ^ token(self._id))

    def _agrees(self, node: NodeId, theirs: Seen) -> bool:
        """Return whether a node sees the same members, apart from itself and this one."""
        me, other, digest = token(self._id), token(node), self._seen().digest
        there = self.up.get(node.name)
        here = digest if there is not None and there.incarnation == node.creation else digest ^ other
        return theirs.digest in (here, here ^ me)

    def _gossip(self) -> None:
        """Compare the members with those that another member sees, one member each heartbeat."""
        self._asked = False
        if others := list(self.up.values()):
            other = others[self._ticks % len(others)]
            self.distribution.tell(NodeId(other.name, other.incarnation), ("cluster", "view", *self._seen()))

    def ended(self, node: NodeId, reason: str) -> None:
        """Handle the end of a connection."""
        self._unseen.discard(node)
        self.formation.remove(node)
        pending = self._pending.pop(node, None) or self._candidates.pop(node, None)
        member = self.up.get(node.name)
        why = _REASONS.get(reason, "connection_lost")
        if reason == "leave" and member is not None and member.status == "leaving":
            why = "left"
        for table in self._tables.values():
            table.remove_member(node, why)
        if member is not None and member.incarnation == node.creation:
            self._down(member, why)
            if not self.over and why in ("timeout", "connection_lost"):
                self._seek(node, member.address)
        elif pending is not None and reason not in _REASONS and not self.over:
            self._seek(node, None)
        if self._loop.time() - self._forgotten.pop(node, -math.inf) <= 2 * self.settings.dead:  # the forgotten loss
            self._forget(node.name, node.creation)
        if reason in ("leave", "disconnect"):
            self._part(node, None if member is None else member.address)
        self.wake()

    def told(self, node: NodeId, message: tuple[Any, ...]) -> None:
        """Handle a message of the membership of another node."""
        if self.over:
            return
        try:
            match message:
                case ("cluster", "facts", protocol, *_) if protocol != PROTOCOL:
                    self._refuse(node, ("incompatible", "membership", PROTOCOL, protocol), "its protocol differs")
                case ("cluster", "facts", _, facts, known, *_):
                    member = member_of(node, facts)
                    seen = seen_in(view) if (view := facts.get("view")) is not None else None
                    if (formed := facts.get("formed")) is not None:
                        self.formation.meet(node, read_shown(formed))
                    self._handle_facts(node, member, facts.get("joined") is not False, known_in(known), seen)
                case ("cluster", "joined", *_):
                    if (member := self._candidates.pop(node, None)) is not None:
                        self._admit(node, member)
                case ("cluster", "known", known, *_):
                    self._learn(known_in(known))
                case ("cluster", "ask", *_):
                    self.distribution.tell(node, ("cluster", "known", self._known()))
                case ("cluster", "view", count, digest, *_):
                    if not self._agrees(node, seen_in((count, digest))):
                        self.distribution.tell(node, ("cluster", "differs", self._known()))
                case ("cluster", "differs", known, *_):
                    self._learn(known_in(known))
                    self.distribution.tell(node, ("cluster", "known", self._known()))
                case ("cluster", "leaving", *_):
                    self._leaving(node)
                case ("cluster", "seen", *_):
                    self._unseen.discard(node)
                    self.wake()
                case ("cluster", "formed", *formed):
                    self.formation.read(node, tuple(formed))
                case ("cluster", "forget", str(name), int(incarnation), *_):
                    self._forget(name, incarnation)
                case ("cluster", str(kind), *rest) if kind in self._tables:
                    self._tables[kind].read(node, tuple(rest))
                case ("cluster", str(kind), *_) if kind not in KINDS:
                    self._ignore(node, kind)
                case _:
                    raise ValueError(f"expected a message of a membership, got {text(message)}")
        except ValueError as error:
            self._refuse(node, ("incompatible", "membership", PROTOCOL, "malformed"), str(error))

    def _ignore(self, node: NodeId, kind: str) -> None:
        """Leave a message of a later version unread; log its kind once."""
        if kind not in self._ignored and len(self._ignored) < MOST_IGNORED:
            self._ignored.add(kind)
            say(logging.WARNING, "%s ignores messages %s, which %s sends: a later version", self.me, text(kind), node)

    def refused(self, node: NodeId, reason: Any, text: str) -> None:
        """Keep a refusal of the session layer, which logs it."""
        if reason is not None:
            self.note(node.name, reason, "here")

    def handle_own_address(self, address: str) -> None:
        """Handle an address that leads to this member itself, as one in a list of all members does."""
        self.own_addresses.add(address)
        self.wake()

    def stranger(self, node: NodeId) -> None:
        """Handle a node of another cluster, to which an address has led."""
        reason = ("wrong_cookie", node.name)
        if all(refusal.reason != reason for refusal in self.refusals) and not self.over:
            say(logging.WARNING, "node %s is refused by %s: %s", node, self.me, sentence(reason))
            self.note(node.name, reason, "here")

    def outdated(self, node: NodeId, known: int) -> None:
        """Handle that `node` knows a higher incarnation of this node."""
        if known <= self.outdated_by:
            return
        self.outdated_by = known
        if self.joined:
            self.evict(node)
        self.wake()

    def taken(self, node: NodeId) -> None:
        """Handle that `node` refuses this one, because another living member has its name."""
        if self.joined:
            self.evict(node)
        else:
            self.note(node.name, ("name_taken", self.me.name), "there")

    # Members

    def accepted(self) -> None:
        """Begin to be a member, which the others learn now."""
        self.joined = True
        self.distribution.member_transport.hold()
        for node in sorted(self.distribution.transport.nodes()):
            self.distribution.tell(node, JOINED)

    def _handle_facts(self, node: NodeId, member: Member, joined: bool, known: list[Known], seen: Seen | None) -> None:
        if self._pending.pop(node, None) is None:
            return
        self._silent.pop(node, None)
        self.answers += 1
        if joined:
            self._admit(node, member)
        else:
            self._candidates[node] = member
        self._learn(known)
        if seen is not None and not known and not self._asked and seen.size > self._seen().size:
            self._asked = not self._agrees(node, seen) and self.distribution.tell(node, ASK)
        self.wake()

    def _admit(self, node: NodeId, member: Member) -> None:
        self.distribution.member_transport.confirm(node)
        self.lost.pop(member.name, None)
        for nodes in (self._sought, self._silent):
            for other in [other for other in nodes if other.name == member.name]:
                del nodes[other]
        others = list(self.up.values())
        self._forget_token(member.name)
        self.up[member.name] = member
        self._digest ^= token(node)
        self.admissions += 1
        self.report("member_up", of=member.name, incarnation=member.incarnation)
        self._notify_watchers(lambda ref: MemberUp(ref, member))
        if member.status == "leaving":
            self._notify_watchers(lambda ref: MemberLeaving(ref, member))
        for table in self._tables.values():
            table.send_all(node)
        for other in others if len(others) <= GOSSIP else ():
            news = ("cluster", "known", [(member.name, member.incarnation, member.address)])
            self.distribution.tell(NodeId(other.name, other.incarnation), news)
        self.wake()

    def _forget_token(self, name: str) -> None:
        if (member := self.up.get(name)) is not None:
            self._digest ^= token(NodeId(name, member.incarnation))

    def _learn(self, known: list[Known]) -> None:
        for node, address in known:
            there = self.up.get(node.name)
            is_new = there is None or there.incarnation < node.creation
            if is_new and node.name != self.me.name and node not in self._apart and node not in self._pending:
                self._seek(node, address)

    def _seek(self, node: NodeId, address: str | None) -> None:
        """Connect with a node by its name now, and by its address if that does not help."""
        if node not in self._sought:
            pause = self.settings.dead
            self._sought[node] = Sought(address, self._loop.time() + pause, pause)
            self.distribution.transport.connect(node)
            if address is not None and self._dials:
                self._addresses.dial(address, again=True)

    def _leaving(self, node: NodeId) -> None:
        self.distribution.tell(node, SEEN)
        member = self.up.get(node.name)
        if member is not None and member.incarnation == node.creation and member.status == "up":
            member = self.up[node.name] = member._replace(status="leaving")
            self.report("member_leaving", of=member.name, incarnation=member.incarnation)
            self._notify_watchers(lambda ref: MemberLeaving(ref, member))
            self.wake()

    def _down(self, member: Member, reason: DownReason) -> None:
        self._forget_token(member.name)
        del self.up[member.name]
        gone = member._replace(status="lost" if reason in ("timeout", "connection_lost") else "leaving")
        if gone.status == "lost":
            self.lost[member.name] = gone
            if len(self.lost) > MOST_LOST:
                oldest = next(iter(self.lost.values()))
                self._forget(oldest.name, oldest.incarnation)
        ties = self.distribution.ties(NodeId(gone.name, gone.incarnation))
        self.report("member_down", of=gone.name, incarnation=gone.incarnation, reason=reason, ties=ties)
        self._notify_watchers(lambda ref: MemberDown(ref, gone, reason))
        self.wake()

    def _part(self, node: NodeId, address: str | None) -> None:
        """Do not connect with a node again by itself."""
        self._sought.pop(node, None)
        self._apart[node] = address or self._apart.get(node)
        if len(self._apart) > MOST_LOST:
            del self._apart[next(iter(self._apart))]

    def disconnect(self, name: str) -> bool:
        """End the connection to a member on purpose."""
        member = self.up.get(name)
        if member is None:
            return False
        node = NodeId(name, member.incarnation)
        self._part(node, member.address)
        self.distribution.transport.disconnect(node)
        return True

    def reconnect(self, address: str) -> None:
        """Allow a connection with the nodes of an address again, and try those."""
        for node in [node for node, at in self._apart.items() if at == address]:
            del self._apart[node]
            self._seek(node, address)

    def forget(self, name: str) -> bool:
        """Count a lost member as gone for good, here and on the other members; return whether there was one."""
        member = self.lost.get(name)
        if member is None:
            return False
        self._forget(name, member.incarnation)
        self.tell_all(forget(name, member.incarnation))
        return True

    def _forget(self, name: str, incarnation: int) -> None:
        there, member = self.up.get(name), self.lost.get(name)
        if there is not None and there.incarnation <= incarnation:  # this member has not noticed the loss yet
            self._forgotten[NodeId(name, there.incarnation)] = self._loop.time()
        if member is not None and member.incarnation <= incarnation:
            del self.lost[name]
            self._sought.pop(NodeId(name, member.incarnation), None)
            self.wake()

    # Refusals

    def _refuse(self, node: NodeId, reason: Any, detail: str) -> None:
        say(logging.ERROR, "node %s is refused by %s: %s (%s)", node, self.me, sentence(reason), detail)
        self.note(node.name, reason, "here")
        self._dismiss(node)

    def _dismiss(self, node: NodeId) -> None:
        self._pending.pop(node, None)
        self._part(node, None)
        self.distribution.transport.disconnect(node)

    def refused_since(self, noted: int) -> list[tuple[float, Refusal]]:
        """Return the refusals from the number `noted` on, each with its time on the clock of the loop."""
        fresh = self.noted - noted
        return list(zip(self._noted_at, self.refusals, strict=True))[-fresh:] if fresh else []

    def note(self, node: str, reason: Any, by: str) -> None:
        """Keep a refusal."""
        self.noted += 1
        self._noted_at.append(self._loop.time())
        self.refusals.append(Refusal(self._clock(), node, reason, by))
        self.wake()

    def evict(self, by: NodeId) -> None:
        """Handle that the name of this member belongs to another one by now: this one ends."""
        reason = ("name_taken", self.me.name)
        say(logging.ERROR, "%s leaves its cluster, refused by %s: %s", self.me, by, sentence(reason))
        self.note(by.name, reason, "there")
        if self.on_evicted is not None:
            self.on_evicted()
