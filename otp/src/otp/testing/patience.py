"""The limit of steps while a test waits: endless programs are stopped, and named.

In virtual time a ticking server advances the clock forever, in no time, which does not look like a deadlock. The steps
since the test's own process last ran are therefore counted. A wait that ends by itself (`advance`, a time-out, a sleep)
may take any number of steps, as long as the clock moves.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from otp.kernel.tables.scheduler import Timer
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.process import DEAD, EXITING

if TYPE_CHECKING:
    from otp.kernel.values.process import Process
    from otp.testing.kernel import TestingKernel
    from otp.testing.virtual_loop import VirtualLoop

__all__ = ["MAX_STEPS", "Livelock", "Patience", "checked_max_steps"]

MAX_STEPS: Final = 1_000_000
"""The default limit, some ten seconds of work. An hour of a thousand servers with a crash per second takes 20,000."""
EVERY: Final = 64
"""Turns of the loop between two checks."""
LAST: Final = 10_000
"""Last steps that are counted to find what keeps the program running."""
NAMED: Final = 3


class Livelock(RuntimeError):
    """A program that never becomes idle while its test waits; the text names what keeps it running."""


def checked_max_steps(given: Any) -> Any:
    """Return a valid limit of steps; raise `BadArgument` for others."""
    if given != "infinity" and (type(given) is not int or given < 1):
        raise BadArgument(f'max_steps: expected a number of at least 1 or "infinity", got {given!r}')
    return given


class Patience:
    """A counter of a run's steps since its first process last ran, which stops endless runs."""

    def __init__(self, loop: VirtualLoop, kernel: TestingKernel, limit: Any) -> None:
        self.first: Process | None = None
        self._loop = loop
        self._kernel = kernel
        self._limit: int | None = None if limit == "infinity" else limit
        self.renew()

    def renew(self) -> None:
        """Restart the count: the test itself runs."""
        self._steps = len(self._kernel.steps)
        self._turns = self._loop.turns
        self._since = self._loop.now_ns

    def look(self) -> None:
        """Raise `Livelock` if the test has waited for too many steps."""
        loop = self._loop
        loop.look_at = loop.turns + EVERY
        taken = max(len(self._kernel.steps) - self._steps, loop.turns - self._turns)
        if self._limit is None or taken < self._limit:
            return
        begun, since = self._steps, self._since
        self.renew()  # code that stops the rest gets as many again
        if loop.now_ns == since or not self._ends_by_itself():
            raise Livelock(self._text(taken, since, self._describe_active(begun)))

    def _ends_by_itself(self) -> bool:
        """Return whether the wait of the first process is limited in time."""
        p = self.first
        loop = self._loop
        if p is None or p.status in (DEAD, EXITING) or loop.somebody_waits_for_idle() or type(p.value) is Timer:
            return True  # being stopped, `advance`, or `receive(timeout=…)`
        future = None if p.ext is None else p.ext.fut
        for handle in loop._scheduled:  # pyright: ignore[reportPrivateUsage]
            if not handle.cancelled() and _wakes(handle, p, future):
                return True
        return any(timer.fire is not None and _is_for(timer.target, p) for _, _, timer in self._kernel.heap)

    def _text(self, taken: int, since: int, who: str) -> str:
        now = self._loop.now_ns
        clock = f"from {since / 1e9} s to {now / 1e9} s" if now > since else f"all at {now / 1e9} s"
        test = "the test" if self.first is None else self._kernel.label(self.first)
        instead = (
            "give what it waits for a timeout=, write `await advance(seconds)` for a time that ends"
            if now > since
            else "let it wait for a message, a timer or an asyncio.Event"
        )
        return (
            f"expected an end, got {taken} steps while {test} waited, {clock}; kept going by {who}; try: "
            f"{instead}; if it only takes long, Scheduler(max_steps={10 * (self._limit or taken):_}), "
            "@pytest.mark.otp(max_steps=…) alike"
        )

    def _describe_active(self, begun: int) -> str:
        kernel = self._kernel
        ran = [kernel.ran(step) for step in kernel.steps[max(begun, len(kernel.steps) - LAST) :]]
        counted = Counter(label for label in ran if label is not None)
        if counted:
            of = counted.total()
            return ", ".join(
                f"{label} ({n * 100 // of} % of the last steps)" for label, n in counted.most_common(NAMED)
            )
        names = sorted(
            f"task {task.get_name()}"
            for task in asyncio.all_tasks(self._loop)
            if task.get_coro().__qualname__ != "Run.main"  # type: ignore[union-attr]
        )
        return ", ".join(names[:NAMED]) or "callbacks of the loop"


def _wakes(handle: Any, p: Process, future: Any) -> bool:
    """Return whether a timer of asyncio belongs to a sleep of `p` or an `asyncio.timeout` around its wait."""
    callback: Any = handle._callback
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Timeout):
        return getattr(owner, "_task", None) is p
    return future is not None and any(argument is future for argument in handle._args or ())


def _is_for(target: Any, p: Process) -> bool:
    return target is p or (isinstance(target, tuple) and any(part is p for part in target))  # pyright: ignore[reportUnknownVariableType]
