"""Trees and graphs of processes, their ancestors and descendants, and processes without links or monitors."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import otp
from otp import Node, Pid, observer
from otp.observer import Graph, SupervisorView, Tree
from otp.observer.tree import is_child, top_supervisors
from otp.observer.views import Cut
from superlearner.control.listing import Whose, processes_of
from superlearner.control.names import has_critical_children, is_critical
from superlearner.control.tree import supervisor_state

__all__ = ["ancestors_of", "descendants_of", "graph_of", "isolated", "running_in", "trees_of"]


def trees_of(node: Node, whose: Whose, *, depth: int, limit: int, deadline: float) -> Tree:
    """Return the supervision trees of a node, read as `observer.supervision_tree` does.

    The user's trees are shown below the playground that holds them, although it is a process of the platform.
    """
    if whose == "all":
        return observer.supervision_tree(node, depth=depth, limit=limit, deadline=deadline)
    found = Tree(node.name, (), False, 0)
    for top in _tops(node, whose):
        if found.size >= limit:
            return replace(found, partial=True, why=_reasons(*found.why, "limit"))
        more = observer.supervision_tree(node, top, depth=depth, limit=limit - found.size, deadline=deadline)
        roots = tuple(map(_of_platform, more.roots)) if whose == "platform" else more.roots
        size = sum(map(_size, roots)) if whose == "platform" else more.size
        why, partial = _reasons(*found.why, *more.why), found.partial or more.partial
        found = Tree(node.name, (*found.roots, *roots), partial, found.size + size, why)
    return found


def _reasons(*why: Cut) -> tuple[Cut, ...]:
    return tuple(sorted(set(why)))


def _tops(node: Node, whose: Whose) -> list[Any]:
    if whose == "platform":
        return [top for top in top_supervisors(node) if is_critical(top)]
    return [pid for pid in processes_of(node, "all") if _holds_yours(pid) and not _is_below_yours(pid)]


def _holds_yours(pid: Any) -> bool:
    """Return whether a process is a supervisor with children of the user, as the playground is."""
    return supervisor_state(pid) is not None and not has_critical_children(pid)


def _is_below_yours(pid: Any) -> bool:
    return is_child(pid) and not has_critical_children(pid.parent)


def _of_platform(view: SupervisorView) -> SupervisorView:
    """Return the same tree without the children of the user."""
    if not has_critical_children(view.pid):
        return replace(view, children=(), more=0, cut=None)
    children = tuple(
        child if child.supervisor is None else replace(child, supervisor=_of_platform(child.supervisor))
        for child in view.children
    )
    return replace(view, children=children)


def _size(view: SupervisorView) -> int:
    return 1 + sum(1 if child.supervisor is None else _size(child.supervisor) for child in view.children)


def running_in(view: SupervisorView) -> Iterator[Pid]:
    """Yield the processes of a tree that run."""
    yield view.pid
    for child in view.children:
        if child.supervisor is not None:
            yield from running_in(child.supervisor)
        elif child.pid is not None:
            yield child.pid


def graph_of(node: Node, whose: Whose, *, limit: int) -> Graph:
    """Return the graph of a node's processes, read as `observer.graph` does."""
    if whose == "all":
        return observer.graph(node, limit=limit)
    return observer.graph(node, pids=processes_of(node, whose), limit=limit)


def ancestors_of(pid: Pid, limit: int = 100) -> list[Pid]:
    """Return the ancestors of a process, its parent first."""
    return list((otp.process_info(pid, "ancestors") or ())[:limit])


def descendants_of(node: Node, pid: Pid) -> list[tuple[Pid, int]]:
    """Return the living descendants of a process, level by level, with their distance.

    The children of a supervisor come in the order of its table.
    """
    below: dict[Pid, list[Pid]] = {}
    for other in node.processes():
        parent = otp.process_info(other, "parent")
        if parent is not None:
            below.setdefault(parent, []).append(other)
    found: list[tuple[Pid, int]] = []
    waiting: deque[tuple[Pid, int]] = deque([(pid, 0)])
    while waiting:
        at, distance = waiting.popleft()
        for other in _in_start_order(at, below.pop(at, [])):
            found.append((other, distance + 1))
            waiting.append((other, distance + 1))
    return found


def _in_start_order(above: Pid, below: list[Pid]) -> list[Pid]:
    state: Any = supervisor_state(above)
    if state is None or not below:
        return below
    unseen = dict.fromkeys(below)
    known = [record.pid for record in state.children if record.pid in unseen]
    for pid in known:
        del unseen[pid]
    return [*known, *unseen]


def isolated(node: Node, offset: int, limit: int, whose: Whose = "yours") -> tuple[list[Pid], int]:
    """Return processes without links or monitors; their end would go unnoticed."""
    found = [pid for pid in processes_of(node, whose) if _is_isolated(pid)]
    return list(islice(found, offset, offset + limit)), len(found)


def _is_isolated(pid: Pid) -> bool:
    return not (
        otp.process_info(pid, "links") or otp.process_info(pid, "monitors") or otp.process_info(pid, "monitored_by")
    )
