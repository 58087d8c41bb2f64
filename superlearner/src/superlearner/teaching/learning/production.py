"""Production practices."""

from __future__ import annotations

from typing import Final

from superlearner.teaching.learning.tour import Event, Operation, Step, Tour, Visited

__all__ = ["PRODUCTION"]

HEALTHY: Final = Tour(
    id="healthy",
    title="Is it healthy?",
    why="Self-healing hides trouble. Somebody has to see how often it heals.",
    minutes=4,
    needs=("robot", "shelves"),
    steps=(
        Step(
            id="see",
            title="See it quiet",
            text="Open `System`: how much is done, how long things wait, and nothing below Anomalies.",
            page="/",
            done=Visited("/system"),
            hint="System is in the navigation at the top.",
            seen="Restarts, mailboxes and the lag of the loop say more than CPU and memory.",
            concept="anomaly",
        ),
        Step(
            id="raise",
            title="Bring it to the edge",
            text="Kill `robot` three times within 5 seconds: once more, and `warehouse_sup` would give up.",
            page="/supervisors?process=robot",
            done=Event("anomaly_raised"),
            hint=(
                "Click Kill as soon as it runs again. If it was noticed a moment ago, let it be over first: that "
                "takes a minute."
            ),
            seen="Nobody failed for good, and yet something is wrong. That is what an anomaly is.",
            concept="anomaly",
        ),
        Step(
            id="threshold",
            title="Find the threshold",
            text="Look at the anomaly on `System`, then open the tab `Thresholds`: what is too much is a setting.",
            page="/system",
            done=Visited("/system", {"view": "thresholds"}),
            hint="The page System has the tabs Figures, Who talks to whom, Log, Thresholds.",
            seen="Each anomaly names its threshold and its evidence. Changing one takes effect at the next look.",
            concept="anomaly",
        ),
    ),
    learned="A system that heals itself is watched by how often it heals, not by whether it is up.",
    docs="monitoring#anomalies",
)

TERMINAL: Final = Tour(
    id="terminal",
    title="Do it from the terminal",
    why="At three in the morning there may be no browser. Each button here is one line there.",
    minutes=3,
    needs=("counter_1", "ledger"),
    steps=(
        Step(
            id="message",
            title="Send a message by hand",
            text="In a terminal: `superlearner process message counter_1 '\"increment\"'`",
            page="/supervisors?process=counter_1",
            done=Operation(("process.message",), doors=("cli", "rest", "console", "mcp")),
            hint="On the machine of the platform. It finds the platform by its data directory; `--url` names another.",
            seen="The page showed it as if you had clicked: both ask for the same operation.",
            concept="operation",
        ),
        Step(
            id="kill",
            title="Kill with curl, or the command",
            text="`superlearner process kill ledger`, or the same over HTTP: Arsenal shows the line of curl for it.",
            page="/arsenal?operation=process.kill",
            done=Operation(("process.kill",), doors=("cli", "rest", "console", "mcp")),
            hint=(
                "Fill the form with ledger and take the line below it; `curl -X DELETE …/api/v1/processes/ledger` it "
                "is."
            ),
            seen="Who did it, through which door, and what came of it stands in the audit log.",
            concept="operation",
        ),
        Step(
            id="audit",
            title="See who did it",
            text="Open the audit log in `Arsenal`: every change by every door.",
            page="/arsenal",
            done=Visited("/arsenal", {"view": "audit"}),
            hint=(
                "It is a tab of the page Arsenal. Its entries take the scope code; without it the page says how to "
                "sign in."
            ),
            seen="Pages have no private way in. What a page can do, a script can do, and all of it is written down.",
            concept="operation",
        ),
    ),
    learned="Page, command line, console and API are doors to the same operations, with the same permissions.",
    docs="command-line",
)

PRODUCTION: Final = (HEALTHY, TERMINAL)
