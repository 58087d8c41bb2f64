"""Timers that deliver messages: `send_after`, `start_timer`, and exact answers of `cancel_timer`.

Source: Erlang/OTP, `erlang:send_after/3`, `start_timer/3`, `cancel_timer/1`, `read_timer/1`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otp.kernel.ends.mailbox import deliver
from otp.kernel.tables.names import check_name, is_name_and_node, node_here, resolve
from otp.kernel.tables.scheduler import Timer, nanoseconds
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.messages import TimerFired
from otp.kernel.values.pids import Ref
from otp.kernel.values.process import DEAD, Process

if TYPE_CHECKING:
    from otp.kernel.values.terms import Dest


class TimerRef(Ref):
    """The reference of a timer; holds its entry."""

    __slots__ = ("event", "timer")
    timer: Timer
    event: int  # the event of its creation; absent without a reader


def send_after(seconds: float, dest: Dest, message: Any) -> Ref:
    """Send `message` to `dest` after `seconds`.

    A name is resolved when the timer fires; without such a process nothing is sent. A timer to a pid ends with that
    process. Raises `BadArgument` for a negative or infinite time.
    """
    return _start(seconds, dest, message, wrap=False)


def start_timer(seconds: float, dest: Dest, message: Any) -> Ref:
    """Start a timer like `send_after` that delivers `TimerFired(ref, message)`."""
    return _start(seconds, dest, message, wrap=True)


def _start(seconds: Any, dest: Any, message: Any, *, wrap: bool) -> Ref:
    what = "start_timer(seconds, dest, message)" if wrap else "send_after(seconds, dest, message)"
    after = nanoseconds(seconds, what)
    if isinstance(dest, Process):
        node = dest.runtime
    else:
        if not is_name_and_node(dest) and not hasattr(dest, "whereis"):
            check_name(dest, what)
        node = node_here(what)
    s = node.scheduler
    if not s.lock._is_owned():
        s.check_thread(what)
    ref = TimerRef(node, node.next_ref())
    ref.timer = s.call_at(s.now_ns() + (after or 0), _fire, (dest, TimerFired(ref, message) if wrap else message), ref)
    if node.watched:
        ref.event = node.tracer.notice("timer_set", s.current, {"ref": ref, "to": dest, "seconds": seconds})
    return ref


def _fire(timer: Timer) -> None:
    dest, message = timer.target
    node = timer.ref.runtime
    if not isinstance(dest, Process):
        try:
            by_itself = is_name_and_node(dest) or hasattr(dest, "whereis")
            dest = resolve(dest, "timer") if by_itself else node.names.get(dest)
        except BadArgument:  # the node is gone: no process
            return
        if dest is None:
            return
    if node.watched and node.tracer.causes is not None:
        _report_fired(node, dest, timer.ref, message)
        return
    deliver(dest, message)


def _report_fired(node: Any, dest: Process, ref: Any, message: Any) -> None:
    causes = node.tracer.causes
    causes.now = node.tracer.notice("timer_fired", dest, {"ref": ref}, getattr(ref, "event", 0))
    try:
        deliver(dest, message)
    finally:
        causes.now = 0


def _read_remaining(ref: Ref, function: str) -> float | None:
    if not isinstance(ref, TimerRef):
        if not isinstance(ref, Ref):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise BadArgument(f"{function}(ref): expected the Ref that send_after or start_timer returned, got {ref!r}")
        return None
    timer = ref.timer
    if timer.fire is None or (isinstance(timer.target[0], Process) and timer.target[0].status == DEAD):
        return None
    return max(0, timer.due - ref.runtime.scheduler.now_ns()) / 1e9


def cancel_timer(ref: Ref) -> float | None:
    """Stop a timer.

    Returns the seconds that were left, or `None` if it fired, was cancelled or is unknown. Any process may cancel.
    `None` does not mean that the message has been handled. Raises `BadArgument` for anything but a reference.
    """
    left = _read_remaining(ref, "cancel_timer")
    if left is not None and isinstance(ref, TimerRef):
        ref.timer.fire = None
        node = ref.runtime
        if node.watched:
            node.tracer.notice("timer_cancelled", node.scheduler.current, {"ref": ref})
    return left


def read_timer(ref: Ref) -> float | None:
    """Return the seconds left of a timer, or `None` if it fired, was cancelled or is unknown."""
    return _read_remaining(ref, "read_timer")
