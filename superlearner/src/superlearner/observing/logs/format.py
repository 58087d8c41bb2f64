"""How the log stands on the terminal."""

from __future__ import annotations

import logging

from superlearner.base.printable import printable_lines

__all__ = ["PlainFormatter"]


class PlainFormatter(logging.Formatter):
    """As `logging.Formatter`; names and messages in what is logged cannot steer the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines of a record."""
        return printable_lines(super().format(record))
