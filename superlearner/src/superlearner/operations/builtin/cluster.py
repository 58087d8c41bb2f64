"""The cluster: its members, what happened, and questions to all of them at once."""

from __future__ import annotations

import asyncio
from itertools import zip_longest
from typing import Annotated, Any, Literal

from pydantic import Field

from otp import NotFound
from otp.cluster import Cluster, JoinRefused, NotMember
from superlearner.cluster.members import Members, read_change
from superlearner.cluster.serving import address_of, check_ended
from superlearner.cluster.simulator import SingleNodeSimulator
from superlearner.cluster.status import pings, status_of
from superlearner.control.terms import clip
from superlearner.nodes.kinds import MEMBER
from superlearner.nodes.nodes import Nodes, full_name
from superlearner.operations.builtin.restart_loops import PROGRAM
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.engine.everywhere import Answers, ask_all, select_nodes
from superlearner.operations.engine.member_health import health_by_node
from superlearner.operations.engine.seams import LastAnomalies, MomentHistory
from superlearner.operations.engine.services import Services
from superlearner.operations.failures import OperationError
from superlearner.operations.results import ProcessLine, ProcessType
from superlearner.operations.results.cluster import (
    ClusterAnomalies,
    ClusterAnomaly,
    ClusterConnected,
    ClusterDisconnected,
    ClusterEvents,
    ClusterForgotten,
    ClusterPing,
    ClusterProcess,
    ClusterProcesses,
    ClusterRestarts,
    ClusterTopology,
    ClusterTrees,
    MemberLine,
    Missing,
    TreesSummary,
)
from superlearner.operations.results.restarts import RestartLine
from superlearner.operations.results.tree import TreeChild, TreeResult
from superlearner.store import MomentRow

LONGEST = 300
PER_NODE = 500
SAMPLE = 5

OneNode = Annotated[str | None, Field(max_length=200, description="only this node; by default all")]
Limit = Annotated[int, Field(ge=1, le=1000, description="most entries of the answer")]
MemberName = Annotated[str, Field(max_length=200, description="name of the member", examples=["b@127.0.0.1"])]


@operation("cluster.topology", http=("GET", "/cluster/topology"), scope="read", on="platform",
           short="nodes.name,status,health,evidence,round_trip_ms,os_pid,address missing.node,reason")  # fmt: skip
async def topology(
    ctx: Context,
    members: Members,
    nodes: Nodes,
    services: Services,
    simulator: SingleNodeSimulator,
    /,
    include_processes: Annotated[bool, Field(description="a sample of pids of each node")] = False,
    include_health: Annotated[bool, Field(description="the health of each node")] = True,
) -> ClusterTopology:
    """Show the members of the cluster.

    With the round trip to each, its traffic with the platform, its processes and its health. Members that did not
    answer are named in `missing`.
    """
    cluster = members.cluster
    home = ctx.home.name
    asked = {"per_page": SAMPLE if include_processes else 1}
    counted, healthy, status = await asyncio.gather(
        ask_all(ctx, services, nodes, select_nodes(ctx, nodes), "process.list", asked),
        health_by_node(ctx, services, nodes, members) if include_health else _skip(),
        status_of(cluster) if cluster is not None and cluster.members() else _skip(),
    )
    distribution: dict[str, int | None] = {name: meta["total"] for name, meta in counted.meta.items()}
    samples = {name: [one["pid"] for one in lines] for name, lines in counted.data.items()}
    health = None if healthy is None else healthy.nodes
    shown = ClusterTopology(
        cluster_name=home, formation_time=None, mode="single_node", simulation_enabled=False, state=members.state,
        why=members.why, current_node=home, connected_nodes=[home], total_nodes=1, partition_status="healthy",
        heartbeat=None, dead=None, settle=None, nodes=[], process_distribution=distribution,
        sample_pids=samples if include_processes else None, node_health=health, missing=counted.missing,
    )  # fmt: skip
    lines: list[MemberLine] = []
    timed: Cluster | None = None
    if cluster is not None and status is not None:
        lines = [_describe_member(one, cluster, members, home) for one in status["members"]]
        timed = cluster
    if len(lines) > 1:
        shown.mode = "multi_node"
    elif simulator.is_running:
        shown.mode = "simulated"
        timed = next(iter(simulator.clusters().values()), timed)
    if timed is not None:
        shown.heartbeat, shown.dead, shown.settle = timed.settings.heartbeat, timed.settings.dead, timed.settle
    lines += [MemberLine.model_validate(one) for one in simulator.lines()]
    if not lines:
        return shown
    names = list(dict.fromkeys([home, *(line.name for line in lines)]))
    shown.formation_time = min(line.since for line in lines)
    shown.connected_nodes, shown.total_nodes = names, len(names)
    shown.nodes, shown.simulation_enabled = lines, simulator.is_running
    shown.process_distribution = {name: distribution.get(name) for name in names}
    shown.partition_status = simulator.partition_with(members)
    return shown


async def _skip() -> None:
    pass


def _describe_member(one: dict[str, Any], cluster: Cluster, members: Members, home: str) -> MemberLine:
    traffic = cluster.traffic(one["name"])
    return MemberLine(
        **one,
        frames_sent=traffic.frames_sent,
        frames_received=traffic.frames_received,
        bytes_sent=traffic.bytes_sent,
        bytes_received=traffic.bytes_received,
        observed=one["name"] == home or one["name"] in members.attached,
    )


@operation("cluster.events", http=("GET", "/cluster/events"), scope="read", on="platform",
           short="events.at,node,what,reason")  # fmt: skip
async def events(ctx: Context, members: Members, history: MomentHistory | None, /, limit: Limit = 100) -> ClusterEvents:
    """List the members that came and went.

    Newest first, at most 500. For the time before the platform started, these are the stored losses and returns.
    `found`: a member that was there when the platform joined.
    """
    newest = list(reversed(members.history))
    until, kinds = newest[-1].at if newest else None, [str(MEMBER)]
    rows: list[MomentRow] = []
    if history is not None:
        rows, _ = await history.page([], kinds, None, None, until, 0, 500, number=PROGRAM, replays=False)
    return ClusterEvents(events=[*newest, *filter(None, map(read_change, rows))][:limit])


@operation("cluster.processes", http=("GET", "/cluster/processes"), scope="read", on="platform",
           errors=("node_not_found",),
           short="processes.node,name,what,status,message_queue_len,restarts,pid missing.node,reason")  # fmt: skip
async def processes(
    ctx: Context,
    nodes: Nodes,
    services: Services,
    /,
    node: OneNode = None,
    type: Annotated[ProcessType | None, Field(description="only supervisors, servers or plain functions")] = None,
    application: Annotated[
        str | None, Field(max_length=200, description="only those below the root with this name")
    ] = None,
    search: Annotated[str, Field(max_length=200, description="part of name, class or pid")] = "",
    limit: Limit = 1000,
) -> ClusterProcesses:
    """List the processes of all members and attached services.

    If there are more than the limit, each node has its share. `missing` names those that do not answer within 2
    seconds, and services that the platform is waiting for.
    """
    names = select_nodes(ctx, nodes, node, services=True)
    filters = {"type": type, "application": application, "search": search}
    asked = {"per_page": min(PER_NODE, limit), "search": search} | ({"type": type} if type else {})
    if application is None:
        answers = await ask_all(ctx, services, nodes, names, "process.list", asked, only=node)
    else:
        answers = await _ask_below(ctx, services, nodes, names, application, asked, only=node)
    lines = [[(name, line) for line in of] for name, of in answers.data.items()]
    fair = [one for rank in zip_longest(*lines) for one in rank if one is not None][:limit]
    fair.sort(key=lambda one: names.index(one[0]))
    return ClusterProcesses(
        processes=[ClusterProcess.model_validate({**line, "node": name}) for name, line in fair],
        total_count=sum(meta["total"] for meta in answers.meta.values()),
        nodes_queried=names,
        filters_applied={name: value for name, value in filters.items() if value},
        missing=[*answers.missing, *_list_awaited(nodes, node)],
    )


async def _ask_below(
    ctx: Context,
    services: Services,
    nodes: Nodes,
    names: list[str],
    application: str,
    asked: dict[str, Any],
    *,
    only: str | None,
) -> Answers:
    """Return the processes below the root with this name on each node; of nodes without one, none."""
    trees = await ask_all(ctx, services, nodes, names, "tree.show", {"limit": PER_NODE, "depth": 0}, only=only)
    roots = {
        name: root.pid
        for name, data in trees.data.items()
        for root in TreeResult.model_validate(data).roots or ()
        if root.pid is not None and application in (root.name, root.what.split(":")[-1])
    }
    found = await asyncio.gather(
        *(
            ask_all(ctx, services, nodes, [name], "process.list", {**asked, "below": pid}, only=name)
            for name, pid in roots.items()
        )
    )
    return Answers(
        data={name: lines for one in found for name, lines in one.data.items()},
        meta={name: meta for one in found for name, meta in one.meta.items()},
        missing=[*trees.missing, *(gone for one in found for gone in one.missing)],
    )


@operation("cluster.restarts", http=("GET", "/cluster/restarts"), scope="read", on="platform",
           errors=("node_not_found",),
           short="restarts.at,node,name,reason,supervisor missing.node,reason")  # fmt: skip
async def restarts(
    ctx: Context, nodes: Nodes, services: Services, /, node: OneNode = None, limit: Limit = 100
) -> ClusterRestarts:
    """List the newest restarts of all members, newest first."""
    names = select_nodes(ctx, nodes, node)
    asked = {"per_page": min(limit, 200), "fold": False}
    answers = await ask_all(ctx, services, nodes, names, "restart.list", asked, only=node)
    found = [
        RestartLine.model_validate({**line, "node": name}) for name, lines in answers.data.items() for line in lines
    ]
    found.sort(key=lambda line: line.at, reverse=True)
    return ClusterRestarts(restarts=found[:limit], nodes_queried=names, missing=answers.missing)


@operation("cluster.anomalies", http=("GET", "/cluster/anomalies"), scope="read", on="platform",
           errors=("node_not_found",),
           short="anomalies.node,severity,description,hint,since missing.node,reason")  # fmt: skip
async def anomalies(
    ctx: Context, nodes: Nodes, services: Services, known: LastAnomalies, /, node: OneNode = None
) -> ClusterAnomalies:
    """List the anomalies of all members and attached services.

    `missing` names lost members and services that do not answer. Their last known anomalies are listed with `lost`.
    """
    names = select_nodes(ctx, nodes, node, services=True)
    answers = await ask_all(ctx, services, nodes, names, "system.anomalies", only=node)
    silent = [Missing(node=name, reason=why) for name, data in answers.data.items() if (why := data.get("unreachable"))]
    missing = [*answers.missing, *silent, *_list_awaited(nodes, node)]
    there = {name: data["anomalies"] for name, data in answers.data.items() if not data.get("unreachable")}
    last = {one.node: [line.model_dump() for line in known.last_of(one.node)] for one in missing}
    found = [
        ClusterAnomaly.model_validate({**line, "node": name})
        for name, lines in (there | last).items()
        for line in lines
    ]
    return ClusterAnomalies(anomalies=found, nodes_queried=names, missing=missing)


def _list_awaited(nodes: Nodes, node: str | None) -> list[Missing]:
    """Return the services that the platform is waiting for; none if one node is asked."""
    return [] if node else [Missing(node=name, reason=why) for name, why in (nodes.awaited | nodes.missed).items()]


@operation("cluster.trees", http=("GET", "/cluster/supervision-trees"), scope="read", on="platform",
           errors=("node_not_found",))  # fmt: skip
async def trees(
    ctx: Context,
    nodes: Nodes,
    services: Services,
    /,
    node: OneNode = None,
    include_children: Annotated[bool, Field(description="false: only the roots")] = True,
    filter_application: Annotated[
        str | None, Field(max_length=200, description="only roots with this name or class")
    ] = None,
    include_process_details: Annotated[bool, Field(description="the process of each child")] = False,
    max_depth: Annotated[int, Field(ge=1, le=32, description="levels below a root")] = 20,
    limit: Annotated[int, Field(ge=1, le=1000, description="the most supervisors and children of a node")] = PER_NODE,
    format: Annotated[Literal["json", "text"], Field(description="`text`: also draw all trees")] = "json",
) -> ClusterTrees:
    """Show the supervision trees of all members and attached services."""
    names = select_nodes(ctx, nodes, node, services=True)
    depth = max_depth if include_children else 0
    asked_for = {"limit": limit, "depth": depth}
    answers = await ask_all(ctx, services, nodes, names, "tree.show", asked_for, only=node)
    found = {name: TreeResult.model_validate(data) for name, data in answers.data.items()}
    for tree in found.values() if filter_application is not None else ():
        tree.roots = [one for one in tree.roots or () if filter_application in (one.name, one.what.split(":")[-1])]
    details: dict[str, dict[str, ProcessLine]] | None = None
    if include_process_details:
        asked = await ask_all(ctx, services, nodes, names, "process.list", {"per_page": PER_NODE})
        details = {name: {one["pid"]: ProcessLine.model_validate(one) for one in of} for name, of in asked.data.items()}
    missing = [*answers.missing, *_list_awaited(nodes, node)]
    return ClusterTrees(
        supervision_trees=found,
        processes=details,
        text=await _draw(ctx, services, nodes, found, missing, asked_for) if format == "text" else None,
        summary=TreesSummary(
            nodes_queried=len(names),
            successful=len(found),
            failed=len(names) - len(found),
            total_supervisors=sum(_supervisors(root) for tree in found.values() for root in tree.roots or ()),
            errors=[f"{one.node}: {one.reason}" for one in missing],
        ),
        nodes_queried=names,
        missing=missing,
    )


async def _draw(
    ctx: Context,
    services: Services,
    nodes: Nodes,
    found: dict[str, TreeResult],
    missing: list[Missing],
    asked: dict[str, Any],
) -> str:
    """Return a drawing of the roots that were found, node by node, with the nodes that are missing."""

    async def draw(name: str, root: TreeChild) -> str:
        more = {"root": root.pid, "format": "text"}
        answer = await ask_all(ctx, services, nodes, [name], "tree.show", {**asked, **more})
        return answer.data[name]["drawing"]["text"] if name in answer.data else f"{root.name or root.pid} has ended\n"

    drawn: list[str] = []
    for name, tree in found.items():
        parts = await asyncio.gather(*(draw(name, root) for root in tree.roots or ()))
        drawn.append(f"{name}\n{''.join(parts) or 'no supervisor is running there'}".rstrip("\n"))
    drawn += [f"{one.node} is missing: {one.reason}" for one in missing]
    return "\n\n".join(drawn) + "\n"


def _supervisors(tree: TreeChild) -> int:
    return (tree.type == "supervisor") + sum(map(_supervisors, tree.children or ()))


@operation("cluster.add", http=("POST", "/cluster/nodes"), scope="code", on="platform", changes=True,
           errors=("node_not_found", "node_unavailable"))  # fmt: skip
async def add(
    ctx: Context,
    members: Members,
    /,
    address: Annotated[
        str,
        Field(min_length=1, max_length=200, description="address of a member", examples=["tls/10.0.0.5:7447"]),
    ],
) -> ClusterConnected:
    """Connect the cluster with a member at an address, and so with all that it knows.

    Or with a member that was lost or disconnected, by its name, if its address is known.
    """
    cluster = _joined(members)
    ctx.about_to(f"connect with {clip(address, LONGEST)}")
    try:
        await cluster.connect(address_of(cluster, address, members.disconnected))
    except (JoinRefused, NotMember) as error:
        raise OperationError("node_unavailable", clip(str(error), LONGEST)) from None
    except LookupError as error:
        raise OperationError("node_not_found", clip(str(error), LONGEST)) from None
    return ClusterConnected(members=[member.name for member in cluster.members()])


@operation("cluster.disconnect", http=("DELETE", "/cluster/nodes/{name}"), scope="code", on="platform", changes=True,
           errors=("node_not_found", "node_unavailable"))  # fmt: skip
async def disconnect(ctx: Context, members: Members, /, name: MemberName) -> ClusterDisconnected:
    """End the connection to a member; both sides stay apart until one of them connects again."""
    cluster = _joined(members)
    name = _member(cluster, name)
    ctx.about_to(f"disconnect {name}")
    cluster.disconnect(name)
    return ClusterDisconnected(name=name, disconnected=True)


@operation("cluster.forget", http=("POST", "/cluster/nodes/{name}/forget"), scope="code", on="platform", changes=True,
           errors=("node_not_found", "node_unavailable", "conflict"))  # fmt: skip
async def forget(ctx: Context, members: Members, /, name: MemberName) -> ClusterForgotten:
    """Count a lost member as gone for good, on all connected members.

    If it comes back, it is a member again. A member that was disconnected is forgotten once it has ended.
    """
    cluster = _joined(members)
    known = [*(member.name for member in cluster.lost()), *members.disconnected]
    name = _full_name(name, known, "lost or disconnected member")
    if name in members.disconnected and members.way is not None:
        try:
            await asyncio.to_thread(check_ended, members.way.folder, name)
        except LookupError as error:
            raise OperationError("conflict", str(error)) from None
    ctx.about_to(f"forget {name}")
    try:
        await members.forget(name)
    except (NotFound, NotMember) as error:  # it came back, or this member left, a moment ago
        raise OperationError("node_not_found", clip(str(error), LONGEST)) from None
    return ClusterForgotten(name=name, forgotten=True)


@operation("cluster.ping", http=("GET", "/cluster/nodes/{name}/ping"), scope="read", on="platform",
           errors=("node_not_found", "node_unavailable"))  # fmt: skip
async def ping(ctx: Context, members: Members, /, name: MemberName) -> ClusterPing:
    """Measure the round trip to a member."""
    cluster = _joined(members)
    name = _member(cluster, name)
    took = (await pings(cluster, [name]))[name]
    if took is None:
        raise OperationError("node_unavailable", f"{name} did not answer within a second")
    return ClusterPing(name=name, round_trip_ms=took)


def _joined(members: Members) -> Cluster:
    """Return the cluster. Raises `OperationError`."""
    if members.cluster is None or not members.cluster.members():
        why = members.why or f"its membership is {members.state}"
        raise OperationError("node_unavailable", f"the platform is in no cluster: {why}")
    return members.cluster


def _member(cluster: Cluster, name: str) -> str:
    """Return the full name of another member. Raises `OperationError`."""
    return _full_name(name, [member.name for member in cluster.members()[1:]], "other member")


def _full_name(name: str, known: list[str], what: str) -> str:
    """Return the name among those that are known: `b` is also `b@127.0.0.1`. Raises `OperationError`."""
    full = full_name(name)
    if full not in known:
        hint = f"expected one of {', '.join(known)}" if known else f"there is no {what}"
        raise OperationError("node_not_found", f"there is no {what} {name!r}", hint=hint)
    return full
