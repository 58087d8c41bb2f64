"""The connections of processes: processes as nodes; supervision, links and monitors as edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, Literal

from otp.kernel.values.pids import Pid
from otp.kernel.values.process import Process
from otp.observer.reading import link_count, links_of, monitors_of, summary_of
from otp.observer.tree import is_child
from otp.observer.views import ProcessSummary

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node

__all__ = ["Edge", "Graph", "graph"]

MAX_EDGES: Final = 20_000

EdgeKind = Literal["supervises", "link", "monitor"]


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge; `supervises` and `monitor` point from `source` to `target`.

    A `link` has no direction; the older pid is first. A link between a supervisor and its child is part of
    `supervises`.
    """

    kind: EdgeKind
    source: Pid
    target: Pid


@dataclass(frozen=True, slots=True)
class Graph:
    """Processes and the edges between them; `partial` says that a limit left out processes."""

    processes: tuple[ProcessSummary, ...]
    edges: tuple[Edge, ...]
    partial: bool


def graph(node: Node, *, pids: Iterable[Pid] | None = None, limit: int = 2000) -> Graph:
    """Return the graph of a node's processes, or of the given ones.

    It has the `limit` oldest ones, with at most 20,000 edges. Monitors by name and of remote processes are left out.
    """
    table = node.process_table
    if pids is None:
        chosen = list(islice(table.values(), limit))
        total = len(table)
    else:
        wanted = sorted({pid for pid in pids if table.get(pid.id) is pid})
        chosen = [table[pid.id] for pid in wanted[:limit]]
        total = len(wanted)
    shown = set(chosen)
    found = list(islice(chain.from_iterable(_edges(p, shown) for p in chosen), MAX_EDGES + 1))
    partial = total > len(chosen) or len(found) > MAX_EDGES
    return Graph(tuple(map(summary_of, chosen)), tuple(found[:MAX_EDGES]), partial)


def _edges(p: Process, shown: set[Process]) -> Iterator[Edge]:
    parent = p.parent if is_child(p) else None
    if parent is not None and parent in shown:
        yield Edge("supervises", parent, p)
    for other in _links_among(p, shown):
        if other.number > p.number and not _supervises(p, other) and not _supervises(other, p):
            yield Edge("link", p, other)
    for item in monitors_of(p):
        if isinstance(item, Process) and item in shown:
            yield Edge("monitor", p, item)


def _links_among(p: Process, shown: set[Process]) -> Iterable[Process]:
    """Return the links among the displayed processes, of which at most some are read."""
    if link_count(p) > len(shown):
        links = p.links
        return sorted(other for other in shown if other in links)
    return (other for other in links_of(p) if other in shown)


def _supervises(above: Process, below: Process) -> bool:
    return below.parent is above and is_child(below)
