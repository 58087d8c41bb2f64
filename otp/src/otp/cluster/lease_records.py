"""Parts of stores of leases outside this program: texts of keys and processes, and the watch over other sessions."""

# Keys are terms of any type.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from otp.cluster.leases import PidKey
from otp.kernel.values.pids import Pid, Ref

__all__ = ["SeenSession", "SessionWatch", "key_text", "pid_of", "pid_text"]

LONGEST: Final = 1_000
"""Characters of a key in a store; PostgreSQL's index takes no row of more than 2,700 bytes."""


def key_text(key: Any) -> str:
    """Return a text of ASCII letters that is the same for equal keys, and for no others.

    >>> [key_text(key) for key in ("a", "1", 1, 1.0, True, 0.5, ("a", 1))]
    ["'a'", "'1'", '1', '1', '1', '0.5', "('a', 1)"]
    """
    shown = _write_key(key)
    if len(shown) <= LONGEST:
        return shown
    return f"{shown[: LONGEST - 65]} {hashlib.sha256(shown.encode()).hexdigest()}"


def _write_key(key: Any) -> str:
    match key:
        case int():
            return str(int(key))
        case float():
            return str(int(key)) if key.is_integer() else repr(float(key))
        case str():
            return ascii(str.__str__(key))
        case tuple():
            return f"({', '.join(map(_write_key, key))})"
        case frozenset():
            return f"{{{', '.join(sorted(map(_write_key, key)))}}}"
        case Pid() | Ref():
            return f"<{type(key).__name__} {key.runtime.name!a} {key.runtime.creation} {key.number}>"
        case _:
            return ascii(key)


def pid_text(pid: PidKey) -> str:
    """Return a process as the stores write it.

    >>> pid_text(("a", 1, 7)), pid_of('["a", 1, 7]')
    ('["a", 1, 7]', ('a', 1, 7))
    """
    return json.dumps(pid)


def pid_of(text: str) -> PidKey:
    """Return the process of a text that `pid_text` has made."""
    node, incarnation, number = json.loads(text)
    return node, incarnation, number


class SeenSession(NamedTuple):
    """A session as the store has it; its counter grows with each renewal."""

    id: Any
    counter: int
    ttl: float


class SessionWatch:
    """The sessions of other members, as one member sees them.

    A session whose counter has not changed for its `ttl`, by the clock of this program, is stale: its member has ended
    the owners of its keys. No time is stored, so it does not matter how the clocks of two machines differ.
    """

    def __init__(self) -> None:
        self._since: dict[Any, tuple[int, float]] = {}

    @staticmethod
    def now() -> float:
        """Return the time by the clock of the watch; it stands while the machine is suspended, so none ends early."""
        return time.monotonic()

    def stale(self, sessions: Iterable[SeenSession], asked: float) -> list[SeenSession]:
        """Return the stale sessions among all others that the store had when it was asked.

        A counter counts as new when the answer has come, and as unchanged until the question was sent.
        """
        present = {session.id: session for session in sessions}
        self._since = {id: seen for id, seen in self._since.items() if id in present}
        return [session for session in present.values() if self.is_stale(session, asked)]

    def is_stale(self, session: SeenSession, asked: float) -> bool:
        """Return whether one of the other sessions is stale."""
        counter, since = self._since.get(session.id, (None, 0.0))
        if counter != session.counter:
            self._since[session.id] = session.counter, self.now()
            return False
        return asked - since >= session.ttl
