"""Start times of processes, by the events of their node."""

from __future__ import annotations

from typing import Any

import otp
from otp import Node, Pid
from otp.trace import Event
from superlearner.control.clock import Clock

__all__ = ["Births"]


class Births:
    """The start times of the living processes whose start was followed or is in their node's memory."""

    def __init__(self) -> None:
        self._at: dict[Pid, float] = {}
        self._clock = Clock()
        self._subscription: Any = None

    def watch(self, node: Node, clock: Clock) -> None:
        """Read the starts in the memory of a node, then follow its events."""
        self.close()
        self._clock = clock
        for event in otp.trace.history(node):
            if event.kind == "spawned":
                self._on_event(event)
        self._at = {pid: at for pid, at in self._at.items() if otp.is_alive(pid)}
        self._subscription = otp.trace.subscribe(node, self._on_event, kinds={"spawned", "exited"})

    def close(self) -> None:
        """Stop following."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def of(self, pid: Pid) -> float | None:
        """Return when a living process started (wall clock); None if that is not recorded."""
        return self._at.get(pid)

    def _on_event(self, event: Event) -> None:
        if event.pid is None:
            return
        if event.kind == "spawned":
            self._at[event.pid] = round(self._clock.wall(event.at), 3)
        else:
            self._at.pop(event.pid, None)
