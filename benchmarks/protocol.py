"""Code shared by all measured programs: workload sizes, JSON output, memory.

Each workload prints one line: `{peer, version, workload, n, seconds, ns_per_op, bytes_per_proc, …}`.
`OTP_BENCH_ONLY=call,cast` selects workloads, `OTP_BENCH_SCALE=0.3` makes them shorter, `OTP_BENCH_CLOCK=cpu` measures
CPU time (to compare variants of one program on a busy machine).
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

clock = time.process_time if os.environ.get("OTP_BENCH_CLOCK") == "cpu" else time.perf_counter

OPERATIONS = {
    "call": 50_000,
    "call_queued": 50_000,
    "call_behind": 30_000,
    "call_async": 30_000,
    "cast": 100_000,
    "ring": 100_000,
    "spawn": 100_000,
    "idle": 100_000,
    "restart": 3_000,
    "monitor": 10_000,
    "pairs": 100_000,
    "timers": 10_000,
    "backlog": 100_000,
    "backlog_call": 10_000,
    "selective": 2_000,
    "selective_memo": 20_000,
}
"""Operations of each workload at scale 1."""

RING = PAIRS = AHEAD = 1_000
"""Processes in the ring, ping-pong pairs, and messages ahead of the searched one."""

CALLERS = 100
"""Callers of one busy server."""


def operations(workload: str) -> int:
    """Return the number of operations of `workload` in this run."""
    return max(10, int(OPERATIONS[workload] * float(os.environ.get("OTP_BENCH_SCALE", "1"))))


def wanted(workload: str) -> bool:
    """Return whether `workload` is selected."""
    only = os.environ.get("OTP_BENCH_ONLY", "")
    return not only or workload in only.split(",")


def resident_bytes() -> int:
    """Return the physical memory of this process."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def growth_per_item(count: int) -> Generator[Callable[[], int | None]]:
    """Measure resident growth in the block per item; call the result afterwards."""
    known = os.path.exists("/proc/self/statm")
    grown: list[int] = []
    gc.collect()
    before = resident_bytes() if known else 0
    yield lambda: grown[0] if grown else None
    gc.collect()
    if known:
        grown.append(round((resident_bytes() - before) / count))


class Reporter:
    """A printer of one program's results."""

    def __init__(self, peer: str) -> None:
        self.peer = os.environ.get("OTP_PEER", peer)

    def __call__(self, workload: str, n: int, seconds: float, bytes_per_proc: int | None = None, **extra: Any) -> None:
        line = {
            "peer": self.peer,
            "version": "py" + ".".join(map(str, sys.version_info[:3])),
            "workload": workload,
            "n": n,
            "seconds": round(seconds, 6),
            "ns_per_op": round(seconds / n * 1e9, 1),
            "bytes_per_proc": bytes_per_proc,
        }
        print(json.dumps(line | extra), flush=True)
