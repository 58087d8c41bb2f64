"""Log filters for killed processes, whose end only the supervisor reports.

The library logs it at level `INFO`, because a line costs many times what a restart does; the platform raises it to an
error.
"""

from __future__ import annotations

import logging
from typing import Final

from superlearner.base.commands import command

__all__ = ["FewKills", "as_error"]

MOST: Final = 10
QUIET_S: Final = 10.0

log: Final = logging.getLogger(__name__)


def as_error(record: logging.LogRecord) -> bool:
    """Raise the report of a killed child to an error; filter of `otp.supervisor`.

    >>> record = logging.makeLogRecord({"levelno": logging.INFO, "otp_signalled": True})
    >>> as_error(record), record.levelname
    (True, 'ERROR')
    """
    if getattr(record, "otp_signalled", False):
        record.levelno, record.levelname = logging.ERROR, "ERROR"
    return True


class FewKills(logging.Filter):
    """Filter for the terminal handler: at most ten kills in ten seconds.

    Chaos tests kill twenty processes a second; other lines must stay readable.

    >>> few = FewKills()
    >>> kills = [logging.makeLogRecord({"otp_signalled": True, "created": at}) for at in (1.0,) * 30 + (12.0,)]
    >>> [few.filter(kill) for kill in kills].count(True)
    11
    """

    def __init__(self) -> None:
        super().__init__()
        self._begun = 0.0
        self._count = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged."""
        if not getattr(record, "otp_signalled", False):
            return True
        if not 0 <= record.created - self._begun < QUIET_S:  # the wall clock may go back
            self._begun, self._count = record.created, 0
        self._count += 1
        if self._count == MOST + 1:
            log.error("further kills are not shown here; `%s` lists more of them", command("log.list"))
        return self._count <= MOST
