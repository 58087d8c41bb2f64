"""A watchdog that reports which callback holds the event loop.

It is optional, and used by `otp.run(debug=True)` and by `otp.observe`.

```python
async with otp.Node("shop") as node:
    watchdog = Watchdog(asyncio.get_running_loop(), node)
    watchdog.start()
```

A callback that never returns stops everything on its loop: messages, timers, connections. The scheduler can report it
only afterwards. A watchdog has a daemon thread that notices that the loop does not turn, reads the stack of the loop's
thread and reports the process and the line of user code. When the loop turns again it reports how long that took. It
costs a busy loop one call per 0.4 s and an idle one nothing, and it only observes; it ends no process.

Erlang needs none: its schedulers take a process off its core after some thousand reductions (see
`erlang:system_monitor/2`, `long_schedule`, for what holds one in native code).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import selectors
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any, Final

from otp.kernel.steps.node import Node
from otp.kernel.values.numbers import elapsed
from otp.kernel.values.sentences import place_text
from otp.kernel.values.sentences import say as log

__all__ = [
    "AGAIN_AFTER_S",
    "LIBRARY_FOLDERS",
    "PING_EVERY_S",
    "RUN_ONCE",
    "Held",
    "Watchdog",
    "collector_listeners",
    "find_held",
    "frame_of",
    "foreign_holder_name",
    "is_idle",
    "outward",
]

PING_EVERY_S: Final = 0.4
"""Seconds between two checks that the loop is running."""

AGAIN_AFTER_S: Final = 10.0
"""A callback that still holds the loop is reported again after this many seconds."""

LIBRARY_FOLDERS: Final = tuple(
    os.path.join(folder, "")
    for folder in (os.path.dirname(__file__), sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"))
)
"""The folders of library code, including ours: the holder of the loop is searched for outside them first."""

LATE: Final = 2
"""The longest pause of a watchdog on a busy machine, as a multiple of the intended one."""

HOLDS_KEPT: Final = 100
"""The last holds that a scheduler keeps for observers that come later."""

OBSERVER: Final = "the platform's observer in your program"
"""Display name of the processes of a hidden node, which shares the loop with the node that it inspects."""

RUN_ONCE: Final[CodeType] = vars(asyncio.BaseEventLoop)["_run_once"].__code__
"""The code that waits for events, in its selector, and then runs what is due."""

_SELECT: Final = selectors.DefaultSelector.select.__code__


@dataclass(frozen=True, slots=True)
class Held:
    """A report of what holds the loop: `seconds` so far; the process, if one was running; file, line and function.

    For a process of another node in the same loop, `pid` is None and `name` describes it; see `foreign_holder_name`.

    >>> str(Held(1.5, "<0.7.0>", "till", "shop.py", 12, "Till.handle_cast")).partition(";")[0]
    'till <0.7.0> has held the event loop for 1.5 s: shop.py:12 in handle_cast'
    """

    seconds: float
    pid: str | None
    name: str | None
    file: str
    line: int
    function: str

    @property
    def place(self) -> str:
        """The line, such as `shop.py:12 in handle_cast`."""
        return place_text((self.file, self.line, self.function))

    def __str__(self) -> str:
        who = self.name or "something outside of any process"
        if self.pid is not None:
            who = f"{self.name} {self.pid}" if self.name else self.pid
        return (
            f"{who} has held the event loop for {elapsed(self.seconds)}: "
            f"{self.file}:{self.line} in {self.function.rpartition('.')[2]}; "
            f"nothing else runs meanwhile (try `await`, `otp.Task.run_blocking`, or smaller steps)"
        )


class _Hold:
    """The time since a callback began, without that in which the whole program stood still.

    A wait that ends late has two causes: the program was stopped, or its loop holds the interpreter, in a library that
    does not release it. In the first case it has used no processor time.
    """

    __slots__ = ("_began", "_end", "_stood_still")

    def __init__(self, end: threading.Event) -> None:
        self._end = end
        self._began = time.monotonic()
        self._stood_still = 0.0

    def begin_at(self, began: float, most: float) -> None:
        """Note when the callback began, at most `most` seconds before the request to the loop."""
        self._began = min(self._began, max(began, self._began - most))

    def seconds(self) -> float:
        """Return how long it has lasted."""
        return time.monotonic() - self._began - self._stood_still

    def ends_within(self, seconds: float) -> bool:
        """Wait until the loop turns or the time is over; return whether it turns."""
        left = seconds
        while left > 0:
            began, used = time.monotonic(), time.process_time()
            step = min(left, PING_EVERY_S)
            if self._end.wait(step):
                return True
            late = max(0.0, time.monotonic() - began - step)
            if late > step and time.process_time() - used < late / 2:
                self._stood_still += late
                left = seconds
            else:
                left -= step + late
        return False


class Watchdog:
    """The watchdog thread and its findings.

    Args:
        loop: the loop to watch.
        node: a node of this loop: its scheduler knows which process runs.
        after: seconds without a turn of the loop until it is reported.
        say: called in the watchdog's thread with each finding; default: a warning on the logger `otp`.
        answers_again: called in the loop when it turns again, with the last finding.
        began: called in the watchdog's thread as soon as the loop is held.
        idle: seconds between two looks at an idle loop; a hold may be noticed that much later.
        spare: whether it watches only while its loop has no other watchdog.
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
        idle: float = 2 * PING_EVERY_S,
        spare: bool = False,
    ) -> None:
        self._loop = loop
        self._node = node
        self._after = after
        self._say = _to_log if say is None else say
        self._answers_again = answers_again
        self._began = began
        self._idle = idle
        self._spare = spare
        self._loop_thread = threading.get_ident()
        self._scheduler: Any = None
        self._turned = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.holding: bool = False
        """True while the loop is held."""

    def start(self) -> None:
        """Start watching; call it in the loop's thread."""
        self._loop_thread = threading.get_ident()
        self._scheduler = self._node.scheduler  # a plain read of one slot from another thread
        others: list[Watchdog] = self._scheduler.watchdogs
        if self._spare and others:
            others.append(self)
        else:
            others.insert(0, self)
            self._start_thread()

    def stop(self) -> None:
        """Stop watching; call it in the loop's thread. A spare watchdog of the loop goes on in place of the first."""
        self._stop.set()
        self._turned.set()
        others: list[Watchdog] = [] if self._scheduler is None else self._scheduler.watchdogs
        if self not in others:
            return
        was_first = others[0] is self
        others.remove(self)
        if was_first and others and others[0]._spare:
            others[0]._start_thread()

    def _start_thread(self) -> None:
        self._thread = threading.Thread(target=self._watch, name="otp-watchdog", daemon=True)
        self._thread.start()

    def _is_replaced(self) -> bool:
        """Return whether another watchdog, or a newer thread of this one, watches in place of this thread."""
        first = next(iter(self._scheduler.watchdogs), None)
        return self._thread is not threading.current_thread() or (self._spare and first is not self)

    def text_of(self, name: object) -> str:
        """Return the name of a process as text; called in the watchdog's thread."""
        return str(name)

    def _watch(self) -> None:
        pause = PING_EVERY_S
        while not self._stop.wait(pause) and not self._is_replaced() and not self._loop.is_closed():
            if is_idle(frame_of(self._loop_thread)):
                pause = self._idle
                continue
            paused, pause = pause, PING_EVERY_S
            self._turned.clear()
            try:
                self._loop.call_soon_threadsafe(self._turned.set)
            except RuntimeError:
                return  # the loop is closed
            hold = _Hold(self._turned)
            if hold.ends_within(self._after):
                continue
            if self._scheduler.current is not None and not self._scheduler.virtual:
                hold.begin_at(self._scheduler.began / 1e9, LATE * paused)
            self.holding = True
            if self._began is not None:
                self._began()
            held = self._name_holder(hold)
            self.holding = False
            self._write(None)
            if held is not None:
                self._scheduler.holds = (*self._scheduler.holds[1 - HOLDS_KEPT :], (time.monotonic(), held))
            if held is not None and self._answers_again is not None and not self._stop.is_set():
                with contextlib.suppress(RuntimeError):  # the loop was closed as soon as it turned
                    self._loop.call_soon_threadsafe(self._answers_again, held)

    def _name_holder(self, hold: _Hold) -> Held | None:
        """Report what holds the loop, repeatedly, until it turns; return the last finding."""
        held: Held | None = None
        while not self._turned.is_set() and not self._stop.is_set():
            held = self._look(hold.seconds())
            if held is not None:
                self._write(held)
                self._say(held)
            hold.ends_within(AGAIN_AFTER_S)
        return None if held is None else replace(held, seconds=hold.seconds())

    def _write(self, held: Held | None) -> None:
        """Write what holds the loop beside the doors of the program; None: it turns again."""
        for file in self._scheduler.hold_files:
            file.update(held)

    def _look(self, seconds: float) -> Held | None:
        frame = frame_of(self._loop_thread)
        if frame is None:
            return None
        place = _own_frame(frame)
        line: int | None = place.f_lineno  # None for code that Python has added
        process: Any = None if self._scheduler is None else self._scheduler.current
        elsewhere = foreign_holder_name(process, self._node)
        name = getattr(process, "registered_name", None)
        return Held(
            seconds,
            None if process is None or elsewhere else str(process),
            elsewhere or (None if name is None else self.text_of(name)),
            place.f_code.co_filename,
            place.f_code.co_firstlineno if line is None else line,
            place.f_code.co_qualname,
        )


def find_held(node: Node, since: float, until: float) -> Held | None:
    """Return what a watchdog of the node's loop saw in a period that something held the loop (node's clock).

    The scheduler keeps the last `HOLDS_KEPT` holds of `after` or longer. None if there was no watchdog.
    """
    for at, held in reversed(node.scheduler.holds):
        if min(at, until) - max(at - held.seconds, since) > held.seconds / 2:
            return held
    return None


def foreign_holder_name(process: Any, node: Node) -> str | None:
    """Return a display name for a process of another node in the same loop, else None.

    Its pid must not be shown: on `node`, it is the pid of another process, or of none.
    """
    home: Node | None = None if process is None else process.runtime
    if home is None or home is node:
        return None
    return OBSERVER if home.hidden else f"a process of node {home.name}"


def frame_of(thread: int) -> FrameType | None:
    """Return the innermost frame of a thread by its `threading.get_ident`.

    Returns None if it does not exist. CPython creates the frames while it holds a lock. If a garbage collection begins
    in between and frees a `threading.local`, which takes the same lock, the whole program hangs forever (CPython issue
    106883). Garbage collection is therefore disabled meanwhile.

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


def is_idle(frame: FrameType | None) -> bool:
    """Return whether the innermost frame of an asyncio loop's thread shows that the loop waits for events.

    Loops that are not made of Python, such as uvloop, show nothing: for them it is always False.

    >>> is_idle(frame_of(threading.get_ident()))
    False
    """
    if frame is None or frame.f_code is not _SELECT:
        return False
    return frame.f_back is not None and frame.f_back.f_code is RUN_ONCE


def outward(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame, its caller, and so on.

    >>> [one.f_code.co_name for one in outward(frame_of(threading.get_ident()))][:2]
    ['frame_of', '<module>']
    """
    current: Any = frame
    while hasattr(current, "f_code"):  # Python 3.11 may give anything for the caller of a frame that just returned
        yield current
        current = current.f_back


def collector_listeners() -> set[CodeType]:
    """Return the code of the functions that the garbage collector calls, wherever it runs.

    Exceptions in them are discarded, and the code that caused the collection is further out on the stack.

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
    """Return the innermost frame of user code, not called by the garbage collector.

    A collection begins whenever an object is created, and calls its listeners, which do not hold the loop.
    """
    called = collector_listeners()
    for current in outward(frame):
        if current.f_code not in called and not current.f_code.co_filename.startswith((*LIBRARY_FOLDERS, "<frozen")):
            return current
    return frame


def _to_log(held: Held) -> None:
    log(logging.WARNING, "%s", held)
