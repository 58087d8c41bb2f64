"""Children of distributed supervisors, started and stopped from any member; the move of all away from one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

import otp
from otp import CallExit, Node, Pid
from otp.cluster import Cluster, DistributedSupervisor, LeaseUnavailable, NotMember
from otp.cluster.cluster import cluster_of
from otp.observer import ChildStart
from otp.observer.operations import spec_of_start
from superlearner.control.reasons import text_of_reason
from superlearner.control.terms import clip, plain_pid, safe_text, text_of
from superlearner.nodes.nodes import Nodes, full_names
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.engine.everywhere import select_nodes
from superlearner.operations.engine.execution import checked, execute
from superlearner.operations.engine.registry import Registry
from superlearner.operations.engine.services import Services
from superlearner.operations.engine.steering import steering
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import Term
from superlearner.operations.results.cluster import ClusterDrained, PlacedChild
from superlearner.operations.targets import term_of

LONGEST = 200
Supervisor = Annotated[
    str, Field(max_length=LONGEST, description="name of the distributed supervisor", examples=["counters"])
]
ChildId = Annotated[str, Field(min_length=1, max_length=LONGEST, description="id of the child", examples=["counter-1"])]
NewId = Annotated[
    str | None, Field(min_length=1, max_length=LONGEST, description="unique in the cluster; by default generated")
]
Start = Annotated[str, Field(max_length=500, description="`module:Class` of a behaviour that the member has imported")]
On = Annotated[str | None, Field(max_length=LONGEST, description="the preferred member")]
Timeout = Annotated[float, Field(gt=0, le=30, description="seconds until children are kept")]
MemberName = Annotated[str, Field(max_length=LONGEST, description="name of the member", examples=["b@127.0.0.1"])]
OF_START = (
    "supervisor_not_found", "node_not_found", "already_started", "start_failed", "conflict", "lease_unavailable",
)  # fmt: skip


@operation("node.start_child", http=("POST", "/nodes/children"), scope="code", changes=True, errors=OF_START)
async def start_here(
    ctx: Context, /, supervisor: Supervisor, start: Start, arg: Term = None, id: NewId = None, on: On = None
) -> PlacedChild:
    """Start a child of a distributed supervisor that runs on this member; the placement chooses the child's member.

    Lists in `arg` become tuples. For the whole cluster, use `cluster.start_child`.
    """
    cluster, found = _supervisor(ctx.node, supervisor)
    names = [one.name for one in cluster.members()]
    member = None if on is None else next((one for one in full_names(on) if one in names), on)
    if member is not None and member not in names:
        known = ", ".join(names)
        raise OperationError("node_not_found", f"there is no member {on!r}", hint=f"expected one of {known}")
    term = term_of(arg, "arg")
    with steering():
        spec = spec_of_start(ChildStart(start, term, id))
    ctx.about_to(f"start {clip(start, LONGEST)} under {supervisor}", [supervisor])
    with steering():
        try:
            pid = await DistributedSupervisor.start_child(found, spec, on=member)
        except LeaseUnavailable as error:
            raise OperationError("lease_unavailable", clip(str(error), 500)) from None
    if not isinstance(pid, Pid):
        return PlacedChild(supervisor=supervisor, id=id or "", node=None, pid=None)
    children = _children(cluster, supervisor)
    known = next((short_text(one) for one, pids in children.items() if pid in pids), id or "")
    return PlacedChild(supervisor=supervisor, id=known, node=pid.node, pid=plain_pid(pid))


@operation("node.terminate_child", http=("DELETE", "/nodes/children"), scope="operate", changes=True, destroys=True,
           errors=("supervisor_not_found", "child_not_found", "conflict", "node_unavailable"))  # fmt: skip
async def terminate_here(ctx: Context, /, supervisor: Supervisor, id: ChildId) -> PlacedChild:
    """Stop a child of a distributed supervisor of this member, on whichever member the child runs.

    It is not started again. For the whole cluster, use `cluster.terminate_child`.
    """
    cluster, found = _supervisor(ctx.node, supervisor)
    children = [(short_text(one), one, pids) for one, pids in _children(cluster, supervisor).items()]
    meant = [(one, pids) for text, one, pids in children if text == id]
    if not meant:
        shown = ", ".join(sorted(text for text, *_ in children)[:20])
        hint = f"expected one of {shown}" if children else "it has no children"
        raise OperationError("child_not_found", f"{supervisor} has no child {id!r}", hint=hint)
    if len(meant) > 1:
        raise OperationError("conflict", f"several children of {supervisor} have an id that is shown as {id}")
    ((key, pids),) = meant
    pid = next(iter(pids), None)
    ctx.about_to(f"stop the child {id} of {supervisor}", [id])
    try:
        await DistributedSupervisor.terminate_child(found, key)
    except otp.NotFound:
        raise OperationError("child_not_found", f"{supervisor} has no child {id!r} any more") from None
    except CallExit as error:
        raise OperationError("node_unavailable", clip(text_of_reason(error.cause_reason), 500)) from None
    return PlacedChild(
        supervisor=supervisor,
        id=id,
        node=None if pid is None else pid.node,
        pid=None if pid is None else plain_pid(pid),
    )


@operation("cluster.start_child", http=("POST", "/cluster/supervisors/{name}/children"), scope="code", on="platform",
           changes=True, errors=OF_START)  # fmt: skip
async def start(
    ctx: Context,
    nodes: Nodes,
    services: Services,
    /,
    name: Supervisor,
    start: Start,
    arg: Term = None,
    id: NewId = None,
    on: On = None,
) -> PlacedChild:
    """Start a child of a distributed supervisor; its placement chooses the member, or you with `on`.

    Its class must be imported on a member that runs the supervisor. Lists in `arg` become tuples.
    """
    ctx.about_to(f"start {clip(start, LONGEST)} under {name}", [name])
    asked = {"supervisor": name, "start": start, "arg": arg, "id": id, "on": on}
    return PlacedChild.model_validate(await _on_a_member(ctx, nodes, services, "node.start_child", asked))


@operation("cluster.terminate_child", http=("DELETE", "/cluster/supervisors/{name}/children/{id:path}"),
           scope="operate", on="platform", changes=True, destroys=True,
           errors=("supervisor_not_found", "child_not_found", "conflict", "node_unavailable"))  # fmt: skip
async def terminate(ctx: Context, nodes: Nodes, services: Services, /, name: Supervisor, id: ChildId) -> PlacedChild:
    """Stop a child of a distributed supervisor, on whichever member it runs; it is not started again."""
    ctx.about_to(f"stop the child {id} of {name}", [id])
    asked = {"supervisor": name, "id": id}
    return PlacedChild.model_validate(await _on_a_member(ctx, nodes, services, "node.terminate_child", asked))


async def _on_a_member(ctx: Context, nodes: Nodes, services: Services, operation: str, asked: Mapping[str, Any]) -> Any:
    """Return the answer of an operation on the first member that runs the supervisor. Raises `OperationError`."""
    refused: OperationError | None = None
    for name in select_nodes(ctx, nodes):
        try:
            return await _on(ctx, nodes, services, name, operation, asked)
        except OperationError as error:
            if error.code not in ("supervisor_not_found", "operation_not_found"):
                raise
            refused = error
    name = asked["supervisor"]
    hint = "GET /api/v1/cluster/supervisors lists those with children"
    raise OperationError(
        "supervisor_not_found", f"no member runs a distributed supervisor {name!r}", hint=hint
    ) from refused


async def _on(
    ctx: Context, nodes: Nodes, services: Services, node: str, operation: str, asked: Mapping[str, Any]
) -> Any:
    found = services.get(Registry).known(operation)
    there = Context(nodes, ctx.user, ctx.door, on=node, claims=ctx.claims)
    return (await execute(services, found, there, checked(found, asked))).data


@operation("node.drain", http=("POST", "/nodes/drain"), scope="code", changes=True, errors=("node_unavailable",))
async def drain_here(ctx: Context, /, timeout: Timeout = 10) -> ClusterDrained:
    """Move the children of the distributed supervisors of a member to the others, before it leaves.

    It starts no more children while another member can.
    """
    cluster = member_cluster(ctx.node)
    if cluster is None or not cluster.members():
        raise OperationError("node_unavailable", f"{ctx.node_name} is in no cluster")
    ctx.about_to(f"drain {ctx.node_name}")
    drained = await cluster.drain(timeout)
    return ClusterDrained(moved=list(map(_child, drained.moved)), kept=list(map(_child, drained.kept)))


@operation("cluster.drain", http=("POST", "/cluster/nodes/{name}/drain"), scope="code", on="platform", changes=True,
           errors=("node_not_found", "node_unavailable"))  # fmt: skip
async def drain(
    ctx: Context, nodes: Nodes, services: Services, /, name: MemberName, timeout: Timeout = 10
) -> ClusterDrained:
    """Move the children of a member to the others, before it leaves; the same as `node.drain` on it."""
    (member,) = select_nodes(ctx, nodes, name)
    ctx.about_to(f"drain {member}")
    return ClusterDrained.model_validate(await _on(ctx, nodes, services, member, "node.drain", {"timeout": timeout}))


def member_cluster(node: Node) -> Cluster | None:
    """Return the cluster of a node, None if it is in none."""
    try:
        return cluster_of(node)
    except NotMember:
        return None


def _supervisor(node: Node, name: str) -> tuple[Cluster, Pid]:
    """Return a distributed supervisor of this member. Raises `OperationError`."""
    cluster = member_cluster(node)
    found = node.whereis(name)
    if cluster is None or found is None or not cluster.tables("supervisor", name):
        raise OperationError("supervisor_not_found", f"{node.name} runs no distributed supervisor {name!r}")
    return cluster, found


def _children(cluster: Cluster, supervisor: str) -> dict[Any, list[Pid]]:
    return cluster.tables("supervisor", supervisor).get(("supervisor", supervisor), {})


def _child(child: tuple[Any, Any]) -> str:
    supervisor, id = child
    return f"{clip(str(supervisor), LONGEST)}: {short_text(id)}"


def short_text(id: Any) -> str:
    """Return a key or child id as text that is not too long."""
    return clip(safe_text(id), LONGEST) if isinstance(id, str) else text_of(id, LONGEST)
