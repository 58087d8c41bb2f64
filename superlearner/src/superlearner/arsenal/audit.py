"""The audit log: who changed what, when, through which door, and what became of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from otp.redaction import HIDDEN, is_secret
from superlearner.control.terms import TooDeep, json_of, term_of_json
from superlearner.store.rows import AuditRow

__all__ = ["AuditLog", "kept"]

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


def kept(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of an operation as the log keeps them: bounded, without what looks like a secret by its name.

    >>> kept({"name": "shop", "key": "db_password", "value": "hunter2"})
    {'name': 'shop', 'key': 'db_password', 'value': '***'}
    """
    given = dict(parameters)
    try:
        given = term_of_json(given)  # so that ["password", …] is known by its first word, as a message is
    except TooDeep:
        pass  # its operation refuses it, too
    shown: dict[str, Any] = json_of(given)
    if any(is_secret(name) for one in ("name", "key") if isinstance(name := shown.get(one), str)) and "value" in shown:
        shown["value"] = HIDDEN
    return shown
