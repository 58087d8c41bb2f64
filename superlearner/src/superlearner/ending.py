"""How the program ends: by a signal, also while a callback holds everything up, or because a callback said so.

The event loop handles signals itself, as long as it turns. While it does not, the signal's exception is raised in the
callback that holds it; the rest of the end is in order.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from functools import partial
from typing import TYPE_CHECKING, Final

from otp import Crash
from superlearner.control.reasons import own_frame
from superlearner.terminal import complain, say

if TYPE_CHECKING:
    from superlearner.running import Platform

__all__ = ["Ending"]

SUPERVISORS: Final = "otp.supervisor"
RAISED: Final = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: partial(SystemExit, 0)}


class Ending:
    """The signals of one program, and what the terminal says about its end.

    Args:
        platform: whose watchdog knows whether something holds the loop.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: signal.Signals | None = None
        self._raised: BaseException | None = None
        self._told = False

    def install(self) -> None:
        """Begin to listen; call it in the loop's thread, in a running node."""
        self._loop = asyncio.get_running_loop()
        node = self._platform.running_node()
        ask_to_stop = node.on_shutdown

        def asked(error: BaseException) -> None:
            self._explain(error)
            if ask_to_stop is not None:
                ask_to_stop(error)

        node.on_shutdown = asked
        if threading.current_thread() is threading.main_thread():
            for number in RAISED:
                signal.signal(number, self._on_signal)
                signal.siginterrupt(number, False)

    def held(self) -> None:
        """Something holds the loop: end it if a signal has been waiting since. Runs in the watchdog's thread."""
        number = self._waiting
        if number is None:
            return
        if hasattr(signal, "pthread_kill"):  # it wakes up a main thread that sleeps in a system call
            signal.pthread_kill(threading.main_thread().ident or 0, number)
        else:
            signal.raise_signal(number)

    def done(self) -> None:
        """The program has ended: finish the line."""
        logging.getLogger(SUPERVISORS).removeFilter(_is_no_ending)
        if self._told:
            say(" done")

    def _on_signal(self, number: int, frame: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._loop_turns)
        watchdog = self._platform.watchdog
        if watchdog is None or not watchdog.holding:
            self._waiting = signal.Signals(number)  # the loop handles it, unless somebody has just begun to hold it
            return
        self._waiting = None
        self._raised = RAISED[signal.Signals(number)]()
        raise self._raised

    def _loop_turns(self) -> None:
        self._waiting = None
        self._say_stopping()

    def _explain(self, error: BaseException) -> None:
        """A process ended by `SystemExit` or `KeyboardInterrupt` that was not ours: the program ends because of it."""
        if error is not self._raised:
            complain(f"the platform ends because of {error!r}{_place(error)}")
        logging.getLogger(SUPERVISORS).addFilter(_is_no_ending)
        self._say_stopping()

    def _say_stopping(self) -> None:
        if not self._told:
            self._told = True
            say("stopping …", end="")


def _is_no_ending(record: logging.LogRecord) -> bool:
    """Supervisors see a child that crashed; for people it is the end that they asked for."""
    return not any(f"Crash({error.__name__}(" in record.getMessage() for error in (KeyboardInterrupt, SystemExit))


def _place(error: BaseException) -> str:
    stack: list[tuple[str, int, str]] = []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        stack.append((code.co_filename, traceback.tb_lineno, code.co_qualname))
        traceback = traceback.tb_next
    frame = own_frame(Crash("", tuple(stack)))
    if frame is None:
        return ""
    file, line, function = frame
    return f": {os.fspath(file)}, line {line}, in {function}"
