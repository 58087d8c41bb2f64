"""The registries, distributed supervisors, names and groups of members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

import otp
from otp import Node, Pid
from superlearner.cluster.members import Members, SeenSupervisor
from superlearner.control.clock import Clock
from superlearner.control.events import STARTS
from superlearner.nodes.nodes import Nodes
from superlearner.operations.builtin.cluster_children import member_cluster, short_text
from superlearner.operations.builtin.cluster_moves import read_moves, stranded_of
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.engine.everywhere import ask_all, select_nodes
from superlearner.operations.engine.seams import LivePages, MomentHistory
from superlearner.operations.engine.services import Services
from superlearner.operations.failures import OperationError
from superlearner.operations.results.cluster import (
    ClusterEntries,
    MemberEntries,
    PlacedChildren,
    TableEntry,
)

LONGEST = 200
Tables = dict[tuple[str, str], dict[Any, list[Pid]]]
KINDS = {"registry": "registry", "supervisor": "distributed supervisor"}
Kind = Literal["all", "registry", "supervisor", "name", "group"]
KindOption = Annotated[
    Kind, Field(description="only registries, distributed supervisors, names of the cluster, or groups")
]
NameOption = Annotated[str, Field(max_length=LONGEST, description="only the one with this name")]
TableName = Annotated[str, Field(max_length=LONGEST, description="its name", examples=["counters"])]
OneNode = Annotated[str | None, Field(max_length=LONGEST, description="only as this member sees them")]
Limit = Annotated[int, Field(ge=1, le=1000, description="most entries of the answer")]


@operation("node.tables", http=("GET", "/nodes/tables"), scope="read",
           short="entries.kind,table,key,node,pid,since total")  # fmt: skip
async def tables(
    ctx: Context,
    pages: LivePages,
    /,
    kind: KindOption = "all",
    name: NameOption = "",
    without: Annotated[str, Field(max_length=LONGEST, description="the member that would leave")] = "",
    limit: Limit = 500,
) -> MemberEntries:
    """List what a member shares with the cluster, as it sees it: registries, distributed supervisors, names, groups.

    A lost child that has yet to start elsewhere has no pid. Empty for a node in no cluster.
    """
    cluster = member_cluster(ctx.node)
    found = {} if cluster is None else cluster.tables(None if kind == "all" else kind, name or None)
    rows = _entries(found, cluster.plan_loss(without) if cluster is not None and without else {})
    shown, starts = rows[:limit], _starts(ctx.node)
    for row, pid in shown:
        if pid is not None and pid.node == ctx.node.name:
            row.since = pages.born(ctx.watched, pid) or starts.get(pid)
    return MemberEntries(
        entries=[row for row, _ in shown],
        tables=sorted({short_text(table) for _, table in found}),
        total=len(rows),
    )


@operation("cluster.registries", http=("GET", "/cluster/registries"), scope="read", on="platform",
           errors=("node_not_found",), short="entries.table,key,node,pid,since missing.node,reason")  # fmt: skip
async def registries(
    ctx: Context, nodes: Nodes, services: Services, /, node: OneNode = None, limit: Limit = 500
) -> ClusterEntries:
    """List the distributed registries, with the owner of each key.

    While the cluster is cut, a key may have an owner on each side.
    """
    return await ask_tables(ctx, nodes, services, "registry", limit=limit, node=node)


@operation("cluster.registry", http=("GET", "/cluster/registries/{name}"), scope="read", on="platform",
           errors=("registry_not_found",), short="entries.key,node,pid,since missing.node,reason")  # fmt: skip
async def registry(
    ctx: Context, nodes: Nodes, services: Services, /, name: TableName, limit: Limit = 500
) -> ClusterEntries:
    """Show a distributed registry, with the owner of each key."""
    return await ask_tables(ctx, nodes, services, "registry", name, limit=limit)


@operation("cluster.supervisors", http=("GET", "/cluster/supervisors"), scope="read", on="platform",
           errors=("node_not_found",),
           short="entries.table,key,node,pid,since stranded.text missing.node,reason")  # fmt: skip
async def supervisors(
    ctx: Context, nodes: Nodes, services: Services, /, node: OneNode = None, limit: Limit = 500
) -> ClusterEntries:
    """List the distributed supervisors, with the member of each child.

    A lost child that has yet to start elsewhere has no pid. While the cluster is cut, a child may run on each side.
    """
    return await ask_tables(ctx, nodes, services, "supervisor", limit=limit, node=node)


@operation("cluster.supervisor", http=("GET", "/cluster/supervisors/{name}"), scope="read", on="platform",
           errors=("supervisor_not_found",),
           short="entries.key,node,pid,since stranded.text moves.at,text,ref missing.node,reason")  # fmt: skip
async def supervisor(
    ctx: Context, nodes: Nodes, services: Services, history: MomentHistory | None, /, name: TableName,
    limit: Limit = 500,
) -> PlacedChildren:  # fmt: skip
    """Show a distributed supervisor: the member of each child, and the children that moved."""
    found = await ask_tables(ctx, nodes, services, "supervisor", name, limit=limit)
    ids = tuple({f"{row.key} " for row in found.entries})
    moves = [one for one in await read_moves(ctx, history, 200) if one.text.startswith(ids)]
    return PlacedChildren(**dict(found), moves=moves)


@operation("cluster.names", http=("GET", "/cluster/names"), scope="read", on="platform",
           errors=("node_not_found",), short="entries.key,node,pid,since missing.node,reason")  # fmt: skip
async def names(
    ctx: Context, nodes: Nodes, services: Services, /, node: OneNode = None, limit: Limit = 500
) -> ClusterEntries:
    """List the global names of the cluster with their processes."""
    return await ask_tables(ctx, nodes, services, "name", limit=limit, node=node)


@operation("cluster.groups", http=("GET", "/cluster/groups"), scope="read", on="platform",
           errors=("node_not_found",), short="entries.table,key,node,pid,since missing.node,reason")  # fmt: skip
async def groups(
    ctx: Context, nodes: Nodes, services: Services, /, node: OneNode = None, limit: Limit = 500
) -> ClusterEntries:
    """List the process groups of the cluster with their processes; `table` is the scope of a group."""
    return await ask_tables(ctx, nodes, services, "group", limit=limit, node=node)


async def ask_tables(
    ctx: Context,
    nodes: Nodes,
    services: Services,
    kind: str,
    name: str = "",
    *,
    limit: int,
    node: str | None = None,
    without: str = "",
) -> ClusterEntries:
    """Return the entries that the members see, each once. Raises `OperationError` if none has this table."""
    asked = select_nodes(ctx, nodes, node)
    given = {"kind": kind, "name": name, "limit": limit, "without": without}
    answers = await ask_all(ctx, services, nodes, asked, "node.tables", given, only=node)
    lost = kind == "supervisor" and name in services.get(Members).stranded
    if name and not lost and not any(data["tables"] for data in answers.data.values()):
        raise await _unknown(ctx, nodes, services, kind, name)
    found: dict[tuple[Any, ...], TableEntry] = {}
    for data in answers.data.values():
        for row in map(TableEntry.model_validate, data["entries"]):
            place = (row.kind, row.table, row.key, row.node, row.pid)
            if place not in found or row.since is not None:
                found[place] = row
    owned = {(row.kind, row.table, row.key) for row in found.values() if row.pid is not None}
    rows = [row for row in found.values() if row.pid is not None or (row.kind, row.table, row.key) not in owned]
    rows.sort(key=lambda row: (row.kind, row.table, row.key))
    running: dict[str, list[str]] = {}
    for member, data in answers.data.items():
        for table in data["tables"]:
            running.setdefault(table, []).append(member)
    members = services.get(Members)
    whole = all(data["total"] <= limit for data in answers.data.values())
    if (kind, name, node) == ("supervisor", "", None) and whole:
        silent = {one.node for one in answers.missing}
        members.see_supervisors(_seen(rows, running, members, silent))
    return ClusterEntries(
        entries=rows[:limit], running_on=running, nodes_queried=asked, missing=answers.missing,
        stranded=stranded_of(members, name) if kind == "supervisor" and node is None else [],
    )  # fmt: skip


def _seen(
    rows: list[TableEntry], running: dict[str, list[str]], members: Members, silent: set[str]
) -> dict[str, SeenSupervisor]:
    """Return the supervisors of real members, with the last known member of each child.

    A connected member that is silent now still runs what it ran before.
    """
    seen: dict[str, SeenSupervisor] = {}
    silent &= {one.name for one in members.connected()}
    of_table: dict[str, list[TableEntry]] = {}
    for row in rows:
        of_table.setdefault(row.table, []).append(row)
    for table, names in running.items():
        real = frozenset(names).difference(members.simulated)
        before = members.supervisors.get(table)
        found = of_table.get(table, [])
        children: dict[str, str | None] = {}
        if before is not None:
            real |= before.members & silent
            children = {row.key: before.children.get(row.key) for row in found}
        children |= {row.key: row.node for row in found if row.node in real}
        if real:
            seen[table] = SeenSupervisor(real, {key: one for key, one in children.items() if one is not None})
    return seen


async def _unknown(ctx: Context, nodes: Nodes, services: Services, kind: str, name: str) -> OperationError:
    """Return the error about a table that no member has, with the names that there are."""
    answers = await ask_all(ctx, services, nodes, select_nodes(ctx, nodes), "node.tables", {"kind": kind, "limit": 1})
    known = sorted({table for data in answers.data.values() for table in data["tables"]})
    hint = f"expected one of {', '.join(known[:20])}" if known else f"no member runs a {KINDS[kind]}"
    return OperationError(f"{kind}_not_found", f"there is no {KINDS[kind]} {name!r} in the cluster", hint=hint)


def _starts(node: Node) -> dict[Pid, float]:
    """Return when the children in the memory of events started; pages know only those that are younger than they."""
    clock = Clock()
    return {one.data["child"]: clock.wall(one.at) for one in otp.trace.history(node) if one.kind in STARTS}


def _entries(tables: Tables, plan: Mapping[tuple[str, Any], str | None]) -> list[tuple[TableEntry, Pid | None]]:
    rows: list[tuple[TableEntry, Pid | None]] = []
    for (what, table), entries in tables.items():
        for key, pids in entries.items():
            goes_to = plan.get((table, key)) if what == "supervisor" else None
            rows += [(_row(what, table, key, pid, goes_to), pid) for pid in pids or [None]]
    return sorted(rows, key=lambda row: (row[0].kind, row[0].table, row[0].key))


def _row(kind: Any, table: Any, key: Any, pid: Pid | None, goes_to: str | None) -> TableEntry:
    return TableEntry(
        kind=kind,
        table=short_text(table),
        key=short_text(key),
        node=None if pid is None else pid.node,
        pid=None if pid is None else f"0.{pid.number}.0",
        goes_to=goes_to,
    )
