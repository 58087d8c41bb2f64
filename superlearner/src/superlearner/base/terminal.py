"""Messages on the terminal: news on standard output, problems on standard error."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from superlearner.base.data_dir import find_file
from superlearner.base.printable import printable, printable_lines
from superlearner.base.shortage import cause_text
from superlearner.base.standard_streams import forgive_lost_output, lost_output

__all__ = ["complain", "print_line", "show_wait_line", "stop_signals", "unwritable", "with_lasting_output"]

CALM_S: Final = 0.5
"""Seconds of waiting after which a terminal shows a message."""
LONG_S: Final = 1.0
"""Seconds of waiting after which a message that stays is printed."""


def stop_signals() -> list[signal.Signals]:
    """Return the signals that request an ordered stop: also that of a closing terminal, unless `nohup` disabled it."""
    asking = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        asking.append(signal.SIGHUP)
    return asking


@contextmanager
def with_lasting_output() -> Generator[None]:
    """Ignore failed output, so that it changes no exit status; report what was lost at the end."""
    forgive_lost_output()
    try:
        yield
    finally:
        if (lost := lost_output()) is not None:
            complain(f"a part of the output could not be written: {lost.strerror}")


def print_line(text: str, end: str = "\n") -> None:
    """Print a line of news; characters that cannot be encoded become `?`."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(f"{text}{end}".encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


def complain(text: str) -> None:
    """Print a line about a problem, with the program's name in front."""
    sys.stderr.write(f"superlearner: {printable_lines(text)}\n")
    sys.stderr.flush()


@contextmanager
def show_wait_line(words: str, *, always: bool = False) -> Generator[None]:
    """Show a line on standard error during long waits at a terminal, then remove it; with `always`, print it elsewhere.

    It is cut to the width of the terminal: of a longer one, only the last row could be removed.
    """
    removable = sys.stderr.isatty()
    if not (removable or always):
        yield
        return
    line = f"{printable(words)} …"[: shutil.get_terminal_size().columns - 1]
    shown = threading.Event()

    def show() -> None:
        if not removable:
            complain(words)
            return
        shown.set()
        sys.stderr.write(line)
        sys.stderr.flush()

    timer = threading.Timer(CALM_S if removable else LONG_S, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        if shown.is_set():
            sys.stderr.write(f"\r{' ' * len(line)}\r")
            sys.stderr.flush()


def unwritable(error: OSError) -> str:
    """Return why a file of the data directory could not be used, and what to try.

    >>> unwritable(OSError(30, "Read-only file system", "/data/members"))
    '/data/members: Read-only file system; try --data-dir with another folder'
    """
    if error.errno is None:
        return str(error)  # a sentence of ours
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else Path()
    file = find_file(path.parent)
    said = cause_text(error) if file is None else f"{file} is a file, not a folder"
    return f"{said}; try --data-dir with another folder"
