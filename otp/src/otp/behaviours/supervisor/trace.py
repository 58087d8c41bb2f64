"""Events and log records of supervisors, for everything that happens to a child."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from logging import INFO
from typing import Any, Final

from otp.behaviours.server.child_spec import ChildSpec
from otp.behaviours.supervisor.child_stop import is_expected_end
from otp.behaviours.supervisor.dynamic_state import DynamicState
from otp.behaviours.supervisor.reports import (
    log_failed_request,
    log_failed_restart,
    log_gave_up,
    log_restarted,
    log_stopped,
    logger,
)
from otp.behaviours.supervisor.spec_check import shutdown_of
from otp.behaviours.supervisor.state import RestartWindow, SupervisorState
from otp.kernel.values.bounded import bound_reason
from otp.kernel.values.process import Process
from otp.kernel.values.reasons import Reason, same

__all__ = [
    "report_ended",
    "report_failed_restart",
    "report_failed_start",
    "report_gave_up",
    "report_refused_child",
    "report_restarted",
    "report_started",
    "report_stopped",
]

ALONE: Final[tuple[Hashable, ...]] = ()


def report_started(
    me: Process,
    id: Hashable,
    pid: Any,
    spec: ChildSpec,
    cause: int = 0,
    old: Any = None,
    restarts: int = 0,
    along: bool = False,
) -> None:
    """Report that a child runs: started first, `along` with a restarted sibling (`cause`), or on request.

    `old` is its previous process if that ended by itself: this start is then the last of `restarts` restarts.
    """
    trace = me.runtime.tracer
    if old is not None:
        trace.restarts += 1
    trace.record("child_started", me, (me, id, pid, spec.restart, spec.type, old, restarts, along), cause)


def report_ended(me: Process, id: Hashable, pid: Any, reason: Reason, less: Reason, now: int, cause: int) -> None:
    """Report that a child ended by itself; `less` is the reason to keep, `cause` the number of its end's event."""
    values = (id, pid, less, "exit", True)
    me.runtime.tracer.record("child_terminated", me, values, cause, None if less is reason else reason, now)


def report_stopped(
    me: Process,
    id: Hashable,
    pid: Any,
    reason: Reason,
    spec: ChildSpec | None,
    by_itself: bool,
    *,
    requested: bool = False,
    overdue: bool = False,
) -> None:
    """Report that a child was stopped, perhaps on request.

    `by_itself`: it had ended before, and the supervisor only found that. `overdue`: it was killed because its shutdown
    time had passed. Without a `spec`, any reason is as asked.
    """
    less = bound_reason(reason)
    whole = None if less is reason else reason
    as_asked = spec is None or is_expected_end(spec, reason)
    limit = None if spec is None or not overdue or not same(reason, "killed") else shutdown_of(spec)
    exceeded = None if limit is None or isinstance(limit, str) else limit
    more = (requested, exceeded) if exceeded is not None else (True,) if requested else ()
    values = (id, pid, less, "supervisor", by_itself, *more)
    me.runtime.tracer.record("child_terminated", me, values, pid.exit_seq, whole)
    if not as_asked:
        log_stopped(me, id, pid, reason, by_itself, exceeded)


def report_restarted(
    me: Process,
    state: SupervisorState | DynamicState,
    id: Hashable,
    pid: Any,
    old: Any,
    reason: Reason,
    cause: int,
    group: Iterable[Hashable] = ALONE,
    restarts: int = 0,
    along: bool = False,
) -> None:
    """Report a restarted child, with a reason to keep; `group` are the ids restarted with it.

    `restarts` counts the restarts of the child. `along` is true if it was stopped because of a sibling and its first
    start failed, so that this start is not a restart of the child.
    """
    trace = me.runtime.tracer
    if not along:
        trace.restarts += 1
    values = (
        id, pid, old, reason, state.strategy, state.counted, state.max_restarts, state.max_seconds,
        group, restarts, along,
    )  # fmt: skip
    trace.record("child_restarted", me, values, cause)
    if logger.isEnabledFor(INFO):
        log_restarted(me, state, id, pid, old, reason, group)


def report_failed_restart(me: Process, state: RestartWindow, id: Hashable, reason: Reason, cause: int) -> int:
    """Report a failed restart that will be retried; return the number of the event."""
    log_failed_restart(me, state, id, reason)
    data = _intensity(state, id, reason) | {"attempts": state.attempts(cause) + 1}
    number = me.runtime.tracer.emit("restart_failed", me, data, cause)
    state.note_attempt(cause, number)
    return number


def report_failed_start(me: Process, id: Hashable, reason: Reason, spec: ChildSpec, *, dynamic: bool = False) -> None:
    """Report that a child did not start on request, with a reason to keep.

    A dynamic child is not logged: such starts are the program's own, and it gets the reason.
    """
    if not dynamic:
        log_failed_request(me, id, reason)
    me.runtime.tracer.emit("start_failed", me, {"id": id, "reason": reason, "restart": spec.restart})


def report_refused_child(me: Process, id: Hashable, reason: Reason, spec: ChildSpec, *, dynamic: bool = False) -> None:
    """Report that a new child did not start; not that its process runs already, which is the mistake of the caller."""
    match reason:
        case ("already_started", _):
            pass
        case _:
            report_failed_start(me, id, reason, spec, dynamic=dynamic)


def report_gave_up(me: Process, state: RestartWindow, id: Hashable, pid: Any, reason: Reason, cause: int) -> None:
    """Report that the supervisor gives up after one restart too many.

    `reason` is that of the end of `pid`; with None, that of a failed restart.
    """
    log_gave_up(me, state, id, pid, reason)
    trace = me.runtime.tracer
    trace.give_ups += 1
    more = {"retried": True, "attempts": state.attempts(cause)} if pid is None else {}
    trace.emit("gave_up", me, _intensity(state, id, reason) | more, cause)


def _intensity(state: RestartWindow, id: Hashable, reason: Reason) -> dict[str, Any]:
    return {
        "id": id,
        "reason": reason,
        "used": state.counted,
        "allowed": state.max_restarts,
        "window": state.max_seconds,
    }
