"""Which event led to which, while somebody reads messages: the causes of a node's events.

A message received is caused by the one sent, a callback by its message, and what a process does by what it handles.
Without a reader of messages none of this exists (`Tracer.causes` is None).
"""

# Messages are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from otp.kernel.process import Process

__all__ = ["Causes"]

UNDER_WAY: Final = 10_000  # messages to one process whose origin is remembered; of older ones it is not known


class Causes:
    """What each process handles, and which event sent each message that lies in a mailbox."""

    __slots__ = ("_begun", "_doing", "_sent", "_states", "_taken", "now")

    def __init__(self) -> None:
        self._doing: dict[Any, int] = {}
        self._begun: dict[Any, tuple[int, str]] = {}
        self._sent: dict[Any, deque[tuple[Any, int]]] = {}
        self._states: dict[Any, str] = {}
        self._taken: dict[Any, str] = {}
        self.now: int = 0
        """The event that is being carried out by the runtime itself: a timer that fires, an end."""

    def of(self, p: Any) -> int:
        """The event that `p` is handling, 0 if none is known."""
        return self.now or self._doing.get(p, 0)

    def sent(self, dest: Process, message: Any, seq: int) -> None:
        """The event `seq` put `message` into the mailbox of `dest`."""
        waiting = self._sent.get(dest)
        if waiting is None:
            waiting = self._sent[dest] = deque(maxlen=UNDER_WAY)
        waiting.append((message, seq))

    def taken(self, me: Process, message: Any) -> int:
        """`me` takes a message: the event that sent it, 0 if it was sent before anybody read."""
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
        """From now on `me` does what it does because of the event `seq`: it took the message with this text."""
        self._doing[me] = seq
        if message is not None:
            self._taken[me] = message

    def message_of(self, me: Process) -> str | None:
        """The message that a process without callbacks took last."""
        return self._taken.get(me) if me._vt is None else None

    def begun(self, me: Process, seq: int, callback: str) -> None:
        """A callback of `me` has begun."""
        self._doing[me] = seq
        self._begun[me] = (seq, callback)

    def ended(self, me: Process) -> tuple[int, str] | None:
        """The callback of `me` is over: its event and name, once."""
        self._doing.pop(me, None)
        return self._begun.pop(me, None)

    def is_news(self, me: Process, state: str) -> bool:
        """Whether the state of `me`, as text, differs from the one told last."""
        if self._states.get(me) == state:
            return False
        self._states[me] = state
        return True

    def forget(self, me: Any) -> None:
        """`me` has ended."""
        for known in (self._doing, self._begun, self._sent, self._states, self._taken):
            known.pop(me, None)
