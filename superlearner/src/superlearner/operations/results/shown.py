"""Results about supervisors and their children, shared by several operations."""

from __future__ import annotations

from otp import Pid
from superlearner.control.slots import Slot, max_seconds_of
from superlearner.control.terms import plain_pid
from superlearner.control.tree import TreeReader
from superlearner.operations.results import Child, SupervisorDetails

__all__ = ["describe_child", "describe_supervisor"]


def describe_supervisor(reader: TreeReader, pid: Pid, *, children: bool) -> SupervisorDetails:
    """Return the details of a supervisor."""
    slot = reader.supervisor(pid, depth=1 if children else 0)
    if slot is None:  # it has just ended
        return SupervisorDetails(name=None, pid=plain_pid(pid), alive=False, child_count=0, strategy=None)
    budget = slot.budget
    answer = SupervisorDetails(
        name=slot.name,
        pid=plain_pid(pid),
        alive=True,
        what=slot.what,
        child_count=slot.child_count,
        strategy=slot.strategy,
        max_restarts=None if budget is None else budget.max,
        max_seconds=None if budget is None else max_seconds_of(budget.window_s),
        restarts_used=None if budget is None else budget.counting(reader.clock.now())[0],
    )
    if children:
        answer.children = [describe_child(child) for child in slot.children]
    return answer


def describe_child(slot: Slot) -> Child:
    """Return the result for a child."""
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
        restarted_along=slot.restarted_along,
        last_exit=last,
        strategy=slot.strategy,
        child_count=slot.child_count,
    )
