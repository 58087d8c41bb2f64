"""What is promised of the runtime, and how a run is judged by it.

A promise is a ratio to Erlang/OTP on the same core in the same run, on the Python that is named in the report; lower
is faster. The figures are those of the design; the stretch is where a further round of work would lead.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["LIMITS", "PROMISES", "Promise"]


class Promise(NamedTuple):
    """One line of the table. `memory` compares resident bytes, the others time for one operation."""

    work: str
    workload: str
    at_most: float
    stretch: float
    prototype: str
    memory: bool = False


PROMISES = (
    Promise("call to an idle server, plain callbacks", "call", 0.4, 0.3, "0.25"),
    Promise("call queued at a busy server (100 callers)", "call_queued", 0.9, 0.7, "0.73"),
    Promise("cast, delivered and handled", "cast", 2.0, 1.6, "1.58"),
    Promise("ring hop of coroutine processes", "ring", 1.5, 1.2, "1.17"),
    Promise("round trip of ping-pong pairs", "pairs", 1.5, 1.2, "1.14"),
    Promise("spawn and end of a process", "spawn", 2.2, 1.7, "1.66"),
    Promise("start of a server", "server_start", 0.4, 0.2, "0.12"),
    Promise("crash to registered replacement", "restart", 1.0, 0.7, "0.65"),
    Promise("one of 10,000 monitored processes ends", "monitor", 1.8, 1.3, "1.47"),
    Promise("selective receive, remembered pattern, 1,000 ahead", "selective_memo", 0.3, 0.15, "0.14"),
    Promise("bytes of an idle server", "idle_server", 0.2, 0.12, "0.08", memory=True),
)

LIMITS = {
    "rss_growth_gib": ("a million servers under one DynamicSupervisor: growth of memory, GiB", 1.0),
    "start_seconds": ("a million servers: start, s", 5.0),
    "load_lateness_p99_ms": ("a million servers, casts and kills: lateness of a timer, p99, ms", 5.0),
    "load_lateness_worst_ms": ("a million servers, casts and kills: lateness of a timer, worst, ms", 50.0),
    "drain_lateness_p99_ms": ("full message load: lateness of a timer beside it, p99, ms", 1.0),
    "drain_echo_p99_ms": ("full message load: TCP echo beside it, p99, ms", 1.0),
    "ring_spawn_percent": ("lifecycle ring, part of spawn and end, %", 10.0),
    "ring_restart_percent": ("lifecycle ring, part of crash to replacement, %", 10.0),
    "trace_factor": ("message trace of everything, factor on a call and a cast", 2.0),
}
"""What `soak.py` measures: words, and the most it may be."""
