"""Metrics of a node that the runtime always counts."""

from __future__ import annotations

import gc
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otp.kernel.values.pids import Pid
from otp.kernel.values.process import Process
from otp.observer.inspection import clock
from otp.observer.reading import mailbox_len

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node

__all__ = ["Metrics", "metrics"]


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics of a node at time `at` (seconds on its clock).

    Counts grow from the start of the node. `mailbox_total` and `mailbox_deepest` are those of the `scanned` processes,
    as many as the time allowed. `restarts` and `give_ups` are of all supervisors. These belong to the event loop, and
    so to all nodes in it: `run_queue`, `timers`; `handled` (what reached processes until the last drain ended: messages
    that servers took, including calls on their caller's stack, and whatever a coroutine process waited for or found in
    its mailbox), `switches` (how often a process was taken from the run queue), `drains` (how often the loop ran
    processes), `busy` and `longest_drain` (seconds in which they ran), `loop_lag` and `loop_lag_worst` (seconds by
    which timers were late, most recently and at worst; unknown before the first). These belong to the program: `memory`
    (resident bytes, unknown outside Linux) and `collections` (of the garbage collector, by generation).
    """

    at: float
    processes: int
    names: int
    spawned: int
    events: int
    restarts: int
    give_ups: int
    mailbox_total: int
    mailbox_deepest: int
    mailbox_deepest_pid: Pid | None
    scanned: int
    run_queue: int
    timers: int
    handled: int
    switches: int
    drains: int
    busy: float
    longest_drain: float
    loop_lag: float | None
    loop_lag_worst: float | None
    memory: int | None
    collections: tuple[int, ...]


def metrics(node: Node, *, deadline: float | None = None) -> Metrics:
    """Return the metrics of a node.

    `deadline` limits the seconds spent reading mailboxes.

    >>> import otp
    >>> async def main():
    ...     otp.send(otp.self(), "hello")
    ...     figures = otp.observer.metrics(otp.trace.node_of(otp.self()))
    ...     return figures.processes, figures.mailbox_total, figures.restarts
    >>> otp.run(main)
    (1, 1, 0)

    Source: Erlang's `statistics/1` and `memory/0`, as far as this runtime has the values.
    """
    s = node.scheduler
    trace = node.tracer
    in_time = clock(node, deadline)
    total = deepest = scanned = 0
    whose: Process | None = None
    for p in node.process_table.values():
        if not scanned & 127 and not in_time():
            break
        scanned += 1
        if p.mailbox or p.ext is not None:
            length = mailbox_len(p)
            total += length
            if length > deepest:
                deepest, whose = length, p
    return Metrics(
        at=s.now_ns() / 1e9,
        processes=len(node.process_table),
        names=len(node.names),
        spawned=node.next_number - 1,
        events=trace.seq,
        restarts=trace.restarts,
        give_ups=trace.give_ups,
        mailbox_total=total,
        mailbox_deepest=deepest,
        mailbox_deepest_pid=whose,
        scanned=scanned,
        run_queue=len(s.runq),
        timers=len(s.heap),
        handled=s.handled,
        switches=s.switches,
        drains=s.drains,
        busy=s.busy / 1e9,
        longest_drain=s.longest / 1e9,
        loop_lag=None if s.late is None else s.late / 1e9,
        loop_lag_worst=None if s.late is None else s.late_worst / 1e9,
        memory=_resident_bytes(),
        collections=tuple(generation["collections"] for generation in gc.get_stats()),
    )


def _resident_bytes() -> int | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
