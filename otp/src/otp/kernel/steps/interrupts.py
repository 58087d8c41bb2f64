"""Ctrl-C in `otp.run`: the first asks for an orderly stop, the second interrupts, as in `asyncio.Runner`.

The handler belongs to Python, not to the event loop: it runs between two instructions of any code.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator

from otp.kernel.steps.forks import watch_forks
from otp.standard_streams import write_line


class Interrupts:
    """The handling of Ctrl-C while a program runs.

    The first Ctrl-C calls `stop`. Each later one raises `KeyboardInterrupt` in the code of the main thread: it ends a
    process that computes, also during cleanup; if no code runs, the loop is left and what is still stopping is
    cancelled. Without `stop`, that is before the node runs and after it has ended, the first one raises too.
    """

    __slots__ = ("asked", "stop")

    def __init__(self) -> None:
        self.asked: bool = False
        self.stop: Callable[[], object] | None = None

    def on_signal(self, number: int, frame: object) -> None:
        """Handle SIGINT; runs in the main thread, between two instructions of any code."""
        stop = self.stop
        if stop is None or self.asked:
            raise KeyboardInterrupt
        self.asked = True
        stop()
        _write_line("stopping; press Ctrl-C again to interrupt\n")


@contextlib.contextmanager
def interrupts() -> Generator[Interrupts, None, None]:
    """Handle SIGINT during a block and restore the previous handler; only in the main thread."""
    taken = Interrupts()
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield taken  # a handler that is not Python's could not be restored
        return
    signal.signal(signal.SIGINT, taken.on_signal)
    try:
        with watch_forks().parents_signal(signal.SIGINT, before):
            yield taken
    finally:
        signal.signal(signal.SIGINT, before)


def _write_line(line: str) -> None:
    """Write to standard error, which the interrupted code may be using as well."""
    try:
        write_line(sys.stderr, line)
    except Exception:  # it must not be entered twice
        with contextlib.suppress(OSError):
            os.write(2, line.encode())
