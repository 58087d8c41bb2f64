"""The process of a supervisor of many similar children: one engine for two interfaces.

`DynamicSupervisor` behaves like Elixir's, a template of simple_one_for_one like OTP's; `state.template` says which one
it is. Starting a child adds one entry to a table, whatever their number.

Sources: Elixir's `dynamic_supervisor.ex`; OTP's `supervisor.erl`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import CoroutineType
from typing import Any, ClassVar, Final, Literal, NamedTuple, cast

from otp.behaviours.server.child_spec import Children, ChildSpec
from otp.behaviours.supervisor.child_start import (
    AGAIN,
    Failed,
    Pending,
    begin,
    begin_in_call,
    here,
    prepare,
    start,
    started_pid,
)
from otp.behaviours.supervisor.child_stop import stop, stop_all, wait_for_tasks_of_children
from otp.behaviours.supervisor.dynamic_state import DynamicState
from otp.behaviours.supervisor.flags import change_flags
from otp.behaviours.supervisor.records import ChildInfo, Counts
from otp.behaviours.supervisor.reports import log_ended, log_unexpected
from otp.behaviours.supervisor.spec_check import (
    SpecError,
    check_all,
    check_fields,
    check_limits,
    is_count,
    modules_of,
    shutdown_of,
)
from otp.behaviours.supervisor.trace import (
    report_ended,
    report_failed_restart,
    report_gave_up,
    report_refused_child,
    report_restarted,
    report_started,
    report_stopped,
)
from otp.kernel.ends.info import is_alive
from otp.kernel.steps import calling
from otp.kernel.steps.signals import process_flag
from otp.kernel.tables.callers import From
from otp.kernel.tables.child_tasks import find_leftover, wait_for_tasks
from otp.kernel.values.bounded import bound_reason
from otp.kernel.values.errors import Error
from otp.kernel.values.messages import ExitSignal
from otp.kernel.values.process import Process
from otp.kernel.values.reasons import Crash, Reason
from otp.kernel.values.results import Ignore, NoReply, Ok, Reply, Stop

__all__ = [
    "NO_LIST",
    "DynamicOptions",
    "DynamicServer",
    "child_exited",
    "handle_call",
    "init_template",
    "start_spec",
    "stop_children",
    "try_again",
]

NO_LIST: Final = ("EXIT", Crash("badarg"))
"""The reason for extra arguments that are not a list: in OTP they cannot be appended to the template's."""


class DynamicOptions(NamedTuple):
    """The argument of a `DynamicSupervisor`'s process."""

    max_children: int | Literal["infinity"] = "infinity"
    max_restarts: int | Literal["infinity"] = 3
    max_seconds: float | Literal["infinity"] = 5
    extra_arguments: Sequence[Any] = ()


class DynamicServer:
    """The callbacks of a `DynamicSupervisor`'s process."""

    __slots__ = ()

    __otp_supervisor__: ClassVar[bool] = True
    _state: ClassVar[type[DynamicState]] = DynamicState

    def init(self, options: DynamicOptions) -> Any:
        """Check the options; there are no children yet."""
        process_flag("trap_exit", True)
        try:
            check_limits(options.max_restarts, options.max_seconds)
            if options.max_children != "infinity" and not is_count(options.max_children):
                raise SpecError(("invalid_max_children", options.max_children))
            if not isinstance(cast("Any", options.extra_arguments), tuple | list):
                raise SpecError(("invalid_extra_arguments", options.extra_arguments))
        except SpecError as error:
            return Stop(("supervisor_data", error.reason))
        flags = Children([], max_restarts=options.max_restarts, max_seconds=options.max_seconds)
        extra = tuple(options.extra_arguments)
        return Ok(self._state(flags, arg=options, max_children=options.max_children, extra=extra))

    def handle_call(self, request: Any, caller: From, state: DynamicState) -> Any:
        """Answer an operation; anything else crashes the supervisor."""
        return handle_call(request, state)

    def handle_cast(self, request: Any, state: DynamicState) -> Any:
        """Retry a failed restart; anything else crashes the supervisor."""
        match request:
            case (str(tag), old, int(cause), failure) if tag == AGAIN:
                return try_again(here(), state, old, cause, failure)
            case _:
                raise Error("function_clause")

    def handle_info(self, message: Any, state: DynamicState) -> Any:
        """Handle the end of a child; ignore other exits and messages."""
        me = here()
        if type(message) is ExitSignal:
            return child_exited(me, state, message)
        log_unexpected(me, message)
        return NoReply(state)

    def handle_continue(self, term: Any, state: DynamicState) -> Any:
        """Do nothing: no result asks for it."""
        raise Error("function_clause")

    async def terminate(self, reason: Any, state: DynamicState) -> None:
        """Stop all children at once."""
        await stop_children(here(), state)


def init_template(children: Children, arg: Any) -> Any:
    """Return the state of a simple_one_for_one supervisor, or `Stop` for an invalid template."""
    if len(children.children) != 1:
        return Stop(("bad_start_spec", children.children))
    try:
        (template,) = check_all(children.children, children.auto_shutdown)
    except SpecError as error:
        return Stop(("start_spec", error.reason))
    return Ok(DynamicState(children, template, arg=arg))


# Operations


def handle_call(request: Any, state: DynamicState) -> Any:
    """Answer an operation in the interface of the supervisor."""
    match request:
        case ("start_child", what):
            return _start_child(state, what) if state.template is None else _start_like(state, state.template, what)
        case ("terminate_child", pid):
            return _terminate_child(here(), state, pid)
        case "which_children":
            return Reply(_which_children(state), state)
        case "count_children":
            number = len(state)
            specs = number if state.template is None else 1
            counts = Counts(specs, len(state.running), state.supervisors, number - state.supervisors)
            return Reply(counts, state)
        case ("change_flags", changes):
            return Reply(change_flags(here(), state, changes), state)
        case ("restart_child" | "delete_child", _) if state.template is not None:
            return Reply(("error", "simple_one_for_one"), state)
        case ("get_childspec", id) if state.template is not None:
            pid = id if isinstance(id, Process) else None
            found = id == state.template.id or pid in state.running or pid in state.restarting or _is_dead(pid)
            return Reply(("ok", state.template) if found else ("error", "not_found"), state)
        case _:
            raise Error("function_clause")


def _start_child(state: DynamicState, child: Any) -> Any:
    spec = child
    if child is not state.spec_of_call or child is None:  # many children of one spec: it is checked once
        try:
            spec = check_fields(child)
            if spec.significant:
                raise SpecError(("invalid_significant", True))
        except SpecError as error:
            return Reply(("error", error.reason), state)
    if state.full():
        return Reply(("error", "max_children"), state)
    return start_spec(here(), state, spec)


def _start_like(state: DynamicState, template: ChildSpec, extra: Any) -> Any:
    if not isinstance(extra, list | tuple):
        return Reply(("error", NO_LIST), state)
    more = tuple(cast("list[Any]", extra))
    if isinstance(template.start, tuple):
        spec = template.replace(start=(*template.start, *more)) if more else template
    else:
        spec = template.replace(start=partial(template.start, *more))
    return start_spec(here(), state, spec)


def _call_of(state: DynamicState, spec: ChildSpec) -> Callable[[], Any]:
    """Return the prepared call of a spec, reused while consecutive children have the same spec."""
    call = state.call
    return prepare(spec, state.extra) if call is None or spec is not state.spec_of_call else call


def start_spec(me: Process, state: DynamicState, spec: ChildSpec) -> Any:
    """Start a child from a checked spec; return its reply, or what to await for it."""
    call = _call_of(state, spec)
    outcome = begin_in_call(call, me)
    if type(outcome) is Pending or type(outcome) is CoroutineType:
        return _started_when(outcome, me, state, spec, call)
    return _started(outcome, me, state, spec, call)


async def _started_when(
    pending: Any, me: Process, state: DynamicState, spec: ChildSpec, call: Callable[[], Any]
) -> Any:
    return _started(await pending, me, state, spec, call)


def _started(outcome: Any, me: Process, state: DynamicState, spec: ChildSpec, call: Callable[[], Any]) -> Any:
    if type(outcome) is Failed:
        report_refused_child(me, spec.id, bound_reason(outcome.reason), spec, dynamic=True)
        return Reply(("error", outcome.reason), state)
    pid = outcome if type(outcome) is Process else started_pid(outcome)
    if pid is not None:
        state.started(pid, spec, call)
        report_started(me, None, pid, spec)
    return Reply(("ok", outcome), state)


async def _terminate_child(me: Process, state: DynamicState, pid: Any) -> Any:
    spec = state.running.get(pid) if isinstance(pid, Process) else None
    if spec is not None:
        ended = not is_alive(pid)
        overdue = set[Any]()
        reason = await stop(pid, shutdown_of(spec), overdue=overdue)
        report_stopped(me, None, pid, reason, spec, ended, requested=True, overdue=pid in overdue)
        state.forget(pid)
        return Reply(("ok", None), state)
    if isinstance(pid, Process) and pid in state.restarting:
        state.forget(pid)
        return Reply(("ok", None), state)
    if state.template is None:
        return Reply(("error", "not_found"), state)
    if not isinstance(pid, Process):
        return Reply(("error", "simple_one_for_one"), state)
    return Reply(("ok", None) if _is_dead(pid) else ("error", "not_found"), state)


def _which_children(state: DynamicState) -> list[ChildInfo]:
    running = [ChildInfo(None, pid, spec.type, modules_of(spec)) for pid, spec in state.running.items()]
    return running + [ChildInfo(None, "restarting", spec.type, modules_of(spec)) for spec in state.restarting.values()]


def _is_dead(pid: Any) -> bool:
    return isinstance(pid, Process) and not is_alive(pid)


# Ends


def child_exited(me: Process, state: DynamicState, signal: ExitSignal) -> Any:
    """Handle the end of a linked process, which may not be a child."""
    pid: Any
    pid, reason = signal
    spec = state.exited(pid)
    if spec is None:
        return NoReply(state)
    if me.runtime.ends:  # its log says why
        state.running.pop(pid, None)
        return NoReply(state)
    now = me.runtime.scheduler.window_ns()
    verdict = state.decide(pid, spec, reason, now)
    less = state.history[pid].last_reason if verdict == "restart" else bound_reason(reason)
    cause = pid.exit_seq
    report_ended(me, None, pid, reason, less, now, cause)
    if verdict != "restart":  # reported once it is done
        log_ended(me, None, pid, reason, spec, verdict)
    if verdict == "restart":
        return _restart(me, state, pid, spec, cause)
    if verdict == "gone":
        return NoReply(state)
    if verdict == "give_up":
        report_gave_up(me, state, None, pid, reason, cause)
    return Stop("shutdown", state)


def try_again(me: Process, state: DynamicState, old: Any, cause: int, failure: Reason) -> Any:
    """Retry the restart of the child that was `old`, unless it was cancelled."""
    if not isinstance(old, Process) or me.runtime.ends:
        return NoReply(state)
    verdict, spec = state.retry(old, me.runtime.scheduler.window_ns())
    if spec is None:
        return NoReply(state)
    if verdict == "restart":
        return _restart(me, state, old, spec, cause)
    report_gave_up(me, state, None, None, failure, cause)
    return Stop("shutdown", state)


def _restart(me: Process, state: DynamicState, old: Process, spec: ChildSpec, cause: int) -> Any:
    call = _call_of(state, spec)
    s = me.runtime.scheduler
    if (s.leftover or s.tasks_to_find) and find_leftover(s, old) is not None:
        return _restart_after_tasks(me, state, old, shutdown_of(spec), call, cause)
    outcome = begin(call, me)
    if type(outcome) is Pending or type(outcome) is CoroutineType:
        return _restart_when(outcome, me, state, old, cause)
    return _restarted(outcome, me, state, old, cause)


async def _restart_after_tasks(
    me: Process, state: DynamicState, old: Process, shutdown: Any, call: Callable[[], Any], cause: int
) -> Any:
    """Restart a child after its tasks have ended: they may hold resources, such as a port."""
    await wait_for_tasks(me.runtime.scheduler, [(old, shutdown)])
    return await _restart_when(start(call), me, state, old, cause)


async def _restart_when(pending: Any, me: Process, state: DynamicState, old: Process, cause: int) -> Any:
    return _restarted(await pending, me, state, old, cause)


def _restarted(outcome: Any, me: Process, state: DynamicState, old: Process, cause: int) -> Any:
    if type(outcome) is Failed:
        state.failed(old)
        number = report_failed_restart(me, state, None, outcome.reason, cause)
        calling.cast(me, (AGAIN, old, number, bound_reason(outcome.reason)))
        return NoReply(state)
    pid = None if isinstance(outcome, Ignore) else started_pid(outcome)
    reason = state.history[old].last_reason
    if pid is None:
        spec = state.running.get(old) or state.restarting[old]
        log_ended(me, None, old, reason, spec, "ignored")
    restarts = state.restarted(old, pid)
    if pid is not None:
        report_restarted(me, state, None, pid, old, reason, cause, restarts=restarts)
    return NoReply(state)


async def stop_children(me: Process, state: DynamicState) -> None:
    """Stop all children: signal all first, then wait for all together."""
    specs, state.running = state.running, {}
    state.restarting.clear()
    ended = {pid for pid in specs if not is_alive(pid)}
    overdue = set[Any]()
    reasons = await stop_all(((pid, shutdown_of(spec)) for pid, spec in specs.items()), overdue)
    for pid, spec in specs.items():
        report_stopped(me, None, pid, reasons[pid], spec, pid in ended, overdue=pid in overdue)
    state.history.clear()
    state.renew_starts()
    state.supervisors = 0
    await wait_for_tasks_of_children(me)
