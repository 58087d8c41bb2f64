"""The single way to the log; a failing handler must not end a scheduler."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping
from typing import Any

from otp.standard_streams import write_line

__all__ = ["is_taken", "say", "tell"]

logger: logging.Logger = logging.getLogger("otp")


def say(level: int, text: str, *args: Any, exc_info: BaseException | None = None) -> None:
    """Log on the logger `otp`; errors of a handler or filter go to standard error."""
    if not logger.isEnabledFor(level):
        return
    try:
        logger.log(level, text, *args, exc_info=exc_info, stacklevel=2)
    except Exception:
        _complain()


def is_taken(log: logging.Logger, level: int) -> bool:
    """Return whether a record of this level would be handled; checked before a long one is built."""
    if not log.isEnabledFor(level):
        return False
    if log.filters:  # a filter may want to see it
        return True
    found = False
    place: logging.Logger | None = log
    while place is not None:
        for handler in place.handlers:
            if handler.level <= level and type(handler) is not logging.NullHandler:
                return True
            found = True
        if not place.propagate:
            break
        place = place.parent
    return not found and logging.lastResort is not None and logging.lastResort.level <= level


def tell(
    log: logging.Logger,
    level: int,
    text: str,
    fields: Mapping[str, Any],
    error: BaseException | None = None,
    error_text: str | None = None,
) -> None:
    """Log one record with `fields` as attributes; `error_text` is the traceback of `error` to show."""
    try:
        info = None if error is None else (type(error), error, error.__traceback__)
        file, line = _place(fields)
        record = log.makeRecord(log.name, level, file, line, text, (), info, "report", fields)
        record.exc_text = error_text
        log.handle(record)
    except Exception:
        _complain()


def _place(fields: Mapping[str, Any]) -> tuple[str, int]:
    """Return the origin of a record: the user's line that raised, else the runtime's own."""
    stack = fields.get("otp_stack")
    if stack:
        return stack[-1]["file"], stack[-1]["line"]
    teller = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    return teller.f_code.co_filename, teller.f_lineno


def _complain() -> None:
    write_line(sys.stderr, traceback.format_exc())
