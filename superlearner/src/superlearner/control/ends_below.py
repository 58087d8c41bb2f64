"""Ends of processes whose supervisor is gone: no supervisor reports them, so their own events are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import otp
from otp import Node
from otp.trace import Event
from superlearner.control.exits import ExitEvent, ExitLog
from superlearner.control.terms import plain_pid

__all__ = ["EndsBelow"]


@dataclass(frozen=True, slots=True)
class _End:
    """An `exited` event in the form of a `child_terminated` event."""

    at: int
    cause: int
    data: Mapping[str, Any]


class EndsBelow:
    """Adds the ends of the processes below a supervisor that ended to an `ExitLog`.

    Args:
        node: the node of the processes.
        exits: where their ends belong.
    """

    def __init__(self, node: Node, exits: ExitLog) -> None:
        self._node = node
        self._exits = exits

    def take(self, event: ExitEvent, below: Mapping[str, str]) -> None:
        """Handle the end of a supervisor.

        Args:
            event: its `child_terminated` event.
            below: the keys of the slots below it by the pids of the processes in them.
        """
        waiting = dict(below)
        if not waiting or not event.cause:
            return
        for past in otp.trace.history(self._node, event.cause):
            self._take(past, waiting)
        living = [pid for text in waiting if otp.is_alive(pid := self._node.parse_pid(text))]
        if living:  # they are still cleaning up
            self._node.subscribe(
                lambda later: self._take(later, waiting), kinds={"exited"}, pids=living, limit=len(living)
            )

    def _take(self, event: Event, waiting: dict[str, str]) -> None:
        key = None if event.kind != "exited" or event.pid is None else waiting.pop(plain_pid(event.pid), None)
        if key is not None:
            self._exits.take(key, _End(event.at, event.seq, {"reason": event.data["reason"], "child": event.pid}))
