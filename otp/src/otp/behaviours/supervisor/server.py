"""The process of a supervisor: carries out the decisions of `state`.

One handler object serves one class of supervisor. The state of the process is the bookkeeping object; a message changes
it, and the decisions are carried out here, in the order of OTP's `supervisor.erl`. Starting a child whose `init` is
plain does not suspend, so most messages are handled without a switch; while a child's `init` waits, the supervisor's
mailbox grows.
"""

from __future__ import annotations

from inspect import isawaitable
from types import CoroutineType
from typing import Any, ClassVar

from otp.behaviours.server.child_spec import Children
from otp.behaviours.supervisor import dynamic_server as dynamic
from otp.behaviours.supervisor.child_start import AGAIN, Failed, Pending, begin, here, start, started_pid
from otp.behaviours.supervisor.dynamic_state import DynamicState
from otp.behaviours.supervisor.flags import change_flags, replace_children
from otp.behaviours.supervisor.operations import (
    counts_of,
    delete_child,
    info_of,
    prepared,
    restart_child,
    start_child,
    start_record,
    stop_children,
    stop_record,
    terminate_child,
)
from otp.behaviours.supervisor.reports import log_ended, log_failed_start, log_unexpected
from otp.behaviours.supervisor.spec_check import SpecError, check_all, check_flags
from otp.behaviours.supervisor.state import ChildRecord, SupervisorState, continue_counts
from otp.behaviours.supervisor.trace import (
    report_ended,
    report_failed_restart,
    report_gave_up,
    report_restarted,
    report_started,
)
from otp.kernel.steps import calling
from otp.kernel.steps.signals import process_flag
from otp.kernel.tables.callers import From
from otp.kernel.tables.child_tasks import find_leftover, wait_for_tasks
from otp.kernel.tables.scheduler import here as running
from otp.kernel.values.bounded import bound_reason
from otp.kernel.values.errors import Error
from otp.kernel.values.messages import ExitSignal
from otp.kernel.values.process import Process
from otp.kernel.values.results import Ignore, NoReply, Ok, Reply, Stop

__all__ = ["SupervisorServer"]

State = SupervisorState | DynamicState


class SupervisorServer:
    """The callbacks of a supervisor's process; `cls` is the user's class."""

    __slots__ = ("cls",)

    __otp_supervisor__: ClassVar[bool] = True

    def __init__(self, cls: Any) -> None:
        self.cls: Any = cls

    # Starting and ending

    async def init(self, arg: Any) -> Any:
        """Ask the class for its children and start them in order; a failure stops those already started."""
        process_flag("trap_exit", True)
        children = self.cls.__handler__().init(arg)
        if isawaitable(children):
            children = await children
        if isinstance(children, Ignore):
            return children
        if not isinstance(children, Children):
            return Stop(("bad_return", (self.cls, "init", children)))
        try:
            check_flags(children)
        except SpecError as error:
            return Stop(("supervisor_data", error.reason))
        if children.strategy == "simple_one_for_one":
            return dynamic.init_template(children, arg)
        try:
            specs = check_all(children.children, children.auto_shutdown)
        except SpecError as error:
            return Stop(("start_spec", error.reason))
        me = here()
        me.state = state = SupervisorState(children, arg)  # an observer sees the tree while it starts
        for record in [state.add(spec) for spec in specs]:
            outcome = await start_record(me, state, record)
            if type(outcome) is Failed:
                log_failed_start(me, record.id, outcome.reason)
                await stop_children(me, state)
                return Stop(("shutdown", ("failed_to_start_child", record.id, outcome.reason)))
        return Ok(state)

    async def terminate(self, reason: Any, state: State) -> None:
        """Stop all children, regardless of the reason."""
        if isinstance(state, DynamicState):
            await dynamic.stop_children(here(), state)
        else:
            await stop_children(here(), state)

    async def code_change(self, old_vsn: Any, state: State, extra: Any) -> Any:
        """Ask the class again: flags and specs change, processes stay. Raises `Error` to refuse."""
        children = self.cls.__handler__().init(state.arg)
        if isawaitable(children):
            children = await children
        if not isinstance(children, Ignore):
            if not isinstance(children, Children):
                raise Error(("bad_return", (self.cls, "init", children)))
            replace_children(here(), state, children)
        return Ok(state)

    # Messages

    def handle_call(self, request: Any, caller: From, state: State) -> Any:
        """Answer an operation; anything else crashes the supervisor, as in OTP."""
        if isinstance(state, DynamicState):
            return dynamic.handle_call(request, state)
        match request:
            case "which_children":
                return Reply([info_of(record) for record in reversed(list(state))], state)
            case "count_children":
                return Reply(counts_of(state), state)
            case ("start_child", child):
                return start_child(here(), state, child)
            case ("terminate_child", id):
                return terminate_child(here(), state, id)
            case ("restart_child", id):
                return restart_child(here(), state, id)
            case ("delete_child", id):
                return Reply(delete_child(state, id), state)
            case ("get_childspec", id):
                record = state.find(id)
                return Reply(("error", "not_found") if record is None else ("ok", record.spec), state)
            case ("change_flags", changes):
                return Reply(change_flags(here(), state, changes), state)
            case _:
                raise Error("function_clause")

    def handle_cast(self, request: Any, state: State) -> Any:
        """Retry a failed restart; anything else crashes the supervisor, as in OTP."""
        match request:
            case (str(tag), id, int(cause), failure) if tag == AGAIN:
                me = here()
            case _:
                raise Error("function_clause")
        if isinstance(state, DynamicState):
            return dynamic.try_again(me, state, id, cause, failure)
        if me.runtime.ends:
            return NoReply(state)
        verdict, record = state.retry(id, me.runtime.scheduler.window_ns())
        if record is None or verdict == "gone":
            return NoReply(state)
        if verdict == "restart":
            return _restart(me, state, record, cause)
        report_gave_up(me, state, record.id, None, failure, cause)
        return Stop("shutdown", state)

    def handle_info(self, message: Any, state: State) -> Any:
        """Handle the end of a child; ignore other exits and messages."""
        if type(message) is not ExitSignal:
            log_unexpected(here(), message)
            return NoReply(state)
        me = running.last.current  # like `here`, without the call
        if isinstance(state, DynamicState):
            return dynamic.child_exited(me, state, message)
        pid: Any
        pid, reason = message
        node = me.runtime
        now = node.scheduler.window_ns()
        record = state.exited(pid, reason, now)
        if record is None or (node.ended_by is not None and node.ends):  # its log says why
            return NoReply(state)
        verdict = state.decide(record, reason, now)
        cause = pid.exit_seq
        report_ended(me, record.id, pid, reason, record.last_reason, now, cause)
        if verdict == "restart":  # reported once it is done
            return _restart(me, state, record, cause)
        log_ended(me, record.id, pid, reason, record.spec, verdict)
        if verdict == "gone":
            return NoReply(state)
        if verdict == "give_up":
            report_gave_up(me, state, record.id, pid, reason, cause)
        return Stop("shutdown", state)

    def handle_continue(self, term: Any, state: State) -> Any:
        """Do nothing: no result asks for it."""
        raise Error("function_clause")


# Restarting


def _restart(me: Process, state: SupervisorState, record: ChildRecord, cause: int) -> Any:
    """Restart a child and its group; a failure is retried after the next messages."""
    if state.strategy != "one_for_one":
        return _restart_group(me, state, record, cause)
    s = me.runtime.scheduler
    if (s.leftover or s.tasks_to_find) and find_leftover(s, record.old) is not None:
        return _restart_after_tasks(me, state, record, cause)
    outcome = begin(record.start or prepared(record), me)
    if type(outcome) is not Process and (type(outcome) is Pending or type(outcome) is CoroutineType):
        return _restart_when(outcome, me, state, record, cause)
    _started_again(outcome, me, state, record, record, cause)
    return NoReply(state)


async def _restart_when(pending: Any, me: Process, state: SupervisorState, record: ChildRecord, cause: int) -> Any:
    _started_again(await pending, me, state, record, record, cause)
    return NoReply(state)


async def _restart_after_tasks(me: Process, state: SupervisorState, record: ChildRecord, cause: int) -> Any:
    """Restart a child after its tasks have ended: they may hold resources, such as a port."""
    await wait_for_tasks(me.runtime.scheduler, [(record.old, record.spec.shutdown)])
    return await _restart_when(start(record.start or prepared(record)), me, state, record, cause)


async def _restart_group(me: Process, state: SupervisorState, record: ChildRecord, cause: int) -> Any:
    group = state.group(record)
    for other in reversed(group):
        if other is not record:
            await stop_record(me, state, other)
    again = state.restartable(group)
    await wait_for_tasks(me.runtime.scheduler, [(member.old, member.spec.shutdown) for member in again])
    others = [other.id for other in again if other is not record]
    for position, member in enumerate(again):
        outcome = await start(member.start or prepared(member))
        if not _started_again(outcome, me, state, member, record, cause, others):
            state.left_down(again[position + 1 :])
            break
    return NoReply(state)


def _started_again(
    outcome: Any,
    me: Process,
    state: SupervisorState,
    record: ChildRecord,
    failed: ChildRecord,
    cause: int,
    others: Any = (),
) -> bool:
    """Record the result of a restart; `failed` is the child whose end caused it. False: to be retried."""
    if type(outcome) is Process:
        pid = outcome
    elif type(outcome) is Failed:
        if record is not failed and failed.restarting:  # from now on the reported restart is that of `record`
            log_ended(me, failed.id, failed.old, failed.last_reason, failed.spec, "other_failed")
        number = report_failed_restart(me, state, record.id, outcome.reason, cause)
        calling.cast(me, (AGAIN, record.id, number, bound_reason(outcome.reason)))
        return False
    else:
        pid = started_pid(outcome)
        if pid is None:
            state.started(record, None)
            if record is failed:
                log_ended(me, record.id, record.old, record.last_reason, record.spec, "ignored")
            return True
    ended = record.ended
    state.started(record, pid)
    if type(pid.state) is SupervisorState:
        continue_counts(record, pid.state)
    along = False
    if ended:
        record.restarts += 1
    elif record.old is not None:
        record.restarted_along += 1
        along = True
    if record is failed:
        report_restarted(
            me, state, record.id, pid, record.old, record.last_reason, cause, others, record.restarts, along
        )
    else:
        old = record.old if ended else None
        report_started(me, record.id, pid, record.spec, cause, old, record.restarts, along)
    return True
