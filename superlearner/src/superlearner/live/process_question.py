"""A viewer's query of the process list: filter, order and visible range."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from otp import Node, Pid
from superlearner.control.listing import COLUMNS, STATUSES, WHOSE, ProcessFilter
from superlearner.control.look import KINDS
from superlearner.control.steer import MalformedPid, NotThere, resolve

__all__ = ["WORKING", "Question", "question_of"]

MOST_ROWS: Final = 200
MOST_PINS: Final = 50
LONGEST: Final = 200
WORKING: Final = frozenset({"messages", "callback"})


@dataclass(frozen=True, slots=True)
class Question:
    """A view of the process list; viewers with equal queries share their frames.

    Attributes:
        wanted: filters and order; `below` is still text.
        below: the ancestor to filter by, as it was written.
        offset, count: the visible range.
        pins: additional processes, by name, slot or pid.
        work: whether messages and callbacks are measured.
        hold: whether the order is frozen.
    """

    wanted: ProcessFilter
    below: str = ""
    offset: int = 0
    count: int = 50
    pins: tuple[str, ...] = ()
    work: bool = False
    hold: bool = False

    @property
    def order(self) -> tuple[ProcessFilter, str]:
        """Return the parameters that determine the order."""
        return self.wanted, self.below

    @property
    def measures_all(self) -> bool:
        """Return whether the order depends on measurements of all processes."""
        return self.work and self.wanted.sort in WORKING

    def resolved(self, node: Node) -> ProcessFilter | None:
        """Return filter and order with `below` resolved; None if there is no such process."""
        if not self.below:
            return self.wanted
        try:
            root: Pid = resolve(node, self.below)
        except (NotThere, MalformedPid):
            return None
        return replace(self.wanted, below=root)


def question_of(asked: Mapping[str, str]) -> Question:
    """Return the query in a URL or a message. Invalid parameters are ignored.

    >>> question_of({"sort": "-mailbox", "offset": "100", "count": "x", "type": "robot"}).wanted
    ProcessFilter(search='', kind=None, status=None, what='', mailbox=0, supervised=None, below=None, whose='yours', \
sort='mailbox', descending=True)
    """
    sort = asked.get("sort", "pid")
    column: Any = sort.removeprefix("-")
    kind: Any = asked.get("type")
    status: Any = asked.get("status")
    whose: Any = asked.get("whose")
    supervised = {"yes": True, "no": False}.get(asked.get("supervised", ""))
    wanted = ProcessFilter(
        search=asked.get("search", "")[:LONGEST],
        kind=KINDS.get(kind),
        status=status if status in STATUSES else None,
        what=asked.get("what", "")[:LONGEST],
        mailbox=_number(asked.get("mailbox"), 0, 1_000_000_000, 0),
        supervised=supervised,
        whose=whose if whose in WHOSE else "yours",
        sort=column if column in COLUMNS else "pid",
        descending=sort.startswith("-"),
    )
    return Question(
        wanted,
        below=asked.get("below", "")[:LONGEST],
        offset=_number(asked.get("offset"), 0, 1_000_000_000, 0),
        count=_number(asked.get("count"), 0, MOST_ROWS, 50),
        pins=_texts(asked.get("pins", "")),
        work=asked.get("work") == "yes",
        hold=asked.get("hold") == "yes",
    )


def _number(text: str | None, least: int, most: int, otherwise: int) -> int:
    if text is None or not (text.isascii() and text.isdigit()):
        return otherwise
    return max(least, min(most, int(text[:12])))


def _texts(text: str) -> tuple[str, ...]:
    """Return a JSON list of strings."""
    found: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(text)
    if not isinstance(found, list):
        return ()
    items = cast("list[Any]", found)
    return tuple(dict.fromkeys(item[: 3 * LONGEST] for item in items if isinstance(item, str)))[:MOST_PINS]
