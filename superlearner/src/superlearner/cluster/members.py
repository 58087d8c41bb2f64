"""The cluster as a platform sees it: its own membership, the members it observes, and what has happened.

`Members` outlives the process that keeps it up to date, so a restart of that process loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, cast

import otp
from otp import Continue, Down, GenServer, NoReply, Ok, impl, observer, sentences, standstill
from otp.cluster import Cluster, JoinRefused, Member, MemberDown, MemberLeaving, MemberUp
from otp.distribution import IncarnationError
from superlearner.base.commands import command
from superlearner.base.printable import printable
from superlearner.base.shortage import cause_text
from superlearner.cluster.control import Control
from superlearner.cluster.cookie import CookieError
from superlearner.cluster.line import MemberLink
from superlearner.cluster.serving import control_of
from superlearner.cluster.ways import BACKEND, BadWay, Way
from superlearner.nodes.attaching import ServiceChange
from superlearner.nodes.attaching.os_processes import process_exists
from superlearner.nodes.kinds import MEMBER, NodeKind
from superlearner.nodes.nodes import Absence, Nodes
from superlearner.nodes.remote import RemoteError
from superlearner.store import MomentRow

__all__ = ["ENDS", "MEMBERSHIP", "ClusterEvent", "Members", "MembershipService", "SeenSupervisor"]

MEMBERSHIP: Final = "membership"
KEPT: Final = 500
MOST_IDS: Final = 6
"""Ids of children in a sentence."""
AGAIN_S: Final = 15.0
ASKED_S: Final = 2.0

State = Literal["off", "joining", "member", "refused", "left"]
What = Literal[
    "joined", "found", "leaving", "left", "lost", "refused", "disconnected", "forgotten", "stranded", "cut", "healed"
]


@dataclass(frozen=True, slots=True)
class ClusterEvent:
    """A member that came or went."""

    at: float = field(metadata={"description": "seconds since 1970"})
    node: str
    incarnation: int
    what: What
    reason: str | None


@dataclass(frozen=True, slots=True)
class SeenSupervisor:
    """A distributed supervisor as members last reported it: who ran it, and the member of each child."""

    members: frozenset[str]
    children: dict[str, str]

    def describe(self, name: str) -> str:
        """Return what its last loss means, with the command that starts a member.

        >>> SeenSupervisor(frozenset({"b@127.0.0.1"}), {"c1": "b@127.0.0.1"}).describe("counters")
        'counters: no member left to run c1 (last on b); start one: `superlearner node b`'
        """
        ids = list(self.children)
        shown = ", ".join(ids[:MOST_IDS]) + (f" and {len(ids) - MOST_IDS} more" if len(ids) > MOST_IDS else "")
        last = [one.removesuffix("@127.0.0.1") for one in sorted(set(self.children.values()))]
        start = command("node", last[0])
        # Members chose the names
        return printable(f"{name}: no member left to run {shown} (last on {', '.join(last)}); start one: `{start}`")


@dataclass(slots=True, eq=False)
class Members:
    """The cluster of one platform.

    Args:
        way: how to join; None: the platform joins no cluster.
        nodes: the list of nodes, to which members are added.
        node: returns the node that joins.
        meta: facts about this member for the others.
        tell: called with `ok` or `bad` and a sentence when a member comes or goes.
        on_change: called with each loss of a member, and with its return.
        on_event: called with each member that came or goes, and a sentence about it.
    """

    way: Way | None
    nodes: Nodes
    node: Callable[[], otp.Node]
    meta: Callable[[], dict[str, Any]] = dict
    tell: Callable[[str, str], object] = lambda _level, _text: None
    on_change: Callable[[ServiceChange], object] = lambda _change: None
    on_event: Callable[[ClusterEvent, str], object] = lambda _event, _text: None
    on_real: Callable[[str], object] = lambda _name: None
    """Called with the name of each other member that has joined, simulated ones excluded."""
    cluster: Cluster | None = None
    state: State = "off"
    why: str | None = None
    """The reason why the platform is no member."""
    is_ready: bool = False
    history: deque[ClusterEvent] = field(default_factory=lambda: deque(maxlen=KEPT))
    problems: dict[str, str] = field(default_factory=dict[str, str])
    """Members that cannot be observed, with the reason."""
    attached: dict[str, int] = field(default_factory=dict[str, int])
    """The incarnations of the members that are in the list of nodes."""
    has_joined: asyncio.Event = field(default_factory=asyncio.Event)
    control: Control | None = None
    """The socket for commands on this machine."""
    ended: dict[str, ClusterEvent] = field(default_factory=dict[str, ClusterEvent])
    """The last end of each member that has not come back, and did not leave; see `gone`."""
    supervisors: dict[str, SeenSupervisor] = field(default_factory=dict[str, SeenSupervisor])
    """The distributed supervisors as they were last asked for: a lost member can no longer report its own."""
    addresses: dict[str, str | None] = field(default_factory=dict[str, str | None])
    """The addresses of members in `ended`."""
    simulated: list[str] = field(default_factory=list[str])
    """The names of the simulated members, failed ones included; see `SingleNodeSimulator`."""

    @property
    def gone(self) -> dict[str, ClusterEvent]:
        """Return the last end of each member that is missing: lost and not forgotten, or disconnected."""
        if self.cluster is None:
            return self.ended
        lost = {one.name for one in self.cluster.lost()}.union(self.simulated)  # any member can forget one for all
        return {name: one for name, one in self.ended.items() if one.what != "lost" or name in lost}

    @property
    def stranded(self) -> dict[str, SeenSupervisor]:
        """Return the distributed supervisors with children whose members are all lost."""
        lost = {name for name, one in self.gone.items() if one.what == "lost"}
        return {name: one for name, one in self.supervisors.items() if one.children and one.members <= lost}

    def see_supervisors(self, seen: Mapping[str, SeenSupervisor]) -> None:
        """Keep what connected members reported about all supervisors; those of lost members stay as they were."""
        gone = self.gone
        old = {name: one for name, one in self.supervisors.items() if one.members <= gone.keys()}
        self.supervisors = {**old, **seen}

    @property
    def disconnected(self) -> dict[str, str | None]:
        """Return the members that were disconnected, with the address by which each returns, if it has one."""
        return {name: self.addresses.get(name) for name, one in self.gone.items() if one.what == "disconnected"}

    @property
    def has_others(self) -> bool:
        """Return whether there is another member, or was one that is lost."""
        return bool(self.gone or self.simulated) or (self.cluster is not None and len(self.cluster.members()) > 1)

    def connected(self) -> list[Member]:
        """Return the real members that are connected, the platform itself first; none without a cluster."""
        return [] if self.cluster is None else self.cluster.members()

    def names(self) -> list[str]:
        """Return the names of the connected members, the platform itself first, then simulated ones."""
        return [*(one.name for one in self.connected()), *(name for name in self.simulated if name in self.attached)]

    def lost(self) -> dict[str, bool]:
        """Return the members that are lost, and whether they were simulated."""
        real = [] if self.cluster is None else self.cluster.lost()
        return {one.name: False for one in real} | {name: True for name in self.simulated if name in self.gone}

    def ready(self) -> None:
        """Join now: the platform has started."""
        self.is_ready = True
        if self.way is not None:
            self.state = "joining"
            if self.node().whereis(MEMBERSHIP) is not None:
                otp.send(MEMBERSHIP, "join")

    def note(self, member: Member, what: What, reason: str | None = None) -> ClusterEvent:
        """Add a change to the history."""
        happening = ClusterEvent(time.time(), member.name, member.incarnation, what, reason)
        self.history.append(happening)
        return happening

    def record_join(self, member: Member, *, was_there: bool, kind: NodeKind = MEMBER) -> None:
        """Record that a member is connected; `was_there` if it was before the platform joined."""
        lost = self.ended.pop(member.name, None)
        was_there = was_there and lost is None
        joined = self.note(member, "found" if was_there else "joined")
        if lost is not None:
            text = f"{member.name} has rejoined after a gap of {sentences.elapsed(max(0, round(joined.at - lost.at)))}"
            self.on_change(_change_of(member, joined.at, text, None, kind))
        text = f"{member.name} {'was found' if was_there else 'has joined the cluster'}"
        self.tell("ok", text)
        self.on_event(joined, text)

    def record_cut(self, member: Member, words: str, *, healed: bool = False) -> None:
        """Record that a simulated member was cut off from others, or no longer is."""
        text = f"{member.name} {'is no longer' if healed else 'was'} cut off {words}"
        self.tell("ok" if healed else "bad", text)
        self.on_event(self.note(member, "healed" if healed else "cut", words), text)

    def record_leaving(self, member: Member) -> None:
        """Record that a member moves its children and is about to leave."""
        self.on_event(self.note(member, "leaving"), f"{member.name} is leaving the cluster")

    def record_end(self, member: Member, what: What, words: str, kind: NodeKind = MEMBER) -> None:
        """Record that a member is gone, and remove it from the list of nodes."""
        happening = self.note(member, what, words)
        left = what == "left"
        verb = "is lost" if what == "lost" else "is gone"
        text = f"{member.name} {verb}: {words}"
        if not left:
            self.ended[member.name] = happening
            self.addresses[member.name] = member.address
            self.on_change(_change_of(member, happening.at, text, words, kind))
        self.detach(member.name, words, verb)
        if left:
            text = f"{member.name} has left the cluster"
        self.tell("ok" if left else "bad", text)
        self.on_event(happening, text)
        for name, seen in self.stranded.items() if what == "lost" else ():
            if member.name in seen.members:
                text = seen.describe(name)
                self.tell("bad", text)
                self.on_event(self.note(member, "stranded", text), text)

    async def forget(self, name: str) -> None:
        """Count a missing member as gone for good: a lost one on all members, a disconnected one here.

        Raises `NotFound` and `NotMember`, if it came back or this member left a moment ago.
        """
        if self.cluster is not None and name not in self.disconnected:
            await self.cluster.forget(name)
        ended = self.ended.pop(name, None)
        self.nodes.forget(name)
        text = f"{name} was forgotten: it will not come back"
        happening = ClusterEvent(time.time(), name, 0 if ended is None else ended.incarnation, "forgotten", None)
        self.history.append(happening)
        self.tell("ok", text)
        self.on_event(happening, text)

    def absence(self, name: str) -> Absence | None:
        """Return why there is no node of this name, if it is that of a member."""
        if name in self.problems:
            return Absence(f"{name} is a member, but cannot be observed: {self.problems[name]}", "see /cluster")
        left = next((one for one in reversed(self.history) if one.node == name), None)
        gone = self.gone.get(name) or (left if left is not None and left.what == "left" else None)
        if gone is not None:
            at = f"{datetime.fromtimestamp(gone.at):%H:%M:%S}"
            if gone.what == "left":
                return Absence(f"{name} left the cluster at {at}", "see /cluster")
            word = "lost" if gone.what == "lost" else "gone"
            return Absence(f"{name} has been {word} since {at}: {gone.reason}", "see /cluster")
        return None

    def loss_of(self, name: str) -> str:
        """Return how a member ended, as words after its name: `was lost` or `left the cluster`."""
        last = next((one.what for one in reversed(self.history) if one.node == name), "lost")
        return "left the cluster" if last in ("leaving", "left") else "was lost"

    async def open_control(self) -> None:
        """Answer commands on this machine from now on."""
        if self.control is None and self.way is not None:
            # Assigned first: if its process is killed meanwhile, the socket still opens, and `leave` closes it.
            self.control = control = control_of(
                self.way.folder,
                self.node().name,
                self._joined,
                lambda: {name: name in self.attached for name in self.simulated},
                lambda: self.disconnected,
            )
            try:
                # In a fresh context: the socket outlives the process that opens it.
                await asyncio.get_running_loop().create_task(control.open(), context=Context())
            except Exception:
                self.control = None  # the next join tries again
                raise
            if self.state == "left":
                await control.close()

    async def _joined(self, timeout: float) -> Cluster:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self.has_joined.wait()
        if self.cluster is None:
            raise LookupError(self.why or f"{self.node().name} has not joined its cluster yet; try --wait 1")
        return self.cluster

    async def leave(self) -> None:
        """Leave the cluster before the platform ends."""
        if self.control is not None:
            await self.control.close()
        cluster, self.cluster, self.state = self.cluster, None, "left"
        if cluster is not None:
            for name in list(self.attached):
                self.detach(name, "the platform leaves the cluster", "is no longer observed")
            await cluster.leave()

    def detach(self, name: str, why: str, what: str = "is gone") -> None:
        """Remove a member from the list of nodes. See `Nodes.detach` for the arguments."""
        self.problems.pop(name, None)
        if self.attached.pop(name, None) is not None:
            self.nodes.detach(name, why, what)


class MembershipService(GenServer[Any]):
    """Joins the cluster once the platform is ready, and adds and removes members as nodes."""

    @impl
    def init(self, members: Members) -> Ok[Any]:
        state = _Serving(members)
        return Ok(state, then=Continue("join")) if members.is_ready else Ok(state)

    @impl
    async def handle_continue(self, term: Any, state: Any) -> NoReply[Any]:
        await state.join(self.pid)
        return NoReply(state)

    @impl
    async def handle_info(self, message: Any, state: Any) -> NoReply[Any]:
        match message:
            case "join":
                await state.join(self.pid)
            case MemberUp(ref, member) if ref == state.ref:
                state.up(member)
            case MemberLeaving(ref, member) if ref == state.ref:
                state.members.record_leaving(member)
            case MemberDown(ref, member, reason) if ref == state.ref:
                state.down(member, reason)
            case Down(ref=ref) if ref in state.attaching:
                state.attaching.pop(ref)
            case _:
                pass
        return NoReply(state)


class _Serving:
    """The state of the service: the monitor of the cluster, and the processes that attach members."""

    def __init__(self, members: Members) -> None:
        self.members = members
        self.ref: otp.Ref | None = None
        self.attaching: dict[otp.Ref, tuple[str, otp.Pid]] = {}

    async def join(self, me: otp.Pid) -> None:
        """Join, or try again later; monitor the cluster. A membership of an earlier process is kept."""
        members = self.members
        if members.way is None or members.state == "left" or self.ref is not None:
            return
        if members.cluster is None or not members.cluster.members():
            try:
                await members.open_control()
                node = members.node()
                arguments = members.way.arguments(node.name)
                members.cluster = await Cluster.join(node, **arguments, meta=members.meta())
            except (JoinRefused, CookieError, BadWay, otp.BadArgument, IncarnationError, OSError) as error:
                if observer.info(members.node()).life != "open":
                    return  # an ordered stop during the start
                if members.why != (why := cause_text(error)):
                    members.tell("bad", f"this platform is in no cluster: {why}")
                members.state, members.why = "refused", why
                otp.send_after(AGAIN_S, me, "join")
                return
        members.state, members.why = "member", None
        members.has_joined.set()
        self.ref = members.cluster.monitor()

    def up(self, member: Member) -> None:
        members = self.members
        own = members.cluster is not None and member.name == members.cluster.node.name
        if own or members.attached.get(member.name) == member.incarnation:
            return
        own_since = 0.0 if members.cluster is None else members.cluster.members()[0].since
        members.record_join(member, was_there=member.since < own_since)
        members.on_real(member.name)
        pid, ref = otp.spawn_monitor(_attach, members, member)
        self.attaching[ref] = member.name, pid

    def down(self, member: Member, reason: str) -> None:
        members = self.members
        for name, pid in self.attaching.values():
            if name == member.name:
                otp.exit(pid, "kill")
        words = _explain_loss(member) if reason == "connection_lost" else ENDS[reason]
        what: What = "left" if reason == "left" else "disconnected" if reason == "disconnected" else "lost"
        members.record_end(member, what, words)


ENDS: Final = {
    "left": "it left the cluster",
    "timeout": "it was silent for too long",
    "connection_lost": "its connection was lost, as when its program ends or is stopped",
    "disconnected": "it was disconnected",
}
"""The words for each reason why a member is gone; pages know that of `left`."""


def _explain_loss(member: Member) -> str:
    """Return why a member was lost: its program on this machine has ended, or its connection was lost."""
    os_pid = _os_pid_of(member)
    if os_pid and (member.address or "").startswith("unix/") and not process_exists(os_pid):
        return f"its program has ended (process {os_pid})"
    return ENDS["connection_lost"]


def read_change(row: MomentRow) -> ClusterEvent | None:
    """Return the loss or the return of a member that was stored; None for one of its restarts.

    >>> row = MomentRow("b", "9f3a0c1b22d4", 1, 1, 5.0, 5.0, "b is lost: it was silent for too long")
    >>> read_change(row).what, read_change(row).reason
    ('lost', 'it was silent for too long')
    """
    for verb in ("is lost: ", "is gone: "):  # an earlier version
        if row.line.startswith(f"{row.node} {verb}"):
            reason = row.line.removeprefix(f"{row.node} {verb}")
            return ClusterEvent(
                row.at, row.node, 0, "disconnected" if reason == ENDS["disconnected"] else "lost", reason
            )
    return (
        ClusterEvent(row.at, row.node, 0, "joined", None) if row.line.startswith(f"{row.node} has rejoined") else None
    )


def _change_of(member: Member, at: float, text: str, reason: str | None, kind: NodeKind) -> ServiceChange:
    return ServiceChange(member.name, at, text, reason, _os_pid_of(member), kind)


def _os_pid_of(member: Member) -> int:
    """Return the OS process id that a member reports; 0 if it reports none."""
    sent: Any = member.meta
    facts = cast("dict[str, Any]", sent) if isinstance(sent, dict) else {}
    os_pid = facts.get("os_pid")
    return os_pid if isinstance(os_pid, int) else 0


async def _attach(members: Members, member: Member) -> None:
    """Add a member to the list of nodes, if it can be observed."""
    cluster = members.cluster
    if cluster is None:
        return
    try:
        async with standstill.timeout(ASKED_S):
            backend = await cluster.distribution.whereis(BACKEND, member.name)
        if backend is None:
            members.problems[member.name] = "it runs without superlearner"
            return
        await members.nodes.attach_remote(member.name, MemberLink(members.node(), member.name), kind=MEMBER)
        members.attached[member.name] = member.incarnation
    except (RemoteError, ValueError, TimeoutError, otp.CallExit) as error:
        members.problems[member.name] = str(error) or "it does not answer"
        members.tell("bad", f"{member.name} cannot be observed: {members.problems[member.name]}")
