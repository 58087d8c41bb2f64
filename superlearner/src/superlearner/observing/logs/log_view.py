"""The newest lines of the log in memory, for the page and for operations. Any thread may write here."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Final

from superlearner.observing.logs.line import IsToken, LogLine, line_from, line_of

__all__ = ["LogView"]

KEPT: Final = 2_000

Listener = Callable[[int, LogLine], object]


class LogView(logging.Handler):
    """A handler that keeps the newest lines, and tells a listener of each.

    Args:
        kept: how many.
        is_secret: whether a word is a credential of this platform, which nobody may read here.

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
        """Told of each line as well, in the thread that logs."""
        self.written = 0
        """How many lines there have been; the number of the newest one."""
        self._is_secret = is_secret
        self._lines: deque[tuple[int, LogLine]] = deque(maxlen=kept)
        self._busy = threading.local()

    def open(self) -> None:
        """Begin to listen to all loggers."""
        logging.getLogger().addHandler(self)

    def close(self) -> None:
        """Listen no more; the lines stay."""
        logging.getLogger().removeHandler(self)
        super().close()

    def resize(self, kept: int) -> None:
        """Keep more lines from now on, or fewer."""
        if kept != self._lines.maxlen:
            with self.lock or threading.RLock():
                self._lines = deque(self._lines, maxlen=kept)

    def lines(self) -> list[tuple[int, LogLine]]:
        """The lines with their numbers, oldest first."""
        with self.lock or threading.RLock():
            return list(self._lines)

    def newest(self, limit: int) -> list[tuple[int, LogLine]]:
        """As `lines`, but no more than so many."""
        with self.lock or threading.RLock():
            return list(islice(reversed(self._lines), limit))[::-1]

    def take(self, node: str, line: LogLine) -> None:
        """Keep a line that the program of another node has sent."""
        with self.lock or threading.RLock():
            self._keep(line_from(node, line, self._is_secret))

    def _keep(self, line: LogLine) -> None:
        self.written += 1
        self._lines.append((self.written, line))
        if self.listener is not None:
            self.listener(self.written, line)
        for follower in self.followers:
            follower(self.written, line)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record; `handle` holds the lock."""
        if getattr(self._busy, "at_it", False):
            return  # whoever is told of a line logs something itself: that way lies no end
        self._busy.at_it = True
        try:
            self._keep(line_of(record, self._is_secret))
        except Exception:
            self.handleError(record)
        finally:
            self._busy.at_it = False
