"""The code behind a hang or a held event loop: its line, what called it, and the message that the callback handles."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from types import FrameType
from typing import Any, Final

import superlearner
from otp import Node, Pid, observer
from otp.redaction import source_line
from otp.watchdog import RUN_ONCE, collector_listeners, outward
from superlearner.control.reasons import LIBRARY_FOLDERS, OTP, place_text
from superlearner.control.terms import clip, safe_text, text_of

__all__ = ["CodePlace", "RunningCode", "find_code_of_wait", "find_running_code", "is_of_platform", "runs_platform"]

NOT_THEIRS: Final = (*LIBRARY_FOLDERS, "<frozen")
PLATFORM: Final = os.path.join(os.path.dirname(superlearner.__file__), "")
OF_LEARNERS: Final = tuple(os.path.join(PLATFORM, one, "") for one in ("agents", "course", "demo", "teaching"))
"""The folders of the platform with the processes of demo trees and lessons, which are shown like those of users."""
OBSERVERS: Final = (PLATFORM, *(os.path.join(OTP, one, "") for one in ("doors", "observer")))
TAKE_A_MESSAGE: Final = frozenset({"handle_call", "handle_cast", "handle_info"})
CALLBACKS: Final = TAKE_A_MESSAGE | {"init", "handle_continue", "terminate", "code_change"}
MOST_CALLERS: Final = 3
LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class CodePlace:
    """A line of the user's code that runs or waits.

    Args:
        place: the line, as `shop.py:41 in price_of`.
        source: its text, without secrets; None if the file cannot be read.
        called_at: the lines of the user's code that led to it, innermost first.
        callback: the callback that began it, if any.
        message: what that callback handles, as text.
    """

    place: str
    source: str | None = None
    called_at: tuple[str, ...] = ()
    callback: str | None = None
    message: str | None = None

    @property
    def evidence(self) -> dict[str, Any]:
        """Its values in the evidence of an anomaly."""
        return {
            "place": self.place, "source": self.source, "called_at": list(self.called_at), "callback": self.callback,
            "message": self.message,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunningCode:
    """The code that a thread ran at a moment: file, line and function of the user's lines, innermost first.

    Args:
        places: the lines, at least one; of many, those that are shown.
        callback: the callback that began them, if any.
        message: what that callback handles, as text.
    """

    places: tuple[tuple[str, int, str], ...]
    callback: str | None = None
    message: str | None = None

    @property
    def place(self) -> str:
        """The innermost line, as `shop.py:41 in price_of`."""
        return safe_text(place_text(self.places[0]))

    def describe(self) -> CodePlace:
        """Return it with its source; it reads files."""
        return _describe(self.places, self.callback, self.message)


def find_running_code(frame: FrameType, process: Any) -> RunningCode | None:
    """Return the lines of the user that a thread runs; None if it runs only library code.

    It runs in any thread and does not keep the frames. `process` is the one that runs there, if any.
    """
    own: list[FrameType] = []
    for at in outward(frame):
        file = at.f_code.co_filename
        if at.f_code is RUN_ONCE:
            break
        if own and file.startswith(OTP):
            break  # what the runtime called is in the callback of a process; before that is the program's own start
        if not (file.startswith(NOT_THEIRS) or is_of_platform(file)):
            own.append(at)
    if not own:
        return None
    began = next((one for one in reversed(own) if one.f_code.co_name in CALLBACKS), None) if process else None
    if began is None:
        return RunningCode((_place_of(own[0]),))
    places = tuple(_place_of(one) for one in _shorten(own[: own.index(began) + 1]))
    return RunningCode(places, began.f_code.co_name, _read_message(began, process))


def is_of_platform(file: str) -> bool:
    """Return whether a file is code of the platform, or of what it observes other programs with."""
    return file.startswith(OBSERVERS) and not file.startswith(OF_LEARNERS)


def runs_platform(frame: FrameType) -> bool:
    """Return whether what a loop runs at a frame without any line of the user is code of the platform."""
    listeners = collector_listeners()  # they run in the code of others
    turn = takewhile(lambda at: at.f_code is not RUN_ONCE, outward(frame))
    return any(at.f_code not in listeners and is_of_platform(at.f_code.co_filename) for at in turn)


def _shorten(places: Sequence[Any]) -> Sequence[Any]:
    """Return the innermost places and the outermost one, which is the callback: a recursion may have thousands."""
    return places if len(places) <= 1 + MOST_CALLERS else [*places[:MOST_CALLERS], places[-1]]


def _place_of(frame: FrameType) -> tuple[str, int, str]:
    return frame.f_code.co_filename, _line_of(frame), frame.f_code.co_name


def _line_of(frame: FrameType) -> int:
    """Return the line that a frame runs; that of its function for code that Python has added, which has no line."""
    line: int | None = frame.f_lineno
    return frame.f_code.co_firstlineno if line is None else line


def _read_message(frame: FrameType, process: Any) -> str | None:
    """Return what a callback handles, which is its first argument after `self`; None if that is not known."""
    code = frame.f_code
    if code.co_name not in TAKE_A_MESSAGE or code.co_argcount < 2:
        return None
    extra = process.ext
    if extra is not None and extra.sensitive:
        return None
    try:
        return text_of(frame.f_locals[code.co_varnames[1]], LONGEST)
    except (KeyError, RuntimeError):  # it was deleted, or another thread changes it
        return None


def find_code_of_wait(node: Node, pid: Pid) -> CodePlace | None:
    """Return the line at which an `async def` callback waits; None if it does not wait in the user's code."""
    details = observer.process(node, pid, messages=0, length=1, exits=0, related=0)
    if details is None:
        return None
    own = [one for one in details.waiting_at if not one.file.startswith(NOT_THEIRS)]
    message = None if details.handling is None or details.callback not in TAKE_A_MESSAGE else details.handling
    if not own:
        return None
    return _describe([(one.file, one.line, one.function) for one in reversed(own)], details.callback, message)


def _describe(places: Sequence[tuple[str, int, str]], callback: str | None, message: str | None) -> CodePlace:
    """Return the first of these places, with the others as its callers."""
    (file, line, _), *others = _shorten(places)
    shown = [safe_text(place_text(one)) for one in others]
    return CodePlace(
        safe_text(place_text(places[0])), clip(source_line(file, line), LONGEST) or None, tuple(shown),
        callback, None if message is None else clip(message, LONGEST),
    )  # fmt: skip
