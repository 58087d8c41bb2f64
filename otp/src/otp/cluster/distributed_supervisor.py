"""`DistributedSupervisor`: children that start on another member when their member is lost.

>>> import otp
>>> from otp.cluster import DistributedSupervisor
>>> from otp.testing import Scheduler, SimulatedCluster
>>> async def main():
...     workers = DistributedSupervisor.child_spec(name="workers")
...     async with SimulatedCluster(3, children=[workers], allow=[otp.DynamicSupervisor]) as sim:
...         child = otp.DynamicSupervisor.child_spec(id="rooms")
...         first = await sim.on("n1", DistributedSupervisor.start_child, "workers", child)
...         sim.kill(first.node)
...         await sim.converge()
...         second = await sim.on(sim.alive[0], DistributedSupervisor.whereis, "workers", "rooms")
...         return first.node != second.node
>>> Scheduler().run(main)
True

Sources: Elixir's `DynamicSupervisor`; Horde, `Horde.DynamicSupervisor`.
"""

# Ids and terms are of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, cast

from otp.behaviours.server.behaviour import Behaviour
from otp.behaviours.server.child_spec import Child, ChildSpec, Startable, child_spec_of
from otp.behaviours.server.gen_server import stop
from otp.behaviours.supervisor.dynamic_server import DynamicOptions
from otp.behaviours.supervisor.records import ChildInfo, Counts
from otp.behaviours.supervisor.spec_check import InvalidChildSpec, SpecError, check_fields
from otp.behaviours.supervisor.supervisor import ask, granted, start_supervisor
from otp.bounded import text
from otp.cluster.child_terms import function_name, term_of_spec
from otp.cluster.cluster import Cluster, cluster_of
from otp.cluster.distributed_registry import Consistency, check_consistency, check_store
from otp.cluster.lease_placements import STORE_LIMIT
from otp.cluster.leases import LeaseUnavailable
from otp.cluster.placed_state import PlacedState
from otp.cluster.placements import Drained, Placement
from otp.cluster.placing import place
from otp.cluster.supervisor_server import SupervisorOptions, SupervisorServer
from otp.cluster.travelling import check_key, check_travels
from otp.kernel.ends.info import is_alive
from otp.kernel.steps.calling import call
from otp.kernel.tables.names import whereis
from otp.kernel.tables.scheduler import nanoseconds
from otp.kernel.values.errors import BadArgument, NotFound, StartError
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import Process
from otp.observer.terms import CannotTravel, put_before

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.values.terms import Dest, Limit

__all__ = ["DistributedSupervisor", "Drained", "Singleton"]

LEASED: Final = " by leases"
"""The end of the options of a supervisor in lease mode, as other members know them."""


class DistributedSupervisor(Behaviour, Startable):
    """A supervisor on several members; each child runs on one of them.

    Start it on each member with `start_link`. A child that crashes is restarted on its member. When a member is lost,
    its permanent and transient children start on other members after the settle delay; its temporary children are gone.
    Under a partition each side starts the children of the other side. When the partition heals, the older child stays;
    the other one is terminated with `("name_conflict", (supervisor, id), winner)`.

    With `consistency="lease"`, a child runs on the member that has the lease of its id. If that member cannot renew its
    leases, its children end with `("lease_lost", (supervisor, id))` as by `kill`, and start elsewhere.

    Other members must be able to start a child: its class or function must be importable and listed in their `allow`,
    and its arguments must be terms.

    When a member leaves, its children move to the others. A `GenServer` with `handoff` and `take_over` takes its state
    along: `handoff` returns a term, and `take_over` gets it on the new member, instead of `init`:

    >>> from otp import GenServer, Ok, impl
    >>> class Basket(GenServer[list[str]]):
    ...     @impl
    ...     def init(self, arg):
    ...         return Ok([])
    ...
    ...     @impl
    ...     def handoff(self, items):
    ...         return items
    ...
    ...     @impl
    ...     def take_over(self, arg, items):
    ...         return Ok(items)

    >>> import otp
    >>> from otp.cluster import Cluster, DistributedSupervisor
    >>> from otp.distribution.carriers.simulated import SimulatedNetwork
    >>> async def main():
    ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
    ...     await DistributedSupervisor.start_link(name="workers")
    ...     child = otp.DynamicSupervisor.child_spec(id="rooms")
    ...     rooms = await DistributedSupervisor.start_child("workers", child)
    ...     return DistributedSupervisor.whereis("workers", "rooms") == rooms
    >>> otp.run(main)
    True

    If the supervisor on a member ends, its children end with it and start on other members after the settle delay. If
    it gives up because a child was restarted too often, that child does not start elsewhere.

    Difference from `DynamicSupervisor`: each child has an id. Differences from Horde: an id is granted before the child
    starts, so a race in a healthy cluster starts one child; `start_child` returns when all connected members that run
    the supervisor know the child.
    """

    __slots__ = ()

    _child_type: ClassVar[Literal["worker", "supervisor"]] = "supervisor"
    _id_from_name: ClassVar[bool] = True
    _takes_argument: ClassVar[bool] = False

    @classmethod
    async def start_link(
        cls,
        *,
        name: str,
        placement: Placement = "hash",
        consistency: Consistency = "available",
        settle: float | None = None,
        max_children: int | Literal["infinity"] = "infinity",
        max_restarts: int | Literal["infinity"] = 3,
        max_seconds: float | Literal["infinity"] = 5,
        handoff_timeout: float = 5,
    ) -> Pid:
        """Start the supervisor on this member, linked to the calling process.

        It returns when it knows the children of the other members. No child moves to this member.

        Args:
            name: the name of the supervisor in the cluster, and of its process on each member.
            placement: where a child starts: `"hash"` (by its id), `"least_loaded"` (the member with the fewest), or a
                function of the id and a list of `Member` that returns one of them or its name. All members must use the
                same placement.
            consistency: `"available"`: each side of a partition works on its own. `"lease"`: a store of leases
                (`Cluster.join(leases=…)`) decides where a child runs, so no child runs twice.
            settle: seconds to wait after a loss before lost children start elsewhere; by default that of the cluster.
            max_children: the maximum number of children on this member.
            max_restarts: the maximum number of restarts on this member within `max_seconds`.
            max_seconds: the length of that window in seconds.
            handoff_timeout: seconds that a child has before a move for the messages in its mailbox and its `handoff`.

        Raises `NotMember`, `AlreadyStarted`, `InvalidChildSpec`, and `StartError` with `("incompatible", table, here,
        there)` if another member runs the supervisor with a different placement.

        >>> import otp
        >>> from otp.cluster import Cluster, DistributedSupervisor
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await DistributedSupervisor.start_link(name="workers", placement="least_loaded")
        ...     return await DistributedSupervisor.count_children("workers")
        >>> otp.run(main)
        Counts(specs=0, active=0, supervisors=0, workers=0)
        """
        limits = DynamicOptions(max_children, max_restarts, max_seconds)
        return await _start(cls, None, name, placement, consistency, settle, limits, handoff_timeout)

    @classmethod
    async def __otp_start_on__(cls, node: Node, arg: Any = None, *, name: Any = None, **options: Any) -> Any:
        """Start a supervisor that `node` owns; `arg` is a dict of options or None."""
        given: dict[str, Any] = {**(arg or {}), **options}
        placement, consistency = given.pop("placement", "hash"), given.pop("consistency", "available")
        settle, handoff_timeout = given.pop("settle", None), given.pop("handoff_timeout", 5)
        limits = DynamicOptions(**given)
        return await _start(cls, node, name, placement, consistency, settle, limits, handoff_timeout)

    @staticmethod
    async def stop(supervisor: Dest, reason: Any = "normal", timeout: Limit = "infinity") -> None:
        """Stop the supervisor on this member; its children start on other members that run it.

        >>> import otp
        >>> from otp.cluster import Cluster, DistributedSupervisor
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await DistributedSupervisor.start_link(name="workers")
        ...     await DistributedSupervisor.stop("workers")
        ...     return otp.whereis("workers")
        >>> otp.run(main)
        """
        await stop(supervisor, reason, timeout)

    @staticmethod
    async def start_child(
        supervisor: Dest, child: Child, *, on: str | None = None, timeout: float = STORE_LIMIT
    ) -> Pid | Any:
        """Start a child on the member that the placement chooses; return its pid.

        It returns when all connected members that run the supervisor know the child.

        Args:
            supervisor: the name of the supervisor on this member.
            child: any form of a child. An id that you give is unique in the cluster; without one, an id is generated.
            on: the name of the preferred member.
            timeout: in lease mode, the seconds that the store has to answer.

        Raises `AlreadyStarted` if a child has this id; its `.pid` is that child. Raises `CannotTravel` with `.path` and
        `.why` if the child cannot be sent to another member, and `InvalidChildSpec` for an invalid spec. Raises
        `StartError` with `"max_children"`, `("not_spawnable", "module:name")` or `("not_importable", why)` if no member
        can start it, with `("nodedown", member)` if its member is lost during the start, or with the reason of a failed
        start. In lease mode, raises `LeaseUnavailable` if no member gets an answer of the store within `timeout`.

        >>> import otp
        >>> from otp.cluster import Cluster, DistributedSupervisor
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await DistributedSupervisor.start_link(name="workers")
        ...     try:
        ...         await DistributedSupervisor.start_child("workers", otp.Agent.child_spec(lambda: 0, id="w1"))
        ...     except otp.cluster.CannotTravel as error:
        ...         return error.path
        >>> otp.run(main)
        'start.args[0]'
        """
        state = _state(supervisor, "start_child")
        spec, term = _checked(child)
        id = _new_id(state, spec) if isinstance(spec.id, type) else spec.id
        spec = spec.replace(id=id)
        nanoseconds(timeout, "DistributedSupervisor.start_child(timeout=…)")
        answer = await place(state, id, term, on, timeout)
        match answer:
            case ("error", ("lease_unavailable", why)):
                raise LeaseUnavailable(why)
            case _:
                return granted(answer, ("start_child", spec))

    @staticmethod
    async def terminate_child(supervisor: Dest, id: Hashable | Pid) -> None:
        """Stop a child by its id or pid, on any member, and do not restart it. Raises `NotFound`.

        >>> import otp
        >>> from otp.cluster import Cluster, DistributedSupervisor
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await DistributedSupervisor.start_link(name="workers")
        ...     await DistributedSupervisor.start_child("workers", otp.DynamicSupervisor.child_spec(id="rooms"))
        ...     await DistributedSupervisor.terminate_child("workers", "rooms")
        ...     return DistributedSupervisor.whereis("workers", "rooms")
        >>> otp.run(main)
        """
        placements = _state(supervisor, "terminate_child").placements
        if not isinstance(id, Pid):
            check_key("terminate_child", "child id", id)
        pid = id if isinstance(id, Pid) else placements.whereis(id)
        if pid is None:
            if not placements.forget_everywhere(id):
                raise NotFound(id=id)
            return
        there = placements.supervisor(pid.runtime.name)
        if there is None:
            raise NotFound(id=id)
        await ask(there, ("terminate_child", pid))

    @staticmethod
    async def which_children(supervisor: Dest) -> list[ChildInfo]:
        """Return the children on all members; `pid` is `"restarting"` for a lost child that has yet to start elsewhere.

        >>> import otp
        >>> from otp.cluster import Cluster, DistributedSupervisor
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await DistributedSupervisor.start_link(name="workers")
        ...     await DistributedSupervisor.start_child("workers", otp.DynamicSupervisor.child_spec(id="rooms"))
        ...     return [(info.id, info.type) for info in await DistributedSupervisor.which_children("workers")]
        >>> otp.run(main)
        [('rooms', 'supervisor')]
        """
        placements = _state(supervisor, "which_children").placements
        running = [ChildInfo(id, claim.pid, claim.value["type"], None) for id, claim in placements.winners()]
        missing = placements.missing().items()
        lost = [ChildInfo(id, "restarting", claim.value["type"], None) for id, claim in missing]
        return running + lost

    @staticmethod
    async def count_children(supervisor: Dest) -> Counts:
        """Return the number of children on all members, by kind.

        >>> import otp
        >>> from otp.cluster import Cluster, DistributedSupervisor
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await DistributedSupervisor.start_link(name="workers")
        ...     await DistributedSupervisor.start_child("workers", otp.DynamicSupervisor)
        ...     return (await DistributedSupervisor.count_children("workers")).active
        >>> otp.run(main)
        1
        """
        children = await DistributedSupervisor.which_children(supervisor)
        active = sum(isinstance(child.pid, Pid) for child in children)
        supervisors = sum(child.type == "supervisor" for child in children)
        return Counts(len(children), active, supervisors, len(children) - supervisors)

    @staticmethod
    def whereis(supervisor: Dest, id: Hashable) -> Pid | None:
        """Return the process of a child as seen by this member, or None if it is not running.

        >>> import otp
        >>> from otp.cluster import Cluster, DistributedSupervisor
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await DistributedSupervisor.start_link(name="workers")
        ...     return DistributedSupervisor.whereis("workers", "rooms")
        >>> otp.run(main)
        """
        pid = _state(supervisor, "whereis").placements.whereis(id)
        if pid is None or (type(pid) is Process and not is_alive(pid)):
            return None
        return pid

    @staticmethod
    async def rebalance(supervisor: Dest) -> Drained:
        """Move children to the members that the placement chooses now, for example after a member has joined.

        A child that moves ends with `("shutdown", "moved")` after the messages in its mailbox, then starts on its new
        member with the term of its `handoff`. If it cannot start there, it starts on its old member again. Returns the
        ids of the children that moved, and of those that could not.

        >>> import otp
        >>> from otp.cluster import Cluster, DistributedSupervisor
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await DistributedSupervisor.start_link(name="workers")
        ...     return await DistributedSupervisor.rebalance("workers")
        >>> otp.run(main)
        Drained(moved=[], kept=[])
        """
        placements = _state(supervisor, "rebalance").placements
        plan: dict[str, list[tuple[Any, str]]] = {}
        for member, id, target in placements.plan():
            plan.setdefault(member, []).append((id, target))
        asked = {member: placements.supervisor(member) for member in plan}
        calls = [call(asked[member], ("move", moves), "infinity") for member, moves in plan.items()]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        drained = Drained([], [])
        for moves, answer in zip(plan.values(), answers, strict=True):
            moved, kept = ([], [id for id, _ in moves]) if isinstance(answer, BaseException) else answer
            drained.moved.extend(moved)
            drained.kept.extend(kept)
        return drained


class Singleton:
    """A single process in the cluster; it runs on one of the members that list it.

    >>> from otp.cluster import Singleton
    >>> import otp
    >>> Singleton.child_spec(otp.DynamicSupervisor.child_spec(id="rooms"), name="lobby").id
    'lobby'
    """

    @staticmethod
    def child_spec(child: Child, *, name: str, consistency: Consistency = "available") -> ChildSpec:
        """Return the spec of a `DistributedSupervisor` with one child; list it on each member that may run the child.

        Args:
            child: any form of a child that another member can start.
            name: the name of the supervisor, and the id of its child.
            consistency: `"available"`: under a partition each side runs one; after it heals, the older one stays.
                `"lease"`: there is never more than one, by a store of leases (`Cluster.join(leases=…)`).

        >>> import otp
        >>> from otp.cluster import DistributedSupervisor, Singleton
        >>> from otp.testing import Scheduler, SimulatedCluster
        >>> lobby = Singleton.child_spec(otp.DynamicSupervisor, name="lobby")
        >>> async def main():
        ...     async with SimulatedCluster(3, children=[lobby], allow=[otp.DynamicSupervisor]) as sim:
        ...         return len(await sim.on("n1", DistributedSupervisor.which_children, "lobby"))
        >>> Scheduler().run(main)
        1
        """
        check_consistency("Singleton.child_spec", consistency)
        _, term = _checked(child)
        return ChildSpec(name, (_start_singleton, name, term, consistency), type="supervisor")


async def _start_singleton(name: str, term: Any, consistency: Consistency) -> Pid:
    return await _start(DistributedSupervisor, None, name, "hash", consistency, None, DynamicOptions(), 5, (name, term))


async def _start(
    cls: Any,
    node: Node | None,
    name: Any,
    placement: Any,
    consistency: Any,
    settle: Any,
    limits: DynamicOptions,
    handoff_timeout: Any,
    first: tuple[Any, Any] | None = None,
) -> Any:
    if not isinstance(name, str):
        raise BadArgument(f"DistributedSupervisor(name=…): expected a str, got {text(name)}; try name='workers'")
    check_consistency("DistributedSupervisor", consistency)
    if placement not in ("hash", "least_loaded") and not callable(placement):
        expected = "'hash', 'least_loaded' or a function of an id and a list of members"
        raise BadArgument(f"DistributedSupervisor(placement=…): expected {expected}, got {text(placement)}")
    cluster = Cluster.here() if node is None else cluster_of(node)
    check_store("DistributedSupervisor", cluster, consistency)
    shown = function_name(placement, "placement") if callable(placement) else str(placement)
    if consistency == "lease":
        shown += LEASED
    if settle is None:
        settle = cluster.settle
    nanoseconds(settle, "DistributedSupervisor(settle=…)")
    nanoseconds(handoff_timeout, "DistributedSupervisor(handoff_timeout=…)")
    placed = cast("Placement", placement)
    leased = consistency == "lease"
    options = SupervisorOptions(cluster, name, placed, shown, settle, limits, handoff_timeout, first, leased)
    try:
        return await start_supervisor(cls, options, SupervisorServer(), name=name, link=node is None, node=node)
    except StartError as error:
        if isinstance(error.reason, tuple) and error.reason[0] == "incompatible":
            there = str(error.reason[3])
            if there.endswith(LEASED) == shown.endswith(LEASED):
                option = f"placement={there.removesuffix(LEASED)!r}"
            else:
                option = f"consistency={'lease' if there.endswith(LEASED) else 'available'!r}"
            error.hint = f"another member has the supervisor {name!r} with {option}; use the same here"
        raise


def _checked(child: Any) -> tuple[ChildSpec, Any]:
    """Return a child as its spec and its term. Raises `InvalidChildSpec` and `CannotTravel`."""
    try:
        spec = check_fields(child_spec_of(child))
        if spec.significant:
            raise SpecError(("invalid_significant", True))
    except SpecError as error:
        raise InvalidChildSpec(error.reason) from None
    if not isinstance(spec.id, type):
        try:
            check_key("DistributedSupervisor", "child id", spec.id)
            check_travels(spec.id)
        except CannotTravel as error:
            put_before(error, "id")
            raise
    return spec, term_of_spec(spec)


def _new_id(state: PlacedState, spec: ChildSpec) -> str:
    me = state.shared.membership.me
    kind = getattr(spec.id, "__name__", "child").lower()
    return f"{kind}-{me.name}-{me.incarnation}-{state.shared.membership.node.next_ref()}"


def _state(supervisor: Dest, what: str) -> PlacedState:
    pid = supervisor if isinstance(supervisor, Pid) else whereis(supervisor)
    state = pid.state if isinstance(pid, Process) else None
    if not isinstance(state, PlacedState):
        got = "an unregistered name" if pid is None else f"{pid}, which is not a DistributedSupervisor on this member"
        raise BadArgument(
            f"DistributedSupervisor.{what}({supervisor!r}, …): expected the name of a supervisor that runs on this "
            f"member, got {got}; try DistributedSupervisor.start_link(name=…) on this member first"
        )
    return state
