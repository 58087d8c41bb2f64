"""The live display: keys take effect at once, data is refreshed every few seconds.

A thread calls the platform; the display sleeps until a key, an answer or a resize wakes it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import signal
import sys
import threading
from collections.abc import Generator
from dataclasses import replace
from typing import Any, Final

from superlearner.cli.asking import RequestRefused
from superlearner.cli.finding import PlatformNotFound, WrongUrl
from superlearner.cli.top.asking import Looking
from superlearner.cli.top.drawing import KEYS, View, drawn
from superlearner.cli.top.figures import ScreenFrame

__all__ = ["Looker", "pressed", "show_live"]

ESCAPE: Final = "\x1b"
ERASE: Final = ("\x7f", "\b")
LONGEST_SEARCH: Final = 60


class Looker:
    """A thread that fetches a frame every `interval` seconds and wakes the display."""

    def __init__(self, looking: Looking, interval: float, wake: int) -> None:
        self._looking = looking
        self._interval = interval
        self._wake = wake
        self._going = threading.Event()
        self._going.set()
        self._ended = threading.Event()
        self.found: queue.SimpleQueue[ScreenFrame | Exception] = queue.SimpleQueue()

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="superlearner-top", daemon=True).start()

    def pause(self, paused: bool) -> None:
        """Suspend or resume fetching."""
        (self._going.clear if paused else self._going.set)()

    def end(self) -> None:
        """Stop fetching."""
        self._ended.set()
        self._going.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self.found.put(self._looking.frame())
            except (PlatformNotFound, RequestRefused, WrongUrl, OSError) as error:
                self.found.put(error)
            if not self._ended.is_set():
                with contextlib.suppress(BlockingIOError):  # a wake-up is already pending
                    os.write(self._wake, b".")
            self._ended.wait(self._interval)
            self._going.wait()


def show_live(looking: Looking, view: View, interval: float) -> None:
    """Draw until `q`. Raise errors of the first fetch; show later ones and retry."""
    from rich.console import Console
    from rich.live import Live

    console = Console()
    frame: ScreenFrame | None = looking.frame()
    with _woken() as (reading, writing), _keys() as keys:
        looker = Looker(looking, interval, writing)
        looker.start()
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                width, height = console.size
                live.update(drawn(frame, view, width, height), refresh=True)
                ready, _, _ = select.select([reading, *keys], [], [])
                if reading in ready:
                    os.read(reading, 4096)
                    while not looker.found.empty():
                        frame, view = _taken(looker.found.get(), frame, view)
                if keys and keys[0] in ready:
                    for key in os.read(keys[0], 1024).decode(errors="replace"):
                        after = pressed(view, key)
                        if after is None:
                            looker.end()
                            return
                        view = after
                    looker.pause(view.paused)


def _taken(found: ScreenFrame | Exception, frame: ScreenFrame | None, view: View) -> tuple[ScreenFrame | None, View]:
    if isinstance(found, ScreenFrame):
        return found, replace(view, trouble="")
    return frame, replace(view, trouble=f"trying again: {found}")


def pressed(view: View, key: str) -> View | None:
    """Return the view after a key press; None to quit."""
    if view.typing:
        if key in ("\r", "\n"):
            return replace(view, typing=False)
        if key == ESCAPE:
            return replace(view, typing=False, search="")
        if key in ERASE:
            return replace(view, search=view.search[:-1])
        return (
            replace(view, search=view.search + key) if key.isprintable() and len(view.search) < LONGEST_SEARCH else view
        )
    if key in ("q", "\x04"):
        return None
    if key == "/":
        return replace(view, typing=True)
    if key == "p":
        return replace(view, paused=not view.paused)
    if key == ESCAPE:
        return replace(view, search="")
    return replace(view, by=KEYS[key]) if key in KEYS else view


@contextlib.contextmanager
def _woken() -> Generator[tuple[int, int]]:
    """Return a pipe that wakes `select` on an answer or a resize of the terminal."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    resized: Any = getattr(signal, "SIGWINCH", None)
    before = None
    if resized is not None:
        before = signal.signal(resized, lambda number, place: None)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading, writing
    finally:
        if resized is not None:
            signal.set_wakeup_fd(-1)
            signal.signal(resized, before)
        os.close(reading)
        os.close(writing)


@contextlib.contextmanager
def _keys() -> Generator[list[int]]:
    """Return standard input for single key presses; nothing where that is impossible."""
    try:
        import termios
        import tty
    except ImportError:  # Windows: quit with Ctrl-C
        yield []
        return
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    tty.setcbreak(number)
    try:
        yield [number]
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
