"""The nodes that the platform looks into."""

from __future__ import annotations

from otp import observer
from superlearner.arsenal.context import Context
from superlearner.arsenal.declaration import operation
from superlearner.arsenal.results import NodeLine


@operation("node.list", http=("GET", "/nodes"), scope="read", on="platform")
async def list_(ctx: Context) -> list[NodeLine]:
    """List the nodes that can be looked into.

    The platform's own comes first. Any of their names is a `node` for the other operations.
    """
    nodes = ctx.platform.nodes
    found = [(nodes.is_own(one.node), observer.info(one.node)) for one in nodes]
    return [
        NodeLine(
            name=info.name,
            own=own,
            life=info.life,
            processes=info.processes,
            supervisors=info.supervisors,
            python=info.python,
            os_pid=info.os_pid,
        )
        for own, info in found
    ]
