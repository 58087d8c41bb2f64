"""Log records of supervisors: what happened to a child, and what the supervisor decided.

The logger `otp.supervisor` creates a record only if a handler takes it; `docs/logging.md` lists the fields. Giving
up and failed starts are errors, children that did not stop as asked are warnings. The end of a child is information,
because its own process has reported it already; `otp_signalled` is true if it could not, because an exit signal
ended it. Source: OTP's `supervisor.erl`, `report_error`.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable
from itertools import islice
from typing import Any, Final

from otp.behaviours.server.child_spec import ChildSpec
from otp.behaviours.supervisor.dynamic_state import DynamicState
from otp.behaviours.supervisor.state import RestartWindow, SupervisorState
from otp.kernel.ends.call_cycles import seconds_waited
from otp.kernel.ends.report_limits import is_left_out
from otp.kernel.ends.reports import LONGEST, about, format_value
from otp.kernel.ends.wording import (
    called,
    name_of_end,
    name_text,
    process_name,
    process_text,
    reason_text,
    without_expected,
)
from otp.kernel.tables.tracing import Event
from otp.kernel.values.process import Process
from otp.kernel.values.reasons import Reason, is_clean
from otp.kernel.values.sentences import (
    could_not_restart,
    could_not_start,
    ended,
    ended_with,
    gave_up,
    is_taken,
    last_straw,
    no_restart_left,
    not_restarted,
    restarted,
    stop_failed,
    stopped,
    story,
    tell,
)

__all__ = [
    "log_ended",
    "log_failed_restart",
    "log_failed_request",
    "log_failed_start",
    "log_gave_up",
    "log_restarted",
    "log_stopped",
    "log_unexpected",
    "logger",
]

logger: Final = logging.getLogger("otp.supervisor")

GROUP: Final = 20
"""Maximum number of group ids in a report."""


def log_restarted(
    me: Process, state: SupervisorState | DynamicState, id: Hashable, pid: Any, old: Any, reason: Reason, group: Any
) -> None:
    """Log that a child ended and was restarted."""
    if not is_taken(logger, logging.INFO) or _is_suppressed(me):
        return
    ids = _ids(group)
    again = restarted(
        _me(me), _child(id, pid), along=[_last_known(state, one) for one in islice(group, GROUP)],
        strategy=state.strategy, used=state.counted, allowed=state.max_restarts, window=state.max_seconds,
    )  # fmt: skip
    more = {"otp_child_pid": str(pid), "otp_old_pid": str(old), "otp_strategy": state.strategy, "otp_group": ids}
    more |= _signalled(old, reason)
    words = story(_describe_end(_child(id, old, pid), old, reason), again)
    _log(logging.INFO, me, "restarted", id, reason, words, {**more, **_budget(state)})


def log_ended(me: Process, id: Hashable, pid: Any, reason: Reason, spec: ChildSpec, verdict: str) -> None:
    """Log that a child ended by itself; `verdict` is what follows, unless it was restarted.

    Besides those of `Verdict`: `"ignored"`, and `"other_failed"` if the restart of another child of its group
    failed.
    """
    if (spec.restart == "permanent" or not is_clean(reason)) and is_taken(logger, logging.INFO):
        if verdict != "give_up" and _is_suppressed(me):
            return
        decided = (
            not_restarted(spec.restart) if verdict == "gone"
            else no_restart_left(_me(me)) if verdict == "give_up"
            else _DECIDED.get(verdict, "")
        )  # fmt: skip
        words = story(_describe_end(_child(id, pid), pid, reason), decided)
        more = {"otp_old_pid": str(pid), "otp_restart": spec.restart}
        more |= _signalled(pid, reason) if verdict != "give_up" else {}  # giving up logs this as an error
        _log(logging.INFO, me, _NAMES.get(verdict, verdict), id, reason, words, more)


_NAMES: Final = {
    "gone": "not_restarted",
    "ignored": "not_restarted",
    "give_up": "ended",
    "other_failed": "ended",
    "shutdown": "auto_shutdown",
}
_DECIDED: Final = {
    "ignored": "its restart was ignored",
    "other_failed": "another child could not be restarted with it",
    "shutdown": "it was significant, so its supervisor stops",
}


def log_stopped(me: Process, id: Hashable, pid: Any, reason: Reason, by_itself: bool, exceeded: float | None) -> None:
    """Log that the supervisor stopped a child, which did not end as asked, or had ended by itself before.

    `exceeded` is its shutdown time, if it was killed because it took longer.
    """
    if is_taken(logger, logging.WARNING):
        if by_itself:
            words = _describe_end(_child(id, pid), pid, reason)
        else:
            failure = "" if exceeded is None else stop_failed("it", "killed", failed=True, seconds=exceeded)
            words = story(stopped(_me(me), [_child(id, pid)]), failure or _describe_end("it", pid, reason))
        _log(logging.WARNING, me, "stopped", id, reason, words, {"otp_old_pid": str(pid)})


def log_failed_restart(me: Process, state: RestartWindow, id: Hashable, reason: Reason) -> None:
    """Log a failed restart, which will be retried."""
    if is_taken(logger, logging.ERROR) and not _is_suppressed(me):
        words = could_not_restart(
            _me(me), _last_known(state, id), reason_text(reason, LONGEST),
            used=state.counted, allowed=state.max_restarts, window=state.max_seconds,
        )  # fmt: skip
        _log(logging.ERROR, me, "retries", id, reason, words, _budget(state))


def log_gave_up(me: Process, state: RestartWindow, id: Hashable, pid: Any, reason: Reason) -> None:
    """Log that the supervisor needed one restart too many, and stops; `pid` is None if a restart had failed."""
    if is_taken(logger, logging.ERROR):
        child = _last_known(state, id, pid)
        words = reason_text(reason, LONGEST, seconds_waited(pid))
        last = last_straw(child, words, failed=not is_clean(reason), retried=pid is None)
        words = gave_up(_me(me), last, allowed=state.max_restarts, window=state.max_seconds)
        _log(logging.ERROR, me, "gave_up", id, reason, words, _budget(state))


def log_failed_start(me: Process, id: Hashable, reason: Reason) -> None:
    """Log that a child did not start with its supervisor, which does not start either."""
    if is_taken(logger, logging.ERROR):
        words = story(could_not_start(_me(me), _child(id), reason_text(reason, LONGEST)), "it stops those before it")
        _log(logging.ERROR, me, "not_started", id, reason, words, {})


def log_failed_request(me: Process, id: Hashable, reason: Reason) -> None:
    """Log that a child did not start on request; the caller also gets the reason."""
    if is_taken(logger, logging.WARNING) and not _is_suppressed(me):
        words = could_not_start(_me(me), _child(id), reason_text(reason, LONGEST), request="a request")
        _log(logging.WARNING, me, "not_started", id, reason, words, {})


def log_unexpected(me: Process, message: Any) -> None:
    """Log that a supervisor got an unexpected message."""
    if is_taken(logger, logging.ERROR):
        fields = {
            "otp_report": "supervisor",
            **about(me),
            "otp_decision": "dropped",
            "otp_message": format_value(message),
        }
        tell(logger, logging.ERROR, f"{_me(me)} got the unexpected message {format_value(message)}", fields)


def _log(
    level: int, me: Process, decision: str, id: Hashable, reason: Reason, words: str, more: dict[str, Any]
) -> None:
    fields = {
        "otp_report": "supervisor",
        **about(me),
        "otp_decision": decision,
        "otp_child": None if id is None else _id(id),
        "otp_reason": format_value(reason),
        **more,
    }
    tell(logger, level, words, fields)


def _is_suppressed(me: Process) -> bool:
    return is_left_out(logger, me, {"otp_report": "left_out", **about(me)})


def _signalled(pid: Any, reason: Reason) -> dict[str, Any]:
    return {"otp_signalled": pid is not None and pid.was_signalled and not is_clean(reason)}


def _id(id: Hashable) -> str:
    """Return a child's id as text, a class by its name. An id may fake its class, or raise when that is read."""
    return _name_of(id) if issubclass(type(id), type) else format_value(id, 100)


_name_of: Any = type.__dict__["__qualname__"].__get__


def _me(me: Process) -> str:
    """Return the supervisor's name, else its pid."""
    return process_name(me) or called(me)


def _child(id: Hashable, pid: Any = None, named: Any = None) -> str:
    """Return the name of the child's process, or of its successor `named`, else its id."""
    name = _last_name(pid if named is None else named)
    return process_text(id if name is None else name, pid, "child")


def _last_known(state: RestartWindow, id: Hashable, pid: Any = None) -> str:
    """Return the name of a child's process, or of its last one, else its id."""
    if pid is None and isinstance(state, SupervisorState) and (record := state.find(id)) is not None:
        pid = record.old if record.pid is None else record.pid
    return _child(id, named=pid)


def _last_name(pid: Any) -> str | None:
    """Return the name of a process, also of one that has ended; its end may have left the memory."""
    name = process_name(pid)
    if name is None and (end := _end_of(pid)) is not None and end.data["name"] is not None:
        return name_text(end.data["name"])
    return name


def _end_of(pid: Any) -> Event | None:
    """Return the event of a process's end; None if it runs, or if the event has left the memory."""
    return None if pid is None or not pid.exit_seq else pid.runtime.tracer.find(pid.exit_seq)


def _describe_end(who: str, pid: Any, reason: Reason) -> str:
    words = without_expected(reason_text(reason, LONGEST, seconds_waited(pid)))  # the process has reported that
    other = _linked_to(pid)
    return ended(who, words, failed=not is_clean(reason)) if other is None else ended_with(who, other, words)


def _linked_to(pid: Any) -> str | None:
    """Return the process whose end ended this one over a link; None if none did."""
    if pid is None or not pid.was_signalled:
        return None
    end = _end_of(pid)
    return None if end is None else name_of_end(pid.runtime.tracer, end.cause, end.data["sender"])


def _ids(group: Iterable[Hashable]) -> list[str]:
    return [_id(id) for id, _ in zip(group, range(GROUP), strict=False)]


def _budget(state: RestartWindow) -> dict[str, Any]:
    return {"otp_used": state.counted, "otp_allowed": state.max_restarts, "otp_window": state.max_seconds}
