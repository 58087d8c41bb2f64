"""What supervisors say in the log: what happened to a child, and what they decided.

Records of the logger `otp.supervisor`, made only if somebody takes them; `docs/logging.md` has the table of their
fields. Giving up and failed starts are errors, children that did not stop as asked warnings, and the end of a child,
which its own process has reported already, is information; `otp_signalled` says that it could not, because an exit
signal ended it. Source: OTP's `supervisor.erl`, `report_error`.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable
from typing import Any, Final

from otp.behaviours.child_spec import ChildSpec
from otp.behaviours.supervisor_state import RestartWindow
from otp.kernel.log import is_taken, tell
from otp.kernel.process import Process
from otp.kernel.reasons import Reason, is_clean
from otp.kernel.reports import about, shown

__all__ = [
    "logger",
    "said_ended",
    "said_failed",
    "said_failed_to_start",
    "said_gave_up",
    "said_restarted",
    "said_stopped",
    "said_unexpected",
]

logger: Final = logging.getLogger("otp.supervisor")

GROUP: Final = 20
"""Ids of a group that a report names."""


def said_restarted(
    me: Process, state: RestartWindow, strategy: str, id: Hashable, pid: Any, old: Any, reason: Reason, group: Any
) -> None:
    """A child ended and runs again."""
    if not is_taken(logger, logging.INFO):
        return
    ids = _ids(group)
    others = f"; by {strategy} with it: {', '.join(ids)}" if ids else ""
    decided = f"restarted {_child(id)} {old} as {pid}: it ended with {shown(reason)}; {_restarts(state)}{others}"
    more = {"otp_child_pid": str(pid), "otp_old_pid": str(old), "otp_strategy": strategy, "otp_group": ids}
    more |= _signalled(old, reason)
    _say(logging.INFO, me, "restarted", id, reason, decided, {**more, **_budget(state)})


def said_ended(me: Process, id: Hashable, pid: Any, reason: Reason, spec: ChildSpec, verdict: str) -> None:
    """A child ended by itself; `verdict`: what becomes of that, if it is no restart that was made.

    Besides those of `Verdict`: `"ignored"`, and `"other_failed"`, as the restart of a child of its group did.
    """
    if (spec.restart == "permanent" or not is_clean(reason)) and is_taken(logger, logging.INFO):
        decided = _DECIDED.get(verdict, "").format(restart=spec.restart)
        words = f"{_child(id)} {pid} ended with {shown(reason)}{decided}"
        more = {"otp_old_pid": str(pid), "otp_restart": spec.restart}
        more |= _signalled(pid, reason) if verdict != "give_up" else {}  # giving up tells of it, as an error
        _say(logging.INFO, me, _NAMES.get(verdict, verdict), id, reason, words, more)


_NAMES: Final = {
    "gone": "not_restarted",
    "ignored": "not_restarted",
    "give_up": "ended",
    "other_failed": "ended",
    "shutdown": "auto_shutdown",
}
_DECIDED: Final = {
    "gone": "; it is {restart} and not restarted",
    "ignored": "; its restart was ignored",
    "other_failed": "; another child failed to restart with it",
    "shutdown": "; it was significant: the supervisor stops",
}


def said_stopped(me: Process, id: Hashable, pid: Any, reason: Reason) -> None:
    """The supervisor stopped a child, which ended otherwise than it was asked to."""
    if is_taken(logger, logging.WARNING):
        words = f"{_child(id)} {pid} stopped, but with {shown(reason)}"
        _say(logging.WARNING, me, "stopped", id, reason, words, {"otp_old_pid": str(pid)})


def said_failed(me: Process, state: RestartWindow, id: Hashable, reason: Reason) -> None:
    """A restart failed and is tried again."""
    if is_taken(logger, logging.ERROR):
        words = f"{_child(id)} failed to restart: {shown(reason)}; it is tried again, {_restarts(state)} so far"
        _say(logging.ERROR, me, "retries", id, reason, words, _budget(state))


def said_gave_up(me: Process, state: RestartWindow, id: Hashable, reason: Reason) -> None:
    """One restart too many: the supervisor stops."""
    if is_taken(logger, logging.ERROR):
        words = (
            f"gave up: {state.counted} restarts within {state.max_seconds} s, allowed are {state.max_restarts}; "
            f"the last to end was {_child(id) if id is None else _id(id)}: {shown(reason)}"
        )
        _say(logging.ERROR, me, "gave_up", id, reason, words, _budget(state))


def said_failed_to_start(me: Process, id: Hashable, reason: Reason) -> None:
    """A child did not start with its supervisor, which does not start either."""
    if is_taken(logger, logging.ERROR):
        words = f"{_child(id)} failed to start: {shown(reason)}; those before it are stopped"
        _say(logging.ERROR, me, "not_started", id, reason, words, {})


def said_unexpected(me: Process, message: Any) -> None:
    """A supervisor got a message that is none for it."""
    if is_taken(logger, logging.ERROR):
        fields = {"otp_report": "supervisor", **about(me), "otp_decision": "dropped", "otp_message": shown(message)}
        tell(logger, logging.ERROR, f"{me._node.label(me)} unexpected message {shown(message)}", fields)


def _say(
    level: int, me: Process, decision: str, id: Hashable, reason: Reason, words: str, more: dict[str, Any]
) -> None:
    fields = {
        "otp_report": "supervisor",
        **about(me),
        "otp_decision": decision,
        "otp_child": None if id is None else _id(id),
        "otp_reason": shown(reason),
        **more,
    }
    tell(logger, level, f"{me._node.label(me)} {words}", fields)


def _signalled(pid: Any, reason: Reason) -> dict[str, Any]:
    return {"otp_signalled": pid is not None and pid._was_signalled and not is_clean(reason)}


def _id(id: Hashable) -> str:
    """A child's id in words; that of a class is its name. An id may lie about its class, or raise where it is asked."""
    return _name_of(id) if issubclass(type(id), type) else shown(id, 100)


_name_of: Any = type.__dict__["__qualname__"].__get__


def _child(id: Hashable) -> str:
    """`child 'a'`; a dynamic child has no id."""
    return "child" if id is None else f"child {_id(id)}"


def _ids(group: Iterable[Hashable]) -> list[str]:
    return [_id(id) for id, _ in zip(group, range(GROUP), strict=False)]


def _restarts(state: RestartWindow) -> str:
    return f"restart {state.counted} of {state.max_restarts} in {state.max_seconds} s"


def _budget(state: RestartWindow) -> dict[str, Any]:
    return {"otp_used": state.counted, "otp_allowed": state.max_restarts, "otp_window": state.max_seconds}
