"""DynamicSupervisor: children that come and go while the program runs, any number of them.

It starts empty. Each child has its own spec, whose id does not matter. Children have no order, so the only strategy is
one_for_one:

>>> import otp
>>> from otp import DynamicSupervisor, GenServer, Ok, impl
>>> class Room(GenServer[str]):
...     @impl
...     def init(self, topic):
...         return Ok(topic)
>>> async def main():
...     rooms = await DynamicSupervisor.start_link(name="rooms")
...     for topic in ("tea", "trains"):
...         await DynamicSupervisor.start_child("rooms", (Room, topic))
...     return await DynamicSupervisor.count_children(rooms)
>>> otp.run(main)
Counts(specs=2, active=2, supervisors=0, workers=2)

Starting and stopping a child takes the same time regardless of their number, and a million children fit.
Source: Elixir's `DynamicSupervisor`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

from otp.behaviours.server.behaviour import Behaviour
from otp.behaviours.server.child_spec import Child, Startable, child_spec_of
from otp.behaviours.server.gen_server import stop
from otp.behaviours.supervisor.dynamic_server import DynamicOptions, DynamicServer
from otp.behaviours.supervisor.records import ChildInfo, Counts
from otp.behaviours.supervisor.supervisor import ask, granted, start_supervisor
from otp.kernel.steps.calling import call
from otp.kernel.values.pids import Pid

if TYPE_CHECKING:
    from otp.kernel.values.terms import Dest, GivenName, Limit

__all__ = ["DynamicSupervisor"]


class DynamicSupervisor(Behaviour, Startable):
    """A supervisor whose children are all started with `start_child`.

    Subclass it to give it a name.

    >>> import otp
    >>> from otp import Agent, DynamicSupervisor
    >>> async def main():
    ...     await DynamicSupervisor.start_link(name="rooms", max_children=100)
    ...     room = await DynamicSupervisor.start_child("rooms", Agent.child_spec(list, restart="temporary"))
    ...     await DynamicSupervisor.terminate_child("rooms", room)
    ...     return (await DynamicSupervisor.count_children("rooms")).active
    >>> otp.run(main)
    0
    """

    __slots__ = ()

    _child_type: ClassVar[Literal["worker", "supervisor"]] = "supervisor"
    _id_from_name: ClassVar[bool] = True
    _takes_argument: ClassVar[bool] = False

    @classmethod
    async def start_link(
        cls,
        *,
        name: GivenName = None,
        max_children: int | Literal["infinity"] = "infinity",
        max_restarts: int | Literal["infinity"] = 3,
        max_seconds: float | Literal["infinity"] = 5,
        extra_arguments: Sequence[Any] = (),
    ) -> Pid:
        """Start the supervisor, linked with the calling process.

        Args:
            name: a name to register, or `Registry.via(…)`.
            max_children: how many children it can have at a time.
            max_restarts: how many restarts are allowed within `max_seconds`.
            max_seconds: the length of that window in seconds.
            extra_arguments: precede the arguments of every child's start function.

        Raises:
            AlreadyStarted: the name is taken.
            InvalidChildSpec: an option is wrong.

        Source: Elixir's `DynamicSupervisor.start_link/1`, `init/1`.
        """
        options = DynamicOptions(max_children, max_restarts, max_seconds, extra_arguments)
        return await start_supervisor(cls, options, DynamicServer(), name=name, link=True)

    @classmethod
    async def __otp_start_on__(cls, node: Any, arg: Any = None, *, name: GivenName = None, **options: Any) -> Any:
        """Start one that a node owns; `arg` is a dict of options or None."""
        given = DynamicOptions(**{**(arg or {}), **options})
        return await start_supervisor(cls, given, DynamicServer(), name=name, node=node)

    @staticmethod
    async def stop(supervisor: Dest, reason: Any = "normal", timeout: Limit = "infinity") -> None:
        """Stop all children at once, then the supervisor with `reason`; raises like `Supervisor.stop`."""
        await stop(supervisor, reason, timeout)

    @overload
    @staticmethod
    async def start_child(supervisor: Dest, child: type[Startable] | tuple[type[Startable], Any]) -> Pid: ...
    @overload
    @staticmethod
    async def start_child(supervisor: Dest, child: Child) -> Pid | Any: ...
    @staticmethod
    async def start_child(supervisor: Dest, child: Child) -> Any:
        """Start a child from its spec or any other form of a child.

        Its id does not matter.

        Returns the pid, `(pid, extra)` or `Ignore()`, as the start function returned; an ignored child is not kept.

        Raises:
            StartError: why the start failed; `"max_children"` if there is no room.
            InvalidChildSpec: the spec is wrong; significant children are not allowed.

        Source: Elixir's `DynamicSupervisor.start_child/2`.
        """
        request = ("start_child", child_spec_of(child))
        return granted(await call(supervisor, request, "infinity"), request)

    @staticmethod
    async def terminate_child(supervisor: Dest, pid: Pid) -> None:
        """Stop a child, without a restart.

        Raises `NotFound` if it is not a child.
        Source: Elixir's `DynamicSupervisor.terminate_child/2`.
        """
        await ask(supervisor, ("terminate_child", pid))

    @staticmethod
    async def which_children(supervisor: Dest) -> list[ChildInfo]:
        """Return all children in no particular order; their id is None. A million take a second."""
        return await call(supervisor, "which_children", "infinity")

    @staticmethod
    async def count_children(supervisor: Dest) -> Counts:
        """Return how many children there are, by kind; takes the same time regardless of their number."""
        return await call(supervisor, "count_children", "infinity")
