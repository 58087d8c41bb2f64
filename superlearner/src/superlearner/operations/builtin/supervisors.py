"""Supervisors: list, details, flags, predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from otp import Pid, Supervisor
from otp.observer.prediction import Prediction
from superlearner.control.backoff import backoff_of
from superlearner.control.clock import Clock
from superlearner.control.look import supervisors
from superlearner.control.names import display_name, registered_name
from superlearner.control.slots import DYNAMIC
from superlearner.control.supervising import Step, flags_of, predict_all
from superlearner.control.terms import plain_pid
from superlearner.control.tree import TreeReader, what_of
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, operation
from superlearner.operations.engine.steering import refuse_paused, steering
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import (
    ChildText,
    Force,
    OfWhom,
    PageNumber,
    PerPage,
    SupervisorText,
)
from superlearner.operations.results import SupervisorDetails
from superlearner.operations.results.shown import describe_supervisor
from superlearner.operations.results.supervisors import (
    FlagsResult,
    PredictionResult,
    PredictionStep,
)
from superlearner.operations.targets import called, child_of, protect, supervisor_of

NOT_THERE = ("malformed_pid", "supervisor_not_found")
STEERED = (*NOT_THERE, "critical_process_protection", "process_not_found", "call_failed", "timeout", "conflict")
MOST_IDS = 500
MOST_NAMED = 10

Strategy = Annotated[
    Literal["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"],
    Field(description="the children that a restart includes; simple_one_for_one cannot be set or changed"),
]
MaxRestarts = Annotated[
    Annotated[int, Field(ge=0, le=1_000_000_000)] | Literal["infinity"],
    Field(description="restarts allowed within `max_seconds`; one more, and it gives up"),
]
MaxSeconds = Annotated[
    Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)] | Literal["infinity"],
    Field(description="seconds for which a restart counts"),
]
AutoShutdown = Annotated[
    Literal["never", "any_significant", "all_significant"],
    Field(description="when exits of significant children stop the supervisor"),
]


@operation("supervisor.list", http=("GET", "/supervisors"), scope="read",
           short="name strategy child_count restarts_used max_restarts max_seconds pid what")  # fmt: skip
async def list_all(
    ctx: Context,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    include_children: Annotated[bool, Field(description="with their direct children")] = False,
    search: Annotated[str, Field(max_length=200, description="part of name, class or pid")] = "",
    sort: Annotated[
        Literal["pid", "-pid", "name", "-name", "what", "-what"],
        Field(description="column; the prefix `-` reverses the order"),
    ] = "pid",
    whose: OfWhom = "yours",
) -> Paged[SupervisorDetails]:
    """List supervisors.

    The living supervisors of the node, oldest first, without those that the platform runs for itself.
    """
    found = _chosen(supervisors(ctx.node, whose), search, sort)
    start = (page - 1) * per_page
    reader = TreeReader(Clock())
    lines = [describe_supervisor(reader, pid, children=include_children) for pid in found[start : start + per_page]]
    return Paged(lines, len(found), page, per_page)


@operation("supervisor.info", http=("GET", "/supervisors/{name}"), scope="read", errors=NOT_THERE,
           short="name pid alive what strategy restarts_used max_restarts max_seconds children.id,name,alive,restarts "
                 "children.restarted_along children.last_exit.reason children.pid,restart,type,what")  # fmt: skip
async def details(ctx: Context, name: SupervisorText) -> SupervisorDetails:
    """Show a supervisor.

    Strategy, restart budget, and children in start order.
    """
    return describe_supervisor(TreeReader(Clock()), supervisor_of(ctx, name), children=True)


@operation("supervisor.flags", http=("GET", "/supervisors/{name}/flags"), scope="read", errors=NOT_THERE)
async def flags(ctx: Context, name: SupervisorText) -> FlagsResult:
    """Show the flags of a supervisor.

    Strategy, intensity and period, and the number of restarts that count now.
    """
    return _flags(supervisor_of(ctx, name))


@operation(
    "supervisor.change_strategy",
    http=("PUT", "/supervisors/{name}/strategy"),
    scope="operate",
    changes=True,
    errors=STEERED,
)
async def change_strategy(
    ctx: Context,
    name: SupervisorText,
    strategy: Strategy,
    max_restarts: Annotated[MaxRestarts | None, Field(description="restarts allowed within `max_seconds`")] = None,
    max_seconds: Annotated[MaxSeconds | None, Field(description="seconds for which a restart counts")] = None,
    force: Force = False,
) -> FlagsResult:
    """Change the strategy of a supervisor.

    It applies from the next exit of a child. Running children are not affected, and past restarts still count.
    """
    changes = {"strategy": strategy, "max_restarts": max_restarts, "max_seconds": max_seconds}
    return await _change(ctx, name, changes, force=force)


@operation(
    "supervisor.set_flags",
    http=("PUT", "/supervisors/{name}/flags"),
    scope="operate",
    changes=True,
    errors=STEERED,
)
async def set_flags(
    ctx: Context,
    name: SupervisorText,
    max_restarts: Annotated[MaxRestarts | None, Field(description="restarts allowed within `max_seconds`")] = None,
    max_seconds: Annotated[MaxSeconds | None, Field(description="seconds for which a restart counts")] = None,
    auto_shutdown: Annotated[
        AutoShutdown | None, Field(description="when exits of significant children stop the supervisor")
    ] = None,
    strategy: Annotated[Strategy | None, Field(description="the children that a restart includes")] = None,
    force: Force = False,
) -> FlagsResult:
    """Set the flags of a supervisor.

    Omitted flags do not change.
    """
    changes = {
        "max_restarts": max_restarts,
        "max_seconds": max_seconds,
        "auto_shutdown": auto_shutdown,
        "strategy": strategy,
    }
    return await _change(ctx, name, changes, force=force)


@operation(
    "supervisor.predict",
    http=("GET", "/supervisors/{name}/children/{child:path}/predict"),
    scope="read",
    errors=(*NOT_THERE, "child_not_found"),
    short="comes_back reason steps.words",
)
async def predict(
    ctx: Context,
    /,
    name: SupervisorText,
    child: ChildText,
    reason: Annotated[
        str, Field(max_length=200, description="its exit reason; `normal` and `shutdown` are not failures")
    ] = "killed",
    strategy: Annotated[
        Literal["one_for_one", "one_for_all", "rest_for_one"] | None,
        Field(description="predict for this strategy instead of the supervisor's own"),
    ] = None,
) -> PredictionResult:
    """Predict the restarts after a child's exit.

    Computed from the supervisors' tables, including the restarts that count now. Nothing is changed.
    """
    pid = supervisor_of(ctx, name)
    child = child_of(pid, child)
    steps = predict_all(pid, child, reason, strategy)
    shown = [_step(step) for step in steps]
    back = bool(steps) and steps[-1].found.outcome == "restarts"
    last, waiting = None if back or not steps else steps[-1], backoff_of(ctx.node)
    if last is not None and waiting is not None and waiting.restarts(registered_name(last.supervisor), last.child):
        shown[-1].words = f"after a backoff the platform restarts {last.child}"
        back = True
    return PredictionResult(child=child, reason=reason, steps=shown, comes_back=back)


def _chosen(found: list[Pid], search: str, sort: str) -> list[Pid]:
    """Return the supervisors with `search` in name, class or pid, sorted; `found` is oldest first."""
    if search:
        needle = search.casefold()
        found = [
            pid
            for pid in found
            if any(needle in text.casefold() for text in (_name(pid), what_of(pid), plain_pid(pid)))
        ]
    column = sort.removeprefix("-")
    if column != "pid":
        found.sort(key=_name if column == "name" else what_of)
    if sort.startswith("-"):
        found.reverse()
    return found


def _name(pid: Pid) -> str:
    return display_name(pid) or ""


async def _change(ctx: Context, name: str, changes: dict[str, Any], *, force: bool) -> FlagsResult:
    given = {key: value for key, value in changes.items() if value is not None}
    if not given:
        raise OperationError("validation_error", "expected at least one flag to change", hint='{"max_restarts": 10}')
    pid = supervisor_of(ctx, name)
    now = flags_of(pid)
    if now is not None and "strategy" in given and (now.strategy in DYNAMIC) != (given["strategy"] in DYNAMIC):
        raise OperationError(
            "validation_error",
            f"strategy: {called(pid)} is {now.strategy}; simple_one_for_one cannot be set or changed",
            hint="POST /api/v1/supervisors starts another supervisor",
        )
    with steering():
        protect(ctx, pid, force=force)
        refuse_paused(pid)
        words = ", ".join(f"{key} {value}" for key, value in given.items())
        ctx.about_to(f"set {words} of {called(pid)}", [called(pid)])
        await Supervisor.change_flags(pid, **given)
    return _flags(pid)


def _flags(pid: Pid) -> FlagsResult:
    found = flags_of(pid)
    if found is None:
        raise OperationError("supervisor_not_found", f"there is no supervisor {plain_pid(pid)} (it has just ended)")
    return FlagsResult.model_validate(
        {
            "supervisor": plain_pid(pid),
            "name": display_name(pid),
            "strategy": found.strategy,
            "max_restarts": found.max_restarts,
            "max_seconds": found.max_seconds,
            "auto_shutdown": found.auto_shutdown,
            "restarts_used": found.used,
        }
    )


def _step(step: Step) -> PredictionStep:
    return PredictionStep.model_validate(
        {
            "supervisor": plain_pid(step.supervisor),
            "name": display_name(step.supervisor),
            "strategy": step.flags.strategy,
            "child": step.child,
            "outcome": step.found.outcome,
            "stopped": list(step.found.stopped[:MOST_IDS]),
            "stopped_count": len(step.found.stopped),
            "started": list(step.found.started[:MOST_IDS]),
            "started_count": len(step.found.started),
            "gone": list(step.found.gone[:MOST_IDS]),
            "untouched_count": step.untouched_count,
            "restarts_used": step.found.used,
            "max_restarts": step.flags.max_restarts,
            "max_seconds": step.flags.max_seconds,
            "words": _words(step.child, step.found),
        }
    )


def _listed(names: Sequence[str]) -> str:
    shown = [*names[:MOST_NAMED], *([f"{len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else [])]
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


def _words(child: str, found: Prediction) -> str:
    match found.outcome:
        case "restarts":
            others = [one for one in found.started if one != child]
            return f"{child} restarts" + (f", and with it {_listed(others)}" if others else ", no other child")
        case "stays_down":
            return f"{child} stays down and keeps its child spec; no other child is affected"
        case "gone":
            return f"{child} is removed with its child spec; no other child is affected"
        case "gives_up":
            return "one restart too many: the supervisor stops all its children and gives up"
        case "stops":
            return f"{child} is significant: the supervisor stops all its children and itself"
