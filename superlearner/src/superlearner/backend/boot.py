"""The start-up code of a peer that a platform can inspect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import otp
from otp import Node, Pid
from superlearner.backend.history_buffer import HistoryBuffer
from superlearner.backend.server import Backend, Observed
from superlearner.nodes import kinds
from superlearner.operations.rights.users import NODE_SCOPES, Scope

__all__ = ["SERVICE", "serve", "start"]

SERVICE: Final = "backend"
"""The name under which the platform looks up the backend."""


async def start(
    node: Node,
    args: Mapping[str, Any] | None = None,
    history: HistoryBuffer | None = None,
    *,
    kind: kinds.NodeKind = kinds.SERVICE,
    evaluates: bool = False,
) -> dict[str, Pid]:
    """Start the backend of a node on a hidden node, which ends with it.

    Args:
        node: the inspected node; nothing is started or registered on it.
        args: unused; must be empty.
        history: the record of supervisor events.
        kind: the kind of the node.
        evaluates: whether the node may run Python sent by the platform.

    Returns the services that a link looks up by name: `{"backend": pid}`.

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
    pid = await serve(hidden, node, history=history, kind=kind, evaluates=evaluates)
    node.subscribe(lambda _event: None, kinds={"node_down"}).on_node_end = hidden.begin_close
    return {SERVICE: pid}


async def serve(
    hidden: Node,
    node: Node,
    permissions: Iterable[Scope] = NODE_SCOPES,
    history: HistoryBuffer | None = None,
    *,
    kind: kinds.NodeKind = kinds.SERVICE,
    evaluates: bool = False,
) -> Pid:
    """Start a backend of `node` on `hidden`, a node of the same loop reserved for it.

    Args:
        hidden: the node that runs everything the backend needs; the backend ends with it.
        node: the inspected node.
        permissions: the most scopes anyone can have here, whatever scopes the platform sends.
        history: the record of supervisor events.
        kind: the kind of the node.
        evaluates: whether the node may run Python sent by the platform.
    """
    return await hidden.start(Backend, Observed(node, frozenset(permissions), history, evaluates, kind))
