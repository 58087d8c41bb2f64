"""The last ends of each child slot: pid, time, reason, message being handled."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from superlearner.control.clock import wall_of
from superlearner.control.events import TraceEvent
from superlearner.control.facts import facts_of
from superlearner.control.terms import message_text

__all__ = ["Exit", "ExitLog"]

EXITS_OF_A_SLOT: Final = 20
MAX_SLOTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Exit:
    """An end of a process; `event` is the number of the event that recorded it, or 0."""

    at: float
    reason: str
    pid: str | None
    crash: bool
    where: str | None
    event: int

    def shown(self, message: Any) -> dict[str, Any]:
        """Return the JSON form; `message` is the one being handled, None if unknown."""
        text = None if message is None else message_text(message, 300)
        return {
            "at": self.at, "reason": self.reason, "pid": self.pid, "crash": self.crash, "message": text,
            "where": self.where,
        }  # fmt: skip


class ExitLog:
    """The newest ends by slot, bounded.

    Args:
        offset: wall clock seconds at the zero of the node's clock.
    """

    def __init__(self, offset: float) -> None:
        self._offset = offset
        self._by_slot: dict[str, deque[Exit]] = {}

    def take(self, key: str, event: TraceEvent) -> None:
        """Record the end of the child in the slot `key`, from its own event or that of its supervisor."""
        facts, own = facts_of(event), event.kind == "exited"
        slot = self._by_slot.pop(key, None) or deque(maxlen=EXITS_OF_A_SLOT)
        slot.appendleft(
            Exit(
                at=wall_of(self._offset, event.at),
                reason=facts.reason,
                pid=facts.pid if own else facts.child,
                crash=facts.crash,
                where=facts.where,
                event=event.seq if own else event.cause,
            )
        )
        self._by_slot[key] = slot  # insertion order: the slot that changed last is dropped last
        while len(self._by_slot) > MAX_SLOTS:
            del self._by_slot[next(iter(self._by_slot))]

    def of(self, key: str) -> list[Exit]:
        """Return the ends of a slot, newest first."""
        return list(self._by_slot.get(key, ()))
