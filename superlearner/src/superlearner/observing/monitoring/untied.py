"""Processes without links and monitors, by what they run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import otp
from otp import Pid
from otp.observer.scanning import Scan
from superlearner.control.names import display_name, is_critical
from superlearner.control.terms import plain_pid
from superlearner.control.tree import short_what, what_of
from superlearner.observing.monitoring.facts import UntiedProcesses

__all__ = ["Untied"]

LISTED = 100


class Untied:
    """The processes of a node without links and monitors, and since when; a plain object that outlives the service."""

    def __init__(self) -> None:
        self._since: dict[Pid, float] = {}
        self._beyond: Counter[str] = Counter()

    def take(self, scan: Scan, now: float) -> None:
        """Note those of a completed scan: the oldest by themselves, the others by what they run."""
        self._since = {pid: self._since.get(pid, now) for pid in scan.alone if not is_critical(pid)}
        self._beyond = Counter()
        for what, count in scan.alone_beyond.items():
            self._beyond[short_what(what)] += count

    def group(self, before: float) -> Iterator[UntiedProcesses]:
        """Yield them by what they run.

        Those without ties since `before` are counted, or else the oldest; of those beyond the listed ones, all.
        """
        groups: dict[str, list[Pid]] = {}
        for pid in self._since:
            if otp.is_alive(pid):
                groups.setdefault(what_of(pid), []).append(pid)
        for what, pids in groups.items():
            first = pids[0]
            since = self._since[first]
            old = [pid for pid in pids if self._since[pid] <= max(before, since)]
            count, shown = len(old) + self._beyond[what], tuple(map(plain_pid, old[:LISTED]))
            yield UntiedProcesses(plain_pid(first), display_name(first), what, since, count, shown)
