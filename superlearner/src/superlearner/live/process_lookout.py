"""The list of processes, live: each viewer looks at a part of it, and only that part is read and sent.

    question → order (pids, found in steps, shared) → its part (some dozens of rows) → what changed since the last frame

Nothing happens while nobody looks: frames are made when a viewer is due for one, twice a second at most, and viewers
that ask the same share them. An order is found anew as often as that takes a twentieth of the time at most.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import otp
from otp import Node, Pid, observer
from superlearner.control.listing import Wanted, find
from superlearner.control.pinned import pinned
from superlearner.control.process_list import Line, lines_of
from superlearner.live.frames import encode
from superlearner.live.process_question import WORKING, Question, question_of
from superlearner.live.viewer import Viewer
from superlearner.observing.monitoring.births import Births
from superlearner.observing.monitoring.rates import Rates

__all__ = ["Lookout"]

EVERY_S: Final = 0.5
SHARE: Final = 20
"""An order that took a millisecond is good for twenty."""

log = logging.getLogger(__name__)


class ProcessOrder:
    """The pids of one order; `took` is how long they were looked for, `at` when that was.

    One by work that was not measured yet is `early`: it is found again as soon as there is something to go by.
    """

    __slots__ = ("at", "early", "pids", "took")

    def __init__(self, pids: list[Pid], at: float, took: float, *, early: bool = False) -> None:
        self.pids = pids
        self.at = at
        self.took = took
        self.early = early

    @property
    def is_old(self) -> bool:
        """Whether it is time to look again."""
        return otp.monotonic() - self.at >= max(EVERY_S * 0.8, 0.0 if self.early else self.took * SHARE)


class ProcessLook:
    """One question and its frames, for all viewers who ask it."""

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
        """The frame for who has seen number `seq`; None for who has seen nothing."""
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
        if question.measures_all:  # before the order is found, so that it is that of the figures which are shown
            lookout.look_at_work()
        if self.order is None or not question.hold:
            self.order = ProcessOrder([], otp.monotonic(), 0.0) if wanted is None else await lookout.order(wanted)
        order = self.order
        self.pids = order.pids[question.offset : question.offset + question.count]
        fixed = pinned(lookout.node, question.pins)
        if not question.measures_all:
            lookout.look_at_work()
        work = lookout.rates
        lines = {line["pid"]: line for line in lines_of(self.pids, work, lookout.births.of)}
        told = {
            "total": len(order.pids),
            "all": len(lookout.node.processes()),
            "offset": question.offset,
            "order": list(lines),
            "pins": [
                {"pin": pin, "row": None if pid is None else lines_of([pid], work, lookout.births.of)[0]}
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

    def _changes(self, lines: dict[str, Line], told: dict[str, Any]) -> dict[str, Any]:
        """What is not as it was; rows that are gone are those that the order does not name any more."""
        frame: dict[str, Any] = {"k": "d", "seq": self.seq, "now": self._lookout.now()}
        frame |= {name: value for name, value in told.items() if value != self._told.get(name)}
        changed = [line for pid, line in lines.items() if line != self._lines.get(pid)]
        if changed:
            frame["rows"] = changed
        return frame


class LookingViewer(Viewer):
    """One tab: says what it looks at, and takes a frame when one is due."""

    def __init__(self, lookout: Lookout, question: Question) -> None:
        super().__init__(lookout, 1)
        self.question = question
        self.look_now: ProcessLook | None = None
        self._lookout = lookout
        self._seq: int | None = None
        self._asked = asyncio.Event()
        self._asked.set()

    def look(self, asked: Mapping[str, str]) -> None:
        """It looks at something else from now on; the answer comes at once."""
        self.question = question_of(asked)
        self.want_snapshot()

    def want_snapshot(self) -> None:
        """The next frame is a whole one, and comes at once."""
        self._seq = None
        self._asked.set()

    def close(self) -> None:
        """The platform ends."""
        super().close()
        self._asked.set()

    async def next(self) -> bytes | None:
        """The next frame, when there is one or when something else was asked; None at the end."""
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
            log.exception("the list of processes could not be made; this is a bug of SuperLearner, please report it")
            raise
        return frame


class Lookout:
    """Who looks at the processes of one node, and what they share.

    Args:
        node: whose processes.
        births: about when they were started.
        head: what a snapshot says of the platform.
        now: the wall clock.
    """

    def __init__(self, node: Node, births: Births, head: Mapping[str, Any], now: Callable[[], float]) -> None:
        self.node = node
        self.births = births
        self.head = dict(head)
        self.now = now
        self.rates = Rates(node)
        self.viewers: set[LookingViewer] = set()
        self._orders: dict[Wanted, ProcessOrder] = {}
        self._finding: dict[Wanted, asyncio.Lock] = {}
        self._turned = 0.0

    def attach(self, question: Question) -> Viewer:
        """A new viewer."""
        viewer = LookingViewer(self, question)
        self.viewers.add(viewer)
        return viewer

    def detach(self, viewer: Viewer) -> None:
        """A viewer has gone; with the last one goes all that was measured."""
        self.viewers = {other for other in self.viewers if other is not viewer}
        if not self.viewers:
            self.rates.end()
            self._orders.clear()
            self._finding.clear()

    def snapshot(self) -> bytes:
        """Nobody takes it from here: a frame is made when it is asked for."""
        return b'{"k":"d"}'

    def turn_to(self, viewer: LookingViewer, before: ProcessLook | None) -> ProcessLook:
        """The look of a viewer's question: that of others who ask the same, or a new one."""
        question = viewer.question
        if question.hold:  # the order that this viewer has, which may be another one than that of the others
            same = before is not None and before.question.order == question.order
            return ProcessLook(self, question, before.order if before is not None and same else None)
        shared = (other.look_now for other in self.viewers if other is not viewer)
        return next((look for look in shared if look is not None and look.question == question), None) or ProcessLook(
            self, question
        )

    async def order(self, wanted: Wanted) -> ProcessOrder:
        """The pids in their order, found anew if that was a while ago; who asks meanwhile waits for the same."""
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

    def _forget(self, kept: Wanted) -> None:
        """Orders that nobody looks at any more."""
        looks = [viewer.look_now for viewer in self.viewers if viewer.look_now is not None]
        used = {id(look.order) for look in looks if look.order is not None}
        self._orders = {wanted: order for wanted, order in self._orders.items() if wanted == kept or id(order) in used}
        self._finding = {
            wanted: lock for wanted, lock in self._finding.items() if wanted in self._orders or lock.locked()
        }

    def look_at_work(self) -> None:
        """Measure what those do that are looked at: once for all who look."""
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
