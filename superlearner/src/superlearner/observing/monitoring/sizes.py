"""The process with the most memory, found in bounded time, and remembered when it has ended."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import chain
from typing import Final

import otp
from otp import Node, Pid, observer
from superlearner.control.names import display_name
from superlearner.control.terms import plain_pid
from superlearner.observing.monitoring.facts import ProcessSize

__all__ = ["MemoryHolder", "find_largest"]

OBJECTS: Final = 200
"""Objects counted of a process: the loop waits meanwhile, and a few large ones are what matters."""
LONGEST_S: Final = 0.02
SIZED_S: Final = 10.0
"""Seconds between two looks: each holds the loop."""


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


class MemoryHolder:
    """The largest process while memory grows, as of a moment ago, or as it was before it ended."""

    def __init__(self) -> None:
        self.looked = float("-inf")
        self._largest: tuple[Pid, ProcessSize] | None = None

    def find(self, node: Node, now: float) -> ProcessSize | None:
        """Return the largest process since the first look; None if there was none."""
        held = self._largest
        has_ended = held is not None and not otp.is_alive(held[0])
        if now - self.looked >= SIZED_S or (has_ended and held is not None and not held[1].has_ended):
            self.looked = now
            found = find_largest(node, None if held is None or has_ended else held[0])
            if held is None or not has_ended or (found is not None and found[1].size > held[1].size):
                self._largest = found
            else:
                self._largest = held[0], replace(held[1], has_ended=True)
        return None if self._largest is None else self._largest[1]
