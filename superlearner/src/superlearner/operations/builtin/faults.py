"""Fault injection: dropped and delayed messages, crashes, slow callbacks, a blocked loop, memory."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from otp import Pid
from superlearner.control.simulations import Only, Plan, begin
from superlearner.control.tree import supervisor_state
from superlearner.operations.builtin.simulated import ERRORS, a_server, begin_simulation, describe_simulation, words_of
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.engine.steering import steering
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import Force, OfSentKind, OfTag, OfText, PidText, Reason
from superlearner.operations.results.simulation import SimulationLine
from superlearner.operations.targets import MOST_NAMED, called, permit, process_of

InForceMs = Annotated[int, Field(ge=1, le=600_000, description="the most milliseconds it lasts")]
Times = Annotated[int | None, Field(ge=1, le=100_000, description="number of messages; by default all")]


@operation("simulation.crash_next", http=("POST", "/processes/{pid}/simulate/crash-next"), scope="operate",
           changes=True, errors=ERRORS)  # fmt: skip
async def crash_next(
    ctx: Context,
    pid: PidText,
    reason: Reason = "kill",
    kind: OfSentKind = None,
    tag: OfTag = None,
    text: OfText = "",
    duration_ms: InForceMs = 60_000,
    force: Force = False,
) -> SimulationLine:
    """Crash a process at its next matching message.

    The message itself is lost. Messages already in the mailbox are handled as usual.
    """
    only = Only(kind, tag, text)
    plan = Plan("crash_next", process_of(ctx, pid), reason=reason, only=only, duration=duration_ms / 1000, times=1)
    return await begin_simulation(ctx, plan, force=force)


@operation("simulation.drop", http=("POST", "/processes/{pid}/simulate/drop"), scope="operate", changes=True,
           errors=ERRORS)  # fmt: skip
async def drop(
    ctx: Context,
    pid: PidText,
    kind: OfSentKind = None,
    tag: OfTag = None,
    text: OfText = "",
    times: Times = None,
    duration_ms: InForceMs = 10_000,
    force: Force = False,
) -> SimulationLine:
    """Drop messages to a process.

    A dropped call times out. Signals, replies and requests of `otp.sys` are never dropped.
    """
    plan = Plan("drop", process_of(ctx, pid), only=Only(kind, tag, text), times=times, duration=duration_ms / 1000)
    return await begin_simulation(ctx, plan, force=force)


@operation("simulation.delay", http=("POST", "/processes/{pid}/simulate/delay"), scope="operate", changes=True,
           errors=ERRORS)  # fmt: skip
async def delay(
    ctx: Context,
    pid: PidText,
    delay_ms: Annotated[
        int, Field(ge=1, le=60_000, description="milliseconds by which each message is delayed")
    ] = 1000,
    kind: OfSentKind = None,
    tag: OfTag = None,
    text: OfText = "",
    times: Times = None,
    duration_ms: InForceMs = 10_000,
    force: Force = False,
) -> SimulationLine:
    """Delay messages to a process.

    Later messages that do not match overtake them. Messages still delayed at the end of the simulation arrive.
    """
    only = Only(kind, tag, text)
    plan = Plan(
        "delay", process_of(ctx, pid), pause=delay_ms / 1000, only=only, times=times, duration=duration_ms / 1000
    )
    return await begin_simulation(ctx, plan, force=force)


@operation("simulation.slow_callbacks", http=("POST", "/processes/{pid}/simulate/slow-callbacks"), scope="operate",
           changes=True, errors=ERRORS)  # fmt: skip
async def slow_callbacks(
    ctx: Context,
    pid: PidText,
    delay_ms: Annotated[
        int, Field(ge=1, le=60_000, description="milliseconds by which each callback is delayed")
    ] = 500,
    duration_ms: InForceMs = 10_000,
    force: Force = False,
) -> SimulationLine:
    """Slow down the callbacks of a server.

    The server is busy as with a slow disk: its mailbox grows, other processes continue.
    """
    target = a_server(ctx, pid)
    if supervisor_state(target) is not None:
        raise OperationError(
            "conflict", f"expected a server, got the supervisor {called(target)}; try one of its children"
        )
    plan = Plan("slow_callbacks", target, pause=delay_ms / 1000, duration=duration_ms / 1000)
    return await begin_simulation(ctx, plan, force=force)


@operation("simulation.hang", http=("POST", "/simulations/hang"), scope="code", changes=True, destroys=True,
           errors=ERRORS)  # fmt: skip
async def hang(
    ctx: Context,
    duration_ms: Annotated[int, Field(ge=1, le=60_000, description="milliseconds to block it")] = 5000,
    force: Force = False,
) -> SimulationLine:
    """Block the event loop of a node.

    Like a callback that never awaits: nothing on the node runs, timers included. The platform kills a sandbox at its
    limit. On the platform's own node, which then answers no requests, it needs `force`.
    """
    return await _harm_the_node(ctx, Plan("hang", _some_process(ctx), duration=duration_ms / 1000), force=force)


@operation("simulation.memory", http=("POST", "/simulations/memory"), scope="code", changes=True, destroys=True,
           errors=ERRORS)  # fmt: skip
async def memory(
    ctx: Context,
    megabytes: Annotated[int, Field(ge=1, le=100_000, description="MiB to allocate")] = 512,
    duration_ms: InForceMs = 10_000,
    force: Force = False,
) -> SimulationLine:
    """Allocate memory on a node and keep it for a while.

    In steps of 16 MiB. A sandbox is killed at its limit. On the platform's own node it needs `force`.
    """
    plan = Plan("memory", _some_process(ctx), megabytes=megabytes, duration=duration_ms / 1000)
    return await _harm_the_node(ctx, plan, force=force)


def _some_process(ctx: Context) -> Pid:
    """Return the oldest process of the node; a simulation on the whole node ends with it."""
    return ctx.node.processes()[0]


async def _harm_the_node(ctx: Context, plan: Plan, *, force: bool) -> SimulationLine:
    if ctx.kind.answers_requests:
        permit(ctx, f"{ctx.node_name} is {ctx.kind.description}", force=force, hint="try it in a sandbox; ")
    ctx.about_to(words_of(plan), lambda: [called(pid) for pid in ctx.node.processes()[:MOST_NAMED]])
    with steering():
        return describe_simulation(await begin(ctx.home, plan), plan)
