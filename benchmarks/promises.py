"""The performance promises of the runtime, and their verdicts.

A promise is a ratio to Erlang/OTP on the same core in the same run, on the Python named in the report; lower is faster.
The figures come from the design; a stretch is a goal for further work.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["LIMITS", "NOTES", "PROMISES", "READING", "WORDS", "Promise"]


class Promise(NamedTuple):
    """A row of the table; `memory` compares resident bytes, others time."""

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
"""Measurements of `soak.py`: description and upper limit."""

WORDS = {
    "call": "`GenServer.call` and its reply, one caller, one idle server",
    "call_queued": "the same with 100 callers that keep the server busy",
    "call_behind": "one caller; another message waits before each call",
    "call_async": "one caller; an `async def` callback that does not wait",
    "cast": "a cast, sent in one burst, and its handling",
    "ring": "one hop of a token around 1,000 coroutine processes",
    "spawn": "start and end of an empty process, 1,000 at a time",
    "server_start": "`start` of a server, 100,000 in all",
    "idle_coro": "spawn of a process that waits in `receive`, 100,000 in all",
    "restart": "kill of a supervised, registered server until its successor has the name",
    "monitor": "the end of one of 10,000 monitored processes, and its `Down`",
    "pairs": "a round trip in one of 1,000 ping-pong pairs",
    "timers": "one of 10,000 concurrent calls with a timeout of 5 s",
    "backlog": "one of 100,000 queued messages, sent and received",
    "backlog_call": "a call by a process with 100,000 unread messages",
    "selective": "a selective receive behind 1,000 messages, with a predicate",
    "selective_memo": "the same with a pattern object, which continues its search",
}
"""The meaning of one operation of each workload."""

NOTES = {
    "cast": (
        "*cast*: CPython needs an append, a call of the callback and a `NoReply`, which alone take more than twice "
        "Erlang's time (*bare Python* below). A prototype that returned plain tuples reached 2.1."
    ),
    "call": (
        "*call*: three quarters of the time create a coroutine, a `From` and a `Reply`. The rest checks states, "
        "budget, signals and early answers."
    ),
    "call_queued": (
        "*queued call*: resuming the caller through two coroutines takes six tenths of the time. With one caller "
        "(`call_behind`) it is slower, because a busy server handles messages in batches."
    ),
    "ring": (
        "*ring*: half of each hop is the resume, with its context and asyncio's current task. The other half checks "
        "the state of the process; each check takes 5 ns."
    ),
    "pairs": "*pairs*: each round trip is two resumes.",
    "spawn": "*spawn*: creates a coroutine, a context and a process.",
    "server_start": (
        "*server start*: creating a coroutine, a process, its context and an `Ok` in fresh memory takes more than half "
        "of the time. The rest checks parent, node, name, links and monitors."
    ),
    "restart": (
        "*restart*: about 1,800 byte codes, shared evenly by the kill, the exit, the supervisor, the start and the "
        "events. *bare Python* does this for one child without callers, monitors and traces in a quarter of the time."
    ),
    "monitor": "*monitor*: the end of a coroutine, its cleanup and a `Down`.",
    "selective_memo": "*selective*: a send, a receive and the search for a pattern, each a Python function call.",
    "events": (
        "A restart records three events. Their records take a twentieth of a restart; the rest are the calls, the "
        "shortened reason, and cold memory in a ring of 4,096 events."
    ),
    "trace": (
        "A message is five events. Bare Python takes 0.3 µs to make one, so a factor between 4 and 5 is the least; the "
        "rest finds the causes. Readers select kinds, processes and a rate."
    ),
}
"""Reasons for missed promises, shown only for those."""

READING = (
    "Compare ratios of one run, not nanoseconds of two machines. A difference below 10 % is noise.",
    "A call to an idle server is the best case: the handler runs on the caller's stack. `call_queued`, `call_behind` "
    "and `call_async` are the other cases.",
    "*bare Python* does the same with functions, coroutines and contexts only: the least that CPython takes.",
    "asyncio's queues and tasks have no links, monitors, exit signals or call timeouts.",
    "Erlang/OTP runs with one scheduler here. It has one for every core and preempts processes: on many cores, or with "
    "long computations, Erlang wins by the number of cores.",
)
"""Notes on reading the tables."""
