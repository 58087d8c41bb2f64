"""What a trace holds: messages, ends and starts, as plain values. Nothing in them is the program's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["OUTSIDE", "Captured", "Mark", "MarkKind", "Person", "Way"]

OUTSIDE: Final = "outside"
"""What somebody is who is no process."""

Way = Literal["call", "cast", "info", "reply", "system"]
MarkKind = Literal["exited", "crashed", "started"]


@dataclass(slots=True)
class Captured:
    """One message that was seen.

    Attributes:
        seq: its number; it grows within a trace, and leaves room for what was not captured.
        at: when it was sent, wall clock seconds.
        way: what it was to its receiver.
        sender: who sent it, as `0.17.0`; None for what came from outside of every process.
        receiver: who it was sent to.
        tag: its first word: `add` of `("add", 3)`.
        text: what it held, as bounded text, secrets hidden.
        full: the same with nothing hidden.
        cause: the message that the sender was handling when it sent this one, None if that is not known.
        received_at: when the receiver took it, None if it has not, or if the receiver is not traced.
        dropped: its receiver had ended, or, of a reply, nobody waited for it any more.
        answer: of a call, the number of its reply.
        answers: of a reply, the number of its call.
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


@dataclass(frozen=True, slots=True)
class Mark:
    """A traced process has ended or started; `reason` is how it ended, `cause` the message that it was handling."""

    seq: int
    at: float
    kind: MarkKind
    pid: str
    reason: str | None
    cause: int | None


@dataclass(frozen=True, slots=True)
class Person:
    """Who takes part, as it was when it was seen first; `supervisor` is the name or pid of the one above it."""

    pid: str
    name: str | None
    what: str
    supervisor: str | None
    traced: bool

    @property
    def is_outside(self) -> bool:
        """Whether it stands for code that is no process: it has a pid as long as it waits for an answer."""
        return self.name is None and self.what == OUTSIDE

    @property
    def label(self) -> str:
        """What people call it."""
        return OUTSIDE if self.is_outside else self.name or f"{self.what} {self.pid}".strip()
