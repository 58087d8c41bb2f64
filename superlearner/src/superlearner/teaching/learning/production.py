"""Production practices."""

from __future__ import annotations

from typing import Final

from superlearner.teaching.learning.tour import Event, Operation, Step, Tour, Visited

__all__ = ["PRODUCTION"]

HEALTHY: Final = Tour(
    id="healthy",
    title="Is it healthy?",
    why="Every process runs. How do you notice that something is wrong all the same?",
    minutes=4,
    needs=("robot", "shelves"),
    steps=(
        Step(
            id="see",
            title="See a healthy system",
            text="Open `System`: it shows throughput and delays, and no anomalies.",
            page="/",
            done=Visited("/system"),
            hint="System is in the navigation at the top.",
            seen="Restarts, mailboxes and the lag of the loop say more than CPU and memory.",
            concept="anomaly",
        ),
        Step(
            id="raise",
            title="Bring it close to a give-up",
            text="Kill `robot` three times within 5 seconds. A fourth time, and `warehouse_sup` would give up.",
            page="/supervisors?process=robot",
            done=Event("anomaly_raised"),
            hint=(
                "Click Kill as soon as it runs again. If the anomaly is already listed, wait a minute until it ends."
            ),
            seen="Everything runs, but something is wrong: an anomaly.",
            concept="anomaly",
        ),
        Step(
            id="threshold",
            title="Find the threshold",
            text="Read the anomaly on `System`, then open the tab `Thresholds`: each limit is a setting.",
            page="/system",
            done=Visited("/system", {"view": "thresholds"}),
            hint="The page System has the tabs Figures, Who talks to whom, Log, Thresholds.",
            seen="Each anomaly names its threshold and its evidence. A change takes effect at the next sample.",
            concept="anomaly",
        ),
    ),
    learned="Monitor a self-healing system by its number of restarts, not only by whether it is up.",
    docs="monitoring#anomalies",
)

TERMINAL: Final = Tour(
    id="terminal",
    title="Use the terminal",
    why="Sometimes you have no browser. Each button has an equivalent command.",
    minutes=3,
    needs=("counter_1", "ledger"),
    steps=(
        Step(
            id="message",
            title="Send a message",
            text="In a terminal: `superlearner process message counter_1 --message increment --message-type cast`",
            page="/supervisors?process=counter_1",
            done=Operation(("process.message",), doors=("cli", "rest", "console", "mcp")),
            hint="Type it on the platform's machine; `--url` selects another platform.",
            seen="The page shows the same result as a click: both run the same operation.",
            concept="operation",
        ),
        Step(
            id="kill",
            title="Kill with the command or curl",
            text="Type `superlearner process kill ledger`, or the line of curl that the page Operations shows for it.",
            page="/arsenal?operation=process.kill",
            done=Operation(("process.kill",), doors=("cli", "rest", "console", "mcp")),
            hint=("Fill in ledger and copy the line below the form: `curl -X DELETE …/api/v1/processes/ledger`."),
            seen="The audit log has the user, the interface and the outcome.",
            concept="operation",
        ),
        Step(
            id="audit",
            title="Read the audit log",
            text="Open the audit log, a tab of the page `Operations`. It lists every change, from every interface.",
            page="/arsenal",
            done=Visited("/arsenal", {"view": "audit"}),
            hint="Its entries require the scope code; without it the page says how to sign in.",
            seen="Pages have no private API: scripts can do the same, and every change is logged.",
            concept="operation",
        ),
    ),
    learned="Page, command line, console and API are interfaces to the same operations, with the same permissions.",
    docs="command-line",
)

PRODUCTION: Final = (HEALTHY, TERMINAL)
