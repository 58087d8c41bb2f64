"""Base formatter of the log on the terminal."""

from __future__ import annotations

import logging

from superlearner.base.printable import printable_lines

__all__ = ["PlainFormatter"]


class PlainFormatter(logging.Formatter):
    """A `logging.Formatter` that escapes control characters."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record."""
        return printable_lines(super().format(record))
