"""The first states of children, and the last ones of those that have ended, as bounded texts."""

# States have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from otp.bounded import text
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.process import DEAD, Process
from otp.observer.unfolding import visible_state

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.tables.tracing import Event
    from otp.kernel.values.pids import Pid

__all__ = ["LastStates", "keep_last_states"]

NS = 1_000_000_000


class _Texts:
    """A bounded number of texts of states, by the numbers of their processes, taken at a bounded rate."""

    def __init__(self, node: Node, show: Callable[[Any], str], most: int, rate: int) -> None:
        self._clock = node.tracer.clock
        self._show = show
        self._most = most
        self._rate = rate
        self._window = self._in_window = 0
        self.texts: dict[int, str] = {}

    def take(self, p: Process) -> None:
        """Keep the state of a process now."""
        window = self._clock() // NS
        if window != self._window:
            self._window, self._in_window = window, 0
        self._in_window += 1
        if self._in_window > self._rate:
            return
        state = visible_state(p)
        if state is None:
            return
        if len(self.texts) >= self._most:
            del self.texts[next(iter(self.texts))]
        self.texts[p.number] = self._show(state.value)

    def of(self, pid: Pid) -> str | None:
        """Return the text of a process."""
        return self.texts.get(pid.id)


class LastStates:
    """The texts of first and last states, by pid; `keep_last_states` returns it."""

    def __init__(self, node: Node, show: Callable[[Any], str], most: int, rate: int) -> None:
        self._trace = node.tracer
        kinds = [_Texts(node, show, most, rate) for _ in range(4)]
        self._first, self._successors, self._normal, self._failed = self._kinds = kinds
        self._starts = node.subscribe(self._started, kinds={"child_started", "child_restarted"})

    def take(self, p: Process, reason: object) -> None:
        """Keep the state of a child that ends. The runtime calls it before it releases the process."""
        normal = isinstance(reason, str) and reason == "normal"
        (self._normal if normal else self._failed).take(p)

    def _started(self, event: Event) -> None:
        child = event.data.get("child")
        if (
            isinstance(child, Process)
            and child.status != DEAD
            and child.callbacks is not None
            and not child.callbacks.supervisor
        ):
            (self._successors if event.data.get("old") is not None else self._first).take(child)

    def of(self, pid: Pid) -> str | None:
        """Return the text of the last state of a child that has ended; None if there is none, or no longer."""
        return (self._failed.of(pid) or self._normal.of(pid)) if pid.runtime.tracer is self._trace else None

    def first_of(self, pid: Pid) -> str | None:
        """Return the text of the state in which a child began; None if it is not known, or no longer."""
        return (self._successors.of(pid) or self._first.of(pid)) if pid.runtime.tracer is self._trace else None

    def close(self) -> None:
        """Keep no more states, and forget those that were kept."""
        if self._trace.ending == self.take:
            self._trace.ending = None
        self._starts.close()
        for kind in self._kinds:
            kind.texts.clear()


def keep_last_states(node: Node, *, show: Callable[[Any], str] = text, most: int = 500, rate: int = 200) -> LastStates:
    """Keep the first state of each server that starts under a supervisor, and its last one, as texts.

    The first state is that when its supervisor has started it, before it has handled a message if its `init` does not
    wait. A later call for the same node replaces this one. States of sensitive processes are not kept. Erlang has the
    last state in the crash report only, and none after a kill.

    Args:
        node: the node whose children are meant.
        show: returns the text of a state, which its server no longer changes; what it raises is logged.
        most: how many texts are kept of each kind: first states, those after a restart, last states after a normal end,
            and all others. The oldest of a kind are dropped, so children that come and go displace no restart.
        rate: how many of a kind are taken in one second; further ones are not kept.

    Raises `BadArgument` for a number below 1.

    >>> import otp
    >>> class Till(otp.GenServer):
    ...     def init(self, cash):
    ...         return otp.Ok(cash)
    >>> class Shop(otp.Supervisor):
    ...     def init(self, arg):
    ...         return otp.Children([Till.child_spec(40, name="till")])
    >>> async def main():
    ...     last = otp.observer.keep_last_states(otp.node())
    ...     await Shop.start_link()
    ...     till = otp.whereis("till")
    ...     otp.exit(till, "kill")
    ...     await otp.wait_down(till)
    ...     return last.first_of(till), last.of(till)
    >>> otp.run(main)
    ('40', '40')
    """
    for name, number in (("most", most), ("rate", rate)):
        if number < 1:
            raise BadArgument(f"keep_last_states({name}): expected a number of at least 1, got {number!r}")
    found = LastStates(node, show, most, rate)
    node.tracer.ending = found.take
    return found
