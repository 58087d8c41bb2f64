"""The map of the cluster: the member that a key belongs to by its hash, now and after a member has left."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Final

from pydantic import Field

from otp.cluster.choosing import rendezvous
from superlearner.cluster.members import Members
from superlearner.cluster.simulator import SingleNodeSimulator
from superlearner.nodes.nodes import Nodes, full_names
from superlearner.operations.builtin.cluster_tables import ask_tables
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.engine.services import Services
from superlearner.operations.failures import OperationError
from superlearner.operations.results.cluster import ClusterMap, MapKey, MapMember

SAMPLE: Final = tuple(f"key-{number}" for number in range(1000))
"""Keys by which the share of each member is measured."""


@operation("cluster.map", http=("GET", "/cluster/map"), scope="read", on="platform", errors=("node_not_found",),
           short="members.name,share,keys keys.table,key,node,goes_to tried.key,node,goes_to")  # fmt: skip
async def map_(
    ctx: Context,
    members: Members,
    nodes: Nodes,
    services: Services,
    simulator: SingleNodeSimulator,
    /,
    key: Annotated[str, Field(max_length=200, description="a key or child id to try")] = "",
    without: Annotated[str | None, Field(max_length=200, description="the member that would leave")] = None,
) -> ClusterMap:
    """Show which member each key belongs to, and where it would go if a member left.

    A hash of the key and the member decides which member a key belongs to; the placement of its supervisor decides
    about a child. If a member leaves, what it has goes to the others, and nothing else moves. A child stays where it
    runs when a member joins. Each side of a cut simulated cluster has a map of its own, and children that run twice.
    """
    connected, sides = members.connected(), list[list[str]]()
    if len(connected) < 2 and simulator.is_running:
        connected, sides = simulator.members(), simulator.sides()
    names = [one.name for one in connected] or [ctx.home.name]
    leaves = None if without is None else next((one for one in full_names(without) if one in names), without)
    if leaves is not None and leaves not in names:
        raise OperationError(
            "node_not_found", f"there is no member {without!r}", hint=f"expected one of {', '.join(names)}"
        )

    found = await ask_tables(ctx, nodes, services, "supervisor", limit=1000, without=leaves or "")
    keys = [
        MapKey(table=row.table, key=row.key, node=row.node, goes_to=row.goes_to if row.node == leaves else None)
        for row in found.entries
        if row.node is not None
    ]
    rest = [name for name in names if name != leaves]
    shares = Counter(rendezvous(one, side) for side in sides or [names] for one in SAMPLE)
    counts = Counter(one.node for one in keys)
    home = rendezvous(key, names)
    after = rendezvous(key, rest) if home == leaves and rest else None
    return ClusterMap(
        members=[MapMember(name=name, share=shares[name] / len(SAMPLE), keys=counts[name]) for name in names],
        sides=sides if len(sides) > 1 else [],
        keys=keys,
        tried=MapKey(table=None, key=key, node=home, goes_to=after) if key else None,
        without=leaves,
        missing=found.missing,
    )
