"""The top supervisor of a sandbox with its children, read on the sandbox's own node."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

from superlearner.nodes.remote import RemoteNode
from superlearner.operations.context import Context
from superlearner.operations.engine.forwarding import forward
from superlearner.operations.engine.registry import Registry
from superlearner.operations.failures import OperationError
from superlearner.operations.results import SupervisorDetails
from superlearner.operations.results.sandboxes import SandboxHealth, SandboxInfo, SandboxMemory
from superlearner.sandbox.record import Sandbox

__all__ = ["UNREACHABLE", "add_children", "add_stats", "top_of"]

UNREACHABLE: Final = ("node_unavailable", "timeout", "bad_answer", "service_unavailable")
"""Codes of the errors of `top_of`."""


async def top_of(ctx: Context, arsenal: Registry, sandbox: Sandbox) -> SupervisorDetails | None:
    """Return the top supervisor of a sandbox with its children; None if the sandbox has no tree now.

    Raises:
        OperationError: its node does not answer as expected.
    """
    operation, remote = arsenal.get("supervisor.info"), ctx.nodes.find(sandbox.node)
    if operation is None or not isinstance(remote, RemoteNode) or sandbox.supervisor_pid is None:
        return None
    try:
        answer = await forward(operation, replace(ctx, on=sandbox.node), remote, {"name": sandbox.supervisor_pid})
    except OperationError as error:
        if error.code == "supervisor_not_found":  # it is just ending
            return None
        raise
    return SupervisorDetails.model_validate(answer.data)


def add_children(info: SandboxInfo, top: SupervisorDetails | None) -> None:
    """Add the children of the top supervisor; none if there is no tree now."""
    info.children = [] if top is None else top.children or []


def add_stats(info: SandboxInfo, sandbox: Sandbox, top: SupervisorDetails | None) -> None:
    """Add its uptime, memory and the health of its tree."""
    children = [] if top is None else top.children or []
    alive = sum(child.alive for child in children)
    began = None if sandbox.os_pid is None else sandbox.started_at
    info.uptime_seconds = None if began is None else round(max(0.0, time.time() - began), 3)
    info.memory_usage = SandboxMemory(total_memory_bytes=info.memory_bytes)
    info.health_stats = SandboxHealth(
        total_children=len(children),
        alive_children=alive,
        dead_children=len(children) - alive,
        supervisor_strategy=None if top is None else top.strategy,
        supervisor_alive=top is not None and top.alive,
        app_alive=sandbox.os_pid is not None,
    )
