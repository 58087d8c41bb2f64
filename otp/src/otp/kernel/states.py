"""The state of a process as a small integer: each decision of a hot path is one comparison."""

from __future__ import annotations

from typing import Final

__all__ = [
    "ALIVE",
    "CALLING",
    "CALL_TAG",
    "CAST_TAG",
    "INJECTED",
    "DEAD",
    "EXITING",
    "FUT",
    "HIBERNATE",
    "IDLE",
    "READY",
    "RECV",
    "REMOTE",
    "RUN",
    "SEL",
    "STATE_NAMES",
    "SUSPENDED",
    "SYSTEM_TAG",
    "TIMED",
    "WAITING",
]

REMOTE: Final = -1  # a process of another node; below DEAD, so that one comparison finds both
DEAD: Final = 0
READY: Final = 1  # in the run queue
RUN: Final = 2  # on the stack now
IDLE: Final = 3  # callback process, empty mailbox
RECV: Final = 4  # coroutine process in receive() without a pattern; the mailbox is empty
SEL: Final = 5  # coroutine process in a selective receive
CALLING: Final = 6  # waits for a reply
FUT: Final = 7  # awaits an asyncio future
EXITING: Final = 8  # its end is decided, its cleanup still runs
SUSPENDED: Final = 9  # callback process stopped by sys.suspend
TIMED: Final = 10  # callback process, idle with a `timeout=` running, or hibernating

HIBERNATE: Final = -1
"""The `timeout_ns` of a TIMED process that hibernates: no timer runs."""

ALIVE: Final = frozenset({READY, RUN, IDLE, RECV, SEL, CALLING, FUT, SUSPENDED, TIMED})
WAITING: Final = frozenset({RECV, SEL, CALLING})

STATE_NAMES: Final = {
    REMOTE: "remote",
    DEAD: "dead",
    READY: "runnable",
    RUN: "running",
    IDLE: "waiting",
    RECV: "waiting",
    SEL: "waiting",
    CALLING: "calling",
    FUT: "awaiting",
    EXITING: "exiting",
    SUSPENDED: "suspended",
    TIMED: "waiting",
}

# The tags that Erlang/OTP puts in front of its own messages; a process that is not a server sees them.
CALL_TAG: Final = "$gen_call"
CAST_TAG: Final = "$gen_cast"
SYSTEM_TAG: Final = "system"
INJECTED: Final = "injected"  # among unanswered calls: a fault lost or delayed the request
