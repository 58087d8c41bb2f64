"""Inside a sandbox: interrupts callbacks that do not return.

On the BEAM an endless loop uses a share of one scheduler and can be killed like any process. Here it blocks the event
loop that all processes share. So a thread checks that the loop is running; when it has been blocked for too long, a
signal makes the interpreter raise `EndlessLoop` in the user's code. Its process crashes, and its supervisor reacts as
usual.

Code can evade that (catch everything, replace the signal handler, block the loop in C): a limit from
outside covers that: it ends the whole sandbox.
"""

from __future__ import annotations

import ast
import asyncio
import dis
import inspect
import linecache
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import otp
from otp.observer.code_at import parse
from otp.watchdog import LIBRARY_FOLDERS, Held, Watchdog, collector_listeners
from superlearner.control.evaluating import FILE
from superlearner.control.reasons import BLOCKS
from superlearner.control.simulations import hold_the_loop

__all__ = ["BlockedLoop", "EndlessLoop", "Interrupter"]

SIGNAL: Final = getattr(signal, "SIGVTALRM", None)
"""Sent to the thread of the loop; nothing else uses it in a sandbox."""

AWAITS: Final = (ast.Await, ast.AsyncFor, ast.AsyncWith)

CELL: Final = f": {FILE}, "
"""Start of a place in evaluated code. Its error shows no other place, so the message includes it."""

CALL: Final = re.compile(r"(?:(\w+)\.)?(\w+)\s*\(")
TRIES: Final = 100
PAUSE_S: Final = 0.02
OURS: Final = tuple(
    os.path.join(os.path.dirname(module.__file__ or ""), "") for module in (otp, asyncio)
)  # raising inside these would leave a queue or mailbox inconsistent


class EndlessLoop(BaseException):
    """A callback held the loop for too long.

    Not an `Exception`, so `except Exception` does not catch it.
    """


class BlockedLoop(EndlessLoop):
    """A callback blocked the whole loop, for example with `time.sleep`."""


class Interrupter:
    """Interrupts callbacks that hold the loop for longer than `after` seconds.

    Args:
        node: the node whose processes run in this loop.
        after: seconds.
        tell: called in the loop with a sentence about each interrupted callback.
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
        """Start; must be called in the thread of the loop, which must be the main thread."""
        if SIGNAL is not None:
            signal.signal(SIGNAL, self._interrupt)
            self._watchdog.start()

    def stop(self) -> None:
        """Stop."""
        self._watchdog.stop()

    def _held(self, held: Held) -> None:
        """Interrupt the callback that holds the loop; runs in the watchdog's thread."""
        if (held.pid or held.name) is None or SIGNAL is None:
            return
        self._who = "your code" if held.pid is None else held.name or held.pid  # the sandbox runs it while loading it
        self._raised.clear()
        for _ in range(TRIES):
            signal.pthread_kill(self._thread, SIGNAL)
            if self._raised.wait(PAUSE_S) or not self._watchdog.holding:
                break
        self._who = None

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal; runs in the thread of the loop, on top of the current frame."""
        __tracebackhide__ = True
        who = self._who
        if who is None or frame is None or not _may_raise(frame):
            return
        self._who = None
        self._raised.set()
        who, place = ("the simulation `hang`", "") if frame.f_code is hold_the_loop.__code__ else (who, _place(frame))
        held = f"held the loop for {self._after:g} s"
        self._loop.call_soon_threadsafe(self._tell, f"{who} {held}{place}; it was ended there")
        said = f"it {held}{place if CELL in place else ''}"  # crash reports show the process and the place anyway
        if _sleeps(frame):
            raise BlockedLoop(f"{said}; time.sleep {BLOCKS}")
        wait = ", or await something in each iteration" if frame.f_code.co_flags & inspect.CO_COROUTINE else ""
        if place and CELL not in place:
            line = _find_loop(frame)
            what = "the callback" if line is None else f"the loop in line {line}"
            said = f"{what} did not end within {self._after:g} s, so no other process could run"
        raise EndlessLoop(f"{said}; return from the callback{wait}")


def _may_raise(frame: FrameType) -> bool:
    """Return whether raising here reaches a process and breaks nothing of ours."""
    if frame.f_code.co_filename.startswith((*OURS, "<frozen")):
        return False
    lost = collector_listeners()
    above: Any = frame
    while above is not None and above.f_code not in lost:
        if above.f_code.co_filename.startswith(OURS[0]):
            return True
        above = above.f_back
    return False


def _sleeps(frame: FrameType) -> bool:
    """Return whether a frame is in a call of `time.sleep`, by the names in it; runs none of its code."""
    line = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    text = "".join(linecache.getlines(frame.f_code.co_filename)[(line[0] or 1) - 1 : line[1]])
    names = {**frame.f_builtins, **frame.f_globals, **frame.f_locals}
    for owner, name in CALL.findall(text):
        found = names.get(owner or name)
        if (found is time and name == "sleep") if owner else found is time.sleep:
            return True
    return False


def _find_loop(frame: FrameType) -> int | None:
    """Return the line of the outermost loop of the user's code that a frame is in; None if that is not known.

    An inner one may have begun a moment ago, and end each time. So may one inside a loop that awaits.
    """
    outermost: ast.While | ast.For | ast.AsyncFor | None = None
    above: Any = frame
    while above is not None and not above.f_code.co_filename.startswith(OURS):
        code = above.f_code
        tree = None if code.co_filename.startswith((*LIBRARY_FOLDERS, "<frozen")) else parse(code.co_filename)
        found = [
            node
            for node in (() if tree is None else ast.walk(tree))
            if isinstance(node, ast.While | ast.For | ast.AsyncFor)
            and code.co_firstlineno <= node.lineno
            and _repeats(node, above)
        ]
        outermost = min(found, key=lambda node: (node.lineno, node.col_offset), default=outermost)
        above = above.f_back
    if outermost is None or any(isinstance(node, AWAITS) for node in ast.walk(outermost)):
        return None
    return outermost.lineno


def _repeats(loop: ast.While | ast.For | ast.AsyncFor, frame: FrameType) -> bool:
    """Return whether a frame is in the part of a loop that is repeated: not in its `else`, nor before it begins."""
    line, _, column, _ = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    at = (line or 0, column or 0)  # code that Python has added has none
    parts = [*loop.body, loop.test if isinstance(loop, ast.While) else loop.target]
    if any((one.lineno, one.col_offset) <= at < (one.end_lineno or 0, one.end_col_offset or 0) for one in parts):
        return True
    turns = dis.opname[frame.f_code.co_code[frame.f_lasti]]
    if turns == "CACHE":  # Python 3.12 is there while the loop waits for its generator
        return at == (loop.lineno, loop.col_offset)
    if "JUMP_BACKWARD" not in turns and turns != "FOR_ITER":  # `while True: pass` is this jump alone
        return False
    head = loop.test if isinstance(loop, ast.While) else loop.iter
    return at in ((loop.lineno, loop.col_offset), (head.lineno, head.col_offset))  # by version of Python


def _place(frame: FrameType) -> str:
    """Return file and line of the innermost frame, outside libraries if possible."""
    own: Any = frame
    while own is not None and own.f_code.co_filename.startswith((*LIBRARY_FOLDERS, "<frozen")):
        own = own.f_back
    found = own or frame
    return f": {os.path.basename(found.f_code.co_filename)}, line {found.f_lineno}"
