"""Lifecycle of processes: start, stop, suspend, collect garbage."""

from __future__ import annotations

import gc
import time
from typing import Annotated, Any, Literal
from uuid import uuid4

from pydantic import Field

import otp
from otp import Pid, Supervisor, sys
from superlearner.control.classes import ClassNotThere, behaviour_named
from superlearner.control.endings import end_tree, shut_down
from superlearner.control.names import display_name
from superlearner.control.relations import descendants_of
from superlearner.control.slots import DYNAMIC
from superlearner.control.steer import hold
from superlearner.control.terms import plain_pid
from superlearner.control.tree import supervisor_state
from superlearner.observing.events import EventLog
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.engine.requesters import request_of
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import Force, NewName, PidText, Reason, SupervisorText, TimeoutMs
from superlearner.operations.results.processes import (
    Collected,
    ShutdownResult,
    SignalResult,
    Started,
    Suspension,
    TreeResult,
)
from superlearner.operations.targets import (
    answering,
    called,
    feels,
    process_of,
    protect,
    server_of,
    supervisor_of,
    term_of,
)

NOT_THERE = ("malformed_pid", "process_not_found")
ENDS = (*NOT_THERE, "critical_process_protection")
ASKS = (*NOT_THERE, "critical_process_protection", "not_a_server", "timeout", "call_failed")
MOST_TOLD = 1000


@operation(
    "process.start",
    http=("POST", "/processes"),
    scope="code",
    changes=True,
    errors=(
        "malformed_pid",
        "supervisor_not_found",
        "process_not_found",
        "module_not_found",
        "critical_process_protection",
        "already_started",
        "start_failed",
        "call_failed",
    ),
)
async def start(
    ctx: Context,
    start: Annotated[
        str,
        Field(
            max_length=300,
            description="`module:Class` of an installed behaviour",
            examples=["superlearner.demo.one_for_one:Counter"],
        ),
    ],
    argument: Annotated[Any, Field(description="argument of `init`: any JSON, lists become tuples")] = None,
    name: Annotated[NewName | None, Field(description="registered name, also its child id")] = None,
    supervisor: SupervisorText = "playground",
    restart: Annotated[
        Literal["permanent", "transient", "temporary"],
        Field(description="only `temporary` is allowed directly under `playground`"),
    ] = "temporary",
) -> Started:
    """Start a process.

    An installed behaviour becomes a child of a supervisor in the playground. Its module is imported if necessary.
    """  # fmt: skip
    above = supervisor_of(ctx, supervisor)
    playground = ctx.node.whereis("playground")
    with answering():
        if playground is None or playground not in (above, *(otp.process_info(above, "ancestors") or ())):
            raise OperationError(
                "critical_process_protection",
                f"expected a supervisor in the playground, got {called(above)}",
                hint="start it under playground, or under a supervisor in it",
            )
        if above is playground and restart != "temporary":
            raise OperationError(
                "validation_error",
                f"restart: expected temporary under playground, whose restarts have no limit, got {restart}",
                hint="start it under a supervisor of your own, or as temporary",
            )
        cls, term = _class_of(start), term_of(argument, "argument")
        child_id = name or f"{cls.__name__}-{uuid4().hex[:6]}"
        ctx.about_to(f"start {start} under {called(above)}, {restart}", [called(above)])
        started: Any = await Supervisor.start_child(
            above, cls.child_spec(term, id=child_id, name=name, restart=restart)
        )
    pid = started[0] if isinstance(started, tuple) else started  # pyright: ignore[reportUnknownVariableType]
    state = supervisor_state(above)
    dynamic = state is not None and state.strategy in DYNAMIC
    return Started(
        pid=plain_pid(pid) if isinstance(pid, Pid) else None,
        name=name,
        what=cls.__qualname__,
        supervisor=plain_pid(above),
        child_id=None if dynamic else child_id,
    )


def _class_of(text: str) -> type[Any]:
    try:
        return behaviour_named(text)
    except ClassNotThere as error:
        raise OperationError("module_not_found", str(error), hint="see docs/demo.md for classes to try") from None


@operation(
    "process.exit", http=("POST", "/processes/{pid}/exit"), scope="operate", changes=True, destroys=True, errors=ENDS
)
async def signal(
    ctx: Context, events: EventLog, /, pid: PidText, reason: Reason = "shutdown", force: Force = False
) -> SignalResult:
    """Send an exit signal.

    It does not wait for the result: a process that traps exits receives a message. `process.kill` waits for the exit.
    """
    found = process_of(ctx, pid)
    with answering():
        protect(ctx, found, force=force)
        ctx.about_to(f"send the exit signal {reason} to {called(found)}", lambda: feels(found, reason))
        result = SignalResult(
            pid=plain_pid(found),
            name=display_name(found),
            reason=reason,
            traps=reason != "kill" and bool(otp.process_info(found, "trap_exit")),
        )
        events.requests.sends_exit(found, reason, request_of(ctx))
        otp.exit(found, reason)
    return result


@operation(
    "process.shutdown",
    http=("POST", "/processes/{pid}/shutdown"),
    scope="operate",
    changes=True,
    destroys=True,
    errors=ENDS,
)
async def shutdown(
    ctx: Context,
    events: EventLog,
    /,
    pid: PidText,
    timeout_ms: TimeoutMs = 5000,
    reason: Reason = "shutdown",
    force: Force = False,
) -> ShutdownResult:
    """Shut down a process.

    As its supervisor would: request an exit, wait, and kill it at the timeout. Its supervisor may restart it.
    """
    found = process_of(ctx, pid)
    with answering():
        protect(ctx, found, force=force)
        ctx.about_to(f"shut down {called(found)}, and kill it after {timeout_ms} ms", lambda: feels(found, reason))
        name, begun = display_name(found), time.perf_counter()
        events.requests.sends_exit(found, reason, request_of(ctx))
        terminated, killed = await shut_down(found, reason, timeout_ms / 1000)
    took = round((time.perf_counter() - begun) * 1000)
    return ShutdownResult(pid=plain_pid(found), name=name, terminated=terminated, killed=killed, took_ms=took)


@operation(
    "process.terminate_tree",
    http=("DELETE", "/processes/{pid}/tree"),
    scope="operate",
    changes=True,
    destroys=True,
    errors=ENDS,
)
async def terminate_tree(ctx: Context, pid: PidText, timeout_ms: TimeoutMs = 5000, force: Force = False) -> TreeResult:
    """Terminate a process and its descendants.

    A supervisor shuts its children down. Other descendants are asked to exit, and killed at the timeout. The
    process's own supervisor may restart it.
    """
    found = process_of(ctx, pid)
    with answering():
        protect(ctx, found, force=force)
        below = [other for other, _ in descendants_of(ctx.node, found)]
        ctx.about_to(
            f"terminate {called(found)} and its {len(below)} descendants",
            lambda: [*feels(found, "shutdown"), *(called(other) for other in below[:100])],
        )
        end = await end_tree(ctx.node, found, timeout_ms / 1000)
    return TreeResult(
        pid=plain_pid(found),
        ended=[plain_pid(one) for one in end.ended[:MOST_TOLD]],
        ended_count=len(end.ended),
        survived=[plain_pid(one) for one in end.survived[:MOST_TOLD]],
    )


@operation("process.suspend", http=("POST", "/processes/{pid}/suspend"), scope="operate", changes=True, errors=ASKS)
async def suspend(ctx: Context, pid: PidText, timeout_ms: TimeoutMs = 5000, force: Force = False) -> Suspension:
    """Suspend a server.

    It stops handling messages; they stay in its mailbox, and callers wait. `process.resume` resumes it.
    """
    found = server_of(ctx, pid)
    with answering():
        protect(ctx, found, force=force)
        ctx.about_to(f"suspend {called(found)}", [called(found)])
        await hold(found, timeout_ms / 1000, by=request_of(ctx))
    return _suspension(found, "suspended")


@operation("process.resume", http=("POST", "/processes/{pid}/resume"), scope="operate", changes=True, errors=ASKS)
async def resume(ctx: Context, pid: PidText, timeout_ms: TimeoutMs = 5000) -> Suspension:
    """Resume a server.

    It handles the messages that arrived while it was suspended. A running server is not affected.
    """
    found = server_of(ctx, pid)
    with answering():
        ctx.about_to(f"resume {called(found)}", [called(found)])
        await sys.resume(found, timeout_ms / 1000, by=request_of(ctx))
    return _suspension(found, "running")


def _suspension(pid: Pid, status: Literal["suspended", "running"]) -> Suspension:
    waiting = otp.process_info(pid, "message_queue_len") or 0
    return Suspension(pid=plain_pid(pid), name=display_name(pid), status=status, message_queue_len=waiting)


@operation("process.gc", http=("POST", "/processes/gc"), scope="operate", changes=True)
async def collect(
    ctx: Context,
    generation: Annotated[int, Field(ge=0, le=2, description="2 collects all objects and takes longest")] = 2,
) -> Collected:
    """Collect garbage.

    This covers the whole program, because all its processes share one heap. The program pauses meanwhile.
    """
    ctx.about_to(f"collect the garbage of the whole program, generation {generation}")
    before, begun = gc.get_stats(), time.perf_counter()
    gc.collect(generation)
    took = (time.perf_counter() - begun) * 1000
    now = gc.get_stats()
    return Collected(
        collected=sum(one["collected"] for one in now) - sum(one["collected"] for one in before),
        uncollectable=sum(one["uncollectable"] for one in now) - sum(one["uncollectable"] for one in before),
        took_ms=round(took, 3),
    )
