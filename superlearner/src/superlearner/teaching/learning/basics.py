"""Basic concepts."""

from __future__ import annotations

from typing import Final

from superlearner.teaching.learning.tour import Event, Operation, Step, Tour, Visited

__all__ = ["BASICS"]

PROCESS: Final = Tour(
    id="process",
    title="A process is not an object",
    why="Nobody calls its methods and nobody reads its fields. It has a mailbox, and does one thing after the other.",
    minutes=3,
    needs=("counter_1", "counter_2"),
    steps=(
        Step(
            id="look",
            title="Look at counter_1",
            text="Pick `counter_1` in the tree. What you see beside it is all there is: a pid, a state, a mailbox.",
            page="/supervisors",
            done=Visited("/supervisors", {"process": "counter_1"}),
            hint="It is below playground and demo_one_for_one. Click its line, or type its name into “Find a process”.",
            seen="The pid is its address, the state is its own. Other code can have the pid, never the state.",
            concept="process",
        ),
        Step(
            id="send",
            title="Send it a message",
            text="Write `increment` below “Send a message” and press Send, while you look at its state.",
            page="/supervisors?process=counter_1",
            done=Operation(("process.message",)),
            hint="The field is in the details of counter_1, below its state. Leave “cast: no answer” as it is.",
            seen="The message went into its mailbox. It took it out when it had time, and changed its state by itself.",
            concept="mailbox",
        ),
        Step(
            id="other",
            title="Look at its twin",
            text="Now pick `counter_2`. It runs the same code. Did the message change its number?",
            page="/supervisors",
            done=Visited("/supervisors", {"process": "counter_2"}),
            hint="It is the line below counter_1 in the tree.",
            seen="No: nothing is shared. So one of them can never spoil what the other one knows.",
            concept="process",
        ),
    ),
    learned="A process keeps its state for itself, and only messages reach it.",
    docs="behaviours/gen_server",
)

CRASH: Final = Tour(
    id="crash",
    title="Crash one, and only one",
    why="An exception in a process ends this process. Watch how little else it ends.",
    minutes=2,
    needs=("counter_1", "counter_2"),
    steps=(
        Step(
            id="crash",
            title="Let counter_1 crash",
            text="Send `crash` to `counter_1`: its code raises an exception.",
            page="/supervisors?process=counter_1",
            done=Event("crashed", name="counter_1"),
            hint="Write crash into the field below “Send a message” of counter_1, and press Send.",
            seen="The process is gone, with its mailbox and its number. No other process noticed.",
            concept="exit-reason",
        ),
        Step(
            id="why",
            title="Read why",
            text="Open the tab `Why`: it tells the exception, the line and the message that led to it.",
            page="/supervisors?process=counter_1",
            done=Visited("/supervisors", {"process": "counter_1", "tab": "why"}),
            hint="The tabs are at the top of the details of counter_1.",
            seen="A crash leaves a reason. It reads the same here, in the log and in the API.",
            concept="exit-reason",
        ),
    ),
    learned="A crash ends one process and leaves a reason: that is what isolation means.",
    docs="restarts#why-did-this-restart",
)

BASICS: Final = (PROCESS, CRASH)
