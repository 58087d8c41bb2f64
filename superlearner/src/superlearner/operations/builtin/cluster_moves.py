"""Moves of children between the members of a cluster, and conflicts: listed, and drawn as a restart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from otp import sentences
from superlearner.cluster.members import Members
from superlearner.control.placement import describe_copy
from superlearner.control.slots import id_text, key_part
from superlearner.control.terms import clip, plain_pid
from superlearner.nodes.kinds import CONFLICT, MOVES
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.engine.seams import MomentHistory
from superlearner.operations.results.cluster import ClusterMove, ClusterMoves, Stranded
from superlearner.operations.results.restarts import Moment
from superlearner.restarts.drawing import MomentNode
from superlearner.restarts.ids import Ref

__all__ = ["describe_placement", "draw_placement", "read_moves", "stranded_of"]

MOST_DRAWN: Final = 8
"""Children of a member in a drawing; the others are counted."""
LONGEST: Final = 100
ABSENT: Final = "shutdown, not started"
"""The state of a place in which no process has been yet; pages draw it without a word."""


@operation("cluster.moves", http=("GET", "/cluster/moves"), scope="read", on="platform",
           short="moves.at,text,ref stranded.text")  # fmt: skip
async def moves(
    ctx: Context,
    members: Members,
    history: MomentHistory | None,
    /,
    limit: Annotated[int, Field(ge=1, le=200, description="most entries of the answer")] = 50,
) -> ClusterMoves:
    """List the children of distributed supervisors that moved to another member, and conflicts, each with its reason.

    Newest first. A child moves when its member is lost or leaves, or by a rebalance. In a conflict, a child ran on two
    members, as after a partition.
    """
    return ClusterMoves(moves=await read_moves(ctx, history, limit), stranded=stranded_of(members))


def stranded_of(members: Members, name: str = "") -> list[Stranded]:
    """Return the distributed supervisors whose last members are lost; with `name`, only that one."""
    return [
        Stranded(table=table, children=seen.children, text=seen.describe(table))
        for table, seen in members.stranded.items()
        if name in ("", table)
    ]


async def read_moves(
    ctx: Context, history: MomentHistory | None, limit: int, *, since: float | None = None
) -> list[ClusterMove]:
    """Return the newest stored moves and conflicts since a time, newest first."""
    if history is None:
        return []
    rows, _ = await history.page([], MOVES, ctx.user.only_owner, since, None, 0, limit, replays=False)
    return [
        ClusterMove(
            at=row.at, text=row.line, conflict=row.kind == CONFLICT, node=row.node, ref=str(Ref(row.run, row.number))
        )
        for row in rows
    ]


def describe_placement(data: Mapping[str, Any], *, second: bool = False) -> str:
    """Return the sentence about an event `placement_changed`; with `second`, the child still runs where it ran."""
    child, old, new = clip(id_text(data["id"]), LONGEST), data["from_member"], data["to_member"]
    if second:
        return describe_copy(child, old, new, data["reason"])
    return sentences.moved(child, old, new, data["reason"], data["down"])


def draw_placement(
    data: Mapping[str, Any],
    places: Mapping[Any, str | None],
    node: str,
    ref: Ref,
    at: float,
    *,
    second: bool = False,
) -> Moment:
    """Return the change of a child's member as a restart: the supervisor with its members, and their children.

    Args:
        data: that of the event `placement_changed`.
        places: the member of each child by id; None for those that have yet to start elsewhere.
        node: the node of the event.
        ref: its id.
        at: the time of the event, in seconds since 1970.
        second: the child still runs where it ran, so nothing has ended.
    """
    old, new, down = data["from_member"], data["to_member"], None if second else data["down"]
    is_loss, is_conflict = down is not None, data["reason"] == "name_conflict"
    why = "left" if data["reason"] == "left" else "lost"
    root = _draw_process(key_part(data["supervisor"]), id_text(data["supervisor"]), "distributed")
    members = {name: _draw_member(root.id, name) for name in sorted({old, new, *filter(None, places.values())})}
    child = id_text(data["id"])
    for name in (old, new):
        members[name].children.append(_draw_child(members[name].id, child))
    members[new].children[0].ended = None if is_conflict else ABSENT
    for id, place in places.items():
        if id == data["id"]:
            continue
        member = members[place or old]
        if len(member.children) < MOST_DRAWN:
            member.children.append(_draw_child(member.id, id_text(id), ended=None if place or not is_loss else why))
        else:
            member.more += 1
    for member in members.values():
        member.children.sort(key=lambda one: one.name)
    root.children = list(members.values())
    before, after = (f"{members[name].id}/{key_part(child)}" for name in (old, new))
    start = {
        "kind": "start",
        "at": down or 0.0,
        "id": after,
        "by": root.id,
        "pid": plain_pid(data["child"]),
        "state": None,
    }
    events: list[dict[str, Any]] = [] if second else [{"kind": "stop", "at": 0.0, "id": before, "by": root.id}]
    if is_loss:
        events = [
            {"kind": "crash", "at": 0.0, "id": before, "reason": why, "crash": True},
            {"kind": "crash", "at": 0.0, "id": members[old].id, "reason": why, "crash": True},
            {"kind": "signal", "at": 0.0, "id": members[old].id, "to": root.id, "reason": why},
            {
                "kind": "decide",
                "at": 0.0,
                "id": root.id,
                "what": "restart",
                "left": None,
                "later": None,
                "strategy": None,
            },
        ]
    return Moment.model_validate(
        {
            "id": ref.number, "ref": str(ref), "node": node, "at": at - (down or 0.0), "took": down or 0.0,
            "complete": True, "going_on": False, "summary": describe_placement(data, second=second), "line": None,
            "root": root, "events": events if is_conflict else [*events, start], "ghosts": {}, "storm": 0,
            "moved": True,
        }
    )  # fmt: skip


def _draw_member(root: str, name: str) -> MomentNode:
    return _draw_process(f"{root}/{key_part(name)}", name.removesuffix("@127.0.0.1"), "member")


def _draw_child(member: str, id: str, ended: str | None = None) -> MomentNode:
    return _draw_process(f"{member}/{key_part(id)}", id, None, ended)


def _draw_process(id: str, name: str, strategy: str | None, ended: str | None = None) -> MomentNode:
    """Return a process; a supervisor or a member has a `strategy`, which is written below its name."""
    kind = "worker" if strategy is None else "dynamic_supervisor"
    return MomentNode(
        id=id, name=clip(name, LONGEST), kind=kind, pid=None, strategy=strategy, limit=None, used=0, restart=None,
        state=None, ended=ended, children=[], more=0,
    )  # fmt: skip
