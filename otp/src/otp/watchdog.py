"""Names the callback that holds the event loop, while it does so. Nobody needs it to run; `otp.run(debug=True)` does.

```python
async with otp.Node("shop") as node:
    watchdog = Watchdog(asyncio.get_running_loop(), node)
    watchdog.start()
```

A callback that never returns stops everything that shares its loop: messages, timers, connections. The scheduler can
say so only afterwards. A watchdog has a daemon thread that notices that the loop does not turn, looks at the stack of
the loop's thread and says which process it is and where in the person's code. When the loop turns again it says how
long that took. It asks nothing of the loop but one call in 0.4 s, and it looks only; it ends nobody.

Erlang has none: its schedulers take a process off its core after some thousand reductions (see
`erlang:system_monitor/2`, `long_schedule`, for what holds one in native code).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any, Final

from otp.kernel.log import say as log
from otp.kernel.node import Node

__all__ = ["AGAIN_AFTER_S", "LIBRARY_FOLDERS", "PING_EVERY_S", "Held", "Watchdog", "collector_listeners", "frame_of"]

PING_EVERY_S: Final = 0.4
"""Seconds between two questions whether the loop turns."""

AGAIN_AFTER_S: Final = 10.0
"""A callback that still holds the loop is named again this many seconds later."""

LIBRARY_FOLDERS: Final = tuple(
    os.path.join(folder, "")
    for folder in (os.path.dirname(__file__), sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"))
)
"""Where the code of libraries lies, ours among them: who holds the loop is looked for elsewhere first."""


@dataclass(frozen=True, slots=True)
class Held:
    """Who holds the loop, or held it: `seconds` so far; the process if one was running; file, line and function.

    >>> str(Held(1.5, "<0.7.0>", "till", "shop.py", 12, "Till.handle_cast")).partition(";")[0]
    'till <0.7.0> has held the event loop for 1.5 s: shop.py, line 12, in Till.handle_cast'
    """

    seconds: float
    pid: str | None
    name: str | None
    file: str
    line: int
    function: str

    def __str__(self) -> str:
        who = "something outside of any process"
        if self.pid is not None:
            who = f"{self.name} {self.pid}" if self.name else self.pid
        return (
            f"{who} has held the event loop for {self.seconds:.1f} s: "
            f"{self.file}, line {self.line}, in {self.function}; "
            f"nothing else runs meanwhile (try `await`, `otp.Task.run_blocking`, or smaller steps)"
        )


class Watchdog:
    """The thread, and what it noticed.

    Args:
        loop: the loop to watch.
        node: a node of this loop: its scheduler knows which process runs.
        after: seconds without a turn of the loop after which its holder is named.
        say: called in the watchdog's thread with each finding; default: a warning on the logger `otp`.
        answers_again: called in the loop when it turns again, with the last finding.
        began: called in the watchdog's thread as soon as something holds the loop.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        node: Node,
        *,
        after: float = 1.0,
        say: Callable[[Held], object] | None = None,
        answers_again: Callable[[Held], object] | None = None,
        began: Callable[[], object] | None = None,
    ) -> None:
        self._loop = loop
        self._node = node
        self._after = after
        self._say = _to_log if say is None else say
        self._answers_again = answers_again
        self._began = began
        self._loop_thread = threading.get_ident()
        self._scheduler: Any = None
        self._turned = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.holding: bool = False
        """Whether something holds the loop just now."""

    def start(self) -> None:
        """Start watching; call it in the loop's thread."""
        self._loop_thread = threading.get_ident()
        self._scheduler = self._node._s  # a plain read of one slot, from another thread, of whoever runs
        self._thread = threading.Thread(target=self._watch, name="otp-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stop.set()
        self._turned.set()

    def text_of(self, name: object) -> str:
        """The name of a process as people are to read it; called in the watchdog's thread."""
        return str(name)

    def _watch(self) -> None:
        while not self._stop.wait(PING_EVERY_S):
            self._turned.clear()
            asked = time.monotonic()
            try:
                self._loop.call_soon_threadsafe(self._turned.set)
            except RuntimeError:
                return  # the loop is closed
            if self._turned.wait(self._after):
                continue
            self.holding = True
            if self._began is not None:
                self._began()
            held = self._name_holder(asked)
            self.holding = False
            if held is not None and self._answers_again is not None and not self._stop.is_set():
                self._loop.call_soon_threadsafe(self._answers_again, held)

    def _name_holder(self, asked: float) -> Held | None:
        """Say who holds the loop, again from time to time, until it turns; answers the last finding."""
        held: Held | None = None
        while not self._turned.is_set() and not self._stop.is_set():
            held = self._look(time.monotonic() - asked)
            if held is not None:
                self._say(held)
            self._turned.wait(AGAIN_AFTER_S)
        if held is None:
            return None
        return Held(time.monotonic() - asked, held.pid, held.name, held.file, held.line, held.function)

    def _look(self, seconds: float) -> Held | None:
        frame = frame_of(self._loop_thread)
        if frame is None:
            return None
        place = _own_frame(frame)
        process: Any = None if self._scheduler is None else self._scheduler.current
        name = getattr(process, "_name", None)
        return Held(
            seconds,
            None if process is None else str(process),
            None if name is None else self.text_of(name),
            place.f_code.co_filename,
            place.f_lineno,
            place.f_code.co_qualname,
        )


def frame_of(thread: int) -> FrameType | None:
    """The innermost frame of the thread with that `threading.get_ident`; None if there is no such thread.

    CPython makes the frames while it holds a lock of its own. Where a collection of garbage begins in the middle and
    frees a `threading.local`, which takes the same lock, the whole program stands still for ever (its issue 106883).
    So none begins there.

    >>> frame_of(threading.get_ident()).f_code.co_name
    'frame_of'
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return sys._current_frames().get(thread)  # pyright: ignore[reportPrivateUsage]
    finally:
        if collects:
            gc.enable()


def collector_listeners() -> set[CodeType]:
    """The code of the functions that the collector of garbage calls, wherever it begins.

    What is raised in there is thrown away, and who made the garbage stands below.

    >>> def listens(phase: str, info: dict[str, int]) -> None: ...
    >>> gc.callbacks.append(listens)
    >>> listens.__code__ in collector_listeners()
    True
    >>> gc.callbacks.remove(listens)
    """
    called: list[Any] = [*gc.callbacks]
    listening = [one.__func__ if type(one) is MethodType else one for one in called]
    return {one.__code__ for one in listening if type(one) is FunctionType}


def _own_frame(frame: FrameType) -> FrameType:
    """The innermost frame that belongs neither to the runtime nor to a library, and was not called by the collector.

    A collection begins wherever something is made, and tells who listens to it: they hold nothing.
    """
    called = collector_listeners()
    innermost = frame
    current: FrameType | None = frame
    while current is not None:
        if current.f_code not in called and not current.f_code.co_filename.startswith((*LIBRARY_FOLDERS, "<frozen")):
            return current
        current = current.f_back
    return innermost


def _to_log(held: Held) -> None:
    log(logging.WARNING, "%s", held)
