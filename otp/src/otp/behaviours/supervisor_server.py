"""The process of a supervisor: carries out what `supervisor_state` decides.

One handler object stands for one class of supervisor. The state of the process is the bookkeeping
object; a message changes it, and what it decides is done here, in the order of OTP's
`supervisor.erl`. Starting a child whose `init` is plain does not suspend, so most messages are
handled without a switch; while a child's `init` waits, the mailbox of the supervisor keeps.
"""

from __future__ import annotations

import logging
from inspect import isawaitable
from types import CoroutineType
from typing import Any, ClassVar, Final, cast

from otp.behaviours import dynamic_server as dynamic
from otp.behaviours.child_process import (
    AGAIN,
    Failed,
    Pending,
    Quick,
    begin,
    ended_as_asked,
    here,
    prepare,
    start,
    started_pid,
    stop,
)
from otp.behaviours.child_spec import Children
from otp.behaviours.dynamic_state import DynamicState
from otp.behaviours.spec_check import SpecError, check_all, check_flags, check_spec
from otp.behaviours.supervisor_flags import change_flags, replace_children
from otp.behaviours.supervisor_records import ChildInfo, Counts
from otp.behaviours.supervisor_state import ChildRecord, SupervisorState
from otp.behaviours.supervisor_trace import (
    told_ended,
    told_failed,
    told_gave_up,
    told_restarted,
    told_started,
    told_stopped,
)
from otp.kernel import calling
from otp.kernel.calls import From
from otp.kernel.errors import Error
from otp.kernel.info import is_alive
from otp.kernel.messages import ExitSignal
from otp.kernel.process import Process
from otp.kernel.results import Ignore, NoReply, Ok, Reply, Stop
from otp.kernel.signals import process_flag

__all__ = ["SupervisorServer"]

logger: Final = logging.getLogger("otp.supervisor")

State = SupervisorState | DynamicState


class SupervisorServer:
    """The callbacks of a supervisor's process; `cls` is the class that people wrote."""

    __slots__ = ("cls",)

    __otp_supervisor__: ClassVar[bool] = True

    def __init__(self, cls: Any) -> None:
        self.cls = cls

    # Starting and ending

    async def init(self, arg: Any) -> Any:
        """Ask the class for its children and start them in order; a failure stops those before it."""
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
        me._state = state = SupervisorState(children, arg)  # an observer sees the tree while it starts
        for record in [state.add(spec) for spec in specs]:
            outcome = await _start(me, state, record)
            if type(outcome) is Failed:
                logger.error("%s: child %r failed to start: %.500r", me._node.label(me), record.id, outcome.reason)
                await _stop_children(me, state)
                return Stop(("shutdown", ("failed_to_start_child", record.id, outcome.reason)))
        return Ok(state)

    async def terminate(self, reason: Any, state: State) -> None:
        """Stop all children, whatever the reason of the end is."""
        if isinstance(state, DynamicState):
            await dynamic.stop_children(here(), state)
        else:
            await _stop_children(here(), state)

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
        """The operations; anything else crashes the supervisor, as in OTP."""
        if isinstance(state, DynamicState):
            return dynamic.handle_call(request, state)
        match request:
            case "which_children":
                return Reply([_info(record) for record in reversed(list(state))], state)
            case "count_children":
                return Reply(_counts(state), state)
            case ("start_child", child):
                return _start_child(here(), state, child)
            case ("terminate_child", id):
                return _terminate_child(here(), state, id)
            case ("restart_child", id):
                return _restart_child(here(), state, id)
            case ("delete_child", id):
                return Reply(_delete_child(state, id), state)
            case ("get_childspec", id):
                record = state.find(id)
                return Reply(("error", "not_found") if record is None else ("ok", record.spec), state)
            case ("change_flags", changes):
                return Reply(change_flags(here(), state, changes), state)
            case _:
                raise Error("function_clause")

    def handle_cast(self, request: Any, state: State) -> Any:
        """Try a failed restart again; anything else crashes the supervisor, as in OTP."""
        match request:
            case (str(tag), id, int(cause)) if tag == AGAIN:
                me = here()
            case _:
                raise Error("function_clause")
        if isinstance(state, DynamicState):
            return dynamic.try_again(me, state, id, cause)
        verdict, record = state.retry(id, me._node._s.now_ns())
        if record is None or verdict == "gone":
            return NoReply(state)
        if verdict == "restart":
            return _restart(me, state, record, cause)
        told_gave_up(me, state, record.id, record.last_reason, cause)
        return Stop("shutdown", state)

    def handle_info(self, message: Any, state: State) -> Any:
        """The end of a child; other exits and messages mean nothing to a supervisor."""
        if type(message) is not ExitSignal:
            me = here()
            logger.error("%s: unexpected message %.500r", me._node.label(me), message)
            return NoReply(state)
        me = here()
        if isinstance(state, DynamicState):
            return dynamic.child_exited(me, state, message)
        pid, reason = message
        now = me._node._s.now_ns()
        record = state.exited(pid, reason, now)
        if record is None:
            return NoReply(state)
        verdict = state.decide(record, reason, now)
        told_ended(me, record.id, pid, reason, record.spec)
        if verdict == "restart":
            return _restart(me, state, record, cast("Process", pid)._exit_seq)
        if verdict == "gone":
            return NoReply(state)
        if verdict == "give_up":
            told_gave_up(me, state, record.id, reason, cast("Process", pid)._exit_seq)
        return Stop("shutdown", state)

    def handle_continue(self, term: Any, state: State) -> Any:
        """Never asked for."""
        raise Error("function_clause")


# Restarting


def _restart(me: Process, state: SupervisorState, record: ChildRecord, cause: int) -> Any:
    """Restart a child and whom its strategy restarts with it; a failure is tried again after the next messages."""
    if state.strategy != "one_for_one":
        return _restart_group(me, state, record, cause)
    call = record.start or _prepared(record)
    outcome = begin(call) if type(call) is Quick else start(call)
    if type(outcome) is Pending or type(outcome) is CoroutineType:
        return _restart_when(outcome, me, state, record, cause)
    _started_again(outcome, me, state, record, record, cause)
    return NoReply(state)


async def _restart_when(pending: Any, me: Process, state: SupervisorState, record: ChildRecord, cause: int) -> Any:
    _started_again(await pending, me, state, record, record, cause)
    return NoReply(state)


async def _restart_group(me: Process, state: SupervisorState, record: ChildRecord, cause: int) -> Any:
    group = state.group(record)
    for other in reversed(group):
        if other is not record:
            await _stop(me, state, other)
    again = state.restartable(group)
    others = [other.id for other in again if other is not record]
    for position, member in enumerate(again):
        outcome = await start(member.start or _prepared(member))
        if not _started_again(outcome, me, state, member, record, cause, others):
            state.failed(member, again[position + 1 :])
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
    """Note what became of a restart; `failed` is the child whose end set it off. False: to be tried again."""
    if type(outcome) is Failed:
        state.failed(record)
        calling.cast(me, (AGAIN, record.id, told_failed(me, state, record.id, outcome.reason, cause)))
        return False
    pid = outcome if type(outcome) is Process else started_pid(outcome)
    old, reason = record.old, record.last_reason
    state.started(record, pid)
    if pid is None:
        return True
    record.restarts += 1
    if record is failed:
        told_restarted(me, state, state.strategy, record.id, pid, old, reason, cause, others)
    else:
        told_started(me, record.id, pid, record.spec, cause)
    return True


# Starting and stopping


def _prepared(record: ChildRecord) -> Any:
    call = record.start = prepare(record.spec)
    return call


async def _start(me: Process, state: SupervisorState, record: ChildRecord) -> Any:
    """Start a child; what it became is in the records, what `start` answered is returned."""
    outcome = await start(record.start or _prepared(record))
    if type(outcome) is not Failed:
        pid = started_pid(outcome)
        state.started(record, pid)
        if pid is not None:
            told_started(me, record.id, pid, record.spec)
    return outcome


async def _stop(me: Process, state: SupervisorState, record: ChildRecord) -> None:
    """Stop a child if it runs, and take back what was to be tried again."""
    pid, reason = record.pid, None
    if pid is not None:
        reason = await stop(pid, record.spec.shutdown)
        told_stopped(me, record.id, pid, reason, ended_as_asked(record.spec, reason))
    state.stopped(record, reason, me._node._s.now_ns())


async def _stop_children(me: Process, state: SupervisorState) -> None:
    for record in reversed(list(state)):
        await _stop(me, state, record)


# Operations


async def _start_child(me: Process, state: SupervisorState, child: Any) -> Any:
    try:
        spec = check_spec(child, state.auto_shutdown)
    except SpecError as error:
        return Reply(("error", error.reason), state)
    present = state.find(spec.id)
    if present is not None:
        known = "already_present" if present.pid is None else ("already_started", present.pid)
        return Reply(("error", known), state)
    record = state.add(spec)
    outcome = await _start(me, state, record)
    if type(outcome) is Failed:
        state.delete(record)
        return Reply(("error", (outcome.reason, spec)), state)
    return Reply(("ok", outcome), state)


async def _restart_child(me: Process, state: SupervisorState, id: Any) -> Any:
    record = state.find(id)
    refused = _not_stopped(record)
    if record is None or refused is not None:
        return Reply(("error", refused), state)
    outcome = await _start(me, state, record)
    return Reply(("error", outcome.reason) if type(outcome) is Failed else ("ok", outcome), state)


async def _terminate_child(me: Process, state: SupervisorState, id: Any) -> Any:
    record = state.find(id)
    if record is None:
        return Reply(("error", "not_found"), state)
    await _stop(me, state, record)
    return Reply(("ok", None), state)


def _delete_child(state: SupervisorState, id: Any) -> tuple[str, Any]:
    record = state.find(id)
    refused = _not_stopped(record)
    if record is None or refused is not None:
        return ("error", refused)
    state.delete(record)
    return ("ok", None)


def _not_stopped(record: ChildRecord | None) -> str | None:
    """Why a child can be neither restarted nor deleted."""
    if record is None:
        return "not_found"
    if record.restarting:
        return "restarting"
    return None if record.pid is None else "running"


def _info(record: ChildRecord) -> ChildInfo:
    spec = record.spec
    return ChildInfo(record.id, "restarting" if record.restarting else record.pid, spec.type, spec.modules)


def _counts(state: SupervisorState) -> Counts:
    supervisors = sum(1 for record in state if record.spec.type == "supervisor")
    active = sum(1 for record in state if record.pid is not None and is_alive(record.pid))
    return Counts(len(state), active, supervisors, len(state) - supervisors)
