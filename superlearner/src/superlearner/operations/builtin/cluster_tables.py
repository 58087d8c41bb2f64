"""The registries and distributed supervisors of members, and the move of children away from a member."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

import otp
from otp import Node, Pid
from otp.cluster import Cluster, NotMember
from otp.cluster.cluster import cluster_of
from superlearner.control.clock import Clock
from superlearner.control.events import STARTS
from superlearner.control.terms import clip, safe_text
from superlearner.nodes.nodes import Nodes
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.engine.everywhere import ask_all, select_nodes
from superlearner.operations.engine.seams import LivePages
from superlearner.operations.engine.services import Services
from superlearner.operations.failures import OperationError
from superlearner.operations.results.cluster import ClusterDrained, ClusterEntries, MemberEntries, TableEntry

LONGEST = 200
Kind = Literal["all", "registry", "supervisor"]
KindOption = Annotated[Kind, Field(description="only registries, or only distributed supervisors")]
NameOption = Annotated[str, Field(max_length=LONGEST, description="only the one with this name")]
Limit = Annotated[int, Field(ge=1, le=1000, description="most entries of the answer")]


@operation("node.tables", http=("GET", "/nodes/tables"), scope="read",
           short="entries.kind,table,key,node,pid,since total")  # fmt: skip
async def tables(
    ctx: Context, pages: LivePages, /, kind: KindOption = "all", name: NameOption = "", limit: Limit = 500
) -> MemberEntries:
    """List the registries and distributed supervisors on a member, as it sees their entries.

    A lost child that has yet to start elsewhere has no pid. Empty for a node in no cluster.
    """
    cluster = _cluster_of(ctx.node)
    rows = [] if cluster is None else _entries(cluster, kind, name)
    shown, starts = rows[:limit], _starts(ctx.node)
    for row, pid in shown:
        if pid is not None and pid.node == ctx.node.name:
            row.since = pages.born(ctx.watched, pid) or starts.get(pid)
    return MemberEntries(entries=[row for row, _ in shown], total=len(rows))


@operation("cluster.tables", http=("GET", "/cluster/tables"), scope="read", on="platform",
           errors=("node_not_found",),
           short="entries.kind,table,key,node,pid,since missing.node,reason")  # fmt: skip
async def cluster_tables(
    ctx: Context,
    nodes: Nodes,
    services: Services,
    /,
    of: Annotated[str | None, Field(max_length=LONGEST, description="only as this member sees them")] = None,
    kind: KindOption = "all",
    name: NameOption = "",
    limit: Limit = 500,
) -> ClusterEntries:
    """List the registries and distributed supervisors of the cluster, with the owner of each key or child.

    While the cluster is cut, a key may have an owner on each side.
    """
    names = select_nodes(ctx, nodes, of)
    answers = await ask_all(ctx, services, nodes, names, "node.tables", {"kind": kind, "name": name, "limit": limit})
    found: dict[tuple[Any, ...], TableEntry] = {}
    for data in answers.data.values():
        for row in map(TableEntry.model_validate, data["entries"]):
            place = (row.kind, row.table, row.key, row.node, row.pid)
            if place not in found or row.since is not None:
                found[place] = row
    running = {(row.kind, row.table, row.key) for row in found.values() if row.pid is not None}
    rows = [row for row in found.values() if row.pid is not None or (row.kind, row.table, row.key) not in running]
    rows.sort(key=lambda row: (row.kind, row.table, row.key))
    return ClusterEntries(entries=rows[:limit], nodes_queried=names, missing=answers.missing)


@operation("node.drain", http=("POST", "/nodes/drain"), scope="code", changes=True, errors=("node_unavailable",))
async def drain(
    ctx: Context,
    /,
    timeout: Annotated[float, Field(gt=0, le=30, description="seconds until children are kept")] = 10,
) -> ClusterDrained:
    """Move the children of the distributed supervisors of a member to the others, before it leaves.

    It starts no child any more, as long as another member can.
    """
    cluster = _cluster_of(ctx.node)
    if cluster is None or not cluster.members():
        raise OperationError("node_unavailable", f"{ctx.node.name} is in no cluster")
    ctx.about_to(f"drain {ctx.node.name}")
    drained = await cluster.drain(timeout)
    return ClusterDrained(moved=list(map(_child, drained.moved)), kept=list(map(_child, drained.kept)))


def _starts(node: Node) -> dict[Pid, float]:
    """Return when the children in the memory of events started; pages know only those that are younger than they."""
    clock = Clock()
    return {one.data["child"]: clock.wall(one.at) for one in otp.trace.history(node) if one.kind in STARTS}


def _cluster_of(node: Node) -> Cluster | None:
    try:
        return cluster_of(node)
    except NotMember:
        return None


def _entries(cluster: Cluster, kind: Kind, name: str) -> list[tuple[TableEntry, Pid | None]]:
    rows: list[tuple[TableEntry, Pid | None]] = []
    tables = cluster.tables(None if kind == "all" else kind, name or None)
    for (what, table), entries in tables.items():
        for key, pids in entries.items():
            rows += [(_row(what, table, key, pid), pid) for pid in pids or [None]]
    return sorted(rows, key=lambda row: (row[0].kind, row[0].table, row[0].key))


def _row(kind: Any, table: Any, key: Any, pid: Pid | None) -> TableEntry:
    return TableEntry(
        kind=kind,
        table=clip(str(table), LONGEST),
        key=key if isinstance(key, str) and len(key) <= LONGEST else clip(safe_text(key), LONGEST),
        node=None if pid is None else pid.node,
        pid=None if pid is None else f"0.{pid.number}.0",
    )


def _child(child: tuple[Any, Any]) -> str:
    supervisor, id = child
    return f"{clip(str(supervisor), LONGEST)}: {id if isinstance(id, str) else clip(safe_text(id), LONGEST)}"
