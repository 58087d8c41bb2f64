"""A scan of all processes of a node, in short steps controlled by the caller."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from otp.kernel.values.messages import Down
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import CALLING, DEAD, Process, is_supervisor
from otp.observer.reading import mailbox_len, what_of
from otp.observer.tree import is_child

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node

__all__ = ["Busy", "Scan", "find_end"]

MOST: Final = 1_000
WAITS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Busy:
    """A process whose `async def` callback has not returned: the process, and since when (seconds of the node)."""

    pid: Pid
    callback: str
    begun: float


def find_end(busy: Busy) -> float | None:
    """Return when a callback ended (seconds of the node); None if it goes on, was short, or another one followed."""
    process: Any = busy.pid
    lasted: tuple[int, int] | None = None if process.ext is None else process.ext.lasted
    return lasted[1] / 1e9 if lasted is not None and lasted[0] == round(busy.begun * 1e9) else None


class Scan:
    """Conspicuous processes of a node; each list is bounded, the counts are not.

    Args:
        node: the node to scan.
        deep: how many messages make a mailbox deep.
        monitors: how many monitors a process must have for a closer check.
        settled: the highest number of a pid that is counted in `settled`.

    >>> import otp
    >>> from otp.observer.scanning import Scan
    >>> async def main():
    ...     otp.send(otp.self(), "hello")
    ...     scan = Scan(otp.node(), deep=1)
    ...     while not scan.step(100):
    ...         pass
    ...     return scan.scanned, scan.waiting, scan.deepest()
    >>> otp.run(main)
    (1, 1, [(1, <0.2.0>)])
    """

    __slots__ = (
        "_deep_from",
        "_left",
        "_monitors_from",
        "_settled_to",
        "alone",
        "alone_beyond",
        "alone_count",
        "busy",
        "calling",
        "children",
        "deep",
        "deepest_length",
        "newest",
        "scanned",
        "settled",
        "settled_children",
        "supervisors",
        "suspended",
        "unread",
        "unsupervised",
        "waiting",
        "watchers",
        "youngest",
    )

    def __init__(self, node: Node, *, deep: int = 100, monitors: int = 100, settled: int = 0) -> None:
        self._left = iter(list(node.process_table.values()))
        self._deep_from = max(1, deep)
        self._monitors_from = monitors
        self._settled_to = settled
        self.scanned: int = 0
        self.supervisors: int = 0
        self.waiting: int = 0
        """Messages in all mailboxes."""
        self.deep: list[tuple[int, Pid]] = []
        self.deepest_length: int = 0
        self.suspended: list[Pid] = []
        """Suspended processes for which messages wait."""
        self.unread: list[Pid] = []
        """Processes whose oldest waiting message is a `Down`."""
        self.busy: list[Busy] = []
        self.calling: list[Pid] = []
        """Processes that wait for the reply to a call, the oldest 2,000."""
        self.alone: list[Pid] = []
        """Processes without links and monitors, the oldest 1,000 of `alone_count`."""
        self.alone_count: int = 0
        self.alone_beyond: Counter[str] = Counter()
        """The others of `alone_count`, by what they run."""
        self.unsupervised: int = 0
        """Processes that no supervisor has started, without the supervisors themselves."""
        self.settled: int = 0
        """Those of them with a pid up to the given number."""
        self.children: Counter[Pid] = Counter()
        """The number of supervised processes, without supervisors, by their supervisor."""
        self.settled_children: Counter[Pid] = Counter()
        """Those of them with a pid up to the given number."""
        self.youngest: deque[Pid] = deque(maxlen=MOST)
        """The newest without a supervisor, oldest first."""
        self.newest: int = 0
        """The highest number of a pid."""
        self.watchers: list[Pid] = []
        """Processes that have created many monitors."""

    def step(self, most: int) -> bool:
        """Read the next `most` processes; return whether all have been read."""
        seen = 0
        for p in islice(self._left, most):
            seen += 1
            if p.status != DEAD:
                self._look(p)
        return seen < most

    def deepest(self, most: int = MOST) -> list[tuple[int, Pid]]:
        """Return the deepest mailboxes, the deepest first; of equal ones the oldest."""
        return heapq.nsmallest(most, self.deep, key=lambda one: (-one[0], one[1].id))

    def _look(self, p: Process) -> None:
        self.scanned += 1
        if is_supervisor(p):
            self.supervisors += 1
        elif not is_child(p):
            self.unsupervised += 1
            self.settled += p.id <= self._settled_to
            self.youngest.append(p)
        elif p.parent is not None:
            self.children[p.parent] += 1
            if p.id <= self._settled_to:
                self.settled_children[p.parent] += 1
        self.newest = max(self.newest, p.id)
        if p.status == CALLING and len(self.calling) < WAITS:
            self.calling.append(p)
        x = p.ext
        if p.links is None and p.monitored_by is None and (x is None or not x.monitors):
            self.alone_count += 1
            if len(self.alone) < MOST:
                self.alone.append(p)
            else:
                self.alone_beyond[what_of(p)] += 1
        if x is None:
            length = len(p.mailbox) if p.mailbox else 0
        else:
            length = mailbox_len(p)
            if x.suspended and length and len(self.suspended) < MOST:
                self.suspended.append(p)
            if x.callback is not None and x.begun and p.coroutine is not None and len(self.busy) < MOST:
                self.busy.append(Busy(p, x.callback, x.begun / 1e9))
            if x.monitors and len(x.monitors) >= self._monitors_from and len(self.watchers) < MOST:
                self.watchers.append(p)
        if length:
            self.waiting += length
            self.deepest_length = max(self.deepest_length, length)
            if p.mailbox and type(p.mailbox[0]) is Down and len(self.unread) < MOST:
                self.unread.append(p)
            if length >= self._deep_from:
                self.deep.append((length, p))
                if len(self.deep) >= 4 * MOST:
                    self.deep = self.deepest()
