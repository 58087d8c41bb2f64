"""Sampling thread that finds out which process blocks the event loop.

The runtime knows how long a drain took, but not always which process took the time: a drain runs many processes and is
timed as a whole. The witness samples the loop's thread ten times a second. Callbacks and tasks outside of any drain are
not timed at all: when the witness sees one, it schedules a callback in the loop, so the whole time is measured.

Waking threads is most of what an idle program costs, so the pause is longer while no process runs and the loop is idle.
It stays below `LEAST_S`, so that no hold is missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import otp
from otp.watchdog import frame_of, is_idle
from superlearner.observing.monitoring.code_places import CodePlace, RunningCode, find_running_code, runs_platform

__all__ = ["LoopSample", "Witness", "is_stop"]

EVERY_S: Final = 0.1
QUIET: Final = 2
"""The pause while nothing runs, as a multiple of the usual one."""
LEAST_S: Final = 0.25
"""Shortest time that is reported."""

STOPPED_S: Final = 1.0
"""The least time without any code of the program that is reported."""
IDLE: Final = 0.1
"""The part of such a time in which the program may have used a processor: a hold by a library uses all of it."""

WAITS_A_S: Final = 20
"""Waits a second from which a late thread was not stopped: it waits for the interpreter's lock, again each 5 ms."""

KEPT: Final = 600


@dataclass(frozen=True, slots=True)
class LoopSample:
    """State of the loop at `at` (node's clock): process or None, and the code that it runs."""

    at: float
    process: Any
    running: RunningCode | None
    is_of_platform: bool = False
    """True if code of the platform ran outside of any process."""

    @property
    def place(self) -> str | None:
        """The line that ran; None if it is not known."""
        return None if self.running is None else self.running.place

    @property
    def code(self) -> CodePlace | None:
        """The code with its source, which is read now, and not while it was sampled."""
        return None if self.running is None else self.running.describe()


class Witness:
    """Sampler of the thread in which it was opened, until it is closed.

    Args:
        node: a node that runs in this thread's loop.
        every: seconds between two samples; twice as long while nothing runs.
        outside: called in the loop with the start and end of a hold outside of any process, `LEAST_S` or longer
            (node's clock, seconds). The start is accurate to half of the time between two samples.
        stopped: called in the witness's thread with the start and end of a time in which no code of the program ran,
            as after SIGSTOP.
    """

    def __init__(
        self,
        node: otp.Node,
        *,
        every: float = EVERY_S,
        outside: Callable[[float, float], object] | None = None,
        stopped: Callable[[float, float], object] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._outside = outside
        self._stopped = stopped
        self._asked = False
        self._every = every
        self._seen: deque[LoopSample] = deque(maxlen=KEPT)
        self._thread_of_loop = threading.get_ident()
        self._node = node
        self._scheduler: Any = node.scheduler
        self._sampled = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="superlearner-witness", daemon=True)

    def open(self) -> None:
        """Start sampling."""
        self._thread.start()

    @property
    def is_late(self) -> bool:
        """True while it runs and has not sampled for so long that the program may have been stopped."""
        return self._thread.is_alive() and time.monotonic() - self._sampled >= STOPPED_S

    def close(self) -> None:
        """Stop sampling."""
        self._stop.set()

    def of(self, since: float, until: float) -> LoopSample | None:
        """Return what was seen most in a period; None without a sample."""
        found = [seen for seen in list(self._seen) if since <= seen.at <= until]
        if not found:
            return None
        most = Counter((id(seen.process), seen.is_of_platform) for seen in found).most_common(1)[0][0]
        return [seen for seen in found if (id(seen.process), seen.is_of_platform) == most][-1]

    def _watch(self) -> None:
        scheduler = self._scheduler
        drains = -1
        pause = self._every
        self._sampled, used, waits = time.monotonic(), time.process_time(), _count_waits()
        while not self._stop.wait(pause):
            at, now_used, now_waits = time.monotonic(), time.process_time(), _count_waits()
            late = at - self._sampled - pause
            if self._stopped is not None and is_stop(late, now_used - used, now_waits - waits):
                self._stopped(self._sampled + pause / 2, at)
            self._sampled, used, waits = at, now_used, now_waits
            before, pause = pause, self._every
            process = scheduler.current
            if drains == scheduler.drains:  # same drain as at the last sample
                frame = frame_of(self._thread_of_loop)
                if process is None and is_idle(frame):
                    pause = QUIET * self._every
                elif frame is not None and process is scheduler.current:  # else it may be the frame of the next process
                    now = time.monotonic()
                    # What a process of another node handles is not shown on this one
                    own = process if process is not None and process.runtime is self._node else None
                    running = find_running_code(frame, own)
                    is_of_platform = process is None and running is None and runs_platform(frame)
                    self._seen.append(LoopSample(now, process, running, is_of_platform))
                    if process is None and not self._asked and not self._ask(now - before / 2):
                        return
                del frame
            drains = scheduler.drains

    def _ask(self, since: float) -> bool:
        """Schedule a report for when the loop continues; return False if it is closed."""
        if self._outside is None:
            return True
        self._asked = True
        try:
            self._loop.call_soon_threadsafe(self._turns, since)
        except RuntimeError:
            return False
        return True

    def _turns(self, since: float) -> None:
        """Report that the loop continues; runs in its thread."""
        self._asked = False
        until = time.monotonic()
        if self._outside is None or until - since < LEAST_S or self._stop.is_set():
            return
        seen = self.of(since, until)
        if seen is None or seen.process is None:  # the runtime times processes itself
            self._outside(since, until)


def is_stop(late: float, used: float, waits: int = 0) -> bool:
    """Return whether the program was stopped: a sample was late, and it used little processor time meanwhile.

    A library may also sleep or wait for a device while it has the interpreter's lock: the thread then has many `waits`.

    >>> is_stop(12.7, 0.1), is_stop(12.7, 12.5), is_stop(0.5, 0.0), is_stop(12.7, 0.1, 2_500)
    (True, False, False, False)
    """
    return late >= STOPPED_S and used < IDLE * late and waits < WAITS_A_S * late


def _count_waits() -> int:
    """Return how often this thread has waited so far; 0 if the system does not count that for a thread."""
    with contextlib.suppress(ImportError, AttributeError):
        import resource

        return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    return 0
