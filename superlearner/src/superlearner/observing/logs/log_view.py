"""The newest log lines in memory. Any thread may write."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Final

from superlearner.observing.logs.line import IsToken, LogLine, convert_record, sanitize_line

__all__ = ["LogView"]

KEPT: Final = 2_000

Listener = Callable[[int, LogLine], object]


class LogView(logging.Handler):
    """A handler that keeps the newest lines and notifies a listener of each.

    Args:
        kept: number of lines.
        is_secret: returns whether a word is a credential of this platform, which must not be shown.

    >>> view = LogView(kept=2)
    >>> for number in range(3):
    ...     view.emit(logging.LogRecord("shop", logging.INFO, "shop.py", 1, "sold %d", (number,), None))
    >>> [(number, line.text) for number, line in view.lines()]
    [(2, 'sold 1'), (3, 'sold 2')]
    """

    def __init__(self, kept: int = KEPT, is_secret: IsToken | None = None) -> None:
        super().__init__(logging.INFO)
        self.listener: Listener | None = None
        self.followers: tuple[Listener, ...] = ()
        """Further listeners, called in the thread that logs."""
        self.written = 0
        """Number of lines so far, and of the newest one."""
        self._is_secret = is_secret
        self._lines: deque[tuple[int, LogLine]] = deque(maxlen=kept)
        self._busy = threading.local()

    def open(self) -> None:
        """Start handling the records of all loggers."""
        logging.getLogger().addHandler(self)

    def close(self) -> None:
        """Stop handling records; the lines are kept."""
        logging.getLogger().removeHandler(self)
        super().close()

    def resize(self, kept: int) -> None:
        """Change the number of lines that are kept."""
        if kept != self._lines.maxlen:
            with self.lock or threading.RLock():
                self._lines = deque(self._lines, maxlen=kept)

    def lines(self) -> list[tuple[int, LogLine]]:
        """Return the lines with their numbers, oldest first."""
        with self.lock or threading.RLock():
            return list(self._lines)

    def newest(self, limit: int) -> list[tuple[int, LogLine]]:
        """Return the newest lines like `lines`, at most `limit`."""
        with self.lock or threading.RLock():
            return list(islice(reversed(self._lines), limit))[::-1]

    def take(self, node: str, line: LogLine) -> None:
        """Add a line from another node's program."""
        with self.lock or threading.RLock():
            self._keep(sanitize_line(node, line, self._is_secret))

    def _keep(self, line: LogLine) -> None:
        self.written += 1
        self._lines.append((self.written, line))
        if self.listener is not None:
            self.listener(self.written, line)
        for follower in self.followers:
            follower(self.written, line)

    def emit(self, record: logging.LogRecord) -> None:
        """Add a record; `handle` holds the lock."""
        if getattr(self._busy, "at_it", False):
            return  # a listener logs: avoid endless recursion
        self._busy.at_it = True
        try:
            self._keep(convert_record(record, self._is_secret))
        except Exception:
            self.handleError(record)
        finally:
            self._busy.at_it = False
