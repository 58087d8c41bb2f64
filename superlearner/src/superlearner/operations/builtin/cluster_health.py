"""The health of the cluster, and everything about one of its nodes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field

from superlearner.cluster.health import NodeStatus, overall_of
from superlearner.cluster.members import Members
from superlearner.cluster.simulator import SingleNodeSimulator
from superlearner.cluster.status import pings
from superlearner.nodes.nodes import Nodes, full_names
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.engine.everywhere import Answers, ask_all, select_nodes
from superlearner.operations.engine.member_health import health_by_node
from superlearner.operations.engine.services import Services
from superlearner.operations.results import ProcessLine
from superlearner.operations.results.cluster import ClusterHealth, ClusterPerformance, NodeInfo

NodeName = Annotated[str, Field(max_length=200, description="name of the node", examples=["superlearner@127.0.0.1"])]


@operation("cluster.health", http=("GET", "/cluster/health"), scope="read", on="platform",
           short="overall_status,partition_status,nodes_total,nodes_healthy,node_statuses,recommendations")  # fmt: skip
async def health(
    ctx: Context,
    members: Members,
    nodes: Nodes,
    services: Services,
    simulator: SingleNodeSimulator,
    /,
    include_metrics: Annotated[bool, Field(description="memory, queues and garbage collection")] = True,
    include_history: Annotated[bool, Field(description="the members that came and went")] = False,
) -> ClusterHealth:
    """Show the health of the cluster: a score for each node from what it measured, and what to do.

    A score is 100 at best. Memory above 4 GiB costs 30 and above 1 GiB 10, the processor above 90 % of a core 40, above
    70 % 20 and above 50 % 5, more than 10,000 processes 15 and more than 5,000 5. A member that is lost has 0, one that
    does not answer 10. The cluster is `healthy` if all are up, `warning` from 80 %, `degraded` from 50 % or with a
    partition, else `critical`.
    """
    found = await health_by_node(ctx, services, nodes, members)
    since = [one.since for one in (*members.connected(), *simulator.members())]
    statuses: list[NodeStatus] = [one.status for one in found.nodes.values()]
    partition = simulator.partition_with(members)
    now = time.time()
    return ClusterHealth(
        overall_status=overall_of(statuses, partition),
        partition_status=partition,
        nodes_total=len(statuses),
        nodes_healthy=statuses.count("up"),
        nodes_unhealthy=len(statuses) - statuses.count("up"),
        node_statuses=found.nodes,
        cluster_uptime=max(0.0, now - min(since)) if since else None,
        performance_metrics=_performance(found.metrics) if include_metrics else None,
        health_history=list(reversed(members.history)) if include_history else None,
        recommendations=found.advice,
        last_updated=now,
        missing=found.missing,
    )


def _performance(metrics: Mapping[str, Any]) -> ClusterPerformance:
    now = {name: answer["now"] for name, answer in metrics.items()}
    return ClusterPerformance(
        total_processes=sum(one["processes"] for one in now.values()),
        memory_usage={name: one["memory"] for name, one in now.items()},
        queues={name: one["message_queue_lengths"] for name, one in now.items()},
        gc_pause_ms={name: one["gc_pause_ms"] for name, one in now.items()},
    )


@operation("cluster.node_info", http=("GET", "/cluster/nodes/{name}/info"), scope="read", on="platform",
           errors=("node_not_found",),
           short="name,status,processes,cpu_usage,last_seen missing.node,reason")  # fmt: skip
async def node_info(
    ctx: Context,
    members: Members,
    nodes: Nodes,
    services: Services,
    simulator: SingleNodeSimulator,
    /,
    name: NodeName,
    include_processes: Annotated[bool, Field(description="the list of its processes")] = False,
    process_limit: Annotated[int, Field(ge=1, le=500, description="most processes in the list")] = 50,
) -> NodeInfo:
    """Show everything about a node of the cluster, also of a member that is lost."""
    cluster = members.cluster
    simulated = {one.name: one for one in simulator.members()}
    connected = {one.name: one for one in members.connected()} | simulated
    name = next((one for one in full_names(name) if one in connected or one in members.gone), name)
    if name not in connected and name not in members.gone:
        name = select_nodes(ctx, nodes, name)[0]  # a service or sandbox, or an error that names what there is
    there = [] if name in members.gone else [name]
    home = ctx.home.name
    member = connected.get(name)

    def ask(
        names: list[str], operation: str, parameters: Mapping[str, Any] | None = None
    ) -> Coroutine[Any, Any, Answers]:
        return ask_all(ctx, services, nodes, names, operation, parameters)

    found, known, applications, processes, round_trips = await asyncio.gather(
        health_by_node(ctx, services, nodes, members, name),
        ask([home], "node.list"),
        ask(there, "application.list"),
        ask(there if include_processes else [], "process.list", {"per_page": process_limit}),
        pings(cluster, [name]) if cluster and member and name not in (home, *simulated) else _skip_pings(),
    )
    line: dict[str, Any] = {one["name"]: one for one in known.data.get(home, ())}.get(name, {})
    listed = [ProcessLine.model_validate(one) for one in processes.data.get(name, ())] if include_processes else None
    metrics: Mapping[str, Any] = found.metrics.get(name, {})
    now: Mapping[str, Any] = metrics.get("now", {})
    network: dict[str, Any] = {"address": member.address if member else None, "round_trip_ms": round_trips.get(name)}
    if name in simulated:
        network |= simulator.traffic(name)
    elif cluster and member and name != home:
        network |= asdict(cluster.traffic(name))
    return NodeInfo(
        name=name,
        status=found.nodes[name].status,
        processes=now.get("processes"),
        memory_usage={"total": now.get("memory")},
        cpu_usage=now.get("cpu_percent"),
        last_seen=now.get("at") if there else members.gone[name].at,
        simulated=name in members.simulated,
        health=found.nodes[name],
        system_info={
            "python": line.get("python"),
            "otp": member.version if member else None,
            "os_pid": line.get("os_pid"),
            "uptime_s": metrics.get("totals", {}).get("uptime_s"),
        },
        applications=[one["name"] for one in applications.data.get(name, ()) if one["running"]],
        network_info=network,
        process_list=listed,
        missing=found.missing,
    )


async def _skip_pings() -> dict[str, float | None]:
    return {}
