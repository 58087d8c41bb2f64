"""Ancestors and descendants of processes, and processes without links or monitors."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Any

import otp
from otp import Node, Pid
from superlearner.control.listing import Whose, processes_of
from superlearner.control.tree import supervisor_state

__all__ = ["ancestors_of", "descendants_of", "isolated"]


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
