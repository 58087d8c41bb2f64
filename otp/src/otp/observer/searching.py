"""A part of the sorted list of processes, found in short steps controlled by the caller."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal

from otp.kernel.values.errors import BadArgument
from otp.kernel.values.process import DEAD, Process
from otp.observer.reading import (
    kind_of,
    link_count,
    mailbox_len,
    monitor_count,
    name_text,
    status_of,
    summary_of,
    what_of,
)
from otp.observer.views import Kind, ProcessPage

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node

__all__ = ["Search", "Sort", "everybody", "how_many"]

Sort = Literal["pid", "name", "kind", "what", "status", "mailbox", "links", "monitors"]

_LAST: Final = "\U0010ffff"  # sorts after every name
_SORTS: Final[dict[str, Callable[[Process], Any]]] = {
    "pid": lambda p: p.number,
    "name": lambda p: (name_text(p) or _LAST, p.number),
    "kind": lambda p: (kind_of(p), p.number),
    "what": lambda p: (what_of(p), p.number),
    "status": lambda p: (status_of(p), p.number),
    "mailbox": lambda p: (mailbox_len(p), p.number),
    "links": lambda p: (link_count(p), p.number),
    "monitors": lambda p: (monitor_count(p), p.number),
}


def everybody(node: Node, without: Collection[Process] = ()) -> tuple[Process, ...]:
    """Return the processes of a node in table order, oldest first, including those that are ending.

    Leave out those of `without`, which may be few among many: their number costs, not that of all.
    """
    table = node.process_table
    if without:
        table = table.copy()
        for process in without:
            table.pop(process.number, None)
    return tuple(table.values())


def how_many(node: Node, without: Collection[Process] = ()) -> int:
    """Return the number of processes that `everybody` lists."""
    table = node.process_table
    return len(table) - sum(1 for process in without if process.number in table)


class Search:
    """A search for the processes of a node that match a filter.

    Each step adds a sorted run. Processes that end during the search are left out of the page and its total, as far as
    the search notices.

    >>> import otp
    >>> from otp.observer.searching import Search
    >>> async def main():
    ...     search = Search(otp.node(), limit=10)
    ...     while not search.step(1000):
    ...         pass
    ...     return search.page().total
    >>> otp.run(main)
    1
    """

    __slots__ = (
        "_descending",
        "_key",
        "_kind",
        "_left",
        "_limit",
        "_needle",
        "_offset",
        "_runs",
        "_status",
        "_table",
        "total",
    )

    def __init__(
        self,
        node: Node,
        *,
        kind: Kind | None = None,
        search: str = "",
        status: str | None = None,
        sort: Sort = "pid",
        descending: bool = False,
        offset: int = 0,
        limit: int = 1000,
    ) -> None:
        key = _SORTS.get(sort)
        if key is None:
            raise BadArgument(f"processes(sort=…): expected one of {', '.join(_SORTS)}, got {sort!r}")
        if offset < 0 or limit < 0:
            raise BadArgument(f"processes(): expected offset and limit >= 0, got {offset} and {limit}")
        self._key = key
        self._kind = kind
        self._needle = search.casefold()
        self._status = status
        self._descending = descending
        self._offset = offset
        self._limit = limit
        self._table = node.process_table
        self._left: Iterator[Process] | None = None
        self._runs: list[list[Process]] = []
        self.total: int = 0

    def step(self, most: int) -> bool:
        """Read the next `most` processes; return whether all have been read."""
        seen = 0
        run: list[Process] = []  # without keys: 100,000 tuples would start the garbage collector
        if self._left is None:
            self._left = iter(list(self._table.values()))
        for p in islice(self._left, most):
            seen += 1
            if p.status != DEAD and self._fits(p):
                run.append(p)
        self.total += len(run)
        run.sort(key=self._key, reverse=self._descending)
        del run[self._offset + self._limit :]
        if run:
            self._runs.append(run)
        return seen < most

    def page(self, *, partial: bool = False) -> ProcessPage:
        """Return the page when all have been read; `partial` if they have not."""
        pages = list(self.pages(1 << 62))
        return ProcessPage(tuple(map(summary_of, pages[-1])), self.total, partial)

    def pages(self, most: int) -> Iterator[list[Process]]:
        """Yield the processes of the page; before them an empty list per `most` earlier ones."""
        merged = heapq.merge(*self._runs, key=self._key, reverse=self._descending)
        found: list[Process] = []
        for passed, p in enumerate(merged, 1):
            if len(found) == self._limit:
                break
            if p.status == DEAD:
                self.total -= 1
            elif self._offset:
                self._offset -= 1
            else:
                found.append(p)
            if passed % most == 0:
                yield []
        yield found

    def _fits(self, p: Process) -> bool:
        if self._kind is not None and kind_of(p) != self._kind:
            return False
        if self._status is not None and status_of(p) != self._status:
            return False
        needle = self._needle
        return not needle or needle in f"{name_text(p) or ''}\0{what_of(p)}\0{p}".casefold()
