"""The numbers of processes without a supervisor, and of children of dynamic supervisors, over time."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Any, Final

from otp import Node, Pid
from otp.observer.reading import kind_of
from otp.observer.scanning import Scan
from otp.observer.tree import is_child
from superlearner.control.listing import processes_of
from superlearner.control.names import display_name, is_critical
from superlearner.control.slots import DYNAMIC
from superlearner.control.terms import plain_pid
from superlearner.control.tree import supervisor_state
from superlearner.observing.monitoring.facts import ChildCounts, ProcessCount, ProcessStarter
from superlearner.observing.monitoring.starters import Starters

__all__ = ["SETTLED_S", "Population"]

SETTLED_S: Final = 4.0
"""Processes that end sooner, such as short tasks, never count as growth, however many run at a time."""
LEAST_S: Final = 1.0
"""Seconds between two counts that are kept; the newest one is always the last."""
KEPT: Final = 600
CHILDREN: Final = 100
"""Children of a dynamic supervisor from which their number may be an anomaly."""
FEW: Final = 20
"""Children of a supervisor from which they are counted while they become more, so that the whole growth is known."""
NEWEST: Final = 200
"""Its newest children, among which the starter is looked for."""


class Population:
    """The counts of a node; a plain object that outlives the service.

    Args:
        starters: the starts on the node.
    """

    def __init__(self, starters: Starters) -> None:
        self.counts: deque[ProcessCount] = deque(maxlen=KEPT)
        self.children: list[ChildCounts] = []
        self.starter: ProcessStarter | None = None
        self._starters = starters
        self._of_supervisors: dict[Pid, deque[ProcessCount]] = {}
        self._newest: deque[tuple[float, int]] = deque(maxlen=KEPT)
        """When a count was made, and the number of the newest pid then."""

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
        """Count those of a completed scan; while more than `allowed` a second are added, note their starter."""
        if len(self.counts) > 1 and now - self.counts[-2].at < LEAST_S:
            self._newest.pop()
        of_platform = sum(1 for pid in processes_of(node, "platform") if _is_unsupervised(pid))
        _add(self.counts, ProcessCount(now, max(0, scan.unsupervised - of_platform), scan.settled))
        self._newest.append((now, scan.newest))
        if _is_growing(self.counts, allowed):
            self.starter = self._starters.find(list(scan.youngest))
        self._take_children(scan, now, allowed)

    def _take_children(self, scan: Scan, now: float, allowed: float) -> None:
        before = {one.pid: one for one in self.children}
        counted, self._of_supervisors, self.children = self._of_supervisors, {}, []
        for pid, total in scan.children.items():
            if total < FEW:
                continue
            state = supervisor_state(pid) if total >= CHILDREN and not is_critical(pid) else None
            if total >= CHILDREN and (state is None or state.strategy not in DYNAMIC):
                continue
            counts = counted.get(pid)
            if counts is None or (state is None and not _has_grown(counts, total, now)):
                counts = deque[ProcessCount](maxlen=KEPT)
            self._of_supervisors[pid] = counts
            _add(counts, ProcessCount(now, total, scan.settled_children[pid]))
            if state is None:
                continue
            known = before.get(plain_pid(pid))
            starter = None if known is None else known.starter
            if _is_growing(counts, allowed):
                starter = self._starters.find(list(islice(reversed(state.running), NEWEST)))
            self.children.append(ChildCounts(plain_pid(pid), display_name(pid), tuple(counts), starter))


def _add(counts: deque[ProcessCount], count: ProcessCount) -> None:
    """Add a count; it takes the place of the last one if that was made a moment ago."""
    if len(counts) > 1 and count.at - counts[-2].at < LEAST_S:
        counts.pop()
    counts.append(count)


def _has_grown(counts: deque[ProcessCount], total: int, now: float) -> bool:
    """Return whether there are more than at the last count that was not made a moment ago; also if there is none."""
    before = next((one for one in reversed(counts) if now - one.at >= LEAST_S), None)
    return before is None or total > before.total


def _is_growing(counts: deque[ProcessCount], allowed: float) -> bool:
    """Return whether more than `allowed` a second have been added since the last count."""
    if len(counts) < 2:
        return False
    before, last = counts[-2], counts[-1]
    return last.at > before.at and last.settled - before.settled >= allowed * (last.at - before.at)


def _is_unsupervised(pid: Any) -> bool:
    return not is_child(pid) and kind_of(pid) != "supervisor"
