"""Starting and listing simulations, shared by several operations."""

from __future__ import annotations

from otp import Pid, observer, sentences, trace
from superlearner.control.names import display_name
from superlearner.control.simulations import OF_THE_NODE, Only, Plan, begin, id_of
from superlearner.control.terms import plain_pid, text_of
from superlearner.operations.context import Context
from superlearner.operations.engine.steering import steering
from superlearner.operations.failures import OperationError
from superlearner.operations.results.simulation import SimulationLine
from superlearner.operations.targets import called, feels, process_of, protect

__all__ = ["ERRORS", "a_server", "begin_simulation", "describe_simulation", "list_affected", "words_of"]

ERRORS = (
    "malformed_pid",
    "process_not_found",
    "critical_process_protection",
    "conflict",
    "start_failed",
    "already_started",
    "call_failed",
    "child_not_found",
    "timeout",
)


def a_server(ctx: Context, pid: str) -> Pid:
    """Return the living server that `pid` names. Raises OperationError: for a plain function, too."""
    target = process_of(ctx, pid)
    seen = observer.process(ctx.node, target, messages=0, exits=0, related=0)
    if seen is not None and seen.kind == "coroutine":
        raise OperationError("conflict", f"{called(target)} is a function: only a server can be suspended")
    return target


async def begin_simulation(ctx: Context, plan: Plan, *, force: bool = False) -> SimulationLine:
    """Start a simulation on a process. Raises OperationError: the process is protected, or cannot take part.

    `chaos` chooses its targets itself and leaves out the protected ones.
    """
    with steering():
        if plan.kind != "chaos":
            protect(ctx, plan.target, force=force)
        ctx.about_to(words_of(plan), lambda: list_affected(plan))
        pid = await begin(ctx.home, plan)
    return describe_simulation(pid, plan)


def list_affected(plan: Plan) -> list[str]:
    """Return the processes that a simulation affects."""
    return feels(plan.target, plan.reason if plan.kind == "crash" else None)


def describe_simulation(pid: Pid | None, plan: Plan) -> SimulationLine:
    """Return the result for a simulation; `pid` is the process that runs it."""
    of_node = plan.kind in OF_THE_NODE
    return SimulationLine(
        id=None if pid is None else id_of(pid),
        kind=plan.kind,
        target=None if of_node else plain_pid(plan.target),
        name=trace.node_of(plan.target).name if of_node else display_name(plan.target),
        running=True,
        done=plan.done,
        words=words_of(plan),
    )


def words_of(plan: Plan) -> str:
    """Describe a simulation in words that continue "would …"."""
    who = called(plan.target)
    match plan.kind:
        case "crash":
            return f"send the exit signal {plan.reason} to {who}" + (f" in {plan.delay:g} s" if plan.delay else "")
        case "slow":
            return f"suspend {who} for {plan.duration:g} s"
        case "flood":
            often = sentences.times_text(plan.count)
            return f"send {text_of(plan.message, 100)} {often} to {who}, {plan.per_second:g} a second"
        case "chaos":
            return f"kill {plan.per_second:g} workers a second below {who} for {plan.duration:g} s"
        case "crash_next":
            return f"crash {who} with {plan.reason} at its next message{_which(plan.only)}"
        case "drop":
            return f"drop {_how_many(plan)} to {who} for at most {plan.duration:g} s"
        case "delay":
            return f"delay {_how_many(plan)} to {who} by {plan.pause:g} s, for at most {plan.duration:g} s"
        case "slow_callbacks":
            return f"delay each callback of {who} by {plan.pause:g} s, for {plan.duration:g} s"
        case "hang":
            return f"block the node's event loop for {plan.duration:g} s"
        case "memory":
            return f"allocate {plan.megabytes} MiB of memory for {plan.duration:g} s"


def _how_many(plan: Plan) -> str:
    number = "all messages" if plan.times is None else f"the next {plan.times} messages"
    return number + _which(plan.only)


def _which(only: Only) -> str:
    parts = [f"of kind {only.kind}"] if only.kind else []
    parts += [f"with the first word {text_of(only.tag, 60)}"] if only.tag else []
    parts += [f"containing {text_of(only.search, 60)}"] if only.search else []
    return "".join(f" {part}" for part in parts)
