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
    "call": "`GenServer.call` and its answer, one caller, one plain counter that is idle",
    "call_queued": "the same with 100 callers who keep the server busy, so that every call waits in its mailbox",
    "call_behind": "one caller; a message of the server's own lies before each call",
    "call_async": "one caller; the callback is an `async def` that does not wait",
    "cast": "a cast, sent in one burst, and its handling",
    "ring": "one hop of a token around 1,000 coroutine processes",
    "spawn": "start and end of a process that does nothing, 1,000 at a time",
    "server_start": "`start` of a server, 100,000 that live on",
    "idle_coro": "spawn of a process that waits in `receive`, 100,000 that live on",
    "restart": "kill of a supervised, registered server until its successor has the name",
    "monitor": "the end of one of 10,000 monitored processes, and its `Down`",
    "pairs": "a round trip in one of 1,000 ping-pong pairs",
    "timers": "one of 10,000 calls that wait at the same time with a time-out of 5 s each",
    "backlog": "one message of 100,000 that pile up, sent and received",
    "backlog_call": "a call by a process with 100,000 unread messages",
    "selective": "a selective receive behind 1,000 messages, with a predicate",
    "selective_memo": "the same with a pattern object, which remembers how far it has looked",
}
"""The meaning of one operation of each workload."""

NOTES = {
    "cast": (
        "*cast*: Erlang needs a few dozen instructions for it. *bare Python* below is an append, a call of the "
        "callback and the `NoReply` it returns, and takes more than twice Erlang's time: there is no way below that. "
        "A third of it is making the record. CPython 3.13 makes an instance in half the time only if its class has no "
        "slots and an initialiser of exactly the arguments given; a verdict may have a time-out. A prototype that "
        "returned plain tuples reached 2.1."
    ),
    "call": (
        "*call*: the handler runs on its caller's stack, in its own context; what is left is one coroutine, one `From` "
        "and one `Reply`, each an object that CPython has to make: three quarters of the time, as *bare Python* below "
        "shows. The rest is what makes it a call: the states of both, the budget, signals and early answers."
    ),
    "call_queued": (
        "*queued call*: a resume of the caller, through two coroutines and what parks them, and the objects of a call; "
        "that alone is six tenths of the time, see *bare Python* below. With one caller instead of 100 (`call_behind`) "
        "the batch that a busy server handles at once is missing, and it is slower still."
    ),
    "ring": (
        "*ring*: each hop is a resume, with its context entered and asyncio's current task set; *bare Python* below "
        "does that and no more. The other half asks: which process runs, may it receive, does it wait, is it watched, "
        "was it signalled, is the budget used up. A compiled scheduler would not notice; each question is 5 ns here."
    ),
    "pairs": "*pairs*: as the ring; each round trip is two resumes.",
    "spawn": "*spawn*: a coroutine, a context and a process have to be made and thrown away.",
    "server_start": (
        "*server start*: a coroutine, a process of sixteen fields, its context and an `Ok`, made in memory that was "
        "never touched, take more than half of the time, as *bare Python* below shows. The rest asks: who starts it, "
        "on which node, is there a name, a link, a monitor, may `init` run on this stack, is anybody watching."
    ),
    "restart": (
        "*restart*: about 1,800 byte codes, each 4 to 5 ns here; the time that Erlang takes is that of 900. They are "
        "shared evenly by whoever kills and asks for the successor, the end (signal, name, callers, links), the "
        "supervisor with its message, the start, and the events. *bare Python* below does each of these for one "
        "child that nobody calls, watches or traces, in a quarter of the time."
    ),
    "monitor": "*monitor*: the end of a coroutine, its burial and a `Down`.",
    "selective_memo": "*selective*: a send, a receive and the search for a pattern, each a call of a Python function.",
    "events": (
        "Three events go into the ring for each restart. Bare Python makes three such records in 0.4 µs, a twentieth "
        "of a restart; a call for each, the reason made small, and memory that is cold when it comes back from a ring "
        "of 4,096 events are the rest. An event is kept as a tuple, and becomes a dictionary when somebody reads it."
    ),
    "trace": (
        "There are five events for a message. Bare Python takes 0.3 µs to make one (a record, a dictionary of its "
        "fields, a text, the time, and the call of the reader), most of what a message costs that nobody reads, so "
        "that a factor between 4 and 5 is the least; the rest is finding out which event led to which. Readers choose "
        "kinds and processes and set a rate, so that nobody has to read everything."
    ),
}
"""Reasons for missed promises, shown only for those."""

READING = (
    "Ratios of one run can be compared, nanoseconds of two machines cannot. A difference below 10 % is noise.",
    "A call to an idle server is the best case of this library: the handler runs on the caller's stack, so nothing is "
    "queued. `call_queued`, `call_behind` and `call_async` are what it costs when that is not possible.",
    "*bare Python* is the same written down with functions, coroutines and contexts, and nothing of this library: "
    "the least that CPython takes for an interface like this one.",
    "asyncio's column is the floor of the event loop, not a rival: its queues and tasks have no links, monitors, exits "
    "or time-outs of calls.",
    "Erlang/OTP runs with one scheduler here. It has one for every core, it preempts, and a process that computes does "
    "not hold up the others. Python has none of that: on many cores, or with work that computes, Erlang wins by as "
    "much as there are cores.",
)
"""Notes on reading the tables."""
