"""Connections by which a process, at its end, was reached from its state: those of a pool that others have used, too.

Code outside processes, or another process, may have opened them: the constructor of a pool is not recorded, but no code
can use a pool to which nothing refers. A request in flight may still do so; therefore they are looked at again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otp.kernel.holders import Leading, find_leading, take_unheld

if TYPE_CHECKING:
    from otp.kernel.child_tasks import Leftover
    from otp.kernel.opened import Opened
    from otp.kernel.process import Process
    from otp.kernel.scheduler import Scheduler

__all__ = ["Orphans", "find_shared"]

FIRST_LOOK: Final = 0.05
LAST_LOOK: Final = 60.0
"""Seconds until the first look and, at most, until the last one."""


def find_shared(p: Process) -> None:
    """Record, for a process that ends, what leads from its state and its variables to open connections."""
    found = find_leading((p._state, p._coro), p._node._s.connections)
    if found:
        p._ext().task_table(p).shared = found


class Orphans:
    """The objects that led dead processes to connections to which something else still refers.

    They are closed when nothing does any more. Each look waits twice as long as the one before.
    """

    __slots__ = ("_last", "_nodes", "_timer")

    def __init__(self) -> None:
        self._last: Leftover | None = None  # of the last process
        self._nodes: Leading = Leading()
        self._timer: Any = None

    def take_unheld(self, left: Leftover, shared: list[Any]) -> list[Opened]:
        """Return the connections of a dead process that no code can use; look at the others later."""
        s, self._last = left.p._node._s, left
        known = set(map(id, self._nodes))
        self._nodes += [shared[at] for at in range(len(shared)) if id(shared[at]) not in known]
        shared.clear()
        unheld = take_unheld(self._nodes, s.connections)
        if any(s.connections.of(node) is not None for node in self._nodes if id(node) not in known):
            self._look_in(s, FIRST_LOOK)
        return unheld

    def forget(self, transport: Any) -> None:
        """Leave a connection out that has been handed over."""
        self._nodes[:] = [node for node in self._nodes if node is not transport]

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._last = None
        self._nodes.clear()

    def _look_in(self, s: Scheduler, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = s.loop.call_later(seconds, self._look, s, seconds, context=s._base)

    def _look(self, s: Scheduler, seconds: float) -> None:
        self._timer = None
        self._nodes = find_leading(self._nodes, s.connections)  # a request may have opened more
        unheld = take_unheld(self._nodes, s.connections)
        if self._last is not None:
            self._last.killed = True
            self._last.close(unheld)
        if self._nodes and seconds < LAST_LOOK:
            self._look_in(s, 2 * seconds)
        else:
            self.close()
