"""Ends of processes whose supervisor has ended: no supervisor reports them, so their own events are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import otp
from otp import Node
from otp.trace import Event
from superlearner.control.events import TraceEvent
from superlearner.control.exits import ExitLog
from superlearner.control.facts import facts_of

__all__ = ["EndsBelow"]

MOST_WAITING: Final = 1_000


class EndsBelow:
    """The collector of ends below a supervisor that ended; it adds them to an `ExitLog`.

    Args:
        node: the node of the processes.
        exits: receives their ends.
    """

    def __init__(self, node: Node, exits: ExitLog) -> None:
        self._node = node
        self._exits = exits
        self._waiting: dict[str, str] = {}
        """Slots of processes that are still cleaning up, by pid."""

    def take(self, event: TraceEvent, below: Mapping[str, str]) -> None:
        """Handle the end of a supervisor.

        Args:
            event: its `child_terminated` event.
            below: the keys of the slots below it by the pids of the processes in them.
        """
        if not below or not event.cause:
            return
        self._waiting |= below
        self._take_since(event.cause)
        dead = (pid for pid in below if pid in self._waiting and not otp.is_alive(self._node.parse_pid(pid)))
        if next(dead, None) is not None:  # it ended before its supervisor, which did not handle that end
            self._take_since(0)
        while len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]

    def _take_since(self, seq: int) -> None:
        for past in otp.trace.history(self._node, seq):
            if past.kind == "exited":
                self.ended(past)

    def ended(self, event: Event) -> None:
        """Handle an `exited` event; ignore a process that is not waited for."""
        key = None if event.pid is None or not self._waiting else self._waiting.pop(facts_of(event).pid, None)
        if key is not None:
            self._exits.take(key, event)
