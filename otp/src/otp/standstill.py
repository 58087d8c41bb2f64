"""Time limits on other programs that exclude the time in which this program stood still.

A program that was stopped (SIGSTOP, a paused container, a suspended machine), or whose loop was held, continues with
all its timers due, before it has read what others have sent meanwhile and while they may still be stopped themselves.
So a limit on the silence of others first has to check whether this program stood still itself. Here such a limit is
waited for in steps: a step that ends too late shows that this program stood still, and the limit begins again.

A limit that a user sets (`otp.call(timeout=…)`, `send_after`, `asyncio.timeout`) follows the clock of the loop instead.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextvars import Context
from typing import Final

__all__ = ["Pulse", "SilenceLimit", "timeout"]

STEPS: Final = 4
"""Steps of a limit: a standstill shorter than one of them costs the other side at most this part of its time."""


class Pulse:
    """The regular ticks of this program, which show for how long it stood still.

    Args:
        period: seconds between two ticks.

    >>> pulse = Pulse(1.0)
    >>> [pulse.stood_still(now) for now in (10.0, 11.0, 12.5, 25.0, 26.0)]
    [0.0, 0.0, 0.0, 11.5, 0.0]
    """

    __slots__ = ("_period", "_ticked")

    def __init__(self, period: float) -> None:
        self._period = period
        self._ticked: float | None = None

    def stood_still(self, now: float) -> float:
        """Record a tick; return the seconds by which it is late, or 0.0 if that is less than a period."""
        late = 0.0 if self._ticked is None else now - self._ticked - self._period
        self._ticked = now
        return late if late > self._period else 0.0


class SilenceLimit:
    """A limit on the silence of another program: calls `expire` after `seconds` without `renew`.

    Args:
        loop: the loop that receives from the other program.
        seconds: the limit; it begins again when this program stood still for more than a quarter of it.
        expire: called once, in the loop and outside of any process.
    """

    __slots__ = ("_due", "_expire", "_loop", "_seconds", "_since", "_step", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, expire: Callable[[], object]) -> None:
        self._loop = loop
        self._seconds = seconds
        self._expire = expire
        self._step = seconds / STEPS
        self._since = loop.time()
        self._begin_step()

    def renew(self) -> None:
        """Begin again, after a sign of life."""
        self._since = self._loop.time()

    def cancel(self) -> None:
        """Stop waiting."""
        self._timer.cancel()

    def _begin_step(self) -> None:
        seconds = min(self._step, self._since + self._seconds - self._loop.time())
        self._due = self._loop.time() + seconds
        self._timer: asyncio.Handle = self._loop.call_later(seconds, self._end_step, context=Context())

    def _end_step(self) -> None:
        now = self._loop.time()
        if now - self._due > self._step:
            self._since = now
        if now < self._since + self._seconds:
            self._begin_step()
        else:  # uvloop calls timers before it reads what has arrived
            self._timer = self._loop.call_soon(self._decide_next_turn, context=Context())

    def _decide_next_turn(self) -> None:
        self._timer = self._loop.call_soon(self._decide, context=Context())

    def _decide(self) -> None:
        if self._loop.time() < self._since + self._seconds:
            self._begin_step()
        else:
            self._expire()


@contextlib.asynccontextmanager
async def timeout(seconds: float) -> AsyncGenerator[None]:
    """Limit a wait for others like `asyncio.timeout`, but exclude time in which this program stood still.

    Raises `TimeoutError` at its end.

    >>> async def main():
    ...     async with timeout(0.01):
    ...         await asyncio.get_running_loop().create_future()
    >>> asyncio.run(main())
    Traceback (most recent call last):
    ...
    TimeoutError
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as inner:
        limit = SilenceLimit(loop, seconds, lambda: inner.reschedule(loop.time()))
        try:
            yield
        finally:
            limit.cancel()
