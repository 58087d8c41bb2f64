"""Debugging."""

from __future__ import annotations

from typing import Final

from superlearner.teaching.learning.tour import Event, Operation, Step, Tour, Visited

__all__ = ["DIGGING"]

FOLLOW: Final = Tour(
    id="follow",
    title="Follow a message",
    why="Which process called which, and which call has no answer? A trace shows it, without logging.",
    minutes=4,
    needs=("ledger", "cart", "mailer"),
    steps=(
        Step(
            id="start",
            title="Start a trace",
            text="Press “Trace it and kill the ledger”, or fill the form yourself with `ledger`, `cart` and `mailer`.",
            page="/timeline?view=messages",
            done=Operation(("trace.start", "trace.start_group")),
            hint="The form is in the view Messages of the Timeline; “New trace” brings it back.",
            seen="Only these processes are traced. All others run at full speed.",
            concept="tracing",
        ),
        Step(
            id="end",
            title="Find a pair, then stop",
            text=(
                "Each call has its reply, with the time between them. Find `sold_for` and its caller, then press Stop."
            ),
            page="/timeline?view=messages",
            done=Operation(("trace.stop", "trace.end")),
            hint=(
                "mailer asks cart every 4 seconds. The running trace is in the list on the left; Stop is above the "
                "drawing."
            ),
            seen="A call is two messages and a monitor, so the caller is notified if the server ends.",
            concept="call",
        ),
        Step(
            id="keep",
            title="Keep the trace",
            text="Press “Save as recording”: a trace is forgotten ten minutes after its end, a recording is not.",
            page="/timeline?view=messages",
            done=Operation(("trace.save",)),
            hint="Choose the trace in the list on the left; the button is beside its name.",
            seen="Play it, stop where the ledger ends, go one step back: you can inspect every moment, with states.",
            concept="recording",
        ),
    ),
    learned="You can follow messages in a running system: by pair, by time, and later again.",
    docs="tracing",
)

MAILBOX: Final = Tour(
    id="mailbox",
    title="Suspend a process and inspect its mailbox",
    why="Where does the work for a process that hangs go?",
    minutes=4,
    needs=("counter_1",),
    steps=(
        Step(
            id="suspend",
            title="Suspend counter_1",
            text="Run the operation `process.suspend` for `counter_1`.",
            page="/arsenal?operation=process.suspend",
            done=Operation(("process.suspend",)),
            hint="Type counter_1 into the field Process and press “Suspend a server”.",
            seen="It is alive, but handles only system messages. All other messages wait.",
            concept="mailbox",
        ),
        Step(
            id="send",
            title="Send it a message",
            text="Send `increment` to `counter_1`, twice if you like, and watch its state.",
            page="/supervisors?process=counter_1",
            done=Operation(("process.message",)),
            hint="The field is in the details of counter_1, below its state.",
            seen="Nothing changes: the message waits in its mailbox. A call would time out.",
            concept="timeout",
        ),
        Step(
            id="peek",
            title="Inspect the mailbox",
            text="Press `Open mailbox` in the details of `counter_1`. It lists the waiting messages, oldest first.",
            page="/supervisors?process=counter_1",
            done=Visited("/supervisors", {"process": "counter_1", "tab": "mailbox"}),
            hint="Select counter_1. Open mailbox is in the tab Now.",
            seen="Inspecting removes nothing: the process will handle every message, in this order.",
            concept="mailbox",
        ),
        Step(
            id="resume",
            title="Resume it",
            text="Run `process.resume` for `counter_1`, then check its state.",
            page="/arsenal?operation=process.resume",
            done=Operation(("process.resume",)),
            hint="Type counter_1 into the field Process and press “Resume a server”.",
            seen="It handled the waiting messages, one after the other.",
            concept="mailbox",
        ),
    ),
    learned="Every GenServer handles system messages: you can suspend, inspect and resume it without extra code.",
    docs="observing#suspend-a-server",
)

FAULT: Final = Tour(
    id="fault",
    title="Find an error in the log",
    why="In production you have no debugger. The log has the state, the message and the line.",
    minutes=3,
    needs=("ledger", "cart"),
    steps=(
        Step(
            id="break",
            title="Cause an error",
            text='Send `["book", 99, 5]` to `ledger` as a call: there is no account 99.',
            page="/supervisors?process=ledger",
            done=Event("crashed", name="ledger"),
            hint=(
                "In the details of ledger, below “Send a message”: choose call, write it with the brackets, press Send."
            ),
            seen="The ledger crashed, the caller got an error, and the supervisor restarted all three children.",
            concept="call",
        ),
        Step(
            id="log",
            title="Read the report",
            text="Open the log on the page System, and the newest line of `ledger`.",
            page="/system",
            done=Visited("/system", {"view": "log"}),
            hint="The page System has the tabs Figures, Who talks to whom, Log, Thresholds.",
            seen="One crash is one record: reason, last message, state, file and line.",
            concept="exit-reason",
        ),
    ),
    learned="A crash is one record with everything to reproduce it, with secrets redacted.",
    docs="logging",
)

DIGGING: Final = (FOLLOW, MAILBOX, FAULT)
