"""Waiting until nothing can run, in a real event loop.

The wait takes one callback in each turn of the loop, and only while the loop has work: a loop with nothing ready is
idle, so the wait then ends.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from otp.kernel.tables.scheduler import Scheduler

__all__ = ["RealIdle"]

QUIET_TURNS: Final = 1_000
"""Turns without a drain after which a loop with ready callbacks counts as idle: a task polls."""
UNSEEN_TURNS: Final = 100
"""The same for a loop that does not show what is ready (uvloop)."""


class RealIdle:
    """The waiters for the idleness of one loop; they are woken at the same moment."""

    __slots__ = ("_drains", "_quiet", "_s", "_waiters")

    def __init__(self, s: Scheduler) -> None:
        self._s = s
        self._waiters: list[asyncio.Future[None]] = []
        self._drains = s.drains
        self._quiet = 0

    def wait(self) -> asyncio.Future[None]:
        """Return a future that is done once no process can run and no message is undelivered."""
        waiter = self._s.loop.create_future()
        if not self._waiters:
            self._quiet = 0
            self._s.loop.call_soon(self._look, context=self._s.base_context)
        self._waiters.append(waiter)
        return waiter

    def _timer_is_due(self) -> bool:
        """Return whether a timer of the scheduler or of the loop is due and has not fired."""
        s = self._s
        if any(due <= s.now_ns() and timer.fire is not None for due, _, timer in s.heap[:1]):
            return True
        timers: Any = getattr(s.loop, "_scheduled", ())
        return any(timer.when() <= s.loop.time() and not timer.cancelled() for timer in timers[:1])

    def _look(self) -> None:
        s = self._s
        if s.drains == self._drains and s.idle and not s.to_notify:
            self._quiet += 1
        else:
            self._drains, self._quiet = s.drains, 0
        ready: Any = getattr(s.loop, "_ready", None)  # of asyncio's own loops
        limit = UNSEEN_TURNS if ready is None else QUIET_TURNS
        if self._quiet < limit and (ready is None or ready or not s.idle or self._timer_is_due()):
            s.loop.call_soon(self._look, context=s.base_context)
            return
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
