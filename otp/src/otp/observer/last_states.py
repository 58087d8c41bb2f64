"""The first states of children, and of those that ended, the last state and messages, or a supervisor's flags."""

# States have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from otp.bounded import text
from otp.kernel.tables.callers import OutsideCaller, place_of_caller, unwrap_message
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.process import DEAD, Process, mailbox_len
from otp.observer.reading import name_text, what_of
from otp.observer.tree import supervisor_state
from otp.observer.unfolding import visible_state
from otp.sentences import place_text

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.tables.tracing import Event
    from otp.kernel.values.pids import Pid

__all__ = ["LastFlags", "LastMessages", "LastStates", "keep_last_states"]

NS = 1_000_000_000
SHOWN: Final = 3
"""Maximum number of lost messages that are kept as texts."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LastMessages:
    """The messages of a child when it ended.

    Attributes:
        caller: the process whose call it was handling; None if it handled none, or one from outside any process.
        caller_name: the name that this process has, or had when it ended, else what it runs; "" if it is on another
            node.
        lost: the number of messages that waited in its mailbox.
        first: the first of them as texts; none of a sensitive process.
        outside: the line that made the call, if no process did; "" if it is not known.
    """

    caller: Pid | None
    caller_name: str
    lost: int
    first: tuple[str, ...]
    outside: str = ""


@dataclass(frozen=True, slots=True)
class LastFlags:
    """The flags of a supervisor when it ended."""

    strategy: str
    max_restarts: int | Literal["infinity"]
    max_seconds: float | Literal["infinity"]
    auto_shutdown: str


class _PerProcess(Generic[T]):
    """A bounded number of values by the numbers of their processes, read at a bounded rate."""

    def __init__(self, node: Node, read: Callable[[Process], T | None], most: int, rate: int) -> None:
        self._clock = node.tracer.clock
        self._read = read
        self._most = most
        self._rate = rate
        self._window = self._in_window = 0
        self.values: dict[int, T] = {}

    def take(self, p: Process) -> None:
        """Keep the value of a process now."""
        window = self._clock() // NS
        if window != self._window:
            self._window, self._in_window = window, 0
        self._in_window += 1
        if self._in_window > self._rate:
            return
        value = self._read(p)
        if value is None:
            return
        if len(self.values) >= self._most:
            del self.values[next(iter(self.values))]
        self.values[p.number] = value

    def of(self, pid: Pid) -> T | None:
        """Return the value of a process."""
        return self.values.get(pid.id)


def _read_state(show: Callable[[Any], str]) -> Callable[[Process], str | None]:
    def read(p: Process) -> str | None:
        state = visible_state(p)
        return None if state is None else show(state.value)

    return read


def _read_name(p: Process) -> str:
    return name_text(p) or what_of(p)


def _read_messages(show: Callable[[Any], str], names: _PerProcess[str]) -> Callable[[Process], LastMessages | None]:
    def read(p: Process) -> LastMessages | None:
        x, lost = p.ext, mailbox_len(p)
        call = None if x is None else x.frm
        caller: Any = None if call is None else call.pid
        if isinstance(caller, OutsideCaller):
            caller = caller.parent  # the process of a child task, if it is one
        place = None if call is None or caller is not None else place_of_caller(call)
        outside = "" if place is None else place_text(place)
        if caller is None and not lost and not outside:
            return None
        unread = () if x is None or x.it is None else copy.copy(x.it)  # reading it would consume the batch
        waiting = () if x is not None and x.sensitive else chain(unread, p.mailbox or ())
        name = ""
        if caller is not None and caller.runtime is p.runtime:  # one that has ended has released its name
            name = names.of(caller) or _read_name(caller)
        first = tuple(show(unwrap_message(one)[1]) for one in islice(waiting, SHOWN))
        return LastMessages(caller, name, lost, first, outside)

    return read


def _read_flags(p: Process) -> LastFlags | None:
    state = supervisor_state(p)
    if state is None:
        return None
    return LastFlags(state.strategy, state.max_restarts, state.max_seconds, state.auto_shutdown)


class LastStates:
    """The texts of first and last states, and the last messages, by pid; `keep_last_states` returns it."""

    def __init__(self, node: Node, show: Callable[[Any], str], most: int, rate: int) -> None:
        self._trace = node.tracer
        kinds = [_PerProcess(node, _read_state(show), most, rate) for _ in range(4)]
        self._first, self._successors, self._normal, self._failed = self._kinds = kinds
        self._names = _PerProcess(node, _read_name, most, rate)
        self._messages = _PerProcess(node, _read_messages(show, self._names), most, rate)
        self._flags = _PerProcess(node, _read_flags, most, rate)
        self._all: tuple[_PerProcess[Any], ...] = (*kinds, self._messages, self._flags, self._names)
        left, node.tracer.left = node.tracer.left or (), None
        for kind, values in zip(self._all, left, strict=False):
            kind.values = values
        self._starts = node.subscribe(self._started, kinds={"child_started", "child_restarted"})

    def take(self, p: Process, reason: object) -> None:
        """Keep the last state and messages of a server, or the flags of a supervisor, before it is released."""
        self._names.take(p)
        if p.callbacks is not None and p.callbacks.supervisor:
            self._flags.take(p)
            return
        normal = isinstance(reason, str) and reason == "normal"
        (self._normal if normal else self._failed).take(p)
        if not normal:
            self._messages.take(p)

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

    def messages_of(self, pid: Pid) -> LastMessages | None:
        """Return the messages of a child when it ended abnormally; None if it had none, or they are not kept."""
        return self._messages.of(pid) if pid.runtime.tracer is self._trace else None

    def flags_of(self, pid: Pid) -> LastFlags | None:
        """Return the flags of a supervisor that has ended; None if it had none yet, or they are not kept."""
        return self._flags.of(pid) if pid.runtime.tracer is self._trace else None

    def close(self, *, forget: bool = True) -> None:
        """Keep no more states and messages, and forget those that were kept, or leave them to the next call."""
        if self._trace.ending == self.take:
            self._trace.ending = None
        self._starts.close()
        if forget:
            for kind in self._all:
                kind.values.clear()
        elif any(kind.values for kind in self._all):
            self._trace.left = tuple(kind.values for kind in self._all)


def keep_last_states(node: Node, *, show: Callable[[Any], str] = text, most: int = 500, rate: int = 200) -> LastStates:
    """Keep the first state of each server that starts under a supervisor, and its last one and its messages, as texts.

    The first state is that when its supervisor has started it, before it has handled a message if its `init` does not
    wait. A later call for the same node replaces this one, and has what one that was closed without `forget` has kept.
    States of sensitive processes are not kept. Erlang has the last state in the crash report only, and none after a
    kill.

    Args:
        node: the node whose children are meant.
        show: returns the text of a state or message, which its server no longer changes; what it raises is logged.
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
