"""Filtered and sorted process lists, built in steps between which the loop runs.

Examining 100,000 processes takes some hundredths of a second, but blocks the loop for one step at a time. The result is
a list of pids; details are read only for the rows that are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import filterfalse
from typing import Any, Final, Literal, Protocol, get_args

import otp
from otp import Node, Pid, observer
from otp.observer import NodeInfo
from otp.observer.reading import kind_of, link_count, mailbox_len, monitor_count, name_text, status_of, what_of
from otp.observer.searching import everybody, how_many
from otp.observer.tree import is_child
from superlearner.control.names import is_critical
from superlearner.control.protection import protection_of
from superlearner.control.slots import DYNAMIC
from superlearner.control.tree import supervisor_state
from superlearner.control.turns import Steps

__all__ = [
    "COLUMNS",
    "IDLE",
    "STATUSES",
    "WHOSE",
    "Column",
    "Kind",
    "ProcessCount",
    "ProcessFilter",
    "Status",
    "Whose",
    "Work",
    "count_processes",
    "find",
    "info_of",
    "processes_of",
    "restarts_of",
]

Kind = Literal["supervisor", "worker", "coroutine"]
Status = Literal["running", "runnable", "waiting", "calling", "awaiting", "suspended", "exiting"]
Column = Literal[
    "pid", "name", "type", "what", "status", "mailbox", "links", "monitors",
    "supervisor", "restarts", "age", "messages", "callback",
]  # fmt: skip
"""Sort columns. `age` starts with the youngest."""

STATUSES: Final[tuple[Status, ...]] = get_args(Status)
Whose = Literal["yours", "platform", "all"]
"""The processes of the node's user, those that the platform runs for itself, or all."""

COLUMNS: Final[tuple[Column, ...]] = get_args(Column)
WHOSE: Final[tuple[Whose, ...]] = get_args(Whose)
STEP: Final = 1_000
"""Processes examined in one step: about a millisecond."""

RUN: Final = 8_192
"""Items sorted in one step; merging runs costs a third of sorting."""

FEW: Final = frozenset({"restarts", "messages", "callback"})
"""Columns that are 0 for most processes."""

LAST: Final = "\U0010ffff"
"""A key that sorts after every name."""


@dataclass(frozen=True, slots=True)
class ProcessCount:
    """The number of processes of a node's user, and of those that the platform runs for itself there."""

    yours: int
    platform: int
    platform_supervisors: int

    def of(self, whose: Whose) -> int:
        """Return the number of these processes."""
        return {"yours": self.yours, "platform": self.platform, "all": self.yours + self.platform}[whose]


def processes_of(node: Node, whose: Whose = "yours") -> tuple[Any, ...]:
    """Return the processes of a node, oldest first, including those that are ending."""
    protection = protection_of(node)
    if whose == "all" or protection is None:
        return () if whose == "platform" else everybody(node)
    own: list[Any] = protection.own()
    return everybody(node, own) if whose == "yours" else tuple(pid for pid in own if otp.is_alive(pid))


def count_processes(node: Node) -> ProcessCount:
    """Return how many processes a node has, as every list and figure shows it."""
    protection = protection_of(node)
    own: list[Any] = [] if protection is None else protection.own()
    living = [pid for pid in own if otp.is_alive(pid)]
    return ProcessCount(how_many(node, own), len(living), sum(1 for pid in living if kind_of(pid) == "supervisor"))


def info_of(node: Node) -> NodeInfo:
    """Return a summary of a node that counts the processes of its user."""
    found, counted = observer.info(node), count_processes(node)
    return replace(found, processes=counted.yours, supervisors=found.supervisors - counted.platform_supervisors)


class Work(Protocol):
    """Measurements of processes."""

    def of(self, pid: Any) -> tuple[float, float]:
        """Return messages per second, and percent of the time spent in callbacks."""
        ...

    def busy(self) -> Iterable[Pid]:
        """Return the processes with values above zero."""
        ...


class Idle:
    """The measurements when nothing was measured."""

    def of(self, pid: Any) -> tuple[float, float]:
        """Return zeros."""
        del pid
        return 0.0, 0.0

    def busy(self) -> Iterable[Pid]:
        """Return no processes."""
        return ()


IDLE: Final = Idle()


@dataclass(frozen=True, slots=True)
class ProcessFilter:
    """A filter and an order for processes. Empty and None values match everything.

    Args:
        search: part of a name, class or pid.
        what: a prefix of the class or function.
        mailbox: minimum number of waiting messages.
        supervised: whether a supervisor started it.
        below: a process; matches it and all its descendants, even if they are the platform's.
        whose: the processes to choose from.
    """

    search: str = ""
    kind: Kind | None = None
    status: Status | None = None
    what: str = ""
    mailbox: int = 0
    supervised: bool | None = None
    below: Pid | None = None
    whose: Whose = "yours"
    sort: Column = "pid"
    descending: bool = False

    @property
    def filters(self) -> bool:
        """Return whether the filter can exclude a process."""
        texts = self.search, self.what, self.kind, self.status
        return any((*texts, self.mailbox, self.below)) or self.supervised is not None

    @property
    def among(self) -> Whose:
        """Return the processes to choose from: all if those below one of the platform are wanted."""
        return "all" if self.below is not None and is_critical(self.below) else self.whose


async def find(node: Node, wanted: ProcessFilter, work: Work = IDLE) -> list[Pid]:
    """Return the matching pids; of equal rank, the oldest first.

    `descending` reverses the whole order. In the order by pid, the user's processes come before the platform's.
    """
    among = wanted.among
    found: list[Any] = list(processes_of(node, among))
    backwards = wanted.descending
    if wanted.sort == "age":
        backwards = not backwards
    steps = Steps()
    if wanted.filters:
        fits = _filter(wanted)
        fitting: list[Any] = []
        for start in range(0, len(found), STEP):
            fitting += [pid for pid in found[start : start + STEP] if fits(pid)]
            await steps.between()
        found = fitting
    if wanted.sort in ("pid", "age"):
        if backwards:
            found.reverse()
        return _yours_first(node, found) if among == "all" and wanted.sort == "pid" and not backwards else found
    if wanted.sort in FEW:
        return await _sorted_few(found, await _values(node, wanted.sort, work, steps), steps, backwards=backwards)
    key = _KEYS[wanted.sort]
    keys: list[Any] = []  # numbers and texts: so many tuples would trigger the garbage collector
    for start in range(0, len(found), STEP):
        keys += [key(pid) for pid in found[start : start + STEP]]
        await steps.between()
    places = await _sorted(keys, steps, backwards=backwards)
    return [found[place] for place in places]


def _yours_first(node: Node, found: list[Any]) -> list[Any]:
    """Return the same processes, those of the user first."""
    own = frozenset(processes_of(node, "platform"))
    return [*filterfalse(own.__contains__, found), *filter(own.__contains__, found)]


async def _sorted(keys: list[Any], steps: Steps, *, backwards: bool) -> list[int]:
    """Return the indices of the keys in order: sorted runs, merged pairwise, stable."""
    key = keys.__getitem__
    runs: list[list[int]] = []
    for start in range(0, len(keys), RUN):
        run = list(range(start, min(start + RUN, len(keys))))
        run.sort(key=key, reverse=backwards)
        runs.append(run)
        await steps.between()
    while len(runs) > 1:
        merged: list[list[int]] = []
        for first in range(0, len(runs), 2):
            run = [place for pair in runs[first : first + 2] for place in pair]
            if first + 1 < len(runs):
                run.sort(key=key, reverse=backwards)  # timsort finds the two runs and merges them
            merged.append(run)
            await steps.between()
        runs = merged
    return runs[0] if runs else []


def _filter(wanted: ProcessFilter) -> Callable[[Any], bool]:
    """Return a predicate that applies the cheap conditions first."""
    tests: list[Callable[[Any], bool]] = []
    if wanted.kind is not None:
        tests.append(lambda p: kind_of(p) == wanted.kind)
    if wanted.mailbox:
        tests.append(lambda p: mailbox_len(p) >= wanted.mailbox)
    if wanted.status is not None:
        tests.append(lambda p: status_of(p) == wanted.status)
    if wanted.supervised is not None:
        tests.append(lambda p: is_child(p) == wanted.supervised)
    if wanted.below is not None:
        tests.append(_below(wanted.below))
    if wanted.what:
        beginning = wanted.what.casefold()
        tests.append(lambda p: what_of(p).rpartition(".")[2].casefold().startswith(beginning))
    if wanted.search:
        needle = wanted.search.casefold()
        tests.append(lambda p: needle in f"{name_text(p) or ''}\0{what_of(p)}\0{p}".casefold())
    if len(tests) == 1:
        return tests[0]
    return lambda p: all(test(p) for test in tests)


def _below(root: Pid) -> Callable[[Any], bool]:
    """Return a predicate for `root` and its descendants; caches each ancestor."""
    known: dict[Any, bool] = {root: True, None: False}

    def below(pid: Any) -> bool:
        way: list[Any] = []
        while pid not in known:
            way.append(pid)
            known[pid] = False  # guards against a cycle of ancestors
            pid = otp.process_info(pid, "parent")
        for one in way:
            known[one] = known[pid]
        return known[pid]

    return below


async def _values(node: Node, sort: Column, work: Work, steps: Steps) -> Mapping[Pid, float]:
    if sort == "restarts":
        return await restarts_of(node, steps)
    place = 0 if sort == "messages" else 1
    return {pid: work.of(pid)[place] for pid in work.busy()}


async def _sorted_few(found: list[Any], values: Mapping[Pid, float], steps: Steps, *, backwards: bool) -> list[Pid]:
    """Sort by values that are 0 for most processes; those keep their order."""
    have: list[Any] = []
    rest: list[Any] = []
    for start in range(0, len(found), STEP):
        for pid in found[start : start + STEP]:
            (have if values.get(pid) else rest).append(pid)
        await steps.between()
    have.sort(key=values.__getitem__, reverse=backwards)
    return [*have, *rest] if backwards else [*rest, *have]


def _supervisor_text(pid: Any) -> str:
    parent: Any = otp.process_info(pid, "parent") if is_child(pid) else None
    return LAST if parent is None else name_text(parent) or str(parent)


_KEYS: Final[dict[str, Callable[[Any], Any]]] = {
    "name": lambda p: name_text(p) or LAST,
    "type": kind_of,
    "what": what_of,
    "status": status_of,
    "mailbox": mailbox_len,
    "links": link_count,
    "monitors": monitor_count,
    "supervisor": _supervisor_text,
}


async def restarts_of(node: Node, steps: Steps) -> dict[Pid, int]:
    """Return the restart counts of living processes that were restarted."""
    counts: dict[Pid, int] = {}
    for pid in await find(node, ProcessFilter(kind="supervisor", whose="all")):
        state = supervisor_state(pid)
        if state is None:
            continue
        if state.strategy in DYNAMIC:  # reading children would build all their records; few have a history
            counts |= {child: past[0] for child, past in list(state.history.items()) if past[0]}
            continue
        children = list(state.children)
        for start in range(0, len(children), STEP):
            for record in children[start : start + STEP]:
                if record.restarts and record.pid is not None:
                    counts[record.pid] = record.restarts
            await steps.between()
    return counts
