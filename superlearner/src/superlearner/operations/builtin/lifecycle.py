"""Lifecycle of supervisors: start, stop, restart, pause, resume."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal, cast

from pydantic import Field

import otp
from otp import ChildSpec, Pid, Supervisor
from otp.observer import ChildStart
from otp.observer.operations import start_child
from otp.observer.prediction import is_restarted
from superlearner.control.names import display_name
from superlearner.control.reasons import text_of_reason
from superlearner.control.steer import hold
from superlearner.control.supervising import restart_all, restart_whole
from superlearner.control.terms import plain_pid
from superlearner.control.tree import record_of
from superlearner.observing.events import EventLog
from superlearner.operations.builtin.supervisors import STEERED, MaxRestarts, MaxSeconds
from superlearner.operations.context import Context
from superlearner.operations.declaration import Body, operation
from superlearner.operations.engine.requesters import request_of
from superlearner.operations.engine.steering import refuse_paused, steering
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import (
    Force,
    NewName,
    SupervisorText,
    Term,
    TimeoutMs,
)
from superlearner.operations.results.supervisors import (
    ChildOutcome,
    Paused,
    StartedChild,
    StartedSupervisor,
    StoppedSupervisor,
    WholeRestart,
)
from superlearner.operations.targets import called, feels, protect, protect_children, supervisor_of, term_of

MOST_CHILDREN = 100


class NewChild(Body):
    """A child to start."""

    start: Annotated[str, Field(max_length=500, description="`module:Class` of an imported behaviour")]
    arg: Term = None
    id: Annotated[str | None, Field(max_length=200, description="default: its class")] = None
    name: NewName | None = None
    restart: Literal["permanent", "transient", "temporary"] | None = None


@operation(
    "supervisor.start",
    http=("POST", "/supervisors"),
    scope="code",
    changes=True,
    errors=(*STEERED, "name_taken", "start_failed", "already_started"),
)
async def start(
    ctx: Context,
    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$",
            description="the name to register: letters, digits, `_` and `-`; at most 64",
        ),
    ],
    children: Annotated[list[NewChild], Field(max_length=MOST_CHILDREN, description="in start order")],
    strategy: Annotated[
        Literal["one_for_one", "one_for_all", "rest_for_one"], Field(description="the children that a restart includes")
    ] = "one_for_one",
    max_restarts: MaxRestarts = 3,
    max_seconds: MaxSeconds = 5.0,
    under: SupervisorText = "playground",
    force: Force = False,
) -> StartedSupervisor:
    """Start a supervisor.

    It becomes a child of the supervisor `under`. It is transient: after a shutdown it is not restarted. If a child does
    not start, the new supervisor is removed again.
    """
    above = supervisor_of(ctx, under)
    protect_children(ctx, above, force=force)
    refuse_paused(above)
    if ctx.node.whereis(name) is not None:
        raise OperationError("name_taken", f"the name {name} is taken by {called(cast('Pid', ctx.node.whereis(name)))}")
    given = [ChildStart(one.start, term_of(one.arg, "children"), one.id, one.name, one.restart) for one in children]
    ctx.about_to(f"start the supervisor {name} with {len(children)} children under {called(above)}", [called(above)])
    begin = partial(
        Supervisor.start_link_children,
        (),
        strategy=strategy,
        max_restarts=max_restarts,
        max_seconds=max_seconds,
        name=name,
    )
    spec = ChildSpec(name, start=begin, restart="transient", type="supervisor")
    started: list[StartedChild] = []
    with steering():
        pid = await Supervisor.start_child(above, spec)
        try:
            for one in given:
                child = await start_child(pid, one)
                started.append(_started_child(pid, one.id or one.start, child))
        except BaseException:
            await Supervisor.terminate_child(above, name)
            await Supervisor.delete_child(above, name)
            raise
    return StartedSupervisor(name=name, pid=plain_pid(pid), under=called(above), children=started)


@operation(
    "supervisor.stop",
    http=("DELETE", "/supervisors/{name}"),
    scope="operate",
    changes=True,
    destroys=True,
    errors=STEERED,
)
async def stop(
    ctx: Context,
    events: EventLog,
    /,
    name: SupervisorText,
    reason: Annotated[str, Field(min_length=1, max_length=200, description="the exit reason")] = "shutdown",
    timeout_ms: TimeoutMs = 5000,
    force: Force = False,
) -> StoppedSupervisor:
    """Stop a supervisor.

    Stops its children in reverse order, then itself. A permanent child is restarted by its own supervisor; to keep it
    down, stop it there with `supervisor.terminate_child`.
    """
    pid = supervisor_of(ctx, name)
    with steering():
        protect(ctx, pid, force=force)
        record = record_of(pid)
        shown = display_name(pid)
        ctx.about_to(f"stop {called(pid)} and its subtree with reason {reason}", lambda: feels(pid, reason))
        events.requests.sends_exit(pid, reason, request_of(ctx))
        await Supervisor.stop(pid, reason, timeout_ms / 1000)
    return StoppedSupervisor(
        supervisor=plain_pid(pid),
        name=shown,
        reason=reason,
        terminated=True,
        starts_again=record is not None and is_restarted(record.spec.restart, reason),
    )


@operation(
    "supervisor.restart",
    http=("POST", "/supervisors/{name}/restart"),
    scope="operate",
    changes=True,
    errors=(*STEERED, "start_failed", "already_started", "child_not_found"),
)
async def restart(
    ctx: Context,
    name: SupervisorText,
    mode: Annotated[
        Literal["soft", "hard"],
        Field(description="`soft` restarts its children only; `hard` lets its own supervisor restart it"),
    ] = "soft",
    force: Force = False,
) -> WholeRestart:
    """Restart a whole supervisor.

    Children stop in reverse order and start in order. This does not count as a crash. Temporary children are not
    restarted.
    """
    pid = supervisor_of(ctx, name)
    with steering():
        protect(ctx, pid, force=force)
        if mode == "hard":
            refuse_paused(otp.process_info(pid, "parent") or pid)
            would = f"restart {called(pid)} and its whole subtree"
            started = await restart_whole(pid, lambda: ctx.about_to(would, feels(pid)))
            return WholeRestart(
                mode=mode, supervisor=plain_pid(pid), pid=None if started is None else plain_pid(started)
            )
        refuse_paused(pid)
        would = f"restart all children of {called(pid)}"
        outcome = await restart_all(pid, lambda: ctx.about_to(would, feels(pid)))
    return WholeRestart(
        mode=mode,
        supervisor=plain_pid(pid),
        pid=plain_pid(pid),
        children=[
            ChildOutcome(id=id, ok=error is None, pid=None if child is None else plain_pid(child))
            if error is None
            else ChildOutcome(id=id, ok=False, code="start_failed", message=text_of_reason(error.reason))
            for id, child, error in outcome
        ],
    )


@operation(
    "supervisor.pause",
    http=("POST", "/supervisors/{name}/pause"),
    scope="operate",
    changes=True,
    errors=STEERED,
)
async def pause(ctx: Context, name: SupervisorText, timeout_ms: TimeoutMs = 5000, force: Force = False) -> Paused:
    """Pause a supervisor.

    Its children keep running. It starts, stops and restarts none of them until it is resumed; then it catches up.
    """
    pid = supervisor_of(ctx, name)
    with steering():
        protect(ctx, pid, force=force)
        ctx.about_to(f"suspend {called(pid)}", [called(pid)])
        await hold(pid, timeout_ms / 1000, by=request_of(ctx))
    return _paused(pid)


@operation(
    "supervisor.resume",
    http=("POST", "/supervisors/{name}/resume"),
    scope="operate",
    changes=True,
    errors=STEERED,
)
async def resume(ctx: Context, name: SupervisorText) -> Paused:
    """Resume a supervisor.

    It continues where it was paused. A supervisor that is not paused does not change.
    """
    pid = supervisor_of(ctx, name)
    with steering():
        ctx.about_to(f"resume {called(pid)}", [called(pid)])
        await otp.sys.resume(pid, by=request_of(ctx))
    return _paused(pid)


def _paused(pid: Pid) -> Paused:
    suspended = otp.process_info(pid, "status") == "suspended"
    return Paused(supervisor=plain_pid(pid), name=display_name(pid), paused=suspended)


def _started_child(supervisor: Pid, id: str | None, pid: Pid | None) -> StartedChild:
    return StartedChild(supervisor=plain_pid(supervisor), id=id, pid=None if pid is None else plain_pid(pid))
