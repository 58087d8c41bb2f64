"""The health of all nodes of a cluster, measured by themselves and asked for at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from superlearner.cluster.health import NodeStatus, health_of
from superlearner.cluster.members import Members
from superlearner.nodes.nodes import Nodes
from superlearner.operations.context import Context
from superlearner.operations.engine.everywhere import ask_all, select_nodes
from superlearner.operations.engine.services import Services
from superlearner.operations.results.cluster import Missing, NodeHealth

__all__ = ["HealthByNode", "health_by_node"]


@dataclass(frozen=True, slots=True)
class HealthByNode:
    """The health of each node, the metrics it is read from, and what to do."""

    nodes: dict[str, NodeHealth]
    metrics: Mapping[str, Any]
    """The answers of `system.metrics` by node."""
    advice: list[str]
    missing: list[Missing]


async def health_by_node(
    ctx: Context, services: Services, nodes: Nodes, members: Members, node: str | None = None
) -> HealthByNode:
    """Ask nodes for their metrics and return their health; members that are not connected are `down`.

    Args:
        ctx: its user sees the nodes.
        services: the services of the platform.
        nodes: the nodes of the platform.
        members: the cluster.
        node: the only node to ask, a known one; None for all.
    """
    names = [] if node in members.gone else select_nodes(ctx, nodes, node)
    answers = await ask_all(ctx, services, nodes, names, "system.metrics", {"window_s": 60.0}, only=node)
    found: dict[str, NodeHealth] = {}
    advice: list[str] = []
    reasons = {one.node: one.reason for one in answers.missing}
    for name in [*names, *(one for one in reasons if one not in names)]:
        status: NodeStatus = "up" if name in answers.data else "down" if name in members.gone else "unreachable"
        now: Mapping[str, Any] = answers.data[name]["now"] if name in answers.data else {}
        health = health_of(
            name,
            status,
            why=reasons.get(name, ""),
            disconnected=name in members.disconnected,
            memory=now.get("memory"),
            cpu=now.get("cpu_percent", 0.0),
            processes=now.get("processes", 0),
        )
        found[name] = NodeHealth.model_validate(health, from_attributes=True)
        advice += health.advice
    return HealthByNode(found, answers.data, advice, answers.missing)
