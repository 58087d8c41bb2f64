"""The causes of a node's events, recorded while messages are read.

A received message is caused by the event that sent it, a callback by its message, and what a process does by the event
that it handles. Without a reader of messages `Tracer.causes` is None and none of this exists.
"""

# Messages are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from otp.kernel.values.process import DEAD, Process

UNDER_WAY: Final = 10_000  # messages to one process whose sending event is remembered; for older ones it is unknown


class Causes:
    """The event that each process handles, and the event that sent each message in a mailbox."""

    __slots__ = ("_begun", "_doing", "_sent", "_states", "_taken", "now")

    def __init__(self) -> None:
        self._doing: dict[Any, int] = {}
        self._begun: dict[Any, tuple[int, str]] = {}
        self._sent: dict[Any, deque[tuple[Any, int]]] = {}
        self._states: dict[Any, str] = {}
        self._taken: dict[Any, str] = {}
        self.now: int = 0
        """The event that the runtime itself is carrying out: a timer that fires, the end of a process."""

    def of(self, p: Any) -> int:
        """Return the event that `p` is handling, 0 if none is known."""
        return self.now or self._doing.get(p, 0)

    def sent(self, dest: Process, message: Any, seq: int) -> None:
        """Record that the event `seq` put `message` into the mailbox of `dest`."""
        waiting = self._sent.get(dest)
        if waiting is None:
            waiting = self._sent[dest] = deque(maxlen=UNDER_WAY)
        waiting.append((message, seq))

    def holders(self, dest: Process, message: Any) -> Iterator[Any]:
        """Yield what refers to a message to `dest` only to find its cause."""
        return (one for one in self._sent.get(dest, ()) if one[0] is message)

    def taken(self, me: Process, message: Any) -> int:
        """Return the event that sent a message `me` takes, 0 if it was sent before anyone read."""
        self._doing.pop(me, None)
        waiting = self._sent.get(me)
        if waiting:
            if waiting[0][0] is message:
                return waiting.popleft()[1]
            for place, (known, seq) in enumerate(waiting):
                if known is message:
                    del waiting[place]
                    return seq
        return 0

    def handles(self, me: Any, seq: int, message: str | None = None) -> None:
        """Attribute what `me` does from now on to the event `seq`, with the text of the message it took."""
        self._doing[me] = seq
        if message is not None:
            self._taken[me] = message

    def message_of(self, me: Process) -> str | None:
        """Return the message that a process without callbacks took last."""
        return self._taken.get(me) if me.callbacks is None else None

    def begun(self, me: Process, seq: int, callback: str) -> None:
        """Record that a callback of `me` has begun."""
        self._doing[me] = seq
        self._begun[me] = (seq, callback)

    def ended(self, me: Process) -> tuple[int, str] | None:
        """Return the event and name of the callback that `me` has finished, and forget it."""
        self._doing.pop(me, None)
        return self._begun.pop(me, None)

    def is_new_state(self, me: Process, state: str) -> bool:
        """Return whether the state of `me`, as text, differs from the one reported last."""
        if self._states.get(me) == state:
            return False
        self._states[me] = state
        return True

    def forget(self, me: Any) -> None:
        """Forget `me`, which has ended."""
        for known in (self._doing, self._begun, self._sent, self._states, self._taken):
            known.pop(me, None)


def cause_of(p: Process, sender: Any, cause: int) -> int:
    """Return the event that caused a signal, 0 if none is recorded.

    It is the end of the sender, or the event that the sender is handling.
    """
    if not isinstance(sender, Process):
        return cause
    if sender.runtime is not p.runtime:  # pids and events of another node use the same numbers
        return 0
    if cause:
        return cause
    if sender.status == DEAD and (ended := sender.exit_seq):
        return ended
    causes = sender.runtime.tracer.causes
    return 0 if causes is None else causes.of(sender)
