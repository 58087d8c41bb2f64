"""Suspension points of coroutine processes: the awaited object, and signals that arrived in between."""

from __future__ import annotations

from typing import Any

from otp.kernel.death import deliver_fatal
from otp.kernel.process import Cancel, Process
from otp.kernel.states import FUT, READY, RUN

__all__ = ["interrupt", "wait_for"]


def _take_turn(p: Process) -> None:
    """Run a process one turn after it yielded, as a task runs: after the callbacks that were queued before it."""
    s = p._node._s
    if s.idle:
        s.begin_drain(p)
    else:
        s.push(p)


def wait_for(p: Process, waits_for: Any) -> None:
    """Note what the coroutine of a process waits for after it has yielded.

    `None` is one of our own waits (the state says which) or a bare `sleep(0)`; otherwise it must be a future.
    """
    if waits_for is None:
        if p._st == RUN:
            p._st = READY
            s = p._node._s
            if s.loop_is_due():
                s.loop.call_soon(_take_turn, p, context=s._base)
            else:
                s.push(p)
    elif getattr(waits_for, "_asyncio_future_blocking", None) and waits_for.get_loop() is p._node._s.loop:
        waits_for._asyncio_future_blocking = False
        p._ext().fut = waits_for
        p._st = FUT
        waits_for.add_done_callback(p._wakeup, context=p._node._s._base)
    else:
        what = "is of another event loop" if hasattr(waits_for, "get_loop") else "asyncio cannot wait for"
        p._throw(RuntimeError(f"process {p} awaited {waits_for!r}, which {what}"))
    if p._sig is not None:
        interrupt(p)


def interrupt(p: Process) -> None:
    """Deliver a signal or a cancellation, which arrived while `p` ran, at this suspension point."""
    cancel = p._sig
    if type(cancel) is not Cancel:
        deliver_fatal(p)
        return
    p._sig = None
    x = p._ext()
    if p._st == FUT:
        if x.fut is not None and x.fut.cancel(msg=cancel.message):
            return
        x.fut = None
    p._throw(cancel.error())
