"""Process groups of a cluster: `from otp.cluster import pg`.

A process may join several groups, and one group more than once. All members of the cluster see the group; under a
partition each side sees its own processes.

>>> import otp
>>> from otp.cluster import pg
>>> from otp.testing import Scheduler, SimulatedCluster, advance
>>> async def work():
...     pg.join("workers")
...     await otp.receive()
>>> async def main():
...     async with SimulatedCluster(2) as sim:
...         sim.spawn("n1", work)
...         sim.spawn("n2", work)
...         await advance(1)
...         return await sim.on("n1", lambda: [pid.node for pid in pg.members("workers")])
>>> Scheduler().run(main)
['n1', 'n2']

Source: kernel, `pg`. Difference: a monitor's messages are `GroupJoin` and `GroupLeave`.
"""

from __future__ import annotations

from typing import Any

from otp.cluster.cluster import Cluster
from otp.cluster.groups import GroupJoin, GroupLeave, Groups
from otp.cluster.travelling import check_key
from otp.kernel.ends.info import is_alive
from otp.kernel.steps.signals import send
from otp.kernel.tables.scheduler import current_process
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.pids import Pid, Ref

__all__ = [
    "GroupJoin",
    "GroupLeave",
    "broadcast",
    "demonitor",
    "groups",
    "join",
    "leave",
    "local_members",
    "members",
    "monitor",
]

SCOPE = "pg"
"""The scope of groups for which none is given."""


def join(group: Any, pid: Pid | None = None, *, scope: Any = SCOPE, cluster: Cluster | None = None) -> None:
    """Add a process of this member to a group, by default the caller. It leaves the group when it ends.

    Joining twice counts twice. Raises `BadArgument` for a process that has ended, or of another member.

    >>> import otp
    >>> from otp.cluster import Cluster, pg
    >>> from otp.distribution.carriers.simulated import SimulatedNetwork
    >>> async def main():
    ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
    ...     pg.join("workers")
    ...     pg.join("workers")
    ...     return len(pg.members("workers"))
    >>> otp.run(main)
    2
    """
    found = cluster or Cluster.here()
    process = current_process("pg.join(group)") if pid is None else pid
    if process.runtime is not found.node:
        raise BadArgument(f"pg.join(group, pid): expected a process of {found.node.name!r}, got {process}; join there")
    if not is_alive(process):
        raise BadArgument(f"pg.join(group, pid): expected a living process, got {process}, which has ended")
    _groups(found).join(_key(scope, group), process)


def leave(group: Any, pid: Pid | None = None, *, scope: Any = SCOPE, cluster: Cluster | None = None) -> bool:
    """Remove a process from a group, once if it joined twice; return whether it was there.

    >>> import otp
    >>> from otp.cluster import Cluster, pg
    >>> from otp.distribution.carriers.simulated import SimulatedNetwork
    >>> async def main():
    ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
    ...     pg.join("workers")
    ...     return pg.leave("workers"), pg.leave("workers")
    >>> otp.run(main)
    (True, False)
    """
    process = current_process("pg.leave(group)") if pid is None else pid
    return _groups(cluster).leave(_key(scope, group), process)


def members(group: Any, *, scope: Any = SCOPE, cluster: Cluster | None = None) -> list[Pid]:
    """Return the processes of a group, those of this member first.

    >>> import otp
    >>> from otp.cluster import Cluster, pg
    >>> from otp.distribution.carriers.simulated import SimulatedNetwork
    >>> async def main():
    ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
    ...     pg.join("workers")
    ...     return pg.members("workers") == [otp.self()]
    >>> otp.run(main)
    True
    """
    return _groups(cluster).members(_key(scope, group))


def local_members(group: Any, *, scope: Any = SCOPE, cluster: Cluster | None = None) -> list[Pid]:
    """Return the processes of a group on this member.

    >>> import otp
    >>> from otp.cluster import Cluster, pg
    >>> from otp.distribution.carriers.simulated import SimulatedNetwork
    >>> async def main():
    ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
    ...     pg.join("workers")
    ...     return len(pg.local_members("workers")), pg.local_members("painters")
    >>> otp.run(main)
    (1, [])
    """
    return _groups(cluster).local(_key(scope, group))


def groups(*, scope: Any = SCOPE, cluster: Cluster | None = None) -> list[Any]:
    """Return the groups that have processes.

    >>> import otp
    >>> from otp.cluster import Cluster, pg
    >>> from otp.distribution.carriers.simulated import SimulatedNetwork
    >>> async def main():
    ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
    ...     pg.join("workers")
    ...     pg.join("painters", scope="house")
    ...     return pg.groups(), pg.groups(scope="house")
    >>> otp.run(main)
    (['workers'], ['painters'])
    """
    return [group for found, group in _groups(cluster).all() if found == scope]


def broadcast(group: Any, message: Any, *, scope: Any = SCOPE, cluster: Cluster | None = None) -> int:
    """Send a message to all processes of a group, once for each time they joined; return their number.

    >>> import otp
    >>> from otp.cluster import Cluster, pg
    >>> from otp.distribution.carriers.simulated import SimulatedNetwork
    >>> async def main():
    ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
    ...     pg.join("workers")
    ...     return pg.broadcast("workers", "begin"), await otp.receive()
    >>> otp.run(main)
    (1, 'begin')
    """
    pids = members(group, scope=scope, cluster=cluster)
    for pid in pids:
        send(pid, message)
    return len(pids)


def monitor(group: Any, *, scope: Any = SCOPE, cluster: Cluster | None = None) -> tuple[Ref, list[Pid]]:
    """Notify the calling process of those that join and leave a group: `GroupJoin`, `GroupLeave`.

    Returns the reference in these messages, and the processes of the group now.

    >>> import otp
    >>> from otp.cluster import Cluster, pg
    >>> from otp.distribution.carriers.simulated import SimulatedNetwork
    >>> async def main():
    ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
    ...     ref, pids = pg.monitor("workers")
    ...     pg.join("workers")
    ...     match await otp.receive():
    ...         case pg.GroupJoin(found, group, _):
    ...             return found == ref, group, pids
    >>> otp.run(main)
    (True, 'workers', [])
    """
    found = cluster or Cluster.here()
    process = current_process("pg.monitor(group)")
    ref = found.node.make_ref()
    _groups(found).watch(process, ref, _key(scope, group))
    return ref, members(group, scope=scope, cluster=found)


def demonitor(ref: Ref, *, cluster: Cluster | None = None) -> bool:
    """End a monitor; return whether there was one.

    >>> import otp
    >>> from otp.cluster import Cluster, pg
    >>> from otp.distribution.carriers.simulated import SimulatedNetwork
    >>> async def main():
    ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier)
    ...     ref, _ = pg.monitor("workers")
    ...     return pg.demonitor(ref), pg.demonitor(ref)
    >>> otp.run(main)
    (True, False)
    """
    return _groups(cluster).unwatch(ref)


def _groups(cluster: Cluster | None) -> Groups:
    return (cluster or Cluster.here()).groups


def _key(scope: Any, group: Any) -> tuple[Any, Any]:
    check_key("pg", "scope", scope)
    check_key("pg", "group", group)
    return scope, group
