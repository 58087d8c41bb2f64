"""Clusters: nodes that find each other, agree on who is a member, and notice who is gone.

>>> import asyncio, otp
>>> from otp.cluster import Cluster
>>> from otp.distribution.carriers.simulated import SimulatedNetwork
>>> async def main():
...     network = SimulatedNetwork()
...     async with otp.Node("a") as a, otp.Node("b") as b:
...         at_a = await Cluster.join(a, cookie="secret", carrier=network.carrier)
...         at_b = await Cluster.join(b, cookie="secret", carrier=network.carrier)
...         await at_a.wait_size(2)
...         return [member.name for member in at_a.members()]
>>> asyncio.run(main())
['a', 'b']

It needs msgspec (the extra `cluster`). Importing `otp` does not import this package.

Source: Erlang's distribution and `net_kernel`; membership by all members as in libcluster.
"""

from __future__ import annotations

from otp.cluster import pg
from otp.cluster.cluster import Cluster
from otp.cluster.discovery import Discovery, Dns, FileList, Folder, Multicast, Static
from otp.cluster.distributed_registry import DistributedRegistry, DistributedVia
from otp.cluster.distributed_supervisor import DistributedSupervisor, Drained, Singleton
from otp.cluster.epochs import epoch
from otp.cluster.etcd_leases import EtcdLeases
from otp.cluster.global_names import Global, GlobalName
from otp.cluster.groups import GroupJoin, GroupLeave
from otp.cluster.leases import (
    Held,
    LeaseSession,
    LeaseStore,
    LeaseUnavailable,
    MemoryLeases,
    NotOwner,
    SessionEnded,
)
from otp.cluster.member import Member, MemberDown, MemberLeaving, MemberUp
from otp.cluster.postgres_leases import PostgresLeases
from otp.cluster.refusals import JoinRefused, NotMember, Refusal
from otp.cluster.remote_calls import MultiResult, multicall, rpc
from otp.distribution.busy import Busy
from otp.distribution.carriers.tls import Tls
from otp.observer.terms import CannotTravel

__all__ = [
    "Busy",
    "CannotTravel",
    "Cluster",
    "Discovery",
    "DistributedRegistry",
    "DistributedSupervisor",
    "DistributedVia",
    "Dns",
    "Drained",
    "EtcdLeases",
    "FileList",
    "Folder",
    "Global",
    "GlobalName",
    "GroupJoin",
    "GroupLeave",
    "Held",
    "JoinRefused",
    "LeaseSession",
    "LeaseStore",
    "LeaseUnavailable",
    "Member",
    "MemberDown",
    "MemberLeaving",
    "MemberUp",
    "MemoryLeases",
    "MultiResult",
    "Multicast",
    "NotMember",
    "NotOwner",
    "PostgresLeases",
    "Refusal",
    "SessionEnded",
    "Singleton",
    "Static",
    "Tls",
    "epoch",
    "multicall",
    "pg",
    "rpc",
]
