"""Supervisors: list, details, and their children's starts and stops."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from otp import Pid
from superlearner.arsenal.context import Context
from superlearner.arsenal.declaration import Paged, operation
from superlearner.arsenal.parameters import ChildText, PageNumber, PerPage, SupervisorText
from superlearner.arsenal.results import Child, LastExit, RestartResult, SupervisorDetails, TerminateResult
from superlearner.arsenal.targets import answering, called, supervisor_of
from superlearner.control.clock import Clock
from superlearner.control.look import supervisors
from superlearner.control.slots import Slot
from superlearner.control.steer import child_id, restart_child, terminate_child
from superlearner.control.terms import plain_pid
from superlearner.control.tree import TreeReader

NOT_THERE = ("malformed_pid", "supervisor_not_found")


@operation("supervisor.list", http=("GET", "/supervisors"), scope="read")
async def list_all(
    ctx: Context,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    include_children: Annotated[bool, Field(description="with their direct children")] = False,
) -> Paged[SupervisorDetails]:
    """List supervisors.

    All living supervisors of the node, oldest first.
    """
    found = supervisors(ctx.node)
    start = (page - 1) * per_page
    reader = TreeReader(Clock())
    lines = [_shown(reader, pid, children=include_children) for pid in found[start : start + per_page]]
    return Paged(lines, len(found), page, per_page)


@operation("supervisor.info", http=("GET", "/supervisors/{name}"), scope="read", errors=NOT_THERE)
async def details(ctx: Context, name: SupervisorText) -> SupervisorDetails:
    """All about a supervisor.

    Strategy, restart budget and children in start order.
    """
    return _shown(TreeReader(Clock()), supervisor_of(ctx, name), children=True)


@operation(
    "supervisor.restart_child",
    http=("POST", "/supervisors/{name}/children/{child:path}/restart"),
    scope="operate",
    changes=True,
    errors=(*NOT_THERE, "child_not_found", "start_failed", "already_started", "call_failed", "process_not_found"),
)
async def restart(ctx: Context, name: SupervisorText, child: ChildText) -> RestartResult:
    """Restart a child.

    Stop the child in order if it runs, and start it again.
    """
    pid = supervisor_of(ctx, name)
    with answering():
        child_id(pid, child)
        ctx.about_to(f"stop the child {child} of {called(pid)} if it runs, and start it again", [child])
        started = await restart_child(pid, child)
    return RestartResult(supervisor=plain_pid(pid), id=child, pid=None if started is None else plain_pid(started))


@operation(
    "supervisor.terminate_child",
    http=("POST", "/supervisors/{name}/children/{child:path}/terminate"),
    scope="operate",
    changes=True,
    destroys=True,
    errors=(*NOT_THERE, "child_not_found", "call_failed", "process_not_found"),
)
async def terminate(ctx: Context, name: SupervisorText, child: ChildText) -> TerminateResult:
    """Stop a child.

    Stop the child in order; its supervisor does not start it again by itself.
    """
    pid = supervisor_of(ctx, name)
    with answering():
        child_id(pid, child)
        ctx.about_to(f"stop the child {child} of {called(pid)}", [child])
        await terminate_child(pid, child)
    return TerminateResult(supervisor=plain_pid(pid), id=child, terminated=True)


def _shown(reader: TreeReader, pid: Pid, *, children: bool) -> SupervisorDetails:
    slot = reader.supervisor(pid, depth=1 if children else 0)
    if slot is None:  # it ended in this very step
        return SupervisorDetails(name=None, pid=plain_pid(pid), alive=False, child_count=0, strategy=None)
    budget = slot.budget
    shown = SupervisorDetails(
        name=slot.name,
        pid=plain_pid(pid),
        alive=True,
        what=slot.what,
        child_count=slot.child_count,
        strategy=slot.strategy,
        max_restarts=None if budget is None else budget.max,
        max_seconds=None if budget is None else budget.window_s,
        restarts_used=None if budget is None else budget.counting(reader.clock.now())[0],
    )
    if children:
        shown.children = [_child(child) for child in slot.children]
    return shown


def _child(slot: Slot) -> Child:
    last = slot.last
    return Child(
        id=slot.id,
        pid=slot.pid,
        name=slot.name,
        type=slot.kind,
        what=slot.what,
        modules=[slot.what],
        alive=slot.pid is not None,
        restart=slot.restart,  # pyright: ignore[reportArgumentType]
        restarting=slot.restarting,
        restarts=slot.restarts,
        last_exit=None if last is None else LastExit(at=last.at, reason=last.reason, crash=last.crash),
        strategy=slot.strategy,
        child_count=slot.child_count,
    )
