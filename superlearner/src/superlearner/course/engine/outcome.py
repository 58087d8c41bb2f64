"""The outcome of a scenario: what happened, the rows of its trace, and what it measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from superlearner.course.engine.verdict import Row

__all__ = ["CallbackStep", "Figure", "MailboxStep", "Outcome", "Queued"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value. Figures of one name are compared; `of` says what each is about."""

    name: str
    value: float | str
    unit: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class CallbackStep:
    """A callback that ran: its message, what it returned, and the state before and after, as text.

    `way` is `start`, `call`, `cast`, `info` or `stop`; `of` is the sender, if it is known.
    """

    at: float
    callback: str
    way: str
    of: str | None
    message: str
    before: str | None
    result: str
    after: str | None


@dataclass(frozen=True, slots=True)
class Queued:
    """A message in a mailbox. `passed`: the pattern was tried on it and does not match."""

    text: str
    of: str
    state: Literal["waiting", "new", "passed", "taken"] = "waiting"


@dataclass(frozen=True, slots=True)
class MailboxStep:
    """A moment of a mailbox, oldest message first; `pattern` is what the process waits for."""

    at: float
    kind: Literal["waits", "arrives", "takes", "gives up"]
    pattern: str | None
    queue: tuple[Queued, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a scenario; of a prediction, `happened` is the text of the right option.

    >>> outcome = Outcome("it goes on", (), (Figure("restarts", 3),))
    >>> Outcome.read(outcome.shown()) == outcome
    True
    """

    happened: str
    excerpt: tuple[Row, ...] = ()
    figures: tuple[Figure, ...] = ()
    callbacks: tuple[CallbackStep, ...] = ()
    mailbox: tuple[MailboxStep, ...] = ()

    def shown(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Outcome:
        """Return the outcome of plain values."""
        return cls(
            told["happened"],
            tuple(Row(**one) for one in told["excerpt"]),
            tuple(Figure(**one) for one in told["figures"]),
            tuple(CallbackStep(**one) for one in told["callbacks"]),
            tuple(_mailbox_step(**one) for one in told["mailbox"]),
        )


def _mailbox_step(queue: list[dict[str, Any]], **given: Any) -> MailboxStep:
    return MailboxStep(queue=tuple(Queued(**one) for one in queue), **given)
