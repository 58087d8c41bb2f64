"""Log filter that condenses asyncio's reports about missing descriptors."""

from __future__ import annotations

import logging
from typing import Final

from superlearner.base.shortage import shortage_of

__all__ = ["OutOfDescriptors"]

REPORT: Final = "socket.accept() out of system resource"
WAY_OUT: Final = "`ulimit -n 4096`, or end processes that are no longer needed"
QUIET_S: Final = 60.0


class OutOfDescriptors(logging.Filter):
    """Filter of the logger `asyncio`: one such report per minute, as a sentence.

    asyncio logs one per attempt, as many per second as connections can wait: 20 MB of text.

    >>> import errno
    >>> seldom = OutOfDescriptors()
    >>> lacking = OSError(errno.EMFILE, "Too many open files")
    >>> report = logging.makeLogRecord({"msg": REPORT, "exc_info": (OSError, lacking, None), "created": 5.0})
    >>> seldom.filter(report), seldom.filter(logging.makeLogRecord({"msg": REPORT, "created": 6.0}))
    (True, False)
    >>> print(report.getMessage())
    new connections wait: this machine does not have enough files that the platform may have open; try `ulimit -n ...
    """

    def __init__(self) -> None:
        super().__init__()
        self._until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged."""
        if not str(record.msg).startswith(REPORT):
            return True
        if record.created < self._until:
            return False
        self._until = record.created + QUIET_S
        error = record.exc_info[1] if record.exc_info else None
        lacking = (None if error is None else shortage_of(error)) or "room"
        record.msg = f"new connections wait: this machine does not have enough {lacking}; try {WAY_OUT}"
        record.args, record.exc_info, record.exc_text = (), None, None
        return True
