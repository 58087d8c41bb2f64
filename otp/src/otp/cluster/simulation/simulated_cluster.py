"""`SimulatedCluster`: the members of a cluster in one event loop, and what can go wrong between them."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import combinations
from types import TracebackType
from typing import Any, Final

from otp.behaviours.server.child_spec import Children
from otp.behaviours.supervisor.supervisor import Supervisor
from otp.cluster.cluster import Cluster
from otp.cluster.leases import MemoryLeases
from otp.cluster.membership import Membership
from otp.cluster.simulation.history import Event, History, HistoryViolation, Violation
from otp.cluster.simulation.recording import RecordedCarrier, RecordedTransport
from otp.cluster.simulation.rules import check_history
from otp.cluster.simulation.running import run_into
from otp.cluster.simulation.simulated_leases import STORE, SimulatedLeases
from otp.cluster.simulation.view import View, differing_views, plain_view, view_of
from otp.cluster.transport import MemberDistribution
from otp.distribution import TEACHING, NodeId, Settings
from otp.distribution.carriers.simulated import SimulatedNetwork
from otp.distribution.faults import Cut, Delay, Drop, Heal, Resume, Stall
from otp.kernel.ends.death import exit_signal
from otp.kernel.steps.node import Node
from otp.kernel.steps.signals import wait_down
from otp.kernel.tables.scheduler import thread_current
from otp.kernel.values.errors import BadArgument, Exit
from otp.kernel.values.pids import Pid

__all__ = ["SimulatedCluster", "SimulatedMember", "pairs_apart"]

_COOKIE: Final = "simulated"
_LOOKS: Final = 4
"""Number of times per heartbeat that `converge` compares the views."""


class _Numbered:
    """The incarnations of a name: 1, 2, 3."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        """Return the next incarnation."""
        self._last += 1
        return self._last

    def raise_to(self, known: int) -> None:
        """Begin the next time above `known`."""
        self._last = max(self._last, known)


class SimulatedMember:
    """A running member of a simulated cluster: its node, its cluster, its incarnation."""

    def __init__(self, cluster: Cluster, owned: bool) -> None:
        self.cluster: Cluster = cluster
        self.node: Node = cluster.node
        distribution = cluster.distribution
        assert isinstance(distribution, MemberDistribution)
        assert isinstance(distribution.observer, Membership)
        assert isinstance(distribution.member_transport, RecordedTransport)
        self.membership: Membership = distribution.observer
        self.transport: RecordedTransport = distribution.member_transport
        self.incarnation: int = cluster.distribution.transport.me.creation
        self.owned = owned
        """True if the simulation started its node, and closes it."""

    def __repr__(self) -> str:
        return f"<SimulatedMember {self.node.name}#{self.incarnation}>"


class SimulatedCluster:
    """A cluster in one event loop, with the faults of a network, in virtual or in real time.

    ```
    async with SimulatedCluster(3) as sim:
        sim.partition(["n1"], ["n2", "n3"])
        await sim.converge()
    ```

    The block begins with all members connected. Leaving it checks the history, unless it raises.

    In a test (`@pytest.mark.otp`, `otp.testing.Scheduler`), time is virtual and the seed of the test decides about
    delays and losses; elsewhere time is real.

    Args:
        members: their number, named `n1`, …, or their names.
        children: child forms that each member starts once it has joined, or a function of its name that returns them.
        leases: whether there is a store of leases; faults may name it `"leases"`, like a member.
        allow: what members may start or call on each other, as for `Cluster.join`.
        settings: times and sizes; by default a silent member is lost after a second.
        settle: seconds to wait after a loss before children start elsewhere; `settings.dead` by default.
        check: whether leaving the block checks the history.
        seed: decides about delays and losses; by default a random one, in a test that of the test.
        kept: the number of events that the history keeps, the newest; by default all, which the check needs.

    A stalled member sends nothing and hears nothing, as under SIGSTOP; but its processes go on, unheard: they share
    the event loop with those of the others.

    >>> import otp
    >>> from otp.testing import Scheduler, SimulatedCluster
    >>> async def main():
    ...     async with SimulatedCluster(3) as sim:
    ...         sim.kill("n3")
    ...         await sim.converge()
    ...         return list(sim.view("n1").members), list(sim.view("n1").lost)
    >>> Scheduler(seed=1).run(main)
    (['n1', 'n2'], ['n3'])
    """

    def __init__(
        self,
        members: int | Iterable[str] = 3,
        *,
        children: Sequence[Any] | Callable[[str], Sequence[Any]] = (),
        leases: bool = False,
        allow: Iterable[Any] = (),
        settings: Settings = TEACHING,
        settle: float | None = None,
        check: bool = True,
        seed: int | None = None,
        kept: int | None = None,
    ) -> None:
        self._first = [f"n{n}" for n in range(1, members + 1)] if isinstance(members, int) else list(members)
        if not self._first or len(set(self._first)) < len(self._first):
            raise BadArgument(
                f"SimulatedCluster(members): expected a number or different names, got {members!r}; try members=3"
            )
        self._leases = MemoryLeases() if leases else None
        self._stores: dict[str, SimulatedLeases] = {}
        self._store_delays: dict[str, float] = {}
        self.settings: Settings = settings
        self.settle: float = settings.dead if settle is None else settle
        self._children = children
        self._allow = tuple(allow)
        self._check = check
        self._seed = seed
        self._kept = kept
        self._members: dict[str, SimulatedMember] = {}
        self._incarnations: defaultdict[str, _Numbered] = defaultdict(_Numbered)
        self._skews: dict[str, float] = {}
        self._supplied: set[Node] = set()
        self._cuts: set[tuple[str, str]] = set()
        self._stalled: set[str] = set()
        self._ending: dict[str, asyncio.Task[Any]] = {}
        self._loop: asyncio.AbstractEventLoop
        self._network: SimulatedNetwork
        self._history: History

    async def __aenter__(self) -> SimulatedCluster:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._network = SimulatedNetwork(seed=secrets.randbits(32) if self._seed is None else self._seed)
        self._history = History(lambda: self.now, self._kept)
        times = {"heartbeat": self.settings.heartbeat, "dead": self.settings.dead, "settle": self.settle}
        if self._leases is not None:
            times["lease_ttl"] = self.settings.lease_ttl
        self._history.add("", "began", **times)
        try:
            for name in self._first:
                await self.start(name)
            await self.converge()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        violations = self.check() if self._check and kind is None else []
        await self._close()
        if violations:
            raise HistoryViolation(violations)

    async def _close(self) -> None:
        members, self._members = dict(self._members), {}
        for name, member in members.items():
            member.transport.recording = False
            self._network.crash(name, member.incarnation)
            if member.owned:
                member.membership.finish()  # its goodbye would wait for an answer
        async with AsyncExitStack() as stack:
            for task in self._ending.values():
                stack.push_async_callback(_finished, task)
            for member in members.values():
                if member.owned:
                    stack.push_async_callback(member.node.close)
                stack.push_async_callback(member.cluster.leave, drain=False)

    # Members

    @property
    def names(self) -> list[str]:
        """The names of all members so far, those of the beginning first."""
        return list(dict.fromkeys([*self._first, *self._incarnations, *self._members]))

    @property
    def alive(self) -> list[str]:
        """The names of the running members, stalled ones included."""
        return list(self._members)

    @property
    def cuts(self) -> list[tuple[str, str]]:
        """The directions in which all frames are lost, each as source and target, in the order of the names."""
        return sorted(self._cuts)

    @property
    def stores(self) -> list[str]:
        """The names that faults may give the store of leases: `["leases"]`, or none."""
        return [] if self._leases is None else [STORE]

    @property
    def now(self) -> float:
        """Seconds since the block began."""
        return self._loop.time() - self._began

    def __getitem__(self, name: str) -> SimulatedMember:
        member = self._members.get(name)
        if member is None:
            raise BadArgument(f"no member {name!r} runs here; try one of {', '.join(self.alive) or 'none'}")
        return member

    async def on(self, name: str, fn: Callable[..., Any], *args: Any) -> Any:
        """Run `fn(*args)` in a process of a member; return its value or raise its error.

        Raises `Exit` with the reason if the process ends before, as with its member.
        """
        done: asyncio.Future[Any] = self._loop.create_future()

        ended = asyncio.ensure_future(wait_down(self.spawn(name, run_into, done, fn, *args)))
        await asyncio.wait([done, ended], return_when=asyncio.FIRST_COMPLETED)
        if done.done():
            await ended
            return done.result()
        raise Exit(ended.result())

    def spawn(self, name: str, fn: Callable[..., Any], *args: Any) -> Pid:
        """Start a process of a member that runs `fn(*args)`."""
        return self[name].node.spawn(fn, *args)

    async def start(self, name: str) -> None:
        """Start a member again, or a new one; it has joined when this returns."""
        if name in self._members:
            raise BadArgument(f"sim.start({name!r}): it is running; try sim.kill({name!r}) first")
        if (ending := self._ending.pop(name, None)) is not None:
            await _finished(ending)
        node = await Node(name).__aenter__()
        node.body = None  # it has no block that ends with it
        try:
            await self._enter(node, owned=True)
        except BaseException:
            await node.close()
            raise

    async def join(self, node: Node) -> Cluster:
        """Let a node of yours join, and return its cluster; leaving the block ends the membership, not the node."""
        return (await self._enter(node, owned=False)).cluster

    async def _enter(self, node: Node, owned: bool) -> SimulatedMember:
        name = node.name
        cluster = await Cluster.join(
            node,
            cookie=_COOKIE,
            discovery=None,
            allow=self._allow,
            leases=self._reach_leases(name),
            settings=self.settings,
            settle=self.settle,
            incarnations=self._incarnations[name],
            carrier=self._carrier,
            clock=lambda: time.time() + self._skews.get(name, 0.0),
        )
        self._stalled.discard(name)
        member = self._members[name] = SimulatedMember(cluster, owned)
        self._history.add(name, "started", of=name, incarnation=member.incarnation)
        forms = self._children(name) if callable(self._children) else self._children
        if forms and node not in self._supplied:  # a node that joins again has them
            self._supplied.add(node)
            await node.start(Supervisor, Children(forms))
        return member

    def _reach_leases(self, name: str) -> SimulatedLeases | None:
        if self._leases is None:
            return None

        def delay() -> float | None:
            apart = {(name, STORE), (STORE, name)} & self._cuts or {name, STORE} & self._stalled
            return None if apart else self._store_delays.get(name, 0.0)

        self._stores[name] = SimulatedLeases(self._leases, delay, self.settings.heartbeat / _LOOKS)
        return self._stores[name]

    def _carrier(self, me: NodeId) -> RecordedCarrier:
        return RecordedCarrier(self._network, me, self._history)

    def kill(self, name: str) -> None:
        """End a member without notice, as `kill -9` does: none of its processes does anything more."""
        member = self._leave(name, "killed")
        node = member.node
        member.transport.recording = False
        self._network.crash(name, member.incarnation)
        if name in self._stores:
            self._stores[name].killed = True
        if member.owned:
            node.begin_close()  # it must not report the ends of its processes
            node.owned.clear()  # nor log them
        for process in list(node.process_table.values()):
            exit_signal(process, node.outside, "kill", False)
        member.membership.finish()
        self._ending[name] = asyncio.ensure_future(self._remove(member))

    async def _remove(self, member: SimulatedMember) -> None:
        await member.cluster.leave()
        if member.owned:
            await member.node.close()

    async def stop(self, name: str) -> None:
        """End a member in order: it leaves, and its node closes."""
        member = self[name]
        await member.cluster.leave()
        self._leave(name, "stopped")
        if member.owned:
            await member.node.close()

    def _leave(self, name: str, kind: str) -> SimulatedMember:
        member = self[name]
        del self._members[name]
        self._stalled.discard(name)
        self._history.add(name, kind, of=name, incarnation=member.incarnation)
        return member

    def stall(self, name: str) -> None:
        """Let a member hear and send nothing until `resume`, as under SIGSTOP."""
        if name != STORE or self._leases is None:
            self[name].transport.inject(Stall())
        self._stalled.add(name)
        self._note_stall("stalled", name)

    def resume(self, name: str) -> None:
        """End a stall: what had arrived is read now."""
        if name != STORE or self._leases is None:
            self[name].transport.inject(Resume())
        self._stalled.discard(name)
        self._note_stall("resumed", name)

    def _note_stall(self, kind: str, name: str) -> None:
        if name == STORE and self._leases is not None:
            self._history.add("", f"store_{kind}")
        else:
            self._history.add(name, kind, of=name, incarnation=self[name].incarnation)

    # The network

    def cut(self, a: str, b: str, one_way: bool = False) -> None:
        """Lose all frames between two members; with `one_way`, those from `a` to `b`."""
        for source, target in ((a, b),) if one_way else ((a, b), (b, a)):
            self._network.fault(source, target, Cut(target))
            self._cuts.add((source, target))
        self._history.add("", "cut", a=a, b=b, one_way=one_way)

    def partition(self, *sides: str | Iterable[str]) -> None:
        """Cut the members of each side off from those of the others; a side is a name or several."""
        for a, b in pairs_apart(sides):
            self.cut(a, b)

    def drop(self, a: str, b: str, share: float) -> None:
        """Lose a share of the frames between two members, 0.0 to 1.0, in both directions."""
        if not 0 <= share <= 1:
            raise BadArgument(f"sim.drop(…, share): expected 0.0 to 1.0, got {share!r}")
        for source, target in ((a, b), (b, a)):
            self._network.fault(source, target, Drop(target, share))
            if share == 1:
                self._cuts.add((source, target))
        self._history.add("", "drop", a=a, b=b, share=share)

    def delay(self, a: str, b: str, seconds: float) -> None:
        """Let each frame between two members take this much longer, in both directions."""
        if seconds < 0:
            raise BadArgument(f"sim.delay(…, seconds): expected 0 or more, got {seconds!r}")
        for source, target in ((a, b), (b, a)):
            self._network.fault(source, target, Delay(target, seconds, seconds))
            if target == STORE:
                self._store_delays[source] = seconds
        self._history.add("", "delay", a=a, b=b, seconds=seconds)

    def skew(self, name: str, seconds: float) -> None:
        """Set the wall clock of a member this much forward; timestamps only change by it."""
        self._skews[name] = seconds
        self._history.add(name, "skew", seconds=seconds)

    def heal(self, a: str | None = None, b: str | None = None) -> None:
        """End all cuts, losses and delays, or those between two members. Stalled members stay so."""
        if (a is None) != (b is None):
            raise BadArgument("sim.heal(a, b): expected two members or none; try sim.heal()")
        if a is None or b is None:
            self._network.heal()
            self._cuts.clear()
            self._store_delays.clear()
        else:
            for source, target in ((a, b), (b, a)):
                self._network.fault(source, target, Heal(target))
                self._cuts.discard((source, target))
                if target == STORE:
                    self._store_delays.pop(source, None)
        self._history.add("", "heal", a=a, b=b)

    # Views and history

    def view(self, name: str) -> View:
        """Return what a member sees."""
        return view_of(self[name].cluster)

    async def converge(self, timeout: float = 60) -> None:
        """Wait until members that reach each other agree and all tables have settled.

        Raises `TimeoutError`, which says who sees what.
        """
        deadline = self._loop.time() + timeout
        while (problem := self._disagreement()) is not None:
            if self._loop.time() >= deadline:
                raise TimeoutError(f"the members do not agree after {timeout} s: {problem}")
            await self._next_look()
        views = {name: plain_view(self.view(name)) for name in self._list_active()}
        self._history.add("", "converged", views=views)

    async def _next_look(self) -> None:
        """Let time pass: comparing all views at each change of one would cost more than the changes."""
        await asyncio.sleep(self.settings.heartbeat / _LOOKS)

    def _list_active(self) -> list[str]:
        return [name for name in self._members if name not in self._stalled and self[name].cluster.members()]

    def _disagreement(self) -> str | None:
        active = self._list_active()
        expected = {name: self[name].incarnation for name in active}
        views: Mapping[str, View] = {name: self.view(name) for name in active}
        for name, view in views.items():
            seen = {other: member.incarnation for other, member in view.members.items()}
            reached = {other: expected[other] for other in active if self._reaches(name, other)}
            if seen != reached:
                return f"{name} sees {', '.join(seen)}, and reaches {', '.join(reached)}"
        for name in active:
            for table in self[name].membership.shared:
                if table.unsettled():
                    return f"{' '.join(map(str, table.table))} of {name} has yet to settle"
        return differing_views({name: plain_view(view) for name, view in views.items()})

    def _reaches(self, one: str, other: str) -> bool:
        if one == other:
            return True
        if (one, other) in self._cuts or (other, one) in self._cuts:
            return False
        sides = [(self[a].membership, NodeId(b, self[b].incarnation)) for a, b in ((one, other), (other, one))]
        return any(here.tries_again(there) for here, there in sides) or not any(
            here.is_apart(there) for here, there in sides
        )

    @property
    def history(self) -> list[Event]:
        """The events so far."""
        return list(self._history.events)

    def check(self) -> list[Violation]:
        """Return how the history so far breaks the rules R1 to R9."""
        return check_history(self._history.events)

    def note(self, kind: str, **data: Any) -> None:
        """Add an event to the history, at the member whose process calls this."""
        running = thread_current()
        self._history.add("" if running is None else running.runtime.name, kind, **data)


def pairs_apart(sides: Iterable[str | Iterable[str]]) -> list[tuple[str, str]]:
    """Return the pairs of members that a partition separates; a side is a name or several. Raises `BadArgument`.

    >>> pairs_apart(["n1", ["n2", "n3"]])
    [('n1', 'n2'), ('n1', 'n3')]
    """
    split = [[side] if isinstance(side, str) else list(side) for side in sides]
    if len(split) < 2:
        raise BadArgument('sim.partition(…): expected two sides or more; try sim.partition(["n1"], ["n2", "n3"])')
    return [(a, b) for one, other in combinations(split, 2) for a in one for b in other]


async def _finished(task: asyncio.Task[Any]) -> None:
    await asyncio.gather(task, return_exceptions=True)
