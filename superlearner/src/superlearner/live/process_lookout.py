"""The live list of processes: each viewer has a part of it, and only that part is read and sent.

    question → order (pids, found in steps, shared) → its part (some dozens of rows) → what changed since the last frame

Without viewers nothing runs: frames are made when a viewer is due for one, twice a second at most, and viewers with
the same question share them. Finding orders takes a twentieth of the time at most.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import otp
from otp import Node, Pid, observer
from superlearner.control.listing import ProcessFilter, count_processes, find
from superlearner.control.pinned import pinned
from superlearner.control.process_list import Line, lines_of
from superlearner.live.frames import encode
from superlearner.live.process_question import WORKING, Question, question_of
from superlearner.live.viewer import Viewer
from superlearner.observing.monitoring.rates import Rates

__all__ = ["Lookout"]

EVERY_S: Final = 0.5
SHARE: Final = 20
"""Factor of an order's lifetime: an order that took 1 ms to find is valid for 20 ms."""

log = logging.getLogger(__name__)


class ProcessOrder:
    """The pids of one order; `took` is the time it took to find them, `at` the time when they were found.

    An order by work that was not measured yet is `early`: it is found again as soon as there are measurements.
    """

    __slots__ = ("at", "early", "pids", "took")

    def __init__(self, pids: list[Pid], at: float, took: float, *, early: bool = False) -> None:
        self.pids = pids
        self.at = at
        self.took = took
        self.early = early

    @property
    def is_old(self) -> bool:
        """True if the order must be found again."""
        return otp.monotonic() - self.at >= max(EVERY_S * 0.8, 0.0 if self.early else self.took * SHARE)


class ProcessQuery:
    """A question and its frames, for all viewers that ask it."""

    def __init__(self, lookout: Lookout, question: Question, order: ProcessOrder | None = None) -> None:
        self.question = question
        self.order = order
        self.seq = 0
        self.due = 0.0
        self.pids: list[Pid] = []
        self._lookout = lookout
        self._lines: dict[str, Line] = {}
        self._told: dict[str, Any] = {}
        self._delta = b""
        self._snapshot: bytes | None = None
        self._busy = asyncio.Lock()

    async def frame(self, seq: int | None) -> tuple[bytes, int]:
        """Return the next frame after number `seq`; a snapshot if `seq` is None or too old."""
        async with self._busy:
            if otp.monotonic() >= self.due:
                await self._refresh()
        if seq is not None and seq == self.seq - 1:
            return self._delta, self.seq
        if self._snapshot is None:
            lines = list(self._lines.values())
            self._snapshot = encode({"k": "s", **self._lookout.head, "seq": self.seq, **self._told, "rows": lines})
        return self._snapshot, self.seq

    async def _refresh(self) -> None:
        lookout, question = self._lookout, self.question
        wanted = question.resolved(lookout.node)
        if question.measures_all:  # first, so that the order is that of the figures that are shown
            lookout.measure_work()
        if self.order is None or not question.hold:
            self.order = ProcessOrder([], otp.monotonic(), 0.0) if wanted is None else await lookout.order(wanted)
        order = self.order
        self.pids = order.pids[question.offset : question.offset + question.count]
        fixed = pinned(lookout.node, question.pins)
        if not question.measures_all:
            lookout.measure_work()
        work, counted = lookout.rates, count_processes(lookout.node)
        lines = {line["pid"]: line for line in lines_of(self.pids, work, lookout.born)}
        told = {
            "total": len(order.pids),
            "all": counted.of("yours" if wanted is None else wanted.among),
            "platform": counted.platform,
            "offset": question.offset,
            "order": list(lines),
            "pins": [
                {"pin": pin, "row": None if pid is None else lines_of([pid], work, lookout.born)[0]}
                for pin, pid in fixed
            ],
            "measured_s": round(lookout.rates.seconds, 2) if question.work else None,
            "took_ms": round(order.took * 1000, 1),
            "missing": wanted is None,
        }
        self.pids = [*self.pids, *(pid for _, pid in fixed if pid is not None)]
        self.seq += 1
        self._delta = encode(self._changes(lines, told))
        self._lines, self._told, self._snapshot = lines, told, None
        self._told["now"] = lookout.now()
        self.due = otp.monotonic() + EVERY_S * 0.9

    def _changes(self, lines: dict[str, Line], fields: dict[str, Any]) -> dict[str, Any]:
        """Return what has changed; `order` no longer contains the pids of removed rows."""
        frame: dict[str, Any] = {"k": "d", "seq": self.seq, "now": self._lookout.now()}
        frame |= {name: value for name, value in fields.items() if value != self._told.get(name)}
        changed = [line for pid, line in lines.items() if line != self._lines.get(pid)]
        if changed:
            frame["rows"] = changed
        return frame


class LookingViewer(Viewer):
    """A tab that asks a question and takes a frame when one is due."""

    def __init__(self, lookout: Lookout, question: Question) -> None:
        super().__init__(lookout, 1)
        self.question = question
        self.look_now: ProcessQuery | None = None
        self._lookout = lookout
        self._seq: int | None = None
        self._asked = asyncio.Event()
        self._asked.set()

    def look(self, asked: Mapping[str, str]) -> None:
        """Change the question; the answer comes immediately."""
        self.question = question_of(asked)
        self.want_snapshot()

    def want_snapshot(self) -> None:
        """Send a snapshot next, immediately."""
        self._seq = None
        self._asked.set()

    def close(self) -> None:
        """End the viewer: the platform ends."""
        super().close()
        self._asked.set()

    async def next(self) -> bytes | None:
        """Return the next frame, when one is due or the question changes; None at the end."""
        look = self.look_now
        if look is not None and not self._asked.is_set():
            try:
                async with asyncio.timeout(max(0.0, look.due - otp.monotonic())):
                    await self._asked.wait()
            except TimeoutError:
                pass
        if self.closed or observer.info(self._lookout.node).life == "closed":
            return None
        self._asked.clear()
        if look is None or look.question != self.question:
            self._seq = None
            self.look_now = look = self._lookout.turn_to(self, look)
        try:
            frame, self._seq = await look.frame(self._seq)
        except Exception:
            log.exception("the list of processes could not be made; this is a bug in SuperLearner, please report it")
            raise
        return frame


class Lookout:
    """The viewers of one node's processes, and what they share.

    Args:
        node: the node that the processes run on.
        born: returns the start time of a process, None if it is unknown.
        head: facts about the platform for each snapshot.
        now: the wall clock.
    """

    def __init__(
        self, node: Node, born: Callable[[Pid], float | None], head: Mapping[str, Any], now: Callable[[], float]
    ) -> None:
        self.node = node
        self.born = born
        self.head = dict(head)
        self.now = now
        self.rates = Rates(node)
        self.viewers: set[LookingViewer] = set()
        self._orders: dict[ProcessFilter, ProcessOrder] = {}
        self._finding: dict[ProcessFilter, asyncio.Lock] = {}
        self._turned = 0.0

    def attach(self, question: Question) -> Viewer:
        """Add a viewer."""
        viewer = LookingViewer(self, question)
        self.viewers.add(viewer)
        return viewer

    def detach(self, viewer: Viewer) -> None:
        """Remove a viewer; without viewers, all measurements are dropped."""
        self.viewers = {other for other in self.viewers if other is not viewer}
        if not self.viewers:
            self.rates.end()
            self._orders.clear()
            self._finding.clear()

    def snapshot(self) -> bytes:
        """Return an empty frame: viewers request their own frames."""
        return b'{"k":"d"}'

    def turn_to(self, viewer: LookingViewer, before: ProcessQuery | None) -> ProcessQuery:
        """Return the look for a viewer's question: that of another viewer with the same question, or a new one."""
        question = viewer.question
        if question.hold:  # keep the viewer's own order, which may differ from the others'
            same = before is not None and before.question.order == question.order
            return ProcessQuery(self, question, before.order if before is not None and same else None)
        shared = (other.look_now for other in self.viewers if other is not viewer)
        return next((look for look in shared if look is not None and look.question == question), None) or ProcessQuery(
            self, question
        )

    async def order(self, wanted: ProcessFilter) -> ProcessOrder:
        """Return the pids in their order, found again if the last one is old; concurrent callers share one search."""
        async with self._finding.setdefault(wanted, asyncio.Lock()):
            known = self._orders.get(wanted)
            if known is not None and not known.is_old:
                return known
            begun = otp.monotonic()
            early = wanted.sort in WORKING and not self.rates.seconds
            pids = await find(self.node, wanted, self.rates)
            now = otp.monotonic()
            found = self._orders[wanted] = ProcessOrder(pids, now, now - begun, early=early)
        self._forget(wanted)
        return found

    def _forget(self, kept: ProcessFilter) -> None:
        """Drop orders without viewers."""
        looks = [viewer.look_now for viewer in self.viewers if viewer.look_now is not None]
        used = {id(look.order) for look in looks if look.order is not None}
        self._orders = {wanted: order for wanted, order in self._orders.items() if wanted == kept or id(order) in used}
        self._finding = {
            wanted: lock for wanted, lock in self._finding.items() if wanted in self._orders or lock.locked()
        }

    def measure_work(self) -> None:
        """Measure the processes that are shown, once for all viewers."""
        looks = [
            viewer.look_now for viewer in self.viewers if viewer.look_now is not None and viewer.look_now.question.work
        ]
        now = otp.monotonic()
        if not looks:
            self.rates.end()
        elif now - self._turned >= EVERY_S * 0.8 or not self.rates.watches:
            self._turned = now
            everybody = any(look.question.measures_all for look in looks)
            self.rates.turn(None if everybody else {pid for look in looks for pid in look.pids})
