"""Inside a peer: which line of the program prints most, reported before the output reaches its limit.

The limit is enforced from outside, where the writer is not known. Here each `print` is counted by the line of the
program that made it, until half of the limit. Output that does not pass `sys.stdout` or `sys.stderr` is not counted.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

__all__ = ["PrintedLines"]

DEPTH: Final = 50
"""Frames in which a line of the program is searched."""

ANY: Final = BaseException
"""A program may have removed the names of Python, which prints its last words nevertheless."""


class PrintedLines:
    """Counts the output by lines of the program.

    Args:
        folder: the folder of the program.
        enough: characters after which the line is reported.
        report: called once with a file and a line from which most of the output came, if there is one.
    """

    def __init__(self, folder: str, enough: int, report: Callable[[str, int], object]) -> None:
        self._folder = os.path.join(folder, "")
        self._enough = enough
        self._report = report
        self._process = os.getpid()
        self._total = 0
        self._lines = Counter[tuple[str, int]]()
        self._streams: list[Any] = [sys.stdout, sys.stderr]

    def start(self) -> None:
        """Count what is written to `sys.stdout` and `sys.stderr` from now on."""
        for stream in self._streams:
            stream.write = self._counted(stream.write)

    def _counted(self, write: Callable[[str], int]) -> Callable[[str], int]:
        def counted(text: str) -> int:
            try:
                self._count(len(text))
            except ANY:
                pass
            return write(text)

        return counted

    def _count(self, size: int) -> None:
        self._total += size
        frame: Any = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
        for _ in range(DEPTH):
            if frame is None:
                break
            if frame.f_code.co_filename.startswith(self._folder):
                self._lines[frame.f_code.co_filename, frame.f_lineno] += size
                break
            frame = frame.f_back
        if self._total >= self._enough:
            for stream in self._streams:  # a callback that does not return is not interrupted in our code
                del stream.write
            self._streams = []
            if self._lines and os.getpid() == self._process:
                (file, line), most = self._lines.most_common(1)[0]
                if most * 2 > self._total:
                    self._report(file, line)
