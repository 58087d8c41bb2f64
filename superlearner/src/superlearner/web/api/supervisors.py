"""Supervisors: list, details, and their children's starts and stops."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from otp import Pid
from superlearner.control.clock import Clock
from superlearner.control.look import supervisors
from superlearner.control.slots import Slot
from superlearner.control.steer import resolve_supervisor, restart_child, terminate_child
from superlearner.control.terms import plain_pid
from superlearner.control.tree import TreeReader
from superlearner.web.api.described import (
    Answer,
    ListAnswer,
    RestartResult,
    SupervisorDetails,
    TerminateResult,
    answers,
)
from superlearner.web.api.parts import NodeOf, PageNumber, PerPage, PidText, answering
from superlearner.web.envelope import Envelope, PageEnvelope, page_of
from superlearner.web.rows import wire_budget

__all__ = ["router"]

router = APIRouter(prefix="/supervisors", tags=["supervisors"])

ChildId = Annotated[str, Path(description="the child's id, or the pid of a dynamic child", examples=["counter_1"])]


@router.get("", summary="List supervisors", responses=answers(ListAnswer[SupervisorDetails], 422))
async def index(
    node: NodeOf,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    include_children: Annotated[bool, Query(description="with their direct children")] = False,
) -> PageEnvelope[dict[str, Any]]:
    """All living supervisors of the node, oldest first."""
    chosen = page_of(supervisors(node), page, per_page)
    reader = TreeReader(Clock())
    lines = [_shown(reader, pid, children=include_children) for pid in chosen.data]
    return PageEnvelope(data=lines, meta=chosen.meta)


@router.get("/{name}", summary="All about a supervisor", responses=answers(Answer[SupervisorDetails], 400, 404, 422))
async def details(name: PidText, node: NodeOf) -> Envelope[dict[str, Any]]:
    """Strategy, restart budget and children in start order."""
    with answering():
        pid = resolve_supervisor(node, name)
    return Envelope(data=_shown(TreeReader(Clock()), pid, children=True))


@router.post(
    "/{name}/children/{child:path}/restart",
    summary="Restart a child",
    responses=answers(Answer[RestartResult], 400, 404, 409, 413, 415, 422),
)
async def restart(name: PidText, child: ChildId, node: NodeOf) -> Envelope[dict[str, Any]]:
    """Stop the child in order if it runs, and start it again."""
    with answering():
        pid = resolve_supervisor(node, name)
        started = await restart_child(pid, child)
    return Envelope(data={"supervisor": plain_pid(pid), "id": child, "pid": started and plain_pid(started)})


@router.post(
    "/{name}/children/{child:path}/terminate",
    summary="Stop a child",
    responses=answers(Answer[TerminateResult], 400, 404, 409, 413, 415, 422),
)
async def terminate(name: PidText, child: ChildId, node: NodeOf) -> Envelope[dict[str, Any]]:
    """Stop the child in order; its supervisor does not start it again by itself."""
    with answering():
        pid = resolve_supervisor(node, name)
        await terminate_child(pid, child)
    return Envelope(data={"supervisor": plain_pid(pid), "id": child, "terminated": True})


def _shown(reader: TreeReader, pid: Pid, *, children: bool) -> dict[str, Any]:
    slot = reader.supervisor(pid, depth=1 if children else 0)
    if slot is None:  # it ended in this very step
        return {"name": None, "pid": plain_pid(pid), "alive": False, "child_count": 0, "strategy": None}
    shown: dict[str, Any] = {
        "name": slot.name,
        "pid": slot.pid,
        "alive": True,
        "what": slot.what,
        "child_count": slot.child_count,
        "strategy": slot.strategy,
        "max_restarts": None if slot.budget is None else slot.budget.max,
        "max_seconds": None if slot.budget is None else slot.budget.window_s,
        "restarts_used": None if slot.budget is None else wire_budget(slot.budget, reader.clock.now()).used,
    }
    if children:
        shown["children"] = [_child(child) for child in slot.children]
    return shown


def _child(slot: Slot) -> dict[str, Any]:
    last = slot.last
    return {
        "id": slot.id,
        "pid": slot.pid,
        "name": slot.name,
        "type": slot.kind,
        "what": slot.what,
        "modules": [slot.what],
        "alive": slot.pid is not None,
        "restart": slot.restart,
        "restarting": slot.restarting,
        "restarts": slot.restarts,
        "last_exit": None if last is None else {"at": last.at, "reason": last.reason, "crash": last.crash},
        "strategy": slot.strategy,
        "child_count": slot.child_count,
    }
