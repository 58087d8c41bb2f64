"""The part of a trace that a verdict shows: the messages that matter, without those of the check's own housekeeping."""

# Messages are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import otp
from otp.trace import Event
from superlearner.course.engine.readable import END_SIGNAL
from superlearner.course.engine.verdict import CourseRow

__all__ = ["GAP", "GIVES_UP", "Excerpt", "name_after"]

MOST: Final = 12
"""Rows of an excerpt."""
LANES: Final = 6
"""Processes of an excerpt."""
WHOLE: Final = 40
"""Rows of the run of a prediction."""
ASKS_CHILDREN: Final = "'which_children'"
STARTED: Final = "('ok', None)"
STOPPED: Final = re.compile(r"(ExitSignal|Down)\(.*reason='shutdown'\)", re.DOTALL)
GIVES_UP: Final = "gives up"
GAP: Final = "gap"
"""The kind of a row that says how many are left out there."""


class Excerpt:
    """The choice of events of a run that are shown.

    Left out are requests of the check to supervisors, system messages and their answers, acknowledgements of starts,
    the messages with which a supervisor stops its children or learns of their ends, and what happens inside `unseen`.

    Args:
        me: the process of the check.
    """

    def __init__(self, me: otp.Pid) -> None:
        self._me = me
        self._count = 0
        self._hidden: set[int] = set()
        self._unseen = 0
        self._since = 0
        self._until: int | None = None
        self._first: int | None = None
        self._asked: set[tuple[Any, Any]] = set()
        self._own: Counter[Any] = Counter()
        self._supervisors: set[Any] = set()

    def take(self, event: Event) -> None:
        """Account for the next event."""
        if self._unseen or self._is_internal(event):
            self._hidden.add(self._count)
        self._count += 1

    def _is_internal(self, event: Event) -> bool:
        if event.kind != "sent":
            return False
        way, text, to = event.data["way"], str(event.data["message"]), event.data.get("to")
        if way == "system" or (way == "call" and event.pid == self._me and text == ASKS_CHILDREN):
            self._own[event.pid] += 1
            if text == ASKS_CHILDREN:
                self._supervisors.add(to)
            return True
        if way == "call":
            self._asked.add((event.pid, to))
        if way == "reply" and self._own[to]:
            self._own[to] -= 1
            return True
        if way == "reply":
            return text == STARTED and (to, event.pid) not in self._asked
        if way == "info" and (to == self._me or to in self._supervisors) and text.startswith(END_SIGNAL):
            return True  # the end of the child, or of what the check has started, is a row of its own
        return way == "info" and STOPPED.fullmatch(text) is not None

    def supervises(self, pid: otp.Pid) -> None:
        """Account for a supervisor that the check has started."""
        self._supervisors.add(pid)

    @contextmanager
    def unseen(self) -> Generator[None, None, None]:
        """Leave out what happens inside, such as the clean-up after a run."""
        self._unseen += 1
        try:
            yield
        finally:
            self._unseen -= 1

    def begin(self) -> None:
        """Begin with the next event: a step of the contract."""
        self._since, self._until, self._first = self._count, None, None

    def show(self, since: int, until: int | None = None, of: int | None = None) -> None:
        """Show the events between two marks; if they are too many, the first one and the last ones.

        Args:
            since: the first mark.
            until: the second one.
            of: the place of an earlier event that comes first, such as the end that they are about.
        """
        self._since, self._until, self._first = since, until, since if of is None else of

    def whole(self, events: Sequence[Event], row_of: Callable[[Event], CourseRow | None]) -> tuple[CourseRow, ...]:
        """Return the rows of a whole run."""
        return tuple(self._rows(events, row_of, 0, None)[:WHOLE])

    def rows(
        self,
        events: Sequence[Event],
        row_of: Callable[[Event], CourseRow | None],
        named: Collection[str] = (),
        *,
        mark: bool = True,
    ) -> tuple[CourseRow, ...]:
        """Return the rows to show, the last of them marked.

        Of equal crashes, that is the first, which causes the others; of a give-up, the give-up and not what it stops.

        Args:
            events: the trace.
            row_of: returns the row of an event, if it has one.
            named: processes whose newest rows are always shown.
            mark: one of them is the one in question.
        """
        found = self._rows(events, row_of, self._since, self._until)
        if self._first is not None and self._first < self._since:
            found = self._rows(events, row_of, self._first, self._first + 1) + found
        needed = {0} if self._first is not None and found else set[int]()
        newest = {lane: place for place, row in enumerate(found) for lane in _lanes(row)}
        needed |= {newest[name] for name in named if name in newest}
        lanes = {lane for place in needed for lane in _lanes(found[place])} | (_lanes(found[-1]) if found else set())
        most, kept = max(LANES, len(lanes)), set(needed)
        for place in reversed(range(len(found))):
            lanes |= _lanes(found[place])
            if len(lanes) > most or (len(kept) >= MOST and place not in kept):
                break
            kept.add(place)
        shown = [found[place] for place in sorted(kept)]
        end = shown[-1] if shown else None
        crash = end is not None and end.kind == "exit" and end.text.startswith("Crash(")
        cause = next((row for row in shown if crash and end and (row.kind, row.text) == (end.kind, end.text)), end)
        caused = next((row for row in reversed(shown) if (row.kind, row.text) != ("exit", "'shutdown'")), None)
        if caused is not None and caused.text == GIVES_UP:
            cause = caused
        return tuple(self._with_gaps(found, sorted(kept), cause if mark else None))

    def _with_gaps(self, found: list[CourseRow], kept: list[int], cause: CourseRow | None) -> Iterator[CourseRow]:
        """Yield the rows that are kept, and where some between them are not, how many."""
        for before, place in zip([kept[0], *kept], kept, strict=False) if kept else ():
            row = found[place]
            if (left_out := place - before - 1) > 0:
                yield CourseRow(row.at, row.of, None, GAP, f"{left_out} more", marked=False)
            yield dataclasses.replace(row, marked=row is cause)

    def _rows(
        self, events: Sequence[Event], row_of: Callable[[Event], CourseRow | None], since: int, until: int | None
    ) -> list[CourseRow]:
        places = range(since, len(events) if until is None else min(until, len(events)))
        rows = (row_of(events[place]) for place in places if place not in self._hidden)
        return [row for row in rows if row is not None]


def _lanes(row: CourseRow) -> set[str]:
    return {row.of} if row.to is None else {row.of, row.to}


def name_after(what: str, taken: Collection[str]) -> str:
    """Return the name of a process that has none: the function that it runs, with a number if the name is taken.

    >>> name_after("bake", ["check"]), name_after("bake", ["check", "bake"]), name_after("<lambda>", ["check"])
    ('bake', 'bake 2', 'process 2')
    """
    if not what.isidentifier():
        return f"process {1 + len(taken)}"
    same = sum(name.partition(" ")[0] == what for name in taken)
    return f"{what} {1 + same}" if same else what
