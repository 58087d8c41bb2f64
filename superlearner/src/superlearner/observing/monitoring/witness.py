"""Who holds the loop, seen from a thread of its own: the runtime knows afterwards how long, and not always who.

A drain lets many processes run and is timed as a whole, so the one that ran last is not always the one that took the
time. The witness looks ten times a second at what the loop's thread is doing. What holds the loop outside of any drain,
a callback or a task of somebody else, is timed by nobody: when the witness sees that, it asks the loop to say when it
turns again, so that the whole time is known, however soon it is over and whatever else happens.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import otp
from otp.watchdog import LIBRARY_FOLDERS, frame_of

__all__ = ["Seen", "Witness"]

EVERY_S: Final = 0.1
LEAST_S: Final = 0.25
"""Shorter times are not worth a word."""

KEPT: Final = 600


@dataclass(frozen=True, slots=True)
class Seen:
    """What the loop was doing at `at` (seconds of the node's clock): a process, or None for something else; where."""

    at: float
    process: Any
    place: str | None


class Witness:
    """Looks at the thread in which it was opened, until it is closed.

    Args:
        node: a node of this thread's loop.
        every: seconds between two looks.
        outside: called in the loop with the begin and end of what held it outside of any process, `LEAST_S` or longer
            (node's clock, seconds). The begin is known to half the time between two looks.
    """

    def __init__(
        self, node: otp.Node, *, every: float = EVERY_S, outside: Callable[[float, float], object] | None = None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._outside = outside
        self._asked = False
        self._every = every
        self._seen: deque[Seen] = deque(maxlen=KEPT)
        self._thread_of_loop = threading.get_ident()
        self._scheduler: Any = node._s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="superlearner-witness", daemon=True)

    def open(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()

    def of(self, since: float, until: float) -> Seen | None:
        """Who was seen most often in that time (node's clock, seconds); None if nobody looked in time."""
        found = [seen for seen in list(self._seen) if since <= seen.at <= until]
        if not found:
            return None
        most = Counter(id(seen.process) for seen in found).most_common(1)[0][0]
        return [seen for seen in found if id(seen.process) == most][-1]

    def _watch(self) -> None:
        scheduler = self._scheduler
        drains = -1
        while not self._stop.wait(self._every):
            process = scheduler.current
            if drains == scheduler.drains:  # since the last look the loop has let nobody else begin
                frame = frame_of(self._thread_of_loop)
                if frame is not None and (process is not None or not _waits(frame)):
                    now = time.monotonic()
                    self._seen.append(Seen(now, process, _place(frame)))
                    if process is None and not self._asked and not self._ask(now - self._every / 2):
                        return
                del frame
            drains = scheduler.drains

    def _ask(self, since: float) -> bool:
        """Have the loop say when it turns again; False if it is closed."""
        if self._outside is None:
            return True
        self._asked = True
        try:
            self._loop.call_soon_threadsafe(self._turns, since)
        except RuntimeError:
            return False
        return True

    def _turns(self, since: float) -> None:
        """The loop turns again; runs in its thread."""
        self._asked = False
        until = time.monotonic()
        if self._outside is None or until - since < LEAST_S or self._stop.is_set():
            return
        seen = self.of(since, until)
        if seen is None or seen.process is None:  # a process is timed by the runtime
            self._outside(since, until)


def _waits(frame: Any) -> bool:
    """Whether the loop waits for something to happen."""
    return os.path.basename(frame.f_code.co_filename) in ("selectors.py", "proactor_events.py", "windows_events.py")


def _place(frame: Any) -> str | None:
    """The innermost line that is not a library's: `shop.py:41 in handle_cast`."""
    while frame is not None:
        if not frame.f_code.co_filename.startswith((*LIBRARY_FOLDERS, "<frozen")):
            return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno} in {frame.f_code.co_name}"
        frame = frame.f_back
    return None
