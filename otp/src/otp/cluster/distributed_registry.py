"""`DistributedRegistry`: processes by key, shared by all members that start it under the same name.

>>> import otp
>>> from otp.cluster import DistributedRegistry
>>> from otp.testing import Scheduler, SimulatedCluster, advance
>>> async def own():
...     await DistributedRegistry.register("rooms", "lobby", "open")
...     await otp.receive()
>>> async def main():
...     async with SimulatedCluster(2, children=[DistributedRegistry.child_spec(name="rooms")]) as sim:
...         sim.spawn("n1", own)
...         await advance(1)
...         return await sim.on(
...             "n2", lambda: [(e.pid.node, e.value) for e in DistributedRegistry.lookup("rooms", "lobby")]
...         )
>>> Scheduler().run(main)
[('n1', 'open')]

Sources: Elixir's `Registry`; Horde, `Horde.Registry`.
"""

# Keys and values are terms of any type.
# pyright: reportUnknownLambdaType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, cast, get_args

from otp.behaviours.registry._match import matcher
from otp.behaviours.registry._queries import RegistryQueries, TableState, state_of
from otp.behaviours.registry._table import Kind
from otp.behaviours.registry.registry import AlreadyRegistered
from otp.behaviours.server.behaviour import impl
from otp.behaviours.server.gen_server import GenServer
from otp.bounded import text
from otp.cluster.claims import Claims
from otp.cluster.cluster import Cluster, cluster_of, membership_of
from otp.cluster.entries import Entries
from otp.cluster.lease_claims import LeaseClaims
from otp.cluster.leases import LeaseUnavailable
from otp.cluster.shared_table import SharedTable, Shares
from otp.cluster.travelling import check_key, check_travels
from otp.kernel.steps.signals import process_flag
from otp.kernel.steps.starting import start_server
from otp.kernel.tables.scheduler import current_process, nanoseconds
from otp.kernel.values.errors import BadArgument, StartError
from otp.kernel.values.pids import Identity, Pid
from otp.kernel.values.process import Process, on_exit
from otp.kernel.values.results import NoReply, Ok, Stop

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.values.terms import Dest, Limit

__all__ = ["DistributedRegistry", "DistributedVia", "check_consistency", "check_store", "entries_of"]

Consistency = Literal["available", "lease"]


class DistributedVia(Identity):
    """A key of a unique registry; `name=` of a start and the destination of `send`, `call` and `cast`."""

    def __init__(self, registry: Dest, key: Hashable, value: Any = None) -> None:
        self.registry: Dest = registry
        self.key: Hashable = key
        self.value: Any = value

    def __repr__(self) -> str:
        return f"DistributedRegistry.via({text(self.registry)}, {text(self.key)})"

    def whereis(self) -> Pid | None:
        """Return the process that has the key."""
        found = state_of(self.registry, "via", _State, unique=True).table.lookup(self.key)
        return found[0].pid if found else None

    def register(self, pid: Pid) -> bool:
        """Return False if the key is taken; `grant` claims it."""
        return self.whereis() is None

    def unregister(self, pid: Pid) -> None:
        """Free the key if `pid` has it."""
        if self.whereis() is pid:
            state_of(self.registry, "via", _State, unique=True).entries.release(self.key, pid)

    async def grant(self, pid: Pid) -> bool:
        """Register the key; return False if another process has it."""
        state = state_of(self.registry, "via", _State, unique=True)
        return (await _register(state, [(self.key, self.value)], pid))[self.key] is None


class _Config(NamedTuple):
    name: str
    keys: Kind
    consistency: Consistency = "available"

    def shown(self) -> str:
        """Return the options as other members know them."""
        return self.keys if self.consistency == "available" else self.consistency


class _State(TableState, Shares):
    """The table of a distributed registry on one member."""

    __slots__ = ("entries", "shared")

    registry: ClassVar[str] = "DistributedRegistry"

    def __init__(self, config: _Config, pid: Process, cluster: Cluster) -> None:
        super().__init__(config.keys, pid)
        self.shared = SharedTable(membership_of(cluster), ("registry", config.name), config.shown())
        self.entries: Claims | Entries
        leases = membership_of(cluster).shared.leases

        def name(key: Any) -> Any:
            return (config.name, key)

        if config.consistency == "lease":
            assert leases is not None  # checked by the start
            self.entries = LeaseClaims(self.shared, leases, tie=self.tie_owner, untie=self.untie, name=name)
        elif config.keys == "unique":
            self.entries = Claims(self.shared, tie=self.tie_owner, untie=self.untie, name=name)
        else:
            self.entries = Entries(self.shared, tie=self.tie_owner, untie=self.untie)
        self.table = self.entries.table
        self.shared.content = self.entries

    def close(self) -> None:
        """End the table on this member."""
        self.shared.close()
        if isinstance(self.entries, LeaseClaims):
            self.entries.close()

    def tie_owner(self, process: Process) -> None:
        """Link a process that gets its first entry with the registry."""
        self.tie(process, self.entries.end_owner)


class _RegistryServer(GenServer[_State]):
    @impl
    async def init(self, arg: tuple[_Config, Cluster]) -> Ok[_State] | Stop:
        process_flag("trap_exit", True)  # registered processes are linked to the registry: it ignores their ends
        me = cast("Process", self.pid)
        state = _State(*arg[:1], me, arg[1])
        on_exit(me, state.shared, lambda _: state.close())
        try:
            await state.shared.open(me)
        except StartError as error:
            return Stop(error.reason)
        return Ok(state)

    @impl
    def handle_info(self, message: Any, state: _State) -> NoReply[_State]:
        return NoReply(state)

    @impl
    def format_status(self, state: _State) -> Any:
        return {"keys": state.kind, "entries": len(state.table), "members": [*state.shared.peers]}


class DistributedRegistry(RegistryQueries):
    """A registry shared by all members that start it under the same name.

    Start it with `start_link` and use it by name. Each member reads its own copy. With `keys="unique"`, one member
    grants each key: if two processes register a key at once, one is refused. Under a partition each side grants keys on
    its own. When the partition heals, the owner with the older claim keeps the key; the other one gets an exit signal
    with `("name_conflict", (registry, key), winner)`. With `keys="duplicate"`, processes on all members can share a
    key.

    With `consistency="lease"`, a store outside the members grants keys, and no key has two owners: if a member cannot
    renew its leases, its owners end with `("lease_lost", (registry, key))`.

    >>> import otp
    >>> from otp.cluster import Cluster, DistributedRegistry
    >>> from otp.distribution.carriers.simulated import SimulatedNetwork
    >>> async def main():
    ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
    ...     await DistributedRegistry.start_link(name="rooms")
    ...     await DistributedRegistry.register("rooms", "lobby", "open")
    ...     return DistributedRegistry.values("rooms", "lobby", otp.self())
    >>> otp.run(main)
    ['open']

    When `Down` arrives for a process of a lost member, the entries of that member have already been removed.

    Differences from `Registry`: functions that change entries are awaitable; there are no partitions and no listeners;
    `put_meta` stores a value on this member only; entries under a duplicate key are in the order in which they arrived
    at this member. Difference from Horde: `register` returns after the key is granted, so a race in a healthy cluster
    kills no process.
    """

    __slots__ = ()

    _takes_argument = False
    _id_from_name = True

    @classmethod
    async def start_link(cls, *, name: str, keys: Kind = "unique", consistency: Consistency = "available") -> Pid:
        """Start the registry on this member, linked to the calling process.

        It returns when the entries of the other members have arrived. In a supervisor, use
        `DistributedRegistry.child_spec(name=…)`.

        Args:
            name: the name of the registry in the cluster, and of its process on each member.
            keys: `"unique"` (one process per key) or `"duplicate"` (any number).
            consistency: `"available"`: each side of a partition works on its own. `"lease"`: a store of leases
                grants unique keys (`Cluster.join(leases=…)`), so no key has two owners.

        Raises `NotMember`, `AlreadyStarted`, and `StartError` with `("incompatible", table, here, there)` if another
        member runs the registry with different `keys`.

        >>> import otp
        >>> from otp.cluster import Cluster, DistributedRegistry
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await DistributedRegistry.start_link(name="rooms", keys="duplicate")
        ...     return DistributedRegistry.count("rooms")
        >>> otp.run(main)
        0
        """
        return await _start(cls, None, name=name, keys=keys, consistency=consistency, link=True)

    @classmethod
    async def __otp_start_on__(cls, node: Node, arg: Any = None, *, name: Any = None, **options: Any) -> Any:
        """Start a registry that `node` owns; `arg` is a dict of options or None."""
        given: dict[str, Any] = {"keys": "unique", "consistency": "available", **(arg or {}), **options}
        return await _start(cls, node, name=name, **given)

    @staticmethod
    async def register(registry: Dest, key: Hashable, value: Any = None, *, timeout: Limit = 5) -> Pid:
        """Register the calling process under `key`; return the registry's pid, which is linked to it.

        Each member receives a registration before any message that this member sends later. Raises `AlreadyRegistered`,
        whose `.pid` is the owner. Raises `TimeoutError` after `timeout` seconds, for example if the member that grants
        the key does not answer; the key may or may not be registered then. In lease mode, raises `LeaseUnavailable`
        instead, and the key is not registered. Raises `CannotTravel` for a key or value
        that cannot be sent to other members.

        >>> import otp
        >>> from otp.cluster import Cluster, DistributedRegistry
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await DistributedRegistry.start_link(name="rooms")
        ...     await DistributedRegistry.register("rooms", "lobby")
        ...     try:
        ...         await DistributedRegistry.register("rooms", "lobby")
        ...     except otp.AlreadyRegistered as error:
        ...         return error.pid == otp.self()
        >>> otp.run(main)
        True
        """
        me = current_process("DistributedRegistry.register()", "name= of a start registers a server")
        state = state_of(registry, "register", _State)
        holder = (await _within(timeout, "register", state, [(key, value)], me))[key]
        if holder is not None:
            raise AlreadyRegistered(holder)
        return state.pid

    @staticmethod
    async def register_many(
        registry: Dest, entries: Iterable[tuple[Hashable, Any]], *, timeout: Limit = 5
    ) -> dict[Hashable, AlreadyRegistered | LeaseUnavailable | None]:
        """Register the calling process under many keys, with one round trip to each member that grants some.

        Returns for each key None, or the `AlreadyRegistered` error. The call is not atomic: some keys may be granted
        and others refused. In lease mode, the value of each key is a `LeaseUnavailable` if the store does not answer.
        Raises the other errors of `register`.

        >>> import otp
        >>> from otp.cluster import Cluster, DistributedRegistry
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await DistributedRegistry.start_link(name="rooms")
        ...     return await DistributedRegistry.register_many("rooms", [("lobby", "open"), ("hall", "closed")])
        >>> otp.run(main)
        {'lobby': None, 'hall': None}
        """
        me = current_process("DistributedRegistry.register_many()")
        state = state_of(registry, "register_many", _State)
        entries = list(entries)
        try:
            found = await _within(timeout, "register_many", state, entries, me)
        except LeaseUnavailable as error:
            return dict.fromkeys((key for key, _ in entries), error)
        return {key: None if holder is None else AlreadyRegistered(holder) for key, holder in found.items()}

    @staticmethod
    async def unregister(registry: Dest, key: Hashable) -> None:
        """Remove the calling process's entries under `key`; no effect if it has none.

        >>> import otp
        >>> from otp.cluster import Cluster, DistributedRegistry
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await DistributedRegistry.start_link(name="rooms")
        ...     await DistributedRegistry.register("rooms", "lobby")
        ...     await DistributedRegistry.unregister("rooms", "lobby")
        ...     return DistributedRegistry.lookup("rooms", "lobby")
        >>> otp.run(main)
        []
        """
        me = current_process("DistributedRegistry.unregister()")
        check_key("unregister", "key", key)
        state_of(registry, "unregister", _State).entries.release(key, me)

    @staticmethod
    async def unregister_match(registry: Dest, key: Hashable, pattern: Any) -> None:
        """Remove the calling process's entries under `key` whose value matches `pattern`, as in `Registry.match`.

        >>> import otp
        >>> from otp.cluster import Cluster, DistributedRegistry
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await DistributedRegistry.start_link(name="topics", keys="duplicate")
        ...     await DistributedRegistry.register("topics", "news", ("de", 1))
        ...     await DistributedRegistry.register("topics", "news", ("en", 2))
        ...     await DistributedRegistry.unregister_match("topics", "news", ("de", ...))
        ...     return DistributedRegistry.values("topics", "news", otp.self())
        >>> otp.run(main)
        [('en', 2)]
        """
        me = current_process("DistributedRegistry.unregister_match()")
        state = state_of(registry, "unregister_match", _State)
        wanted = matcher(pattern)
        if isinstance(state.entries, Entries):
            state.entries.release(key, me, wanted)
        elif any(entry.pid is me and wanted(entry.value) for entry in state.table.lookup(key)):
            state.entries.release(key, me)

    @staticmethod
    async def update_value(registry: Dest, key: Hashable, fn: Callable[[Any], Any]) -> tuple[Any, Any] | None:
        """Replace the value of the calling process's unique `key` by `fn(value)`.

        Returns `(new, old)`, or `None` if the caller does not have the key.

        >>> import otp
        >>> from otp.cluster import Cluster, DistributedRegistry
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await DistributedRegistry.start_link(name="rooms")
        ...     await DistributedRegistry.register("rooms", "lobby", 1)
        ...     return await DistributedRegistry.update_value("rooms", "lobby", lambda seats: seats + 1)
        >>> otp.run(main)
        (2, 1)
        """
        me = current_process("DistributedRegistry.update_value()")
        state = state_of(registry, "update_value", _State, unique=True)
        assert isinstance(state.entries, Claims)
        found = state.table.lookup(key)
        if not found or found[0].pid is not me:
            return None
        new = fn(found[0].value)
        check_travels(new)
        still = state.table.lookup(key)
        if not still or still[0].pid is not me:  # `fn` removed the key
            return None
        state.entries.update(key, new)
        return new, found[0].value

    @staticmethod
    def via(registry: Dest, key: Hashable, value: Any = None) -> DistributedVia:
        """Return a name in a unique registry, for `name=` of a start, `send`, `call` and `cast`.

        >>> import otp
        >>> from otp.cluster import Cluster, DistributedRegistry
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await DistributedRegistry.start_link(name="rooms")
        ...     await otp.Agent.start(lambda: 42, name=DistributedRegistry.via("rooms", "answer"))
        ...     return await otp.Agent.get(DistributedRegistry.via("rooms", "answer"), lambda state: state)
        >>> otp.run(main)
        42
        """
        check_key("DistributedRegistry.via", "key", key)
        return DistributedVia(registry, key, value)


async def _start(cls: Any, node: Node | None, *, name: Any, keys: Any, consistency: Any, link: bool = False) -> Any:
    if not isinstance(name, str):
        raise BadArgument(f"DistributedRegistry(name=…): expected a str, got {text(name)}; try name='rooms'")
    if keys not in get_args(Kind):
        raise BadArgument(f"DistributedRegistry(keys=…): expected 'unique' or 'duplicate', got {keys!r}")
    check_consistency("DistributedRegistry", consistency)
    cluster = Cluster.here() if node is None else cluster_of(node)
    if consistency == "lease" and keys != "unique":
        raise BadArgument("DistributedRegistry(consistency='lease'): expected keys='unique', got keys='duplicate'")
    check_store("DistributedRegistry", cluster, consistency)
    arg = (_Config(name, keys, consistency), cluster)
    try:
        return await start_server(cls, arg, name=name, link=link, handler=_RegistryServer(), node=node)
    except StartError as error:
        if isinstance(error.reason, tuple) and error.reason[0] == "incompatible":
            other = error.reason[3]
            option = "consistency='lease'" if other == "lease" else f"keys={other!r}"
            error.hint = f"another member has the registry {name!r} with {option}; use the same here"
        raise


def check_consistency(what: str, consistency: object) -> None:
    """Raise `BadArgument` for an unknown consistency."""
    if consistency not in get_args(Consistency):
        raise BadArgument(f"{what}(consistency=…): expected 'available' or 'lease', got {text(consistency)}")


def check_store(what: str, cluster: Cluster, consistency: object) -> None:
    """Raise `BadArgument` for lease mode in a cluster without a store of leases."""
    if consistency == "lease" and membership_of(cluster).shared.leases is None:
        raise BadArgument(
            f"{what}(consistency='lease'): expected a cluster with a store of leases, got none; "
            "try `Cluster.join(leases=…)`"
        )


def entries_of(registry: Dest, what: str) -> Claims | Entries:
    """Return the entries of a registry with unique keys. Raises `BadArgument`."""
    return state_of(registry, what, _State, unique=True).entries


async def _within(
    timeout: Limit, what: str, state: _State, entries: list[tuple[Any, Any]], pid: Pid
) -> dict[Any, Pid | None]:
    limit = nanoseconds(timeout, f"DistributedRegistry.{what}(timeout=…)", infinite=True)
    try:
        async with asyncio.timeout(None if limit is None else limit / 1e9):
            return await _register(state, entries, pid)
    except TimeoutError:
        if isinstance(state.entries, LeaseClaims):
            raise LeaseUnavailable(state.entries.leases.problem) from None
        raise TimeoutError(f"DistributedRegistry.{what}: no answer after {timeout} s; the outcome is unknown") from None


async def _register(state: _State, entries: list[tuple[Any, Any]], pid: Pid) -> dict[Any, Pid | None]:
    for entry in entries:
        check_key("register", "key", entry[0])
        check_travels(entry)
    if isinstance(state.entries, Entries):
        return state.entries.register(entries, pid)
    return await state.entries.register(dict(entries), pid)
