"""`Cluster`: a node's place in a cluster."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from otp.bounded import text
from otp.cluster.allowed import allowed_names
from otp.cluster.claims import Claims
from otp.cluster.cookies import cookie_of
from otp.cluster.discovery import Discovery, Dns, Multicast
from otp.cluster.facts import check_meta
from otp.cluster.groups import Groups
from otp.cluster.joining import Opening, wait_connected
from otp.cluster.leases import LeaseStore
from otp.cluster.member import Member
from otp.cluster.member_leases import MemberLeases
from otp.cluster.membership import Membership
from otp.cluster.opening import real_carrier, stored_incarnations
from otp.cluster.placements import Drained, Placements
from otp.cluster.refusals import NotMember, Refusal
from otp.cluster.transport import MemberDistribution
from otp.distribution import Distribution, IncarnationFile, Incarnations, NodeId, Settings
from otp.distribution.carriers.tls import Tls
from otp.distribution.session_transport import Traffic
from otp.kernel.steps.calling import call
from otp.kernel.steps.node import Node, start_detached
from otp.kernel.tables.names import node_here
from otp.kernel.tables.scheduler import current_process, nanoseconds
from otp.kernel.values.errors import BadArgument, CallExit, NotFound
from otp.kernel.values.pids import Pid, Ref

__all__ = ["Cluster"]

_LOCAL = Multicast("lo")


class Cluster:
    """A member's view of its cluster: who is in it, and who is gone.

    `await Cluster.join(…)` creates it; `await cluster.leave()`, or the end of the node, ends it.

    >>> import asyncio, otp
    >>> from otp.cluster import Cluster
    >>> from otp.distribution.carriers.simulated import SimulatedNetwork
    >>> async def main():
    ...     network = SimulatedNetwork()
    ...     async with otp.Node("a") as a, otp.Node("b") as b:
    ...         at_a = await Cluster.join(a, cookie="secret", carrier=network.carrier)
    ...         at_b = await Cluster.join(b, cookie="secret", carrier=network.carrier)
    ...         await at_a.wait_size(2)
    ...         names = [member.name for member in at_a.members()]
    ...         await at_b.leave()
    ...         return names, at_b.members()
    >>> asyncio.run(main())
    (['a', 'b'], [])

    Source: kernel, `net_kernel` and `net_adm`.
    """

    def __init__(self, membership: Membership, carrier: Any, settle: float | None = None) -> None:
        self._membership = membership
        self.settle: float = membership.settings.dead if settle is None else settle
        """Seconds to wait after a member is lost before its children start on other members."""
        self._carrier = carrier
        self._ending: asyncio.Task[Any] | None = None

    # Joining and leaving

    @classmethod
    async def join(
        cls,
        node: Node | None = None,
        *,
        cookie: str | bytes | None = None,
        listen: str = "127.0.0.1",
        connect: str | Iterable[str] = (),
        discovery: Discovery | Iterable[Discovery] | None = _LOCAL,
        advertise: str | None = None,
        allow: Iterable[Any] = (),
        tls: Any = None,
        leases: LeaseStore | None = None,
        settings: Settings | None = None,
        settle: float | None = None,
        meta: Any = None,
        timeout: float = 10,
        services: Mapping[str, Pid] | None = None,
        incarnations: Incarnations | str | os.PathLike[str] | None = None,
        carrier: Callable[[NodeId], Any] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> Cluster:
        """Join the cluster of a cookie, or begin one.

        Args:
            node: the running node, by default the caller's.
            cookie: the secret of the cluster, by default that of the variable `OTP_COOKIE`.
            listen: the address to listen on: this machine, with a port also for other users of it. Beyond this
                machine, `tls` is required.
            connect: addresses of members; one of them has to answer.
            discovery: how to find members: `Multicast`, `Folder`, `Static`, `FileList`, `Dns`, a tuple of them, or
                `None`.
            advertise: the address that other machines dial, such as `"10.0.0.5:7447"`, if it is not that of `listen`:
                for a member in a container or behind a router; requires `tls`.
            allow: what other members may start or call here: classes, functions, modules (their public names), or
                `"module:name"`.
            tls: certificates, for members on other machines.
            leases: the store of leases for `consistency="lease"`.
            settings: times and buffer sizes.
            settle: seconds to wait after a member is lost before its children start elsewhere (`settings.dead`).
            meta: a term for the other members to see.
            timeout: seconds to wait for an answer.
            services: processes that other members reach by these names, before the names of the node; they may live
                on other nodes of this program.
            incarnations: the store of this node's incarnations, or the path of its file; by default a file of this
                user for the name and the cookie.
            carrier: a function of the `NodeId` that creates the carrier, by default the real one; for example
                `network.carrier` of a `SimulatedNetwork`.
            clock: returns the time for timestamps, in seconds.

        Returns when a member has accepted this one. If none is found, it begins a cluster of one.

        Raises `JoinRefused`; its `.reason` and text tell why. Raises `BadArgument` for invalid arguments, and for a
        node that is already part of a distribution.

        >>> import otp
        >>> from otp.cluster import Cluster
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     cluster = await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier, meta={"zone": 1})
        ...     (me,) = cluster.members()
        ...     return me.status, me.meta
        >>> otp.run(main)
        ('up', {'zone': 1})
        """
        node = node or node_here("Cluster.join()")
        node.check_life("Cluster.join()")
        if node.distribution is not None:
            raise BadArgument(
                f"Cluster.join(): node {node.name!r} is already part of a distribution; "
                "try to join first, and to attach other transports afterwards"
            )
        limit = nanoseconds(timeout, "Cluster.join(timeout=…)")
        if settle is not None:
            nanoseconds(settle, "Cluster.join(settle=…)")
        secret = cookie_of(cookie)
        check_meta(meta)
        addresses = (connect,) if isinstance(connect, str) else connect
        _check_type("connect", addresses, Iterable)
        addresses = tuple(addresses)
        for address in addresses:
            _check_type("connect", address, str)
        sources = _sources(discovery, "tcp" if tls is None else "tls")
        settings = settings or Settings()
        _check_type("settings", settings, Settings)
        if tls is not None:
            _check_type("tls", tls, Tls)
        real = carrier is None
        if carrier is None:
            carrier = real_carrier(
                secret, settings, listen=listen, connect=addresses, discovery=sources, tls=tls, advertise=advertise
            )
        if isinstance(incarnations, (str, os.PathLike)):
            incarnations = IncarnationFile(incarnations, clock=clock)
        elif incarnations is None and real:
            incarnations = stored_incarnations(node.name, secret, clock)
        allowed = allowed_names(allow)
        opening = Opening(
            node, secret, addresses, sources, allowed, settings, meta, _version(), incarnations, carrier, clock,
            dials=not real, services=services,
        )  # fmt: skip
        joining = start_detached(node, opening.run((limit or 0) / 1e9))
        try:
            membership, opened = await joining
        except asyncio.CancelledError:
            joining.cancel()
            await asyncio.gather(joining, return_exceptions=True)
            raise
        cluster = cls(membership, opened, settle)
        if leases is not None:
            membership.shared.leases = MemberLeases(membership, leases)
        membership.on_evicted = cluster._end
        membership.distribution.cluster = cluster
        return cluster

    @staticmethod
    def here() -> Cluster:
        """Return the cluster of the calling process's node. Raises `NotMember`.

        >>> import otp
        >>> from otp.cluster import Cluster
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     cluster = await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     return Cluster.here() is cluster
        >>> otp.run(main)
        True
        """
        return cluster_of(node_here("Cluster.here()"))

    async def drain(self, timeout: float = 30) -> Drained:
        """Move the children of the distributed supervisors of this member to the others, before it leaves.

        The others see `MemberLeaving`; from then on no child starts here if another member can start it.

        Args:
            timeout: seconds until the children that have not moved are kept.

        Returns the children as pairs of supervisor and id, without those that have ended meanwhile. All are kept if no
        other member runs their supervisor.

        >>> import otp
        >>> from otp.cluster import Cluster
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     cluster = await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     return await cluster.drain()
        >>> otp.run(main)
        Drained(moved=[], kept=[])
        """
        membership = self._membership
        if membership.over:
            raise NotMember(f"node {self.node.name!r} has left its cluster")
        limit = nanoseconds(timeout, "cluster.drain(timeout=…)")
        placed = [(table, table.content) for table in membership.shared if isinstance(table.content, Placements)]
        before = [(table, placements, id) for table, placements in placed for id in placements.here()]
        with suppress(TimeoutError):
            async with asyncio.timeout((limit or 0) / 1e9):
                await membership.farewell()
                await asyncio.gather(*(_drain(table.pid) for table, _ in placed))
        kept = [(table.table[1], id) for table, placements in placed for id in placements.here()]
        moved = [(table.table[1], id) for table, placements, id in before if placements.has_moved(id)]
        return Drained(moved, kept)

    async def leave(self, drain: bool = True) -> None:
        """Leave the cluster: the others see `MemberLeaving`, then `MemberDown` with `"left"`. The node keeps running.

        Children of distributed supervisors move to other members first, for at most 30 seconds, as with `drain`; with
        `drain=False` they are stopped, and start elsewhere after the settle delay. Without effect after the first call.

        >>> import otp
        >>> from otp.cluster import Cluster
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     cluster = await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await cluster.leave()
        ...     return cluster.members()
        >>> otp.run(main)
        []
        """
        if drain and not self._membership.over and self._ending is None:
            await self.drain()
        if not self._membership.over:
            await asyncio.shield(self._end())

    def _end(self) -> asyncio.Task[Any]:
        """End the membership, in a task of its own; callers may wait for it."""
        if self._ending is None:
            self._ending = start_detached(self.node, self._membership.distribution.stop())
        return self._ending

    # Members

    @property
    def node(self) -> Node:
        """The node that is the member."""
        return self._membership.node

    @property
    def distribution(self) -> Distribution:
        """The connections of the node."""
        return self._membership.distribution

    @property
    def groups(self) -> Groups:
        """The process groups, for `otp.cluster.pg`."""
        return self._membership.groups

    @property
    def global_names(self) -> Claims:
        """The names of the cluster, for `otp.cluster.Global`."""
        return self._membership.names

    @property
    def settings(self) -> Settings:
        """The times and sizes that apply."""
        return self._membership.settings

    def members(self) -> list[Member]:
        """Return the members that are connected, this one first; empty after it has left.

        >>> import otp
        >>> from otp.cluster import Cluster
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     cluster = await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     return [(member.name, member.status) for member in cluster.members()]
        >>> otp.run(main)
        [('...', 'up')]
        """
        return self._membership.members()

    def lost(self) -> list[Member]:
        """Return the members that went without leaving, and have not come back; the longest lost first.

        A member that was disconnected on purpose is not lost.
        """
        return list(self._membership.lost.values())

    async def forget(self, name: str) -> None:
        """Take a lost member out of `lost()`, here and on all connected members: it will not come back.

        If it does, it is a member again.

        Raises `NotFound` for a name that is not lost.

        >>> import otp
        >>> from otp.cluster import Cluster
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     cluster = await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     try:
        ...         await cluster.forget("b")
        ...     except otp.NotFound as error:
        ...         return str(error)
        >>> otp.run(main)
        'not_found; no member is lost'
        """
        if self._membership.over:
            raise NotMember(f"node {self.node.name!r} has left its cluster")
        if not self._membership.forget(name):
            error = NotFound(id=name)
            lost = ", ".join(member.name for member in self.lost())
            error.hint = f"expected a lost member, one of {lost}" if lost else "no member is lost"
            raise error

    def refused(self) -> list[Refusal]:
        """Return the latest refusals, at most 100: nodes that this member refused, or that refused it."""
        return list(self._membership.refusals)

    def monitor(self) -> Ref:
        """Notify the calling process of members that come and go, and return the reference in these messages.

        `MemberUp` arrives first for each present member, this one included; then `MemberUp`, `MemberLeaving` and
        `MemberDown` as they happen. For each member, `MemberUp` and `MemberDown` alternate.

        >>> import otp
        >>> from otp.cluster import Cluster, MemberUp
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     cluster = await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     ref = cluster.monitor()
        ...     match await otp.receive(MemberUp):
        ...         case MemberUp(found, member):
        ...             return found == ref, member == cluster.members()[0]
        >>> otp.run(main)
        (True, True)
        """
        process = current_process("cluster.monitor()")
        ref = self.node.make_ref()
        self._membership.watch(process, ref)
        return ref

    def demonitor(self, ref: Ref) -> bool:
        """End a monitor; return whether there was one. Messages that have arrived stay in the mailbox."""
        return self._membership.unwatch(ref)

    async def wait_size(self, n: int, timeout: float = 10) -> list[Member]:
        """Wait until the cluster has at least `n` members, and return them.

        Raises `TimeoutError` after `timeout` seconds, and `NotMember` if this member leaves meanwhile.

        >>> import otp
        >>> from otp.cluster import Cluster
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     cluster = await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     try:
        ...         await cluster.wait_size(2, timeout=3)
        ...     except TimeoutError as error:
        ...         return str(error)
        >>> otp.run(main)
        'expected 2 members after 3 s, got 1: ...'
        """
        limit = nanoseconds(timeout, "wait_size(timeout=…)", infinite=True)
        membership = self._membership
        try:
            async with asyncio.timeout(None if limit is None else limit / 1e9):
                while len(membership.members()) < n:
                    if membership.over:
                        raise NotMember(f"node {self.node.name!r} has left its cluster")
                    await membership.changed()
        except TimeoutError:
            names = ", ".join(member.name for member in membership.members())
            raise TimeoutError(
                f"expected {n} members after {timeout} s, got {len(membership.members())}: {names}"
            ) from None
        return membership.members()

    async def connect(self, address: str, timeout: float = 10) -> None:
        """Connect with the member at an address, and so with all that it knows.

        Raises `JoinRefused`: `("unreachable", (address,))`, `("wrong_cookie", node)`, `("incompatible", …)`.

        >>> import asyncio, otp
        >>> from otp.cluster import Cluster
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     network = SimulatedNetwork(hints=False)  # members do not find each other
        ...     async with otp.Node("a") as a, otp.Node("b") as b:
        ...         at_a = await Cluster.join(a, cookie="secret", carrier=network.carrier)
        ...         at_b = await Cluster.join(b, cookie="secret", carrier=network.carrier)
        ...         await at_b.connect("sim/a")
        ...         return len(await at_a.wait_size(2))
        >>> asyncio.run(main())
        2
        """
        membership = self._membership
        if membership.over:
            raise NotMember(f"node {self.node.name!r} has left its cluster")
        limit = nanoseconds(timeout, "cluster.connect(timeout=…)")
        if any(member.address == address for member in membership.up.values()):
            return
        membership.own_addresses.discard(address)  # a name may lead to other members by now
        if address == membership.me.address:
            membership.handle_own_address(address)
        dial = start_detached(self.node, self._carrier.connect(address))
        dial.add_done_callback(lambda _: membership.wake())
        membership.reconnect(address)
        try:
            deadline = self.node.scheduler.loop.time() + (limit or 0) / 1e9
            await wait_connected(membership, dial, address, deadline)
        finally:
            dial.cancel()
            await asyncio.gather(dial, return_exceptions=True)

    def disconnect(self, name: str) -> bool:
        """End the connection to a member; return whether there was one.

        Both sides stay apart until one of them calls `connect`, or the member starts again.
        """
        return self._membership.disconnect(name)

    def tables(self, kind: str | None = None, name: Any = None) -> dict[tuple[str, str], dict[Any, list[Pid]]]:
        """Return what this member shares with the others, as `(kind, name)`, with its entries.

        The kinds are `registry` and `supervisor` with their names, `name` with the names of `Global` (as `global`), and
        `group` with the groups of a scope of `pg`; the last two are there if they have entries. With `kind` or `name`,
        only those. The entries are processes by key, child id, name or group; a lost child that has yet to start
        elsewhere has none.

        >>> import otp
        >>> from otp.cluster import Cluster, DistributedRegistry
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     cluster = await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await DistributedRegistry.start_link(name="rooms")
        ...     await DistributedRegistry.register("rooms", "lobby")
        ...     return cluster.tables()
        >>> otp.run(main)
        {('registry', 'rooms'): {'lobby': [<...>]}}
        """
        found: dict[tuple[str, str], dict[Any, list[Pid]]] = {}
        for table in self._membership.shared:
            if table.running and kind in (None, table.table[0]) and name in (None, table.table[1]):
                entries = found[table.table] = dict[Any, list[Pid]]()
                for key, entry in table.content.table.items():
                    entries.setdefault(key, []).append(entry.pid)
                if isinstance(table.content, Placements):
                    entries.update((id, []) for id in table.content.missing())
        membership = self._membership
        shared = [("name", "global", key, [claim.pid]) for key, claim in membership.names.winners()]
        shared += [
            ("group", scope, key, membership.groups.members((scope, key))) for scope, key in membership.groups.all()
        ]
        for what, table, key, pids in shared:
            if kind in (None, what) and name in (None, table):
                found.setdefault((what, table), {})[key] = pids
        return found

    def plan_loss(self, name: str) -> dict[tuple[str, Any], str | None]:
        """Return where the children of a member would start if it left, by supervisor and id.

        None for those that no other member can run. A supervisor whose placement fails is left out.

        >>> import otp
        >>> from otp.cluster import Cluster, DistributedSupervisor
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     cluster = await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await DistributedSupervisor.start_link(name="workers")
        ...     await DistributedSupervisor.start_child("workers", otp.DynamicSupervisor.child_spec(id="rooms"))
        ...     return cluster.plan_loss(cluster.node.name)
        >>> otp.run(main)
        {('workers', 'rooms'): None}
        """
        plan: dict[tuple[str, Any], str | None] = {}
        for table in self._membership.shared:
            if table.running and isinstance(table.content, Placements):
                with suppress(BadArgument):
                    plan |= {(table.table[1], id): member for id, member in table.content.plan_loss(name).items()}
        return plan

    def traffic(self, name: str) -> Traffic:
        """Return the frames and bytes exchanged with a member since it connected; zeros for others and for itself."""
        return self._membership.traffic(name)

    def __repr__(self) -> str:
        return f"<Cluster of {', '.join(map(str, self.members())) or 'no members'}>"


async def _drain(supervisor: Any) -> None:
    """Move all children of a supervisor to other members, those too that start meanwhile or that a member refused."""
    with suppress(CallExit):
        answer = await call(supervisor, ("drain", True), "infinity")
        while any(answer):
            answer = await call(supervisor, ("drain", False), "infinity")


def cluster_of(node: Node) -> Cluster:
    """Return the cluster of a node. Raises `NotMember`."""
    distribution = node.distribution
    if isinstance(distribution, MemberDistribution) and isinstance(distribution.cluster, Cluster):
        return distribution.cluster
    raise NotMember(f"node {node.name!r} is not a member of a cluster; try `await Cluster.join()` first")


def membership_of(cluster: Cluster) -> Membership:
    """Return the membership of a cluster, with its members and tables."""
    return cluster._membership  # pyright: ignore[reportPrivateUsage]


def _sources(discovery: Any, scheme: str) -> tuple[Discovery, ...]:
    """Return the sources of addresses; a `Dns` without a scheme gets that of the cluster."""
    if discovery is None:
        return ()
    many = isinstance(discovery, Iterable) and not isinstance(discovery, str)
    sources: tuple[Any, ...] = (*discovery,) if many else (discovery,)  # pyright: ignore[reportUnknownVariableType]
    for source in sources:
        if isinstance(source, type) or not hasattr(source, "addresses"):
            raise BadArgument(
                f"Cluster.join(discovery=…): expected Multicast, Folder, Static, FileList or Dns, got {source!r:.100}; "
                "try Static('tcp/10.0.0.5:7447')"
            )
    return tuple(
        replace(source, scheme=scheme) if isinstance(source, Dns) and source.scheme is None else source
        for source in sources
    )


def _check_type(name: str, given: Any, expected: type) -> None:
    if not isinstance(given, expected):
        raise BadArgument(f"Cluster.join({name}=…): expected {expected.__name__}, got {text(given)}")


def _version() -> str:
    try:
        return version("superlearner-otp")
    except PackageNotFoundError:
        return ""
