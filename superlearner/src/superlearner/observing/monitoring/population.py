"""The number of processes without a supervisor over time, and what starts them while they increase."""

from __future__ import annotations

import sys
from collections import Counter, deque
from itertools import islice
from typing import Any, Final

import otp
from otp import Node, Pid
from otp.observer.reading import kind_of
from otp.observer.scanning import Scan
from otp.observer.tree import is_child
from otp.trace import Event
from superlearner.control.listing import processes_of
from superlearner.control.names import display_name
from superlearner.control.terms import plain_pid
from superlearner.control.tree import what_of
from superlearner.observing.monitoring.code_places import find_running_code
from superlearner.observing.monitoring.facts import ProcessStarter, UnsupervisedCount

__all__ = ["Population"]

SETTLED_S: Final = 4.0
"""Processes that end sooner, such as short tasks, never count as growth, however many run at a time."""
LEAST_S: Final = 1.0
"""Seconds between two counts that are kept; the newest one is always the last."""
KEPT: Final = 600
PLACES: Final = 200
"""Starts of which the line is read after each count, while processes increase."""


class Population:
    """The counts of a node; a plain object that outlives the service."""

    def __init__(self) -> None:
        self.counts: deque[UnsupervisedCount] = deque(maxlen=KEPT)
        self.starter: ProcessStarter | None = None
        self._newest: deque[tuple[float, int]] = deque(maxlen=KEPT)
        """When a count was made, and the number of the newest pid then."""
        self._places: dict[Pid, str] = {}
        self._subscription: Any = None

    def find_settled(self, now: float) -> int:
        """Return about the number of the newest pid that is old enough to count; 0 if none is known to be."""
        until, later = now - SETTLED_S, None
        for at, newest in reversed(self._newest):
            if at <= until:
                part = 0.0 if later is None else (until - at) / (later[0] - at)
                return newest + round(part * ((newest if later is None else later[1]) - newest))
            later = at, newest
        return 0

    def take(self, node: Node, scan: Scan, now: float, allowed: float) -> None:
        """Count those of a completed scan; while more than `allowed` a second are added, note who starts them."""
        if len(self.counts) > 1 and now - self.counts[-2].at < LEAST_S:
            self.counts.pop()
            self._newest.pop()
        of_platform = sum(1 for pid in processes_of(node, "platform") if _is_unsupervised(pid))
        self.counts.append(UnsupervisedCount(now, max(0, scan.unsupervised - of_platform), scan.settled))
        self._newest.append((now, scan.newest))
        before = self.counts[-2] if len(self.counts) > 1 else self.counts[-1]
        if scan.settled - before.settled < allowed * (now - before.at) or now == before.at:
            self.close()
            return
        self.starter = self._find_starter(scan)
        self._watch_starts(node)

    def close(self) -> None:
        """Stop reading the lines of starts."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None
        self._places = {}

    def _watch_starts(self, node: Node) -> None:
        if self._subscription is not None:
            self._subscription.close()
        self._places = dict(islice(reversed(self._places.items()), PLACES))
        self._subscription = otp.trace.subscribe(node, self._on_start, kinds=("spawned",), limit=PLACES)

    def _on_start(self, event: Event) -> None:
        """Note the line that starts a process: it runs now, below this function on the stack."""
        code = find_running_code(sys._getframe(1), None)  # pyright: ignore[reportPrivateUsage]
        if event.pid is not None and code is not None:
            self._places[event.pid] = code.place

    def _find_starter(self, scan: Scan) -> ProcessStarter | None:
        """Return who started most of the newest ones; None if there is no such process and line."""
        newest = [pid for pid in scan.youngest if otp.is_alive(pid)]
        if not newest:
            return None
        what = Counter(map(what_of, newest)).most_common(1)[0][0]
        alike: list[Any] = [pid for pid in newest if what_of(pid) == what]
        parent, started = Counter(pid.parent for pid in alike).most_common(1)[0]
        place = next(iter(Counter(self._places[pid] for pid in alike if pid in self._places).most_common(1)), (None, 0))
        if parent is None or 2 * started <= len(alike) or not otp.is_alive(parent):
            return ProcessStarter(what, place=place[0])
        return ProcessStarter(what, plain_pid(parent), display_name(parent), place[0])


def _is_unsupervised(pid: Any) -> bool:
    return not is_child(pid) and kind_of(pid) != "supervisor"
