"""The history of a simulated cluster: what happened at which member, in order.

The kinds of events that the simulator records, each with its data:

```
started killed stopped stalled resumed            of, incarnation
cut drop delay heal skew                           what was given
connected disconnected                             of, incarnation
sent                                               of, incarnation, sender, number
received                                           of, incarnation, sender, number
member_up member_leaving member_down               of, incarnation; reason, ties
registered unregistered owner_ended                table, key, pid; time, unique
replaced moved                                     table, key, pid: the old process of a restarted or moved child
adopted                                            formation, before, of, time
conflict                                           table, key, pid, winner
opened closed                                      table
child_started child_ended                          supervisor, id, pid; restart
child_kept                                         supervisor, id, on: the members that know a started child
child_forgotten                                    supervisor, id: the child will not start elsewhere
began                                              heartbeat, dead, settle
converged                                          views
```

`table` is `"global"`, or the kind and the name of a table, such as `("registry", "rooms")`; `unique` is False for
entries under a key that several processes may share. A pid is written as `(node, incarnation, number)`, the same on all
members. `note` adds events of other kinds; those that the rules read are described with the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

__all__ = ["Event", "History", "HistoryViolation", "Violation"]

SHOWN: Final = 10
"""Violations that the text of an error has."""


class Event(NamedTuple):
    """An event of a history: when it happened, at which member, of which kind, with which data.

    `member` is empty for what happened to the network.

    >>> Event(0.5, "n1", "killed", {}).kind
    'killed'
    """

    at: float
    member: str
    kind: str
    data: dict[str, Any]


class Violation(NamedTuple):
    """A rule that a history breaks: its name (`"R1"` to `"R9"`), when, for which key, and a sentence.

    >>> Violation("R1", 2.0, "lobby", "two owners").rule
    'R1'
    """

    rule: str
    at: float
    key: Any
    text: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.at:.3f} s, {self.key!r}: {self.text}"


class HistoryViolation(AssertionError):
    """A history breaks rules; `violations` lists how.

    >>> str(HistoryViolation([Violation("R1", 2.0, "lobby", "two owners")]))
    "R1 at 2.000 s, 'lobby': two owners"
    """

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations: list[Violation] = list(violations)
        lines = [str(violation) for violation in self.violations[:SHOWN]]
        if (more := len(self.violations) - SHOWN) > 0:
            lines.append(f"and {more} more")
        super().__init__("\n".join(lines))


class History:
    """A list of events that grows; of more than twice `kept`, the newest are kept.

    >>> history = History(lambda: 1.5)
    >>> history.add("n1", "killed")
    >>> history.events
    [Event(at=1.5, member='n1', kind='killed', data={})]
    """

    def __init__(self, now: Callable[[], float], kept: int | None = None) -> None:
        self._now = now
        self._kept = kept
        self.events: list[Event] = []

    @property
    def now(self) -> float:
        """Seconds since the history began."""
        return self._now()

    def add(self, member: str, kind: str, **data: Any) -> None:
        """Add an event that happens now."""
        self.append(Event(self._now(), member, kind, data))

    def append(self, event: Event) -> None:
        """Add an event."""
        self.events.append(event)
        if self._kept is not None and len(self.events) > 2 * self._kept:  # rarely, since it moves all that stay
            del self.events[: -self._kept]
