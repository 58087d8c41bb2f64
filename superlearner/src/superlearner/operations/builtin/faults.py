"""Faults on purpose: messages that are lost or late, a crash to come, slow callbacks, a loop that is held, memory."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from otp import Pid
from superlearner.control.simulations import Only, Plan, begin
from superlearner.control.tree import supervisor_state
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import Force, OfKind, OfTag, OfText, PidText, Reason
from superlearner.operations.results_simulation import SimulationLine
from superlearner.operations.simulated import ERRORS, a_server, begun, line_of, words_of
from superlearner.operations.targets import MOST_NAMED, called, process_of

InForceMs = Annotated[int, Field(ge=1, le=600_000, description="milliseconds it is in force at most")]
Times = Annotated[int | None, Field(ge=1, le=100_000, description="how many messages; without it all that come")]


@operation("simulation.crash_next", http=("POST", "/processes/{pid}/simulate/crash-next"), scope="operate",
           changes=True, errors=ERRORS)  # fmt: skip
async def crash_next(
    ctx: Context,
    pid: PidText,
    reason: Reason = "kill",
    kind: OfKind = None,
    tag: OfTag = None,
    text: OfText = "",
    duration_ms: InForceMs = 60_000,
    force: Force = False,
) -> SimulationLine:
    """Let a process crash at its next message.

    The message that fits never arrives. What waits in its mailbox already is handled as ever.
    """
    only = Only(kind, tag, text)
    plan = Plan("crash_next", process_of(ctx, pid), reason=reason, only=only, duration=duration_ms / 1000, times=1)
    return await begun(ctx, plan, force=force)


@operation("simulation.drop", http=("POST", "/processes/{pid}/simulate/drop"), scope="operate", changes=True,
           errors=ERRORS)  # fmt: skip
async def drop(
    ctx: Context,
    pid: PidText,
    kind: OfKind = None,
    tag: OfTag = None,
    text: OfText = "",
    times: Times = None,
    duration_ms: InForceMs = 10_000,
    force: Force = False,
) -> SimulationLine:
    """Lose messages on their way to a process.

    A call that is lost runs into its time-out. Signals, answers and what a debugger asks are never lost.
    """
    plan = Plan("drop", process_of(ctx, pid), only=Only(kind, tag, text), times=times, duration=duration_ms / 1000)
    return await begun(ctx, plan, force=force)


@operation("simulation.delay", http=("POST", "/processes/{pid}/simulate/delay"), scope="operate", changes=True,
           errors=ERRORS)  # fmt: skip
async def delay(
    ctx: Context,
    pid: PidText,
    delay_ms: Annotated[int, Field(ge=1, le=60_000, description="how much later each of them arrives")] = 1000,
    kind: OfKind = None,
    tag: OfTag = None,
    text: OfText = "",
    times: Times = None,
    duration_ms: InForceMs = 10_000,
    force: Force = False,
) -> SimulationLine:
    """Let messages to a process arrive later.

    What is sent afterwards and does not fit overtakes them. Those that are late when it is over still arrive.
    """
    only = Only(kind, tag, text)
    plan = Plan(
        "delay", process_of(ctx, pid), pause=delay_ms / 1000, only=only, times=times, duration=duration_ms / 1000
    )
    return await begun(ctx, plan, force=force)


@operation("simulation.slow_callbacks", http=("POST", "/processes/{pid}/simulate/slow-callbacks"), scope="operate",
           changes=True, errors=ERRORS)  # fmt: skip
async def slow_callbacks(
    ctx: Context,
    pid: PidText,
    delay_ms: Annotated[int, Field(ge=1, le=60_000, description="how long each callback waits first")] = 500,
    duration_ms: InForceMs = 10_000,
    force: Force = False,
) -> SimulationLine:
    """Let each callback of a server take longer.

    As one that asks a slow disk: the server is busy, its mailbox grows, all others go on.
    """
    target = a_server(ctx, pid)
    if supervisor_state(target) is not None:
        raise OperationError("conflict", f"{called(target)} is a supervisor: the callbacks of its children can be slow")
    plan = Plan("slow_callbacks", target, pause=delay_ms / 1000, duration=duration_ms / 1000)
    return await begun(ctx, plan, force=force)


@operation("simulation.hang", http=("POST", "/simulations/hang"), scope="code", changes=True, destroys=True,
           errors=ERRORS)  # fmt: skip
async def hang(
    ctx: Context,
    duration_ms: Annotated[int, Field(ge=1, le=60_000, description="for how long")] = 5000,
    force: Force = False,
) -> SimulationLine:
    """Hold the loop of a node, as a callback that never waits.

    Nothing of the node runs meanwhile, timers included. In a sandbox the platform ends it when its limit is over; on
    the platform's own node this page stands still, too, so there it takes `force`.
    """
    return await _harm_the_node(ctx, Plan("hang", _some_process(ctx), duration=duration_ms / 1000), force=force)


@operation("simulation.memory", http=("POST", "/simulations/memory"), scope="code", changes=True, destroys=True,
           errors=ERRORS)  # fmt: skip
async def memory(
    ctx: Context,
    megabytes: Annotated[int, Field(ge=1, le=100_000, description="how many MiB are taken")] = 512,
    duration_ms: InForceMs = 10_000,
    force: Force = False,
) -> SimulationLine:
    """Take memory, 16 MiB at a time, and keep it for a while.

    A sandbox ends when its limit is reached. On the platform's own node it takes `force`.
    """
    plan = Plan("memory", _some_process(ctx), megabytes=megabytes, duration=duration_ms / 1000)
    return await _harm_the_node(ctx, plan, force=force)


def _some_process(ctx: Context) -> Pid:
    """The oldest process of the node: a simulation that is about all of them ends with it."""
    return ctx.node.processes()[0]


async def _harm_the_node(ctx: Context, plan: Plan, *, force: bool) -> SimulationLine:
    if ctx.kind.answers_requests and not force and not ctx.dry_run:
        raise OperationError(
            "critical_process_protection",
            f"{ctx.node.name} is {ctx.kind.description}",
            hint='try it in a sandbox; to do it all the same, send {"force": true}',
        )
    ctx.about_to(words_of(plan), lambda: [called(pid) for pid in ctx.node.processes()[:MOST_NAMED]])
    return line_of(await begin(ctx.home, plan), plan)
