"""Who was killed has written no report: what its supervisor says of it is the one line about that end, and an error.

The library says it at level `INFO`, for a line costs many times what a restart does; a platform is there to be read.
"""

from __future__ import annotations

import logging
from typing import Final

__all__ = ["FewKills", "as_error"]

MOST: Final = 10
QUIET_S: Final = 10.0

log: Final = logging.getLogger(__name__)


def as_error(record: logging.LogRecord) -> bool:
    """A filter of the logger `otp.supervisor`: makes an error of the end of a child that an exit signal ended.

    >>> record = logging.makeLogRecord({"levelno": logging.INFO, "otp_signalled": True})
    >>> as_error(record), record.levelname
    (True, 'ERROR')
    """
    if getattr(record, "otp_signalled", False):
        record.levelno, record.levelname = logging.ERROR, "ERROR"
    return True


class FewKills(logging.Filter):
    """A filter of the terminal's handler: ten of those lines in ten seconds, then one that says where the others are.

    Chaos ends twenty processes a second, and whoever reads the terminal has other lines to see.

    >>> few = FewKills()
    >>> kills = [logging.makeLogRecord({"otp_signalled": True, "created": at}) for at in (1.0,) * 30 + (12.0,)]
    >>> [few.filter(kill) for kill in kills].count(True)
    11
    """

    def __init__(self) -> None:
        super().__init__()
        self._begun = 0.0
        self._told = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is written."""
        if not getattr(record, "otp_signalled", False):
            return True
        if not 0 <= record.created - self._begun < QUIET_S:  # the clock of the wall may go back
            self._begun, self._told = record.created, 0
        self._told += 1
        if self._told == MOST + 1:
            log.error("more are killed than anybody reads; `superlearner log list` has more of them")
        return self._told <= MOST
