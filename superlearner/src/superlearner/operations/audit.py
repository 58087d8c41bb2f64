"""The audit log: who changed what, when, through which door, and what became of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from otp.redaction import HIDDEN, is_secret
from superlearner.control.terms import TooDeep, json_of, term_of_json
from superlearner.observing.events import EventLog
from superlearner.store.rows import AuditRow

__all__ = ["AuditLog", "announce", "kept"]

KEPT: Final = 1000
REFUSED: Final = 30
"""Refusals of one user in a minute that are written one by one; of more, those whose number is a power of two."""


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
        self._refused: dict[str, tuple[int, int]] = {}  # of a user: the minute of the newest, and how many in it

    def listen(self, listener: Callable[[AuditRow], object]) -> None:
        """Call `listener(entry)` for each entry from now on."""
        self._listeners = (*self._listeners, listener)

    def record(
        self, *, user: str, door: str, operation: str, parameters: Any, did: str | None, outcome: str, duration: float,
        node: str | None = None,
    ) -> None:  # fmt: skip
        """Write one entry; of too many refusals in a minute (see `REFUSED`) some only, which say how many."""
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
        )
        self._entries.append(entry)
        for listener in self._listeners:
            listener(entry)

    def _refusals(self, user: str, minute: int) -> int:
        """How often they were refused in this minute, with this time."""
        then, count = self._refused.get(user, (minute, 0))
        count = count + 1 if then == minute else 1
        self._refused[user] = minute, count
        return count

    def entries(self, since: int = 0) -> list[AuditRow]:
        """The entries with a greater number that are still in memory, oldest first."""
        return [entry for entry in self._entries if entry.number > since]


def announce(events: EventLog, entry: AuditRow) -> None:
    """Tell the event log of an entry."""
    data = {
        "operation": entry.operation,
        "user": entry.user,
        "door": entry.door,
        "outcome": entry.outcome,
        "duration": entry.duration,
    }
    done = "did" if entry.outcome == "ok" else f"was refused ({entry.outcome})"
    events.tell("operation_done", f"{entry.user} {done} {entry.operation}", data)


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
