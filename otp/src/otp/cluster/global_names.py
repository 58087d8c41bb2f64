"""`Global`: names that are unique in the cluster.

Source: kernel, `global`.
"""

# Names and messages are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any

from otp.behaviours.registry.registry import AlreadyRegistered
from otp.cluster.claims import Claims
from otp.cluster.cluster import Cluster
from otp.cluster.travelling import check_key
from otp.kernel.steps.signals import send
from otp.kernel.tables.scheduler import current_process
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.pids import Identity, Pid

__all__ = ["Global", "GlobalName"]


class GlobalName(Identity):
    """A global name; `name=` of a start and the destination of `send`, `call` and `cast`."""

    def __init__(self, name: Any, cluster: Cluster | None = None) -> None:
        self.name: Any = name
        self._cluster = cluster

    def __repr__(self) -> str:
        return f"Global.via({self.name!r:.100})"

    def whereis(self) -> Pid | None:
        """Return the process that has the name."""
        return Global.whereis(self.name, cluster=self._cluster)

    def register(self, pid: Pid) -> bool:
        """Return False if the name is taken; it is claimed by `grant`."""
        return self.whereis() is None

    def unregister(self, pid: Pid) -> None:
        """Free the name if `pid` has it."""
        if self.whereis() is pid:
            _names(self._cluster).unregister(self.name)

    async def grant(self, pid: Pid) -> bool:
        """Register the name; return False if another process has it."""
        try:
            await Global.register(self.name, pid, cluster=self._cluster)
        except AlreadyRegistered:
            return False
        return True


class Global:
    """Names that are unique in the cluster, known on all members.

    After a partition, of two processes with one name the older claim stays; the other process gets an exit signal with
    `("name_conflict", name, winner)`.

    >>> import otp
    >>> from otp.cluster import Global
    >>> from otp.testing import Scheduler, SimulatedCluster, advance
    >>> async def lobby():
    ...     await Global.register("lobby")
    ...     await otp.receive()
    >>> async def main():
    ...     async with SimulatedCluster(2) as sim:
    ...         sim.spawn("n1", lobby)
    ...         await advance(1)
    ...         return await sim.on("n2", lambda: (Global.whereis("lobby").node, Global.names()))
    >>> Scheduler().run(main)
    ('n1', ['lobby'])

    When two clusters that were never connected meet, the older cluster keeps its names.

    Differences: a conflict is decided by the age of the claims, not by a function; there are no locks.
    """

    @staticmethod
    async def register(name: Any, pid: Pid | None = None, *, cluster: Cluster | None = None) -> None:
        """Give a name to a process of this member, by default the caller.

        Raises `AlreadyRegistered`; its `.pid` is the owner.

        >>> import otp
        >>> from otp.cluster import Cluster, Global
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await Global.register("lobby")
        ...     try:
        ...         await Global.register("lobby")
        ...     except otp.AlreadyRegistered as error:
        ...         return error.pid == otp.self()
        >>> otp.run(main)
        True
        """
        found = cluster or Cluster.here()
        process = current_process("Global.register(name)") if pid is None else pid
        if process.runtime is not found.node:
            raise BadArgument(
                f"Global.register(name, pid): expected a process of {found.node.name!r}, got {process}; register there"
            )
        check_key("Global.register(name)", "name", name)
        holder = (await found.global_names.register({name: None}, process))[name]
        if holder is not None:
            raise AlreadyRegistered(holder)

    @staticmethod
    async def unregister(name: Any, *, cluster: Cluster | None = None) -> bool:
        """Free a name; return whether a process had it.

        >>> import otp
        >>> from otp.cluster import Cluster, Global
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await Global.register("lobby")
        ...     return await Global.unregister("lobby"), await Global.unregister("lobby")
        >>> otp.run(main)
        (True, False)
        """
        check_key("Global.unregister(name)", "name", name)
        return _names(cluster).unregister(name)

    @staticmethod
    def whereis(name: Any, *, cluster: Cluster | None = None) -> Pid | None:
        """Return the process that has a name.

        >>> import otp
        >>> from otp.cluster import Cluster, Global
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await Global.register("lobby")
        ...     return Global.whereis("lobby") == otp.self(), Global.whereis("kitchen")
        >>> otp.run(main)
        (True, None)
        """
        return _names(cluster).whereis(name)

    @staticmethod
    def names(*, cluster: Cluster | None = None) -> list[Any]:
        """Return all names.

        >>> import otp
        >>> from otp.cluster import Cluster, Global
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await Global.register("lobby")
        ...     return Global.names()
        >>> otp.run(main)
        ['lobby']
        """
        return _names(cluster).all()

    @staticmethod
    def send(name: Any, message: Any, *, cluster: Cluster | None = None) -> Pid:
        """Send a message to the process with this name and return the process; raise `BadArgument` if there is none.

        >>> import otp
        >>> from otp.cluster import Cluster, Global
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await Global.register("lobby")
        ...     Global.send("lobby", "hello")
        ...     return await otp.receive()
        >>> otp.run(main)
        'hello'
        """
        pid = _names(cluster).whereis(name)
        if pid is None:
            raise BadArgument(f"Global.send(name, message): no process has the name {name!r:.100}")
        send(pid, message)
        return pid

    @staticmethod
    def via(name: Any, *, cluster: Cluster | None = None) -> GlobalName:
        """Return a name for `name=` of a start, `send`, `call` and `cast`.

        >>> import otp
        >>> from otp.cluster import Cluster, Global
        >>> from otp.distribution.carriers.simulated import SimulatedNetwork
        >>> async def main():
        ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
        ...     await otp.Agent.start(lambda: 42, name=Global.via("answer"))
        ...     return await otp.Agent.get(Global.via("answer"), lambda state: state)
        >>> otp.run(main)
        42
        """
        return GlobalName(name, cluster)


def _names(cluster: Cluster | None) -> Claims:
    return (cluster or Cluster.here()).global_names
