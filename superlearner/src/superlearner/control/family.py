"""Who was started by whom: the processes below one, read from the node's table."""

from __future__ import annotations

from collections import defaultdict, deque

import otp
from otp import Node, Pid

__all__ = ["descendants"]


def descendants(node: Node, pid: Pid) -> list[tuple[Pid, int, Pid]]:
    """(process, depth, parent) of all living processes that `pid` started, or that these started; nearest first."""
    below: defaultdict[Pid, list[Pid]] = defaultdict(list)
    for other in node.processes():
        parent = otp.process_info(other, "parent")
        if parent is not None:
            below[parent].append(other)
    found: list[tuple[Pid, int, Pid]] = []
    level = deque([(pid, 0)])
    while level:
        above, depth = level.popleft()
        for child in below.pop(above, ()):  # each process once, whatever its parents say
            found.append((child, depth + 1, above))
            level.append((child, depth + 1))
    return found
