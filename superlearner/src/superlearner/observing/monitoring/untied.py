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
from superlearner.observing.monitoring.population import SETTLED_S
from superlearner.observing.monitoring.process_growth import MANY
from superlearner.observing.monitoring.starters import Starters

__all__ = ["Untied", "allowed_alone"]

LISTED = 100


def allowed_alone(count: int, allowed: float) -> float:
    """Return the seconds after which processes without ties are reported: many of them sooner, as they may be a leak.

    >>> allowed_alone(10, 30.0), allowed_alone(3000, 30.0)
    (30.0, 4.0)
    """
    return allowed if count < MANY else min(allowed, SETTLED_S)


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

    def group(self, now: float, allowed: float, starters: Starters) -> Iterator[UntiedProcesses]:
        """Yield them by what they run, with who started them.

        Settled are those without ties for longer than `allowed`, or else the oldest; of those beyond the listed ones,
        all.
        """
        groups: dict[str, list[Pid]] = {}
        for pid in self._since:
            if otp.is_alive(pid):
                groups.setdefault(what_of(pid), []).append(pid)
        for what, pids in groups.items():
            first = pids[0]
            since = self._since[first]
            beyond = self._beyond[what]
            before = now - allowed_alone(len(pids) + beyond, allowed)
            old = [pid for pid in pids if self._since[pid] <= max(before, since)]
            count, settled, shown = len(pids) + beyond, len(old) + beyond, tuple(map(plain_pid, old[:LISTED]))
            starter = starters.find(old)
            yield UntiedProcesses(plain_pid(first), display_name(first), what, since, count, settled, shown, starter)
