"""What a peer runs at its start so that a platform can look into it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import otp
from otp import Node, Pid
from superlearner.backend.diary import Diary
from superlearner.backend.server import Backend, Observed
from superlearner.operations.users import SCOPES, Scope

__all__ = ["SERVICE", "serve", "start"]

SERVICE: Final = "backend"
"""The name by which the platform asks for it."""


async def start(
    node: Node, args: Mapping[str, Any] | None = None, diary: Diary | None = None, *, evaluates: bool = False
) -> dict[str, Pid]:
    """Start the backend of a node: on a hidden node beside it, which ends with it.

    Args:
        node: the node that is looked into; nothing is started or registered on it.
        args: nothing yet.
        diary: where what the node's supervisors do is written down.
        evaluates: whether Python that somebody sends is run on the node.

    Returns what a link has to find by name: `{"backend": pid}`.

    >>> import asyncio, otp
    >>> from superlearner.backend import start
    >>> async def main():
    ...     async with otp.Node("till@127.0.0.1") as node:
    ...         services = await start(node)
    ...         return list(services), node.processes()
    >>> asyncio.run(main())
    (['backend'], [])
    """
    if args:
        raise otp.BadArgument(f"backend.start: expected no arguments, got {sorted(args)}")
    hidden = await Node(f"backend.{node.name}", hidden=True).__aenter__()
    pid = await serve(hidden, node, diary=diary, evaluates=evaluates)
    node.subscribe(lambda _event: None, kinds={"node_down"}).on_node_end = hidden.begin_close
    return {SERVICE: pid}


async def serve(
    hidden: Node,
    node: Node,
    permissions: Iterable[Scope] = SCOPES,
    diary: Diary | None = None,
    *,
    evaluates: bool = False,
) -> Pid:
    """Start a backend of `node` on `hidden`, a node of the same loop that is there for it.

    Args:
        hidden: where everything lives that the backend needs; its end is the end of it.
        node: the node that is looked into.
        permissions: the scopes that anybody can have here, whatever the platform says of who asks.
        diary: where what the node's supervisors do is written down.
        evaluates: whether Python that somebody sends is run on the node.
    """
    return await hidden.start(Backend, Observed(node, frozenset(permissions), diary, evaluates))
