"""Basic concepts."""

from __future__ import annotations

from typing import Final

from superlearner.teaching.learning.tour import Event, Operation, Step, Tour, Visited

__all__ = ["BASICS"]

PROCESS: Final = Tour(
    id="process",
    title="A process is not an object",
    why="It has no methods to call and no fields to read, only a mailbox. It handles one message at a time.",
    minutes=3,
    needs=("counter_1", "counter_2"),
    steps=(
        Step(
            id="look",
            title="Look at counter_1",
            text="Select `counter_1` in the tree. Its details show what a process has: a pid, a state, a mailbox.",
            page="/supervisors",
            done=Visited("/supervisors", {"process": "counter_1"}),
            hint="It is below playground and demo_one_for_one. Click its line, or type its name into “Find a process”.",
            seen="The pid is its address, which other code can use. The state is private.",
            concept="process",
        ),
        Step(
            id="send",
            title="Send it a message",
            text="Type `increment` below “Send a message”, press Send, and watch its state.",
            page="/supervisors?process=counter_1",
            done=Operation(("process.message",)),
            hint="The field is in the details of counter_1, below its state. Leave “cast: no answer” as it is.",
            seen="The message went into its mailbox. The process took it out when it was ready and changed its state.",
            concept="mailbox",
        ),
        Step(
            id="other",
            title="Look at its twin",
            text="Now select `counter_2`. It runs the same code. Did the message change its number?",
            page="/supervisors",
            done=Visited("/supervisors", {"process": "counter_2"}),
            hint="It is the line below counter_1 in the tree.",
            seen="No, because processes share nothing. One cannot corrupt the state of another.",
            concept="process",
        ),
    ),
    learned="A process has a private state; only messages reach it.",
    docs="behaviours/gen_server",
)

CRASH: Final = Tour(
    id="crash",
    title="Crash one process",
    why="What does an exception in one process do to the others?",
    minutes=2,
    needs=("counter_1", "counter_2"),
    steps=(
        Step(
            id="crash",
            title="Let counter_1 crash",
            text="Send `crash` to `counter_1`: its code raises an exception.",
            page="/supervisors?process=counter_1",
            done=Event("crashed", name="counter_1"),
            hint="Type crash into the field below “Send a message” of counter_1, and press Send.",
            seen="The process has ended, and its mailbox and its number are lost. No other process is affected.",
            concept="exit-reason",
        ),
        Step(
            id="why",
            title="Read why",
            text="Open the tab `Why`: it shows the exception, its line and the message that caused it.",
            page="/supervisors?process=counter_1",
            done=Visited("/supervisors", {"process": "counter_1", "tab": "why"}),
            hint="The tabs are at the top of the details of counter_1.",
            seen="Every crash has a reason, the same here, in the log and in the API.",
            concept="exit-reason",
        ),
    ),
    learned="Isolation: a crash ends one process and leaves a reason.",
    docs="restarts#why-did-this-restart",
)

BASICS: Final = (PROCESS, CRASH)
