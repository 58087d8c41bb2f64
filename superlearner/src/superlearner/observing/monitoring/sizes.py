"""The process with the most memory, found in bounded time."""

from __future__ import annotations

import time
from itertools import chain
from typing import Final

from otp import Node, Pid, observer
from superlearner.control.names import display_name
from superlearner.control.terms import plain_pid
from superlearner.observing.monitoring.facts import ProcessSize

__all__ = ["find_largest"]

OBJECTS: Final = 200
"""Objects counted of a process: the loop waits meanwhile, and a few large ones are what matters."""
LONGEST_S: Final = 0.02


def find_largest(node: Node, first: Pid | None = None) -> tuple[Pid, ProcessSize] | None:
    """Return the largest process of those that can be estimated in 20 ms, or None; `first` is estimated first.

    >>> import otp
    >>> async def main():
    ...     await otp.Agent.start_link(lambda: bytes(9_000), name="large")
    ...     await otp.Agent.start_link(lambda: b"", name="small")
    ...     found, size = find_largest(otp.node())
    ...     return size.name, find_largest(otp.node(), found)[1] == size
    >>> otp.run(main)
    ('large', True)
    """
    until, largest = time.perf_counter() + LONGEST_S, None
    for pid in chain(() if first is None else (first,), node.processes()):
        use = observer.memory(node, pid, OBJECTS)
        size = 0 if use is None else (use.state or 0) + use.mailbox + use.dictionary
        if largest is None or size > largest[0]:
            largest = size, pid
        if time.perf_counter() > until:
            break
    if largest is None:
        return None
    size, pid = largest
    return pid, ProcessSize(plain_pid(pid), display_name(pid), size)
