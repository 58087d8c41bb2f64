"""Contents of a trace as plain values: messages, ends and starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["OUTSIDE", "Captured", "Mark", "MarkKind", "Person", "Way"]

OUTSIDE: Final = "outside"
"""Display name of code that is not a process."""

Way = Literal["call", "cast", "info", "reply", "system"]
MarkKind = Literal["exited", "crashed", "started"]


@dataclass(slots=True)
class Captured:
    """A captured message.

    Attributes:
        seq: ascending number in the trace, with gaps for messages that were not captured.
        at: time of sending, wall-clock seconds.
        way: kind of message.
        sender: sender, as `0.17.0`; None for code outside of any process.
        receiver: receiver, as `0.17.0`.
        tag: first word of the message: `add` of `("add", 3)`.
        text: contents as bounded text, without secrets.
        full: the same with secrets.
        cause: number of the message that the sender was handling; None if unknown.
        received_at: time of receipt; None if not received, or if the receiver is not traced.
        dropped: true if the receiver had ended, or no longer waited for this reply.
        answer: number of the reply to this call.
        answers: number of the call that this replies to.
        timeout: seconds after which this call timed out; None if it did not.
    """

    seq: int
    at: float
    way: Way
    sender: str | None
    receiver: str
    tag: str
    text: str
    full: str
    cause: int | None = None
    received_at: float | None = None
    dropped: bool = False
    answer: int | None = None
    answers: int | None = None
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """Start or end of a traced process, with exit reason and handled message."""

    seq: int
    at: float
    kind: MarkKind
    pid: str
    reason: str | None
    cause: int | None


@dataclass(frozen=True, slots=True)
class Person:
    """A participant as first seen; `supervisor` is the name or pid of its supervisor."""

    pid: str
    name: str | None
    what: str
    supervisor: str | None
    traced: bool

    @property
    def is_outside(self) -> bool:
        """True for code outside of any process; it has a pid while it waits for a reply."""
        return self.name is None and self.what == OUTSIDE

    @property
    def label(self) -> str:
        """Display name."""
        return OUTSIDE if self.is_outside else self.name or f"{self.what} {self.pid}".strip()
