"""What supervisors tell: an event for everything that happens to a child, and reports for the log.

The event stream is always fed. The log (logger `otp.supervisor`) gets OTP's supervisor reports:
giving up and failed starts as errors, children that did not stop as asked as warnings, and the end
of a child, which its own process has reported already, as information.

Source of the reports: OTP's `supervisor.erl`, `report_error`.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable
from typing import Any, Final

from otp.behaviours.child_spec import ChildSpec
from otp.behaviours.supervisor_state import RestartWindow
from otp.kernel.kept import kept
from otp.kernel.process import Process
from otp.kernel.reasons import Reason, is_clean
from otp.kernel.tracing import bounded_text

__all__ = ["told_ended", "told_failed", "told_gave_up", "told_restarted", "told_started", "told_stopped"]

logger: Final = logging.getLogger("otp.supervisor")

ALONE: Final[tuple[Hashable, ...]] = ()


def told_started(me: Process, id: Hashable, pid: Any, spec: ChildSpec, cause: int = 0) -> None:
    """A child runs that did not run before (or was restarted along with another one: `cause`)."""
    me._node._trace.record("child_started", me, (me, id, pid, spec.restart, spec.type), cause)


def told_ended(
    me: Process, id: Hashable, pid: Any, reason: Reason, spec: ChildSpec, less: Reason, now: int, cause: int
) -> None:
    """A child ended by itself; `less` is its reason as it may be kept, `cause` the event of its end."""
    whole = None if less is reason else reason
    me._node._trace.record("child_terminated", me, (id, pid, less, "exit"), cause, whole, now)
    if logger.isEnabledFor(logging.INFO) and (spec.restart == "permanent" or not is_clean(reason)):
        logger.info("%s: child %r %s ended: %s", me._node.label(me), id, pid, bounded_text(reason, 500))


def told_stopped(me: Process, id: Hashable, pid: Any, reason: Reason, as_asked: bool) -> None:
    """The supervisor stopped a child."""
    less = kept(reason)
    whole = None if less is reason else reason
    me._node._trace.record("child_terminated", me, (id, pid, less, "supervisor"), pid._exit_seq, whole)
    if not as_asked:
        logger.warning("%s: child %r %s stopped, but with %s", me._node.label(me), id, pid, bounded_text(reason, 500))


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
) -> None:
    """A child that ended, with a reason that may be kept, runs again; `group`: the ids of those restarted with it."""
    values = (id, pid, old, reason, strategy, state.counted, state.max_restarts, state.max_seconds, group)
    me._node._trace.record("child_restarted", me, values, cause)


def told_failed(me: Process, state: RestartWindow, id: Hashable, reason: Reason, cause: int) -> int:
    """A restart failed and will be tried again; the answer is the number of the event."""
    logger.error("%s: child %r failed to restart: %s", me._node.label(me), id, bounded_text(reason, 500))
    return me._node._trace.emit("restart_failed", me, _intensity(state, id, reason), cause)


def told_gave_up(me: Process, state: RestartWindow, id: Hashable, reason: Reason, cause: int) -> None:
    """One restart too many: the supervisor stops."""
    logger.error(
        "%s gave up: %d restarts within %s s, allowed are %s; the last to end was %r: %s",
        me._node.label(me),
        state.counted,
        state.max_seconds,
        state.max_restarts,
        id,
        bounded_text(reason, 500),
    )
    me._node._trace.emit("gave_up", me, _intensity(state, id, reason), cause)


def _intensity(state: RestartWindow, id: Hashable, reason: Reason) -> dict[str, Any]:
    return {
        "id": id,
        "reason": reason,
        "used": state.counted,
        "allowed": state.max_restarts,
        "window": state.max_seconds,
    }
