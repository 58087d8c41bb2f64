"""The last sign of life of a platform: the time of an empty file, which tells the next one since when none ran."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Final

__all__ = ["SignOfLife"]

FILE: Final = "alive"
LEAST_S: Final = 0.05
"""A shorter time is not reported."""


class SignOfLife:
    """The file in a data directory; nothing is kept without one.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first = SignOfLife(Path(folder)).begin(now=5.0)
    ...     SignOfLife(Path(folder)).note(now=7.0)
    ...     first, SignOfLife(Path(folder)).begin(now=10.5)
    (None, (7.0, 10.5))
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / FILE

    def begin(self, now: float | None = None) -> tuple[float, float] | None:
        """Return from when until when no platform ran, in seconds since 1970; None if that is not known."""
        until, before = time.time() if now is None else now, None
        if self._path is not None:
            with contextlib.suppress(OSError):
                before = self._path.stat().st_mtime
        self.note(until)
        return None if before is None or until - before < LEAST_S else (before, until)

    def note(self, now: float | None = None) -> None:
        """Note that the platform runs now."""
        if self._path is None:
            return
        at = time.time() if now is None else now
        with contextlib.suppress(OSError):  # the disk is full or gone, which the store reports
            try:
                os.utime(self._path, (at, at))
            except FileNotFoundError:
                self._path.touch()
                os.utime(self._path, (at, at))
