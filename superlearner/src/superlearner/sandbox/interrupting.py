"""In a sandbox: a callback that does not return is ended, so that its process crashes and the others go on.

On the BEAM an endless loop takes a share of one scheduler and is killed like any process. Here it holds the loop that
all share. So a thread looks whether the loop turns, and when it has not for too long, a signal makes the interpreter
raise `EndlessLoop` where the person's code stands. Its process crashes with that, and its supervisor does what it does.

Code can evade that (catch everything, take the signal's handler away, hold the loop in C): for it there is the limit
from outside, which ends the whole sandbox.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import otp
from otp.watchdog import LIBRARY_FOLDERS, Held, Watchdog, collector_listeners
from superlearner.control.simulations import hold_the_loop

__all__ = ["EndlessLoop", "Interrupter"]

SIGNAL: Final = getattr(signal, "SIGVTALRM", None)
"""Sent to the thread of the loop; nobody else uses it in a sandbox."""

TRIES: Final = 100
PAUSE_S: Final = 0.02
OURS: Final = tuple(
    os.path.join(os.path.dirname(module.__file__ or ""), "") for module in (otp, asyncio)
)  # raised in there, it would leave a queue or a mailbox half done


class EndlessLoop(BaseException):
    """A callback that held the loop for too long. No `Exception`: `except Exception` is not meant for it."""


class Interrupter:
    """Ends callbacks that hold the loop for longer than `after` seconds.

    Args:
        node: whose processes run in this loop.
        after: seconds.
        tell: called in the loop with words about each that was ended.
    """

    def __init__(self, node: otp.Node, after: float, tell: Callable[[str], object]) -> None:
        self._after = after
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._who: str | None = None
        self._raised = threading.Event()
        self._watchdog = Watchdog(self._loop, node, after=after, say=self._held)

    def start(self) -> None:
        """Begin; call it in the thread of the loop, which has to be the first one."""
        if SIGNAL is not None:
            signal.signal(SIGNAL, self._interrupt)
            self._watchdog.start()

    def stop(self) -> None:
        """End."""
        self._watchdog.stop()

    def _held(self, held: Held) -> None:
        """Something holds the loop; runs in the watchdog's thread."""
        if held.pid is None or SIGNAL is None:
            return
        self._who = held.name or held.pid
        self._raised.clear()
        for _ in range(TRIES):
            signal.pthread_kill(self._thread, SIGNAL)
            if self._raised.wait(PAUSE_S) or not self._watchdog.holding:
                break
        self._who = None

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """The signal has come; runs in the thread of the loop, on top of whatever stands there."""
        who = self._who
        if who is None or frame is None or not _may_raise(frame):
            return
        self._who = None
        self._raised.set()
        who, place = ("the simulation `hang`", "") if frame.f_code is hold_the_loop.__code__ else (who, _place(frame))
        words = f"{who} held the loop for {self._after:g} s{place}"
        self._loop.call_soon_threadsafe(self._tell, f"{words}; it was ended there")
        raise EndlessLoop(words)


def _may_raise(frame: FrameType) -> bool:
    """Whether the innermost frame is called by a process, is not the runtime's own, and what it raises is not lost."""
    if frame.f_code.co_filename.startswith((*OURS, "<frozen")):
        return False
    lost = collector_listeners()
    above: Any = frame
    while above is not None and above.f_code not in lost:
        if above.f_code.co_filename.startswith(OURS[0]):
            return True
        above = above.f_back
    return False


def _place(frame: FrameType) -> str:
    """File and line of the person's code in which that is: the innermost frame of no library, if there is one."""
    own: Any = frame
    while own is not None and own.f_code.co_filename.startswith((*LIBRARY_FOLDERS, "<frozen")):
        own = own.f_back
    found = own or frame
    return f": {os.path.basename(found.f_code.co_filename)}, line {found.f_lineno}"
