"""What supervisors tell: an event for everything that happens to a child, and a report for the log."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from logging import INFO
from typing import Any, Final

from otp.behaviours.child_spec import ChildSpec
from otp.behaviours.supervisor_reports import (
    logger,
    said_ended,
    said_failed,
    said_gave_up,
    said_restarted,
    said_stopped,
)
from otp.behaviours.supervisor_state import RestartWindow, Verdict
from otp.kernel.kept import kept
from otp.kernel.process import Process
from otp.kernel.reasons import Reason

__all__ = ["told_ended", "told_failed", "told_gave_up", "told_restarted", "told_started", "told_stopped"]

ALONE: Final[tuple[Hashable, ...]] = ()


def told_started(
    me: Process,
    id: Hashable,
    pid: Any,
    spec: ChildSpec,
    cause: int = 0,
    old: Any = None,
    restarts: int = 0,
    along: bool = False,
) -> None:
    """A child runs: for the first time, `along` with a sibling that was restarted (`cause`), or on request.

    `old` is the process that ran in its place if that ended by itself: then this start is a restart, the last one of
    `restarts`.
    """
    trace = me._node._trace
    if old is not None:
        trace.restarts += 1
    trace.record("child_started", me, (me, id, pid, spec.restart, spec.type, old, restarts, along), cause)


def told_ended(
    me: Process,
    id: Hashable,
    pid: Any,
    reason: Reason,
    spec: ChildSpec,
    less: Reason,
    now: int,
    cause: int,
    verdict: Verdict,
) -> None:
    """A child ended by itself; `less` is its reason as it may be kept, `cause` the event of its end."""
    whole = None if less is reason else reason
    me._node._trace.record("child_terminated", me, (id, pid, less, "exit"), cause, whole, now)
    if verdict != "restart":  # which is told when it is done
        said_ended(me, id, pid, reason, spec, verdict)


def told_stopped(me: Process, id: Hashable, pid: Any, reason: Reason, as_asked: bool) -> None:
    """The supervisor stopped a child."""
    less = kept(reason)
    whole = None if less is reason else reason
    me._node._trace.record("child_terminated", me, (id, pid, less, "supervisor"), pid._exit_seq, whole)
    if not as_asked:
        said_stopped(me, id, pid, reason)


def told_restarted(
    me: Process,
    state: RestartWindow,
    strategy: str,
    id: Hashable,
    pid: Any,
    old: Any,
    reason: Reason,
    cause: int,
    group: Iterable[Hashable] = ALONE,
    restarts: int = 0,
    along: bool = False,
) -> None:
    """A child that ended, with a reason that may be kept, runs again; `group`: the ids of those restarted with it.

    `along`: it was stopped because of a sibling, and its start failed before this one; then this is no restart of its
    own, of which there are `restarts`.
    """
    limits = state.max_restarts, state.max_seconds
    values = (id, pid, old, reason, strategy, state.counted, *limits, group, restarts, along)
    trace = me._node._trace
    if not along:
        trace.restarts += 1
    trace.record("child_restarted", me, values, cause)
    if logger.isEnabledFor(INFO):
        said_restarted(me, state, strategy, id, pid, old, reason, group)


def told_failed(me: Process, state: RestartWindow, id: Hashable, reason: Reason, cause: int) -> int:
    """A restart failed and will be tried again; the answer is the number of the event."""
    said_failed(me, state, id, reason)
    return me._node._trace.emit("restart_failed", me, _intensity(state, id, reason), cause)


def told_gave_up(me: Process, state: RestartWindow, id: Hashable, reason: Reason, cause: int) -> None:
    """One restart too many: the supervisor stops."""
    said_gave_up(me, state, id, reason)
    trace = me._node._trace
    trace.give_ups += 1
    trace.emit("gave_up", me, _intensity(state, id, reason), cause)


def _intensity(state: RestartWindow, id: Hashable, reason: Reason) -> dict[str, Any]:
    return {
        "id": id,
        "reason": reason,
        "used": state.counted,
        "allowed": state.max_restarts,
        "window": state.max_seconds,
    }
