"""A limit on the reports about the children of one supervisor: a child that keeps failing causes thousands a second."""

from __future__ import annotations

import logging
from typing import Any, Final
from weakref import WeakKeyDictionary

from otp.kernel.log import tell
from otp.kernel.process import Process
from otp.kernel.wording import process_name, process_text

__all__ = ["MOST_REPORTS", "is_left_out"]

MOST_REPORTS: Final = 100
"""Reports of one logger about the children of one supervisor in a second; further ones are counted."""

SECOND: Final = 1_000_000_000


class Reported:
    """The reports of one logger about one supervisor in this second."""

    __slots__ = ("began", "count")

    def __init__(self, began: int) -> None:
        self.began: int = began
        self.count: int = 0


def is_left_out(log: logging.Logger, supervisor: Process, fields: dict[str, Any]) -> bool:
    """Count a report about a child; return whether it is one too many in this second.

    The first report that is left out is replaced by a warning with these fields; another warning, before the first
    report of the next second, gives the number.
    """
    node = supervisor._node
    if node._reported is None:
        node._reported = WeakKeyDictionary()
    by_logger: dict[str, Reported] = node._reported.setdefault(supervisor, {})
    now = node._s.work_ns()
    found = by_logger.get(log.name)
    if found is None or now - found.began >= SECOND:
        before, found = found, Reported(now)
        by_logger[log.name] = found
        if before is not None and before.count > MOST_REPORTS:
            _warn(log, supervisor, fields, f"{before.count - MOST_REPORTS} reports about its children were left out")
    found.count += 1
    if found.count == MOST_REPORTS + 1:
        _warn(
            log,
            supervisor,
            fields,
            f"further reports about its children are left out, after {MOST_REPORTS} in a second",
        )
    return found.count > MOST_REPORTS


def _warn(log: logging.Logger, supervisor: Process, fields: dict[str, Any], words: str) -> None:
    who = process_text(process_name(supervisor) or supervisor._node.describe(supervisor), supervisor)
    tell(log, logging.WARNING, f"{who}: {words}", fields)
