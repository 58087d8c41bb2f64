"""The audit log: who changed what, when, through which door, and what became of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from superlearner.store.rows import AuditRow

__all__ = ["AuditLog"]

KEPT: Final = 1000


class AuditLog:
    """The newest entries, in memory; who keeps all of them listens.

    >>> log = AuditLog()
    >>> log.record(
    ...     user="ada", door="cli", operation="process.kill", parameters={}, did=None, outcome="ok", duration=0.1
    ... )
    >>> [entry.user for entry in log.entries()]
    ['ada']
    """

    def __init__(self) -> None:
        self._entries: deque[AuditRow] = deque(maxlen=KEPT)
        self._number = 0
        self._listeners: tuple[Callable[[AuditRow], object], ...] = ()

    def listen(self, listener: Callable[[AuditRow], object]) -> None:
        """Call `listener(entry)` for each entry from now on."""
        self._listeners = (*self._listeners, listener)

    def record(
        self, *, user: str, door: str, operation: str, parameters: Any, did: str | None, outcome: str, duration: float
    ) -> None:
        """Write one entry."""
        self._number += 1
        entry = AuditRow(
            round(time.time(), 6),
            user,
            door,
            operation,
            parameters,
            did,
            outcome,
            round(duration, 6),
            number=self._number,
        )
        self._entries.append(entry)
        for listener in self._listeners:
            listener(entry)

    def entries(self, since: int = 0) -> list[AuditRow]:
        """The entries with a greater number that are still in memory, oldest first."""
        return [entry for entry in self._entries if entry.number > since]
