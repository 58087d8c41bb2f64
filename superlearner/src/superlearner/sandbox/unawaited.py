"""Inside a sandbox: calls of the source that nothing awaited, with the line that made them.

Python warns at the line at which a coroutine is dropped. If the source returns one, as a reply or as a state, that is a
line of the runtime or of the platform. So the interpreter records where each coroutine is made, and the warning names
that line of the source.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable
from types import CoroutineType
from typing import Any, Final

from otp.redaction import source_line
from superlearner.control.missing_awaits import missing_await
from superlearner.sandbox.syntax import FILE

__all__ = ["Unawaited"]

HOOK: Final = "_warn_unawaited_coroutine"
"""The function of `warnings` that the interpreter calls for each coroutine that was never awaited."""

DEPTH: Final = 5
"""Frames that are recorded of the code that made a coroutine: some functions of `otp` make one for their caller."""


class Unawaited:
    """Reports the coroutines of a file that were never awaited.

    Args:
        file: the name of the file.
        tell: called with a sentence about each.
    """

    def __init__(self, file: str, tell: Callable[[str], object]) -> None:
        self._file = file
        self._tell = tell
        self._warn: Any = getattr(warnings, HOOK)
        self._depth = 0
        self._told: set[tuple[int, str]] = set()
        """The calls that were reported, by line and function: a loop makes each a thousand times."""

    def start(self) -> None:
        """Start."""
        self._depth = sys.get_coroutine_origin_tracking_depth()
        sys.set_coroutine_origin_tracking_depth(DEPTH)
        setattr(warnings, HOOK, self._dropped)

    def stop(self) -> None:
        """Stop."""
        setattr(warnings, HOOK, self._warn)
        sys.set_coroutine_origin_tracking_depth(self._depth)

    def forget(self) -> None:
        """Report calls again that were reported: the file has another source."""
        self._told.clear()

    def _dropped(self, coroutine: CoroutineType[Any, Any, Any]) -> None:
        origin = coroutine.cr_origin or ()
        line = next((line for file, line, _ in origin if file == self._file), None)
        if line is None:
            self._warn(coroutine)
            return
        if (call := (line, coroutine.__qualname__)) in self._told:
            return
        self._told.add(call)
        said = f"coroutine '{coroutine.__qualname__}' was never awaited"
        warnings.warn_explicit(said, RuntimeWarning, self._file, line, source=None)
        name = coroutine.__name__
        called = re.search(rf"[\w.]*\b{re.escape(name)}(?=\()", source_line(self._file, line))
        self._tell(f"{FILE}, line {line}: {missing_await(name if called is None else called[0])}")
