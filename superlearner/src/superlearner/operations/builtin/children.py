"""Children of supervisors: list, start, stop, delete, bulk changes, simulated failures."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Literal

from pydantic import Field

import otp
from otp import Pid, Supervisor
from otp.observer import ChildStart
from otp.observer.operations import count_children, delete_child, start_child
from superlearner.control.clock import Clock
from superlearner.control.names import is_critical
from superlearner.control.steer import NotThere, child_id, kill, restart_child, terminate_child
from superlearner.control.supervising import children_of, pid_of, spec_of
from superlearner.control.terms import plain_pid
from superlearner.control.tree import TreeReader
from superlearner.observing.events import EventLog
from superlearner.operations.builtin.supervisors import NOT_THERE, STEERED
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, Picker, operation
from superlearner.operations.engine.requesters import request_of
from superlearner.operations.engine.steering import refuse_paused, starting, steering
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import (
    ChildText,
    Force,
    NewName,
    PageNumber,
    PerPage,
    Reason,
    SupervisorText,
    Term,
)
from superlearner.operations.results import Child, RestartResult, TerminateResult
from superlearner.operations.results.shown import describe_child
from superlearner.operations.results.supervisors import (
    BulkOfChildren,
    ChildOutcome,
    ChildSpecResult,
    Counts,
    Deleted,
    FailureSimulated,
    StartedChild,
)
from superlearner.operations.targets import (
    answering,
    called,
    child_of,
    feels,
    protect,
    protect_child,
    protect_children,
    supervisor_of,
    term_of,
)
from superlearner.settings.settings import Settings

OF_CHILD = (*STEERED, "child_not_found")
MOST_AT_ONCE = 1000

Target = Annotated[str, Field(max_length=20_000, description="`random`, a child's id, or the pid of a dynamic child")]


@operation("supervisor.children", http=("GET", "/supervisors/{name}/children"), scope="read", errors=NOT_THERE,
           short="id name alive restarts restarted_along last_exit.reason pid restart type what")  # fmt: skip
async def children(ctx: Context, name: SupervisorText, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[Child]:
    """List the children of a supervisor.

    In start order, with their last exit.
    """
    pid = supervisor_of(ctx, name)
    start = (page - 1) * per_page
    slots, total = TreeReader(Clock()).children(pid, start, per_page)
    return Paged([describe_child(slot) for slot in slots], total, page, per_page)


@operation("supervisor.count", http=("GET", "/supervisors/{name}/children/count"), scope="read", errors=NOT_THERE)
async def count(ctx: Context, name: SupervisorText) -> Counts:
    """Count the children of a supervisor.

    Child specs, running children, supervisors and workers.
    """
    pid = supervisor_of(ctx, name)
    with steering():
        found = count_children(pid)
    return Counts(
        supervisor=plain_pid(pid),
        specs=found.specs,
        active=found.active,
        supervisors=found.supervisors,
        workers=found.workers,
    )


@operation(
    "supervisor.child_spec",
    http=("GET", "/supervisors/{name}/children/{child:path}/spec"),
    scope="read",
    errors=(*NOT_THERE, "child_not_found"),
)
async def child_spec(ctx: Context, name: SupervisorText, child: ChildText) -> ChildSpecResult:
    """Show the child spec of a child.

    It says how the supervisor starts, restarts and stops the child.
    """
    pid = supervisor_of(ctx, name)
    with answering():
        found = spec_of(pid, child_id(pid, child))
    if found is None:
        raise OperationError("child_not_found", f"there is no child {child} (it has just been removed)")
    return ChildSpecResult(supervisor=plain_pid(pid), **found)


@operation(
    "supervisor.start_child",
    http=("POST", "/supervisors/{name}/children"),
    scope="code",
    changes=True,
    errors=(*OF_CHILD, "start_failed", "already_started"),
)
async def start(
    ctx: Context,
    name: SupervisorText,
    start: Annotated[str | None, Field(max_length=500, description="`module:Class` of an imported behaviour")] = None,
    arg: Term = None,
    id: Annotated[str | None, Field(max_length=200, description="default: its class")] = None,
    registered_name: Annotated[NewName | None, Field(description="name to register for the child")] = None,
    restart: Annotated[
        Literal["permanent", "transient", "temporary"] | None, Field(description="when it is restarted")
    ] = None,
    shutdown: Annotated[
        Annotated[float, Field(ge=0, le=86_400)] | Literal["brutal_kill", "infinity"] | None,
        Field(description="seconds to shut down before it is killed"),
    ] = None,
    arguments: Annotated[
        list[Term] | None,
        Field(max_length=100, description="extra arguments for simple_one_for_one, instead of `start`"),
    ] = None,
    force: Force = False,
) -> StartedChild:
    """Start a child.

    It becomes the last child. Lists in `arg` become tuples.
    """
    pid = supervisor_of(ctx, name)
    if (start is None) == (arguments is None):
        raise OperationError("validation_error", "start: expected `start`, or `arguments` for simple_one_for_one")
    term = term_of(arg, "arg")
    given = None if arguments is None else [term_of(one, "arguments") for one in arguments]
    refuse_paused(pid)
    with starting(ctx, pid):
        protect_children(ctx, pid, force=force)
        ctx.about_to(f"start {start or 'a child'} under {called(pid)}", [called(pid)])
        child = given if start is None else ChildStart(start, term, id, registered_name, restart, shutdown)
        started = await start_child(pid, child)
    known = None if started is None else _text_of_child(started, pid)
    return StartedChild(supervisor=plain_pid(pid), id=known, pid=None if started is None else plain_pid(started))


@operation(
    "supervisor.restart_child",
    http=("POST", "/supervisors/{name}/children/{child:path}/restart"),
    scope="operate",
    changes=True,
    errors=(*OF_CHILD, "start_failed", "already_started"),
)
async def restart(
    ctx: Context, events: EventLog, /, name: SupervisorText, child: ChildText, force: Force = False
) -> RestartResult:
    """Restart a child.

    A running child is shut down first.
    """
    pid = supervisor_of(ctx, name)
    child = child_of(pid, child)
    with starting(ctx, pid):
        protect_child(ctx, pid, child, force=force)
        refuse_paused(pid)
        ctx.about_to(f"restart the child {child} of {called(pid)}", [child])
        with events.requests.during(pid, child_id(pid, child), request_of(ctx)):
            started = await restart_child(pid, child)
    return RestartResult(supervisor=plain_pid(pid), id=child, pid=None if started is None else plain_pid(started))


@operation(
    "supervisor.terminate_child",
    http=("POST", "/supervisors/{name}/children/{child:path}/terminate"),
    scope="operate",
    changes=True,
    destroys=True,
    errors=OF_CHILD,
)
async def terminate(
    ctx: Context, events: EventLog, /, name: SupervisorText, child: ChildText, force: Force = False
) -> TerminateResult:
    """Stop a child.

    Shuts the child down; its supervisor does not restart it.
    """
    pid = supervisor_of(ctx, name)
    child = child_of(pid, child)
    with steering():
        protect_child(ctx, pid, child, force=force)
        refuse_paused(pid)
        ctx.about_to(f"stop the child {child} of {called(pid)}", [child])
        with events.requests.during(pid, child_id(pid, child), request_of(ctx)):
            await terminate_child(pid, child)
    return TerminateResult(supervisor=plain_pid(pid), id=child, terminated=True)


@operation(
    "supervisor.delete_child",
    http=("DELETE", "/supervisors/{name}/children/{child:path}"),
    scope="operate",
    changes=True,
    destroys=True,
    errors=OF_CHILD,
)
async def delete(ctx: Context, name: SupervisorText, child: ChildText, force: Force = False) -> Deleted:
    """Delete a child.

    Removes the child spec of a stopped child. A running child gives `conflict`, as in OTP.
    """
    pid = supervisor_of(ctx, name)
    child = child_of(pid, child)
    with steering():
        known = child_id(pid, child)
        if pid_of(pid, known) is not None:
            raise OperationError("conflict", f"the child {child} is running", hint="terminate it first")
        protect_children(ctx, pid, force=force)
        refuse_paused(pid)
        ctx.about_to(f"delete the child {child} of {called(pid)}", [called(pid)])
        await delete_child(pid, known)
    return Deleted(supervisor=plain_pid(pid), id=child, deleted=True)


@operation(
    "supervisor.bulk_children",
    http=("POST", "/supervisors/{name}/children/bulk"),
    scope="operate",
    changes=True,
    destroys=True,
    errors=(*NOT_THERE, "conflict"),
)
async def bulk(
    ctx: Context,
    events: EventLog,
    /,
    name: SupervisorText,
    action: Annotated[Literal["restart", "terminate", "delete"], Field(description="the action for each child")],
    children: Annotated[
        list[str], Field(min_length=1, max_length=MOST_AT_ONCE, description="ids or pids"), Picker("child")
    ],
    force: Force = False,
) -> BulkOfChildren:
    """Restart, stop or delete many children.

    One after the other in the given order; each child has its own result.
    """
    pid = supervisor_of(ctx, name)
    refuse_paused(pid)
    if ctx.dry_run:
        for text in children:
            with suppress(NotThere):
                protect_child(ctx, pid, text, force=force)
    ctx.about_to(f"{action} {len(children)} children of {called(pid)}", children[:100])

    async def one(text: str) -> ChildOutcome:
        started: Pid | None = None
        try:
            with steering():
                protect_child(ctx, pid, text, force=force)
                with events.requests.during(pid, child_id(pid, text), request_of(ctx)):
                    if action == "restart":
                        started = await restart_child(pid, text)
                    elif action == "terminate":
                        await terminate_child(pid, text)
                    else:
                        await Supervisor.delete_child(pid, child_id(pid, text))
        except OperationError as error:
            return ChildOutcome(id=text, ok=False, code=error.code, message=error.message)
        return ChildOutcome(id=text, ok=True, pid=None if started is None else plain_pid(started))

    return BulkOfChildren(supervisor=plain_pid(pid), action=action, results=[await one(text) for text in children])


@operation(
    "supervisor.simulate_failure",
    http=("POST", "/supervisors/{name}/simulate-failure"),
    scope="operate",
    changes=True,
    errors=OF_CHILD,
)
async def simulate_failure(
    ctx: Context,
    settings: Settings,
    /,
    name: SupervisorText,
    failure_type: Annotated[
        Literal["child_crash", "supervisor_crash"],
        Field(description="the process that fails: a child or the supervisor"),
    ] = "child_crash",
    target: Target = "random",
    reason: Reason = "kill",
    force: Force = False,
) -> FailureSimulated:
    """Crash a child or the supervisor itself.

    Sends an exit signal and answers when the process is gone. `supervisor.predict` predicts the result.
    """
    pid = supervisor_of(ctx, name)
    child: str | None = None
    victim = pid
    with steering():
        if failure_type == "child_crash":
            victim, child = _victim(pid, target)
        protect(ctx, victim, force=force)
        ctx.about_to(f"send the exit signal {reason} to {called(victim)}", lambda: feels(victim, reason))
        killed = await kill(victim, reason, wait=settings.kill_wait)
    return FailureSimulated(
        status="failure_simulated",
        failure_type=failure_type,
        supervisor=plain_pid(pid),
        child=child,
        pid=killed.pid,
        reason=reason,
        terminated=killed.terminated,
    )


def _victim(supervisor: Pid, target: str) -> tuple[Pid, str]:
    """Return the running child to crash. Raises OperationError if there is none."""
    running = children_of(supervisor)
    if target == "random":
        harmless = [one for one in running if not is_critical(one[0])]
        if not harmless:
            raise OperationError("conflict", "it has no running child except those that the platform needs")
        return otp.random.choice(harmless)
    wanted = pid_of(supervisor, child_id(supervisor, target))
    if wanted is None:
        raise OperationError("conflict", f"the child {target} is not running")
    return wanted, _text_of_child(wanted, supervisor)


def _text_of_child(pid: Pid, supervisor: Pid) -> str:
    """Return the id of a child as text, or its pid."""
    return next((text for one, text in children_of(supervisor) if one is pid), plain_pid(pid))
