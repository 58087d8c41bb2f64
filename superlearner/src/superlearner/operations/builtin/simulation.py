"""Failures on purpose: crashes, standstill, floods, chaos; all bounded, all can be cancelled."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

import otp
from superlearner.control.simulations import Plan, cancel, known, running
from superlearner.control.steer import kill
from superlearner.operations.context import Context
from superlearner.operations.declaration import Picker, operation
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import (
    Force,
    PidText,
    Reason,
    SupervisorText,
    Term,
)
from superlearner.operations.results_simulation import SimulationLine
from superlearner.operations.simulated import ERRORS, a_server, begun, feels_of, line_of, words_of
from superlearner.operations.steering import steering
from superlearner.operations.targets import called, process_of, protect, supervisor_of, term_of
from superlearner.settings.settings import Settings

DurationMs = Annotated[int, Field(ge=1, le=60_000, description="milliseconds until it is over")]


@operation("simulation.list", http=("GET", "/simulations"), scope="read")
async def list_all(ctx: Context) -> list[SimulationLine]:
    """List the simulations that run.

    At most 20 run at once.
    """
    return [line_of(pid, plan) for pid, plan in running(ctx.home, ctx.node)]


@operation("simulation.crash", http=("POST", "/processes/{pid}/simulate/crash"), scope="operate", changes=True,
           errors=ERRORS)  # fmt: skip
async def crash(
    ctx: Context,
    settings: Settings,
    /,
    pid: PidText,
    reason: Reason = "kill",
    delay_ms: Annotated[int, Field(ge=0, le=600_000, description="0: now, and the answer comes when it is gone")] = 0,
    force: Force = False,
) -> SimulationLine:
    """Let a process crash, now or later.

    An exit signal with the reason. One that comes later can be cancelled.
    """
    plan = Plan("crash", process_of(ctx, pid), reason=reason, delay=delay_ms / 1000)
    if delay_ms:
        return await begun(ctx, plan, force=force)
    with steering():
        protect(ctx, plan.target, force=force)
        ctx.about_to(words_of(plan), lambda: feels_of(plan))
        killed = await kill(plan.target, reason, force=force, wait=settings.kill_wait)
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
    """Let a server stand still for a while.

    It is suspended: its messages wait, and calls to it run into their time-out (5 s by default).
    """
    target = a_server(ctx, pid)
    if otp.process_info(target, "status") == "suspended":
        raise OperationError("conflict", f"{called(target)} is suspended already", hint="see simulation.list")
    return await begun(ctx, Plan("slow", target, duration=duration_ms / 1000), force=force)


@operation("simulation.flood", http=("POST", "/processes/{pid}/simulate/flood"), scope="operate", changes=True,
           errors=ERRORS)  # fmt: skip
async def flood(
    ctx: Context,
    pid: PidText,
    message: Term = "flood",
    count: Annotated[int, Field(ge=1, le=10_000, description="messages in all")] = 1000,
    per_second: Annotated[int, Field(ge=1, le=10_000, description="how many in a second")] = 1000,
    force: Force = False,
) -> SimulationLine:
    """Flood a mailbox.

    Many messages at a steady rate. A server that is slow meanwhile shows how its mailbox grows.
    """
    term = term_of(message, "message")
    plan = Plan("flood", process_of(ctx, pid), count=count, per_second=per_second, message=term)
    return await begun(ctx, plan, force=force)


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
        float, Field(ge=0.1, le=20, allow_inf_nan=False, description="how many end in a second")
    ] = 1.0,
    duration_ms: DurationMs = 10_000,
    reason: Reason = "kill",
) -> SimulationLine:
    """Let chance end processes below a supervisor.

    A worker at a time, never one that the platform needs and no supervisor. See how long the budget lasts.
    """
    plan = Plan(
        "chaos", supervisor_of(ctx, name), reason=reason, duration=duration_ms / 1000, per_second=kills_per_second
    )
    return await begun(ctx, plan, force=True)


@operation("simulation.cancel", http=("DELETE", "/simulations/{id}"), scope="operate", changes=True, errors=ERRORS)
async def end(
    ctx: Context, id: Annotated[str, Field(max_length=100, description="from the list"), Picker("simulation")]
) -> SimulationLine:
    """Cancel a simulation.

    A process that was held goes on; what has ended stays so.
    """
    with steering():
        home = ctx.home
        known(home, ctx.node, id)
        ctx.about_to(f"cancel the simulation {id}", [id])
        plan = await cancel(home, ctx.node, id)
    line = line_of(None, plan)
    line.running = False
    return line
