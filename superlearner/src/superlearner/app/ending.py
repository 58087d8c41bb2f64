"""The end of the program: by a signal, or by a callback's request.

A signal asks the node to shut down. If a callback blocks the event loop, the signal's exception is raised in it
once the watchdog has detected that; a second Ctrl-C is raised at once in the running code, as in `otp.run`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from traceback import format_exception_only
from typing import TYPE_CHECKING, Final

from otp import Crash
from superlearner.base.terminal import complain, print_line, stop_signals
from superlearner.control.reasons import own_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    import otp
    from superlearner.observing.watchdog import Watchdog

__all__ = ["Ending"]

SUPERVISORS: Final = "otp.supervisor"


class Ending:
    """The signal handlers of one program, and the terminal messages about its end."""

    def __init__(self) -> None:
        self._watchdog: Callable[[], Watchdog | None] = lambda: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: signal.Signals | None = None
        self._raised: BaseException | None = None
        self._ask_to_stop: Callable[[BaseException], None] | None = None
        self._is_repeated = False  # the next signal is the pending one, sent again by ourselves
        self._interrupted = False
        self._announced = False

    def install(self, node: otp.Node, watchdog: Callable[[], Watchdog | None]) -> None:
        """Install the handlers for a running node; call it in the thread of its loop.

        `watchdog` returns the watchdog of the loop, or None.
        """
        self._loop = asyncio.get_running_loop()
        self._watchdog = watchdog
        self._ask_to_stop = ask_to_stop = node.on_shutdown

        def asked(error: BaseException) -> None:
            self._explain(error)
            if ask_to_stop is not None:
                ask_to_stop(error)

        node.on_shutdown = asked
        if threading.current_thread() is threading.main_thread():
            for number in stop_signals():
                signal.signal(number, self._on_signal)
                signal.siginterrupt(number, False)

    def held(self) -> None:
        """Raise a pending signal in the blocked loop, from the watchdog's thread."""
        number = self._waiting
        if number is None:
            return
        self._is_repeated = True
        if hasattr(signal, "pthread_kill"):  # this wakes a main thread that sleeps in a system call
            signal.pthread_kill(threading.main_thread().ident or 0, number)
        else:
            signal.raise_signal(number)

    def done(self) -> None:
        """Finish the line on the terminal: the program has ended."""
        logging.getLogger(SUPERVISORS).removeFilter(_is_no_ending)
        if self._announced:
            print_line(" done")

    def _on_signal(self, number: int, frame: object) -> None:
        assert self._loop is not None
        is_repeated, self._is_repeated = self._is_repeated, False
        is_second = number == signal.SIGINT and self._interrupted and not is_repeated
        self._interrupted = self._interrupted or number == signal.SIGINT
        watchdog = self._watchdog()
        is_held = watchdog is not None and watchdog.holding
        self._loop.call_soon_threadsafe(self._loop_turns, _error_for(number))
        if not is_held and not is_second:
            self._waiting = signal.Signals(number)  # the loop handles it, unless something has just begun to block it
            if watchdog is None and number == signal.SIGINT:  # nothing else would interrupt a callback
                complain("stopping; press Ctrl-C again to interrupt")
            return
        self._waiting = None
        self._raised = _error_for(number)
        raise self._raised

    def _loop_turns(self, asked: BaseException) -> None:
        self._waiting = None
        self._print_stopping()
        if self._ask_to_stop is not None:
            self._ask_to_stop(asked)

    def _explain(self, error: BaseException) -> None:
        """Report that a process ended the program by `SystemExit` or the like."""
        if error is not self._raised:
            said = "".join(format_exception_only(error)).strip().replace("\n", "\n  ")
            complain(f"the platform ends because of {said}{_place(error)}")
        logging.getLogger(SUPERVISORS).addFilter(_is_no_ending)
        self._print_stopping()

    def _print_stopping(self) -> None:
        if not self._announced:
            self._announced = True
            print_line("stopping …", end="")


def _error_for(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else SystemExit(0)


def _is_no_ending(record: logging.LogRecord) -> bool:
    """Leave out supervisors' reports of this end: users asked for it, it is not a crash."""
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
    return f": {os.fspath(file)}:{line} in {function.rpartition('.')[2]}"
