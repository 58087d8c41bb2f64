"""The reason why no restart is listed for a process."""

from __future__ import annotations

from superlearner.control.steer import looks_like_pid
from superlearner.nodes.nodes import WatchedNode
from superlearner.nodes.remote import RemoteNode
from superlearner.operations.builtin.processes import info
from superlearner.operations.context import Context
from superlearner.operations.declaration import declared
from superlearner.operations.engine.forwarding import forward
from superlearner.operations.failures import OperationError
from superlearner.operations.targets import process_of

__all__ = ["describe_none"]


async def describe_none(
    ctx: Context, node: WatchedNode | RemoteNode | None, process: str | None, *, filtered: bool, of_all: bool
) -> str | None:
    """Return why no restart of a process is listed; None without a process.

    Args:
        ctx: the context of the request.
        node: the node of the request; None if it is gone.
        process: the name in the request.
        filtered: other filters were given, too.
        of_all: restarts of other nodes are listed, too.
    """
    if process is None:
        return None
    if looks_like_pid(process):
        return f"restarts are listed by the name of the process, got the pid {process}"
    none = f"no restart of {process!r} is listed{' with these filters' if filtered else ''}"
    try:
        if isinstance(node, RemoteNode):
            shows = declared(info)
            assert shows is not None
            await forward(shows, ctx, node, {"pid": process})
        elif node is not None:
            process_of(ctx, process)
    except OperationError as error:
        where = f"on {node.name} " if of_all and node is not None else ""
        return f"{none}, and {where}{error}" if error.code == "process_not_found" else none
    return none
