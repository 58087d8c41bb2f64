"""PartitionSupervisor: several processes of one kind, with keys divided among them.

A single process may be a bottleneck. If its work for one key is independent of other keys, start it several times:

>>> import otp
>>> from otp import Agent, PartitionSupervisor
>>> async def main():
...     await PartitionSupervisor.start_link((Agent, dict), name="carts", partitions=4)
...     cart = PartitionSupervisor.via("carts", "ada")
...     await Agent.update(cart, lambda carts: carts | {"ada": ["tea"]})
...     return await Agent.get(cart, lambda carts: carts["ada"]), PartitionSupervisor.partitions("carts")
>>> otp.run(main)
(['tea'], 4)

`via(name, key)` can be used wherever a pid or name can; the same key is always in the same partition. Several
`TaskSupervisor` or `DynamicSupervisor` are partitioned in the same way, with `otp.self()` as the key.

Differences from Elixir: 8 partitions by default, not the number of cores, so that a program runs the same everywhere; a
key whose partition does not run is an unknown process (`NoProcess`), and does not end the caller in another way; the
number of partitions does not change while it runs.

Source: Elixir's `PartitionSupervisor`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NamedTuple

from otp.behaviours.server.behaviour import Behaviour, optional_callback
from otp.behaviours.server.child_spec import Child, Children, ChildSpec, Startable, Strategy, child_spec_of
from otp.behaviours.server.gen_server import stop
from otp.behaviours.server.positional import positional
from otp.behaviours.supervisor._stable_hash import partition_of
from otp.behaviours.supervisor.records import ChildInfo, Counts
from otp.behaviours.supervisor.server import SupervisorServer
from otp.behaviours.supervisor.spec_check import InvalidChildSpec, SpecError, check_spec
from otp.behaviours.supervisor.state import SupervisorState
from otp.behaviours.supervisor.supervisor import start_supervisor
from otp.kernel.steps.calling import call
from otp.kernel.tables.names import resolve
from otp.kernel.values.errors import BadArgument, Exit
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import DEAD

if TYPE_CHECKING:
    from otp.kernel.values.terms import Dest, Limit, Name, Via

__all__ = ["PartitionSupervisor", "PartitionVia"]

DEFAULT_PARTITIONS: Final = 8


class _Plan(NamedTuple):
    """The start argument of the supervisor's process."""

    partitions: int
    children: Children


@dataclass(frozen=True, slots=True)
class PartitionVia:
    """The partition of a key, as the destination of `send`, `call` and `cast`; see `PartitionSupervisor.via`."""

    supervisor: Dest
    key: Any

    def whereis(self) -> Pid | None:
        """Return the process of the partition, or None."""
        found = _state(self.supervisor, "via")
        if found is None:
            return None
        state, plan = found
        record = state.find(partition_of(self.key, plan.partitions))
        return None if record is None else record.pid

    def register(self, pid: Pid) -> bool:
        """Refuse: a partition is not a name."""
        raise BadArgument(f"name={self!r}: expected a name, got a partition; try Registry.via(…)")

    def unregister(self, pid: Pid) -> None:
        """Refuse, like `register`."""
        self.register(pid)


class PartitionSupervisor(Behaviour, Startable):
    """A supervisor of several children of one kind, with keys divided among them.

    >>> import otp
    >>> from otp import Agent
    >>> async def main():
    ...     await PartitionSupervisor.start_link((Agent, lambda: 0), name="counts", partitions=2)
    ...     for word in ("tea", "milk", "tea"):
    ...         await Agent.update(PartitionSupervisor.via("counts", word), lambda n: n + 1)
    ...     counts = [await Agent.get(PartitionSupervisor.via("counts", n), lambda n: n) for n in (0, 1)]
    ...     return sum(counts)
    >>> otp.run(main)
    3

    As a child: `PartitionSupervisor.child_spec((Agent, dict), name="carts", partitions=4)`.
    """

    __slots__ = ()

    _child_type: ClassVar[Literal["worker", "supervisor"]] = "supervisor"
    _id_from_name: ClassVar[bool] = True

    @positional
    @optional_callback
    def init(self, arg: Any) -> Children:
        """Return the children, one per partition; called in the supervisor's process."""
        return arg.children

    @classmethod
    async def start_link(
        cls,
        child: Child,
        *,
        name: Name | Via,
        partitions: int = DEFAULT_PARTITIONS,
        strategy: Strategy = "one_for_one",
        max_restarts: int | Literal["infinity"] = 3,
        max_seconds: float | Literal["infinity"] = 5,
        with_arguments: Callable[[list[Any], int], Sequence[Any]] | None = None,
    ) -> Pid:
        """Start the supervisor and its partitions, linked with the calling process.

        Args:
            child: any form of a child; its id is replaced by the number of the partition, from 0.
            name: a name to register, or `Registry.via(…)`.
            partitions: their number, at least 1.
            strategy: as in `Children`.
            max_restarts: how many restarts are allowed within `max_seconds`.
            max_seconds: the length of that window in seconds.
            with_arguments: a function of the arguments of the child's start function and the number of the partition;
                it returns the arguments for this partition.

        Raises:
            BadArgument: no name, or an invalid number of partitions.
            InvalidChildSpec: the child is invalid.
            StartError: a partition did not start; `.reason` is like that of `Supervisor.start_link`.

        Source: Elixir's `PartitionSupervisor.start_link/1`.

        >>> import otp
        >>> from otp import Agent
        >>> async def main():
        ...     await PartitionSupervisor.start_link(
        ...         (Agent, None), name="n", partitions=3, with_arguments=lambda args, n: [lambda: n]
        ...     )
        ...     return [await Agent.get(PartitionSupervisor.via("n", key), str) for key in (0, 1, 2, 3, -1)]
        >>> otp.run(main)
        ['0', '1', '2', '0', '1']
        """
        plan = _plan(child, name, partitions, strategy, max_restarts, max_seconds, with_arguments)
        return await start_supervisor(cls, plan, SupervisorServer(cls), name=name, link=True)

    @classmethod
    async def __otp_start_on__(cls, node: Any, arg: Any = None, *, name: Any = None, **options: Any) -> Any:
        """Start one that a node owns."""
        given: dict[str, Any] = {
            "partitions": DEFAULT_PARTITIONS,
            "strategy": "one_for_one",
            "max_restarts": 3,
            "max_seconds": 5,
            "with_arguments": None,
        }
        plan = _plan(arg, name, **{**given, **options})
        return await start_supervisor(cls, plan, SupervisorServer(cls), name=name, node=node)

    @staticmethod
    def via(name: Dest, key: Any) -> PartitionVia:
        """Return the destination of `key`, for `call`, `cast`, `send` and `start_child`.

        An int goes to partition `abs(key) % n`; any other value is hashed, the same way in every run
        and on every machine. Elixir's `{:via, PartitionSupervisor, {name, key}}`.

        >>> import otp
        >>> from otp import Agent
        >>> async def main():
        ...     await PartitionSupervisor.start_link((Agent, dict), name="p")
        ...     via = PartitionSupervisor.via
        ...     return otp.whereis(via("p", "ada")) == otp.whereis(via("p", "ada"))
        >>> otp.run(main)
        True
        """
        return PartitionVia(name, key)

    @staticmethod
    def partitions(name: Dest) -> int:
        """Return the number of partitions.

        Raises `Exit(("noproc", …))` if there is no such supervisor.
        Source: Elixir's `PartitionSupervisor.partitions/1`.
        """
        found = _state(name, "partitions")
        if found is None:
            raise Exit(("noproc", ("PartitionSupervisor", "partitions", [name])))
        return found[1].partitions

    @staticmethod
    async def which_children(name: Dest) -> list[ChildInfo]:
        """Return all partitions, the last one first; the id is the number. Like `Supervisor.which_children`."""
        return await call(name, "which_children", "infinity")

    @staticmethod
    async def count_children(name: Dest) -> Counts:
        """Return how many partitions there are, by kind; like `Supervisor.count_children`."""
        return await call(name, "count_children", "infinity")

    @staticmethod
    async def stop(name: Dest, reason: Any = "normal", timeout: Limit = "infinity") -> None:
        """Stop the partitions in reverse order, then the supervisor; raises like `Supervisor.stop`."""
        await stop(name, reason, timeout)


def _plan(
    child: Any, name: Any, partitions: Any, strategy: Any, max_restarts: Any, max_seconds: Any, with_arguments: Any
) -> _Plan:
    what = "PartitionSupervisor.start_link"
    if name is None:
        raise BadArgument(f"{what}(name=…): expected a name, by which keys find it, got None")
    if not isinstance(partitions, int) or isinstance(partitions, bool) or partitions < 1:
        raise BadArgument(f"{what}(partitions=…): expected an int of at least 1, got {partitions!r}")
    if with_arguments is not None and not callable(with_arguments):
        raise BadArgument(f"{what}(with_arguments=…): expected a function of two arguments, got {with_arguments!r}")
    try:
        spec = check_spec(child_spec_of(child))
    except SpecError as error:
        raise InvalidChildSpec(error.reason) from None
    specs = [_numbered(spec, number, with_arguments) for number in range(partitions)]
    flags = Children(specs, strategy=strategy, max_restarts=max_restarts, max_seconds=max_seconds)
    return _Plan(partitions, flags)


def _numbered(spec: ChildSpec, number: int, with_arguments: Callable[[list[Any], int], Any] | None) -> ChildSpec:
    if with_arguments is None:
        return spec.replace(id=number)
    start = spec.start
    if isinstance(start, partial):
        arguments = with_arguments(list(start.args), number)
        return spec.replace(id=number, start=partial(start.func, *_list(arguments), **start.keywords))
    return spec.replace(id=number, start=(start[0], *_list(with_arguments(list(start[1:]), number))))


def _list(arguments: Any) -> Sequence[Any]:
    if not isinstance(arguments, list | tuple):
        raise BadArgument(f"with_arguments: expected it to return a list of arguments, got {arguments!r:.200}")
    return arguments  # pyright: ignore[reportUnknownVariableType]


def _state(name: Any, what: str) -> tuple[SupervisorState, _Plan] | None:
    """Return the bookkeeping of the supervisor without a call; None if it is not running."""
    pid = resolve(name, f"PartitionSupervisor.{what}(name)")
    if pid is None:
        return None
    state = pid.state
    if isinstance(state, SupervisorState) and isinstance(state.arg, _Plan):
        return state, state.arg
    if pid.status == DEAD or (pid.callbacks is not None and issubclass(pid.callbacks.cls, PartitionSupervisor)):
        return None  # it has no partition any more, or none yet
    raise BadArgument(f"PartitionSupervisor.{what}: expected a PartitionSupervisor, got {name!r}, which is not one")
