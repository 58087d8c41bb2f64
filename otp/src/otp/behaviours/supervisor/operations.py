"""The operations of a supervisor with ordered children, and what they share with restarts.

Source: OTP's `supervisor.erl`, `handle_call/3`, `do_start_child`, `do_terminate`.
"""

from __future__ import annotations

from typing import Any

from otp.behaviours.supervisor.child_start import Failed, prepare, start, started_pid
from otp.behaviours.supervisor.child_stop import stop, wait_for_tasks_of_children
from otp.behaviours.supervisor.records import ChildInfo, Counts
from otp.behaviours.supervisor.spec_check import SpecError, check_spec
from otp.behaviours.supervisor.state import ChildRecord, SupervisorState, continue_counts
from otp.behaviours.supervisor.trace import report_failed_start, report_refused_child, report_started, report_stopped
from otp.kernel.ends.info import is_alive
from otp.kernel.tables.child_tasks import wait_for_tasks
from otp.kernel.values.bounded import bound_reason
from otp.kernel.values.process import Process
from otp.kernel.values.results import Reply

__all__ = [
    "counts_of",
    "delete_child",
    "info_of",
    "prepared",
    "restart_child",
    "start_child",
    "start_record",
    "stop_children",
    "stop_record",
    "terminate_child",
]


# Starting and stopping


def prepared(record: ChildRecord) -> Any:
    """Return the prepared call of a child's start function, created on first use."""
    call = record.start = prepare(record.spec)
    return call


async def start_record(me: Process, state: SupervisorState, record: ChildRecord) -> Any:
    """Start a child, record the outcome, and return what `start` returned."""
    await wait_for_tasks(me.runtime.scheduler, [(record.old, record.spec.shutdown)])
    outcome = await start(record.start or prepared(record))
    if type(outcome) is not Failed:
        pid = started_pid(outcome)
        old = record.old if record.ended else None
        state.started(record, pid)
        if pid is not None:
            if type(pid.state) is SupervisorState:
                continue_counts(record, pid.state)
            if old is not None:
                record.restarts += 1
            report_started(me, record.id, pid, record.spec, old=old, restarts=record.restarts)
    return outcome


async def stop_record(me: Process, state: SupervisorState, record: ChildRecord, *, requested: bool = False) -> None:
    """Stop a child if it is running, perhaps on request, and cancel a pending restart."""
    pid, reason, ended = record.pid, None, False
    if pid is not None:
        ended = not is_alive(pid)
        overdue = set[Any]()
        reason = await stop(pid, record.spec.shutdown, overdue=overdue)
        report_stopped(me, record.id, pid, reason, record.spec, ended, requested=requested, overdue=pid in overdue)
    state.stopped(record, reason, me.runtime.scheduler.window_ns(), ended=ended)


async def stop_children(me: Process, state: SupervisorState) -> None:
    """Stop all children one after the other, in reverse order of their start."""
    for record in reversed(list(state)):
        await stop_record(me, state, record)
    await wait_for_tasks_of_children(me)


# Operations


async def start_child(me: Process, state: SupervisorState, child: Any) -> Any:
    """Start one more child, after all others."""
    try:
        spec = check_spec(child, state.auto_shutdown)
    except SpecError as error:
        return Reply(("error", error.reason), state)
    present = state.find(spec.id)
    if present is not None:
        known = "already_present" if present.pid is None else ("already_started", present.pid)
        return Reply(("error", known), state)
    record = state.add(spec)
    outcome = await start_record(me, state, record)
    if type(outcome) is Failed:
        state.delete(record)
        report_refused_child(me, record.id, bound_reason(outcome.reason), spec)
        return Reply(("error", (outcome.reason, spec)), state)
    return Reply(("ok", outcome), state)


async def restart_child(me: Process, state: SupervisorState, id: Any) -> Any:
    """Start a stopped child."""
    record = state.find(id)
    refused = _not_stopped(record)
    if record is None or refused is not None:
        return Reply(("error", refused), state)
    outcome = await start_record(me, state, record)
    if type(outcome) is not Failed:
        return Reply(("ok", outcome), state)
    reason = bound_reason(outcome.reason)
    record.unstarted = me.runtime.scheduler.window_ns(), reason
    report_failed_start(me, record.id, reason, record.spec)
    return Reply(("error", outcome.reason), state)


async def terminate_child(me: Process, state: SupervisorState, id: Any) -> Any:
    """Stop a child, whether it is running or not."""
    record = state.find(id)
    if record is None:
        return Reply(("error", "not_found"), state)
    await stop_record(me, state, record, requested=True)
    return Reply(("ok", None), state)


def delete_child(state: SupervisorState, id: Any) -> tuple[str, Any]:
    """Remove a stopped child."""
    record = state.find(id)
    refused = _not_stopped(record)
    if record is None or refused is not None:
        return ("error", refused)
    state.delete(record)
    return ("ok", None)


def _not_stopped(record: ChildRecord | None) -> str | None:
    """Return why a child can be neither restarted nor deleted."""
    if record is None:
        return "not_found"
    if record.restarting:
        return "restarting"
    return None if record.pid is None else "running"


def info_of(record: ChildRecord) -> ChildInfo:
    """Return a child as `which_children` shows it."""
    spec = record.spec
    return ChildInfo(record.id, "restarting" if record.restarting else record.pid, spec.type, spec.modules)


def counts_of(state: SupervisorState) -> Counts:
    """Return the result of `count_children`."""
    supervisors = sum(1 for record in state if record.spec.type == "supervisor")
    active = sum(1 for record in state if record.pid is not None and is_alive(record.pid))
    return Counts(len(state), active, supervisors, len(state) - supervisors)
