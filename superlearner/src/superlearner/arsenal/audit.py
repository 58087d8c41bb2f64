"""The audit log: who changed what, when, through which door, and what became of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["AuditEntry", "AuditLog"]

KEPT: Final = 1000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change, or one that was refused. `at` is wall clock seconds, `parameters` hides secrets."""

    number: int
    at: float
    user: str
    door: str
    operation: str
    parameters: Any
    did: str | None
    outcome: str
    duration: float


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
        self._entries: deque[AuditEntry] = deque(maxlen=KEPT)
        self._number = 0
        self._listeners: tuple[Callable[[AuditEntry], object], ...] = ()

    def listen(self, listener: Callable[[AuditEntry], object]) -> None:
        """Call `listener(entry)` for each entry from now on."""
        self._listeners = (*self._listeners, listener)

    def record(
        self, *, user: str, door: str, operation: str, parameters: Any, did: str | None, outcome: str, duration: float
    ) -> None:
        """Write one entry."""
        self._number += 1
        entry = AuditEntry(
            self._number, round(time.time(), 6), user, door, operation, parameters, did, outcome, round(duration, 6)
        )
        self._entries.append(entry)
        for listener in self._listeners:
            listener(entry)

    def entries(self, since: int = 0) -> list[AuditEntry]:
        """The entries with a greater number that are still in memory, oldest first."""
        return [entry for entry in self._entries if entry.number > since]
