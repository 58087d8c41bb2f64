"""Debugging."""

from __future__ import annotations

from typing import Final

from superlearner.teaching.learning.tour import Event, Operation, Step, Tour, Visited

__all__ = ["DIGGING"]

FOLLOW: Final = Tour(
    id="follow",
    title="Follow a message",
    why="Who asked whom, and who never answered? A trace draws it, without a line of logging.",
    minutes=4,
    needs=("ledger", "cart", "mailer"),
    steps=(
        Step(
            id="start",
            title="Start a trace",
            text="Press “Trace it and kill the ledger”, or fill the form yourself with `ledger`, `cart` and `mailer`.",
            page="/traces",
            done=Operation(("trace.start", "trace.start_group")),
            hint="The form is on the page Traces; “New trace” brings it back.",
            seen="Only these processes are looked at. All others run on at full speed.",
            concept="tracing",
        ),
        Step(
            id="end",
            title="Find a pair, then stop",
            text=(
                "Every call has its answer, with the time between them. Find `sold_for` and who asked, then press Stop."
            ),
            page="/traces",
            done=Operation(("trace.stop", "trace.end")),
            hint=(
                "mailer asks cart every 4 seconds. The running trace is in the list on the left; Stop is above the "
                "drawing."
            ),
            seen="A call is two messages and a monitor. That is why the asker hears of it if the other one dies.",
            concept="call",
        ),
        Step(
            id="keep",
            title="Keep what you saw",
            text="Press “Save as recording”: a trace is forgotten ten minutes after its end, a recording is not.",
            page="/traces",
            done=Operation(("trace.save",)),
            hint="Choose the trace in the list on the left; the button is beside its name.",
            seen="Play it, stop where the ledger ends, go one step back: every moment can be had again, with states.",
            concept="recording",
        ),
    ),
    learned="Messages can be followed in a system that runs: by pair, by time, and again later.",
    docs="tracing",
)

MAILBOX: Final = Tour(
    id="mailbox",
    title="Hold it still and look into the mailbox",
    why="A process that does not get on has its work still in front of it. You can hold one still and count.",
    minutes=4,
    needs=("counter_1",),
    steps=(
        Step(
            id="suspend",
            title="Suspend counter_1",
            text="Run the operation `process.suspend` for `counter_1`.",
            page="/arsenal?operation=process.suspend",
            done=Operation(("process.suspend",)),
            hint="Write counter_1 into the field Process and press “Suspend a server”.",
            seen="It is alive, and takes only system messages now. Everything else waits.",
            concept="mailbox",
        ),
        Step(
            id="send",
            title="Send it something",
            text="Send `increment` to `counter_1`, twice if you like, and watch its state.",
            page="/supervisors?process=counter_1",
            done=Operation(("process.message",)),
            hint="The field is in the details of counter_1, below its state.",
            seen="Nothing changes: the message lies in its mailbox. A call would wait until it times out.",
            concept="timeout",
        ),
        Step(
            id="peek",
            title="Look inside",
            text="Open the tab `Mailbox` of `counter_1`: the messages that wait, oldest first.",
            page="/supervisors?process=counter_1",
            done=Visited("/supervisors", {"process": "counter_1", "tab": "mailbox"}),
            hint="Pick counter_1; the tabs are at the top of its details.",
            seen="Looking takes nothing out: the process will still handle every message, in this order.",
            concept="mailbox",
        ),
        Step(
            id="resume",
            title="Let it go on",
            text="Run `process.resume` for `counter_1`, and then look at its state.",
            page="/arsenal?operation=process.resume",
            done=Operation(("process.resume",)),
            hint="Write counter_1 into the field Process and press “Resume a server”.",
            seen="It handled what had waited, one message after the other, as if nothing had been.",
            concept="mailbox",
        ),
    ),
    learned=(
        "Every GenServer answers system messages: it can be held still, looked into and let go, without code for it."
    ),
    docs="observing#suspend-a-server",
)

FAULT: Final = Tour(
    id="fault",
    title="Find a fault in the log",
    why="At night there is no debugger. There are the state before, the message, and the line.",
    minutes=3,
    needs=("ledger", "cart"),
    steps=(
        Step(
            id="break",
            title="Make a mistake",
            text='Send `["book", 99, 5]` to `ledger` as a call: there is no account 99.',
            page="/supervisors?process=ledger",
            done=Event("crashed", name="ledger"),
            hint=(
                "In the details of ledger, below “Send a message”: choose call, write it with the brackets, press Send."
            ),
            seen="The ledger raised, the caller was told, and the supervisor began anew with the three of them.",
            concept="call",
        ),
        Step(
            id="log",
            title="Read the report",
            text="Open the log of the page System, and the newest line of `ledger`.",
            page="/system",
            done=Visited("/system", {"view": "log"}),
            hint="The page System has the tabs Figures, Who talks to whom, Log, Thresholds.",
            seen="One record for one crash: the reason, the last message, the state, file and line.",
            concept="exit-reason",
        ),
    ),
    learned="A crash is one record with all that is needed to do it again, secrets hidden.",
    docs="logging",
)

DIGGING: Final = (FOLLOW, MAILBOX, FAULT)
