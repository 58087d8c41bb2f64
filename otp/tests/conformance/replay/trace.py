"""The event log of one scenario: what the processes under test logged, step by step."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from replay.terms import Names, encode

Step = dict[str, Any]
Event = list[Any]


class Log:
    """Collects events as values of the runtime; `take` turns those of one step into the JSON of a trace.

    Terms are encoded only then, because a process may be logged before it has a name.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._life: list[Event] = []
        self._procs: defaultdict[str, list[Event]] = defaultdict(list)
        self._exits: defaultdict[str, list[Event]] = defaultdict(list)

    def init(self, name: str, behaviour: Any) -> None:
        """A process entered its init callback and will show `behaviour` (JSON)."""
        self._life.append(["init", name, ("json", behaviour)])

    def terminate(self, name: str, reason: Any) -> None:
        """A process entered its terminate callback."""
        self._life.append(["terminate", name, ("term", reason)])

    def callback(self, name: str, kind: str, *message: Any) -> None:
        """A process got a message (`msg`, `call`, `cast`, `info`, `continue`, `timeout`)."""
        self._procs[name].append([kind, *(("term", term) for term in message)])

    def returned(self, name: str, op: str, value: Any) -> None:
        """An operation of a process returned."""
        self._procs[name].append(["ret", op, ("term", value)])

    def raised(self, name: str, op: str, kind: str, reason: Any) -> None:
        """An operation of a process raised."""
        self._procs[name].append(["exc", op, kind, ("term", reason)])

    def skipped(self, name: str, why: str) -> None:
        """The process that should execute a step cannot."""
        self._procs[name].append(["skip", why])

    def ended(self, strand: str, name: str, reason: Any) -> None:
        """A process ended; `strand` is the supervisor whose order of exits counts, or the process itself."""
        self._exits[strand].append([name, ("term", reason)])

    def take(self) -> Step:
        """The trace of the step that is over; the next one starts empty."""
        sections = {
            "life": self._plain(self._life),
            "procs": {name: self._plain(events) for name, events in self._procs.items()},
            "exits": {name: self._plain(events) for name, events in self._exits.items()},
        }
        self._life, self._procs, self._exits = [], defaultdict(list), defaultdict(list)
        return {name: section for name, section in sections.items() if section}

    def _plain(self, events: list[Event]) -> list[Event]:
        return [[self._field(field) for field in event] for event in events]

    def _field(self, field: Any) -> Any:
        if isinstance(field, str):
            return field
        kind, value = field
        return value if kind == "json" else encode(value, self._names)
