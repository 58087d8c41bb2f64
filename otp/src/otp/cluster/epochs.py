"""`epoch`: the number that grows each time a key of a registry, or a child of a supervisor, gets another owner."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from otp.cluster.distributed_registry import entries_of
from otp.cluster.lease_claims import LeaseClaims
from otp.cluster.lease_placements import LeasePlacements
from otp.cluster.leases import NotOwner
from otp.cluster.placed_state import PlacedState
from otp.kernel.tables.names import whereis
from otp.kernel.tables.scheduler import current_process
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import Process

if TYPE_CHECKING:
    from otp.kernel.values.terms import Dest

__all__ = ["epoch"]


def epoch(key: tuple[Dest, Hashable]) -> int:
    """Return the epoch of `(registry, key)` or `(supervisor, id)`, which the calling process owns in lease mode.

    It grows with each owner. Send it with writes to other systems, and have them reject a lower one than the highest
    they have seen.
    In a child it works from `init` on. Raises `NotOwner`.

    >>> import otp
    >>> from otp.cluster import Cluster, DistributedRegistry, MemoryLeases, epoch
    >>> from otp.distribution.carriers.simulated import SimulatedNetwork
    >>> async def main():
    ...     await Cluster.join(cookie="secret", carrier=SimulatedNetwork().carrier, leases=MemoryLeases())
    ...     await DistributedRegistry.start_link(name="jobs", consistency="lease")
    ...     await DistributedRegistry.register("jobs", "mail")
    ...     return epoch(("jobs", "mail"))
    >>> otp.run(main)
    1
    """
    table, name = key
    me = current_process("epoch()")
    pid = table if isinstance(table, Pid) else whereis(table)
    state = pid.state if isinstance(pid, Process) else None
    owners = state.placements if isinstance(state, PlacedState) else entries_of(table, "epoch")
    if not isinstance(owners, LeaseClaims | LeasePlacements):
        raise NotOwner(f"epoch({key!r}): expected a registry or supervisor with consistency='lease'")
    return owners.epoch(name, me)
