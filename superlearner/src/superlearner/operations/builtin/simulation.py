"""Simulated failures: crashes, suspensions, floods, chaos. All are bounded and can be cancelled."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

import otp
from superlearner.control.simulations import Plan, cancel, find_simulation, running
from superlearner.control.steer import kill
from superlearner.operations.builtin.simulated import (
    ERRORS,
    a_server,
    begin_simulation,
    describe_simulation,
    list_affected,
    words_of,
)
from superlearner.operations.context import Context
from superlearner.operations.declaration import Picker, operation
from superlearner.operations.engine.steering import steering
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import (
    Force,
    PidText,
    Reason,
    SupervisorText,
    Term,
)
from superlearner.operations.results.simulation import SimulationLine
from superlearner.operations.targets import called, process_of, protect, supervisor_of, term_of
from superlearner.settings.settings import Settings

DurationMs = Annotated[int, Field(ge=1, le=60_000, description="milliseconds it lasts")]


@operation("simulation.list", http=("GET", "/simulations"), scope="read")
async def list_all(ctx: Context) -> list[SimulationLine]:
    """List the running simulations.

    At most 20 run at a time.
    """
    return [describe_simulation(pid, plan) for pid, plan in running(ctx.home, ctx.node)]


@operation("simulation.crash", http=("POST", "/processes/{pid}/simulate/crash"), scope="operate", changes=True,
           errors=ERRORS)  # fmt: skip
async def crash(
    ctx: Context,
    settings: Settings,
    /,
    pid: PidText,
    reason: Reason = "kill",
    delay_ms: Annotated[
        int, Field(ge=0, le=600_000, description="milliseconds to wait; 0: now, with the result when it is gone")
    ] = 0,
    force: Force = False,
) -> SimulationLine:
    """Crash a process, now or later.

    Sends an exit signal with the reason. A delayed one can be cancelled.
    """
    plan = Plan("crash", process_of(ctx, pid), reason=reason, delay=delay_ms / 1000)
    if delay_ms:
        return await begin_simulation(ctx, plan, force=force)
    with steering():
        protect(ctx, plan.target, force=force)
        ctx.about_to(words_of(plan), lambda: list_affected(plan))
        killed = await kill(plan.target, reason, wait=settings.kill_wait)
    return SimulationLine(
        id=None,
        kind="crash",
        target=killed.pid,
        name=killed.name,
        running=False,
        done=int(killed.terminated),
        words=words_of(plan),
    )


@operation("simulation.slow", http=("POST", "/processes/{pid}/simulate/slow"), scope="operate", changes=True,
           errors=ERRORS)  # fmt: skip
async def slow(ctx: Context, pid: PidText, duration_ms: DurationMs = 6000, force: Force = False) -> SimulationLine:
    """Suspend a server for a while.

    Its messages wait in the mailbox, and calls to it time out (after 5 s by default).
    """
    target = a_server(ctx, pid)
    if otp.process_info(target, "status") == "suspended":
        raise OperationError("conflict", f"{called(target)} is already suspended", hint="see GET /api/v1/simulations")
    return await begin_simulation(ctx, Plan("slow", target, duration=duration_ms / 1000), force=force)


@operation("simulation.flood", http=("POST", "/processes/{pid}/simulate/flood"), scope="operate", changes=True,
           errors=ERRORS)  # fmt: skip
async def flood(
    ctx: Context,
    pid: PidText,
    message: Term = "flood",
    count: Annotated[int, Field(ge=1, le=10_000, description="number of messages")] = 1000,
    per_second: Annotated[int, Field(ge=1, le=10_000, description="messages per second")] = 1000,
    force: Force = False,
) -> SimulationLine:
    """Flood a mailbox.

    Sends many messages at a steady rate. If the server is slow, its mailbox grows.
    """
    term = term_of(message, "message")
    plan = Plan("flood", process_of(ctx, pid), count=count, per_second=per_second, message=term)
    return await begin_simulation(ctx, plan, force=force)


@operation(
    "simulation.chaos",
    http=("POST", "/supervisors/{name}/simulate/chaos"),
    scope="operate",
    changes=True,
    errors=(*ERRORS, "supervisor_not_found"),
)
async def chaos(
    ctx: Context,
    name: SupervisorText,
    kills_per_second: Annotated[
        float, Field(ge=0.1, le=20, allow_inf_nan=False, description="processes killed per second")
    ] = 1.0,
    duration_ms: DurationMs = 10_000,
    reason: Reason = "kill",
) -> SimulationLine:
    """Kill random workers below a supervisor.

    One at a time, never a supervisor or a process that the platform needs. Shows how long the restart budget lasts.
    """
    plan = Plan(
        "chaos", supervisor_of(ctx, name), reason=reason, duration=duration_ms / 1000, per_second=kills_per_second
    )
    return await begin_simulation(ctx, plan)


@operation("simulation.cancel", http=("DELETE", "/simulations/{id}"), scope="operate", changes=True, errors=ERRORS)
async def end(
    ctx: Context,
    id: Annotated[str, Field(max_length=100, description="its id, see simulation.list"), Picker("simulation")],
) -> SimulationLine:
    """Cancel a simulation.

    A suspended process resumes; ended processes stay ended.
    """
    with steering():
        home = ctx.home
        find_simulation(home, ctx.node, id)
        ctx.about_to(f"cancel the simulation {id}", [id])
        plan = await cancel(home, ctx.node, id)
    line = describe_simulation(None, plan)
    line.running = False
    return line
