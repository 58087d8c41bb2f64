"""The audit log: changes and refusals, with user, time, interface and outcome."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from otp.redaction import HIDDEN, is_secret
from superlearner.control.terms import TooDeep, json_of, term_of_json
from superlearner.observing.events import EventLog
from superlearner.store.rows import AuditRow

__all__ = ["AuditLog", "announce", "redact_parameters"]

KEPT: Final = 1000
REFUSED: Final = 30
"""Refusals of a user per minute that are all logged; beyond that, only those whose count is a power of two."""


class AuditLog:
    """The newest entries, in memory; listeners receive all of them.

    >>> log = AuditLog()
    >>> log.record(
    ...     user="ada", door="token", operation="process.kill", parameters={}, did=None, outcome="ok", duration=0.1
    ... )
    >>> [entry.user for entry in log.entries()]
    ['ada']
    """

    def __init__(self) -> None:
        self._entries: deque[AuditRow] = deque(maxlen=KEPT)
        self._number = 0
        self._listeners: tuple[Callable[[AuditRow], object], ...] = ()
        self._refused: dict[str, tuple[int, int]] = {}  # by user: the minute of the last refusal, refusals in it

    def listen(self, listener: Callable[[AuditRow], object]) -> None:
        """Call `listener(entry)` for each entry from now on."""
        self._listeners = (*self._listeners, listener)

    def record(
        self, *, user: str, door: str, operation: str, parameters: Any, did: str | None, outcome: str, duration: float,
        node: str | None = None, claims: str | None = None,
    ) -> None:  # fmt: skip
        """Add an entry; of too many refusals in a minute (see `REFUSED`), add only some, with their count."""
        at = round(time.time(), 6)
        if did is None and outcome != "ok":
            count = self._refusals(user, int(at // 60))
            if count > REFUSED:
                if count & (count - 1):
                    return
                parameters = {**parameters, "refused_in_this_minute": count}
        self._number += 1
        entry = AuditRow(
            at,
            user,
            door,
            operation,
            parameters,
            did,
            outcome,
            round(duration, 6),
            number=self._number,
            node=node,
            claims=claims,
        )
        self._entries.append(entry)
        for listener in self._listeners:
            listener(entry)

    def _refusals(self, user: str, minute: int) -> int:
        """Count a refusal and return the number in this minute."""
        then, count = self._refused.get(user, (minute, 0))
        count = count + 1 if then == minute else 1
        self._refused[user] = minute, count
        return count

    def entries(self, since: int = 0) -> list[AuditRow]:
        """Return the entries in memory whose number is greater than `since`, oldest first."""
        return [entry for entry in self._entries if entry.number > since]


def announce(events: EventLog, entry: AuditRow) -> None:
    """Publish an entry as an event."""
    data = {
        "operation": entry.operation,
        "user": entry.user,
        "door": entry.door,
        "claims": entry.claims or "",
        "outcome": entry.outcome,
        "duration": entry.duration,
    }
    done = "did" if entry.outcome == "ok" else f"was refused ({entry.outcome})"
    events.emit("operation_done", f"{entry.user} {done} {entry.operation}", data)


def redact_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of an operation for the log: bounded, values with secret-looking names redacted.

    >>> redact_parameters({"name": "shop", "key": "db_password", "value": "hunter2"})
    {'name': 'shop', 'key': 'db_password', 'value': '***'}
    """
    given = dict(parameters)
    try:
        given = term_of_json(given)  # so that ["password", …] is redacted by its first word, like a message
    except TooDeep:
        pass  # the operation refuses it as well
    shown: dict[str, Any] = json_of(given)
    if any(is_secret(name) for one in ("name", "key") if isinstance(name := shown.get(one), str)) and "value" in shown:
        shown["value"] = HIDDEN
    return shown
