"""A limit on the reports about the children of one supervisor: a child that keeps failing causes thousands a second."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakKeyDictionary

from otp.kernel.ends.wording import called
from otp.kernel.values.process import Process, on_exit
from otp.kernel.values.sentences import tell

MOST_REPORTS: Final = 100
"""Reports of one logger about the children of one supervisor in a second; further ones are counted."""

SECOND: Final = 1_000_000_000


class Reported:
    """The reports of one logger about one supervisor in this second."""

    __slots__ = ("began", "count", "warn")

    def __init__(self, began: int) -> None:
        self.began: int = began
        self.count: int = 0
        self.warn: Callable[[str], None] = _nothing
        """Logs a warning about the supervisor; set when the first report is left out."""

    def count_left_out(self) -> None:
        """Log how many reports were left out, if any."""
        if self.count > MOST_REPORTS:
            self.warn(f"{self.count - MOST_REPORTS} reports about its children were left out")


def is_left_out(log: logging.Logger, supervisor: Process, fields: dict[str, Any]) -> bool:
    """Count a report about a child; return whether it is one too many in this second.

    The first report that is left out is replaced by a warning with these fields; another warning, before the first
    report of the next second or at the supervisor's end, gives the number.
    """
    node = supervisor.runtime
    if node.reported is None:
        node.reported = WeakKeyDictionary()
    by_logger: dict[str, Reported] = node.reported.setdefault(supervisor, {})
    now = node.scheduler.work_ns()
    found = by_logger.get(log.name)
    if found is None or now - found.began >= SECOND:
        if found is not None:
            found.count_left_out()
        by_logger[log.name] = found = Reported(now)
    found.count += 1
    if found.count == MOST_REPORTS + 1:
        # read now: a supervisor that has ended no longer has a name
        who = called(supervisor)
        found.warn = lambda words: tell(log, logging.WARNING, f"{who}: {words}", fields)
        found.warn(f"further reports about its children are left out, after {MOST_REPORTS} in a second")
        on_exit(supervisor, Reported, _count_at_end)
    return found.count > MOST_REPORTS


def _count_at_end(supervisor: Process) -> None:
    for found in supervisor.runtime.reported.pop(supervisor, {}).values():
        found.count_left_out()


def _nothing(_words: str) -> None:
    """Do nothing."""
