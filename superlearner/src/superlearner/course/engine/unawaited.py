r"""A missing `await` in an answer: found when its coroutine is dropped, and named with its line.

Python only warns about a coroutine that was never awaited. An answer with such a call fails in a confusing way, or
loops for ever, as in `while True: otp.receive()`, so here the call raises `MissingAwait` where its result is dropped.

>>> with Unawaited("answer.py") as found:
...     try:
...         exec(compile("async def add(): ...\nfor n in (1, 2):\n    add()", "answer.py", "exec"), {})
...     except MissingAwait as error:
...         print(error)
`await` is missing before the call of add, which does nothing without it
>>> found.line
3
"""

from __future__ import annotations

import gc
import inspect
import sys
import warnings
from types import CoroutineType, FrameType
from typing import Any, Final, Self

from superlearner.control.missing_awaits import function_name, missing_await

__all__ = ["MissingAwait", "Unawaited"]

HOOK: Final = "_warn_unawaited_coroutine"
"""The function of `warnings` that the interpreter calls for each coroutine that was never awaited."""


class MissingAwait(Exception):
    """A call of an async function whose result was dropped."""


class Unawaited:
    """The calls without `await` in a file during a block.

    Args:
        file: the name of the file.
    """

    def __init__(self, file: str) -> None:
        self.line: int | None = None
        self.say: str = ""
        """A sentence about the first of them, or ""."""
        self.held: str = ""
        """A sentence about one whose coroutine is still held, with its line, or ""."""
        self._file = file
        self._warn: Any = None
        self._depth = 0
        self._collects = False
        self._collections: list[int] = []

    def __enter__(self) -> Self:
        self._warn = getattr(warnings, HOOK)
        self._depth = sys.get_coroutine_origin_tracking_depth()
        setattr(warnings, HOOK, self._dropped)
        sys.set_coroutine_origin_tracking_depth(1)
        self._collects = gc.isenabled()
        gc.disable()  # a coroutine that an earlier run left is not collected during this one
        self._collections = _collections()
        return self

    def __exit__(self, *_: object) -> None:
        if self._collects:
            gc.enable()
        setattr(warnings, HOOK, self._warn)
        sys.set_coroutine_origin_tracking_depth(self._depth)

    def find_held(self) -> None:
        """Account for a coroutine of the file that nothing has awaited, and that a variable or a value still holds."""
        # Unless a collection has run, all new objects are still in generation 0; otherwise search all generations.
        generation = 0 if self._collections == _collections() else None
        objects = gc.get_objects(generation)
        coroutines: list[CoroutineType[Any, Any, Any]] = [one for one in objects if type(one) is CoroutineType]
        for each in coroutines:
            if each.cr_origin and each.cr_origin[0][0] == self._file:
                if inspect.getcoroutinestate(each) == inspect.CORO_CREATED:
                    say = f"line {each.cr_origin[0][1]}: `await` is missing before the call of {function_name(each)}"
                    self.held = self.held or say
                    each.close()

    def _dropped(self, coroutine: CoroutineType[Any, Any, Any]) -> None:
        origin = coroutine.cr_origin
        if not origin or origin[0][0] != self._file:
            self._warn(coroutine)
            return
        frame = inspect.currentframe()
        frame = None if frame is None else frame.f_back
        if not self.say:
            self.line = origin[0][1]
            plain = frame is not None and _is_plain(frame, self._file)
            caller = frame.f_code.co_name if frame is not None and plain else None
            self.say = missing_await(function_name(coroutine), caller)
        if frame is not None and frame.f_code.co_filename == self._file:
            self._raise_in(frame)

    def _raise_in(self, frame: FrameType) -> None:
        """Let a frame raise at its next line: an exception raised here would only be reported."""
        before = sys.gettrace()

        def stop(frame: FrameType, event: str, arg: Any) -> None:
            sys.settrace(before)
            frame.f_trace = None
            raise MissingAwait(self.say)

        frame.f_trace = stop
        sys.settrace(_trace_no_call)


def _collections() -> list[int]:
    """Return how often each generation was collected."""
    return [each["collections"] for each in gc.get_stats()]


def _trace_no_call(frame: FrameType, event: str, arg: Any) -> None:
    """Trace no frame but those that are traced already."""


def _is_plain(frame: FrameType, file: str) -> bool:
    """Return whether a frame runs a function of the file that cannot await."""
    code = frame.f_code
    return code.co_filename == file and code.co_name[0] != "<" and not code.co_flags & inspect.CO_COROUTINE
