"""Sums of restarts that are only counted, one for each child and each kind of end.

A kill and a crash are never in one sum, so that a sum says what happened each time, in the words of a single restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

from otp import sentences
from otp.redaction import without_secrets
from superlearner.control.slots import id_text
from superlearner.restarts.present import Now, rows_of

__all__ = ["How", "Kind", "Sum", "Sums", "describe_sum"]

How = Literal["killed", "crashed", "ended", "requested"]

MOST_KINDS: Final = 500
"""Kinds of ends with a sum of their own; those beyond share one."""
MOST_SUMS: Final = 10
LONGEST: Final = 200
OTHERS: Final = "another child"
VERBS: Final[dict[tuple[How, bool], str]] = {
    ("killed", True): "was killed and restarted",
    ("killed", False): "was killed",
    ("crashed", True): "crashed and was restarted",
    ("crashed", False): "crashed",
    ("ended", True): "ended and was restarted",
    ("ended", False): "ended",
    ("requested", True): "was restarted on request",
    ("requested", False): "was stopped on request",
}


class Kind(NamedTuple):
    """The ends that a sum counts: of one child of a supervisor, all of one kind; None for an unknown child."""

    supervisor: Any
    id: Any
    how: How


SHARED: Final = Kind(None, None, "ended")
"""The kind of the sum that those beyond `MOST_KINDS` share."""


@dataclass(slots=True)
class Sum:
    """A sum; numbers are those of events, times those of the node clock, in ns."""

    first: int
    last: int
    at: int
    until: int
    count: int = 0
    restarted: int = 0
    """The number of ends that a restart followed."""
    name: str | None = None
    """The name of the child when it ended first; None if it had none."""

    def add(self, other: Sum) -> None:
        """Add another sum."""
        if other.first < self.first:
            self.first, self.at = other.first, other.at
        self.last, self.until = max(self.last, other.last), max(self.until, other.until)
        self.count, self.restarted = self.count + other.count, self.restarted + other.restarted


class Sums:
    """The sums of a few seconds."""

    def __init__(self) -> None:
        self._found: dict[Kind, Sum] = {}
        self.first = self.last = 0
        """The lowest and the highest number that was counted."""

    def __bool__(self) -> bool:
        return bool(self._found)

    def __contains__(self, number: int) -> bool:
        return bool(self._found) and self.first <= number <= self.last

    def knows(self, kind: Kind) -> bool:
        """Return whether there is a sum for an end of this kind."""
        return self._counted_as(kind) in self._found

    def _counted_as(self, kind: Kind) -> Kind:
        is_full = SHARED in self._found or len(self._found) >= MOST_KINDS
        return SHARED if is_full and kind not in self._found else kind

    def add(self, kind: Kind, number: int, at: int, *, restarted: bool, name: str | None = None) -> None:
        """Count one more; `number` is that of its first cause, `name` that of the child, of the first of its kind."""
        kind = self._counted_as(kind)
        more = Sum(number, number, at, at, 1, int(restarted), name)
        self.first, self.last = min(number, self.first or number), max(number, self.last)
        if (known := self._found.get(kind)) is None:
            self._found[kind] = more
        else:
            known.add(more)

    def take_back(self, kind: Kind, number: int, *, restarted: bool) -> None:
        """Count one less: the end with this number has a record of its own."""
        kind = self._counted_as(kind)
        found = self._found.get(kind)
        if found is None or not found.first <= number <= found.last:
            return
        found.count -= 1
        found.restarted = min(found.count, found.restarted - int(restarted))
        if not found.count:
            del self._found[kind]

    def take_open(self, is_open: Callable[[Kind], bool], since: int) -> Iterator[tuple[Kind, Sum]]:
        """Count the newest end of some kinds no more, and yield it, if no restart has followed since a time."""
        for kind, found in list(self._found.items()):
            if found.count > found.restarted and found.until >= since and is_open(kind):
                self.take_back(kind, found.last, restarted=False)
                yield kind, Sum(found.last, found.last, found.until, found.until, 1, 0, found.name)

    def add_restart(self, kind: Kind) -> None:
        """Count the restart of a child whose end was counted."""
        found = self._found.get(self._counted_as(kind))
        if found is not None:
            found.restarted = min(found.count, found.restarted + 1)

    def lines(self, now: Now) -> Iterator[tuple[str, Sum]]:
        """Yield each sum with its line, the largest first; ends that no restart followed have a sum of their own."""
        named: dict[tuple[str, How], Sum] = {}
        for kind, found in self._found.items():
            key = _name_of(kind, found.name, now), kind.how
            if (known := named.get(key)) is None:
                named[key] = replace(found)
            else:
                known.add(found)
        largest = sorted(named.items(), key=lambda one: -one[1].count)
        shown, rest = largest[:MOST_SUMS], largest[MOST_SUMS:]
        if rest:
            together = rest[0][1]
            for _, found in rest[1:]:
                together.add(found)
            shown.append(((OTHERS, "ended"), together))
        for (name, how), found in shown:
            for part, again in _parts(found):
                yield describe_sum(name, how, part.count, again=again), part


def _parts(found: Sum) -> Iterator[tuple[Sum, bool]]:
    """Yield the restarts of a sum, and the ends without one, each with its own number."""
    without = found.count - found.restarted
    if found.restarted and without:
        yield replace(found, count=found.restarted), True
        yield Sum(found.last, found.last, found.until, found.until, without), False
    else:
        yield found, bool(found.restarted)


def _name_of(kind: Kind, name: str | None, now: Now) -> str:
    if kind.supervisor is None:
        return OTHERS
    if name is not None:
        return name
    if kind.id is None:
        return "a child"
    table = now.table(kind.supervisor) if now.alive(kind.supervisor) else None
    pid = next((row.pid for row in rows_of(table) if row.id == kind.id), None)
    return (None if pid is None or not now.alive(pid) else now.name(pid)) or id_text(kind.id)


def describe_sum(name: str, how: How, count: int, *, again: bool) -> str:
    """Return a sum in one line, without its time.

    >>> describe_sum("till", "killed", 1090, again=True), describe_sum("till", "crashed", 1, again=False)
    ('till was killed and restarted 1,090 times more', 'till crashed once more')
    """
    return without_secrets(f"{name} {VERBS[how, again]} {sentences.times_text(count)} more", LONGEST)
