"""Process lifecycle."""

from __future__ import annotations

from typing import Final

from superlearner.teaching.learning.tour import Event, Operation, Step, Tour, Visited

__all__ = ["LIFECYCLE"]

KILL: Final = Tour(
    id="kill",
    title="Kill a process and see it restart",
    why="What starts a process again, and what is left of the old one?",
    minutes=3,
    needs=("ledger", "cart", "mailer"),
    steps=(
        Step(
            id="kill",
            title="Kill the ledger",
            text="Select `ledger`, note its pid, and kill it.",
            page="/supervisors?process=ledger",
            done=Event("child_terminated", name="ledger", data={"by": "exit"}),
            hint="The button Kill is at the top of its details and at the end of its line in the tree.",
            seen="Killed means at once: no cleanup code of the ledger ran.",
            concept="exit-signal",
        ),
        Step(
            id="again",
            title="Kill it again and watch the pid",
            text="It is running again. Kill it once more, and compare the pids.",
            page="/supervisors?process=ledger",
            done=Event("child_restarted", name="ledger"),
            hint="Kill ledger again. The name stays, the pid beside it changes.",
            seen="It is a new process with the same name and its initial state. The old pid is dead.",
            concept="supervisor",
        ),
        Step(
            id="why",
            title="Ask why it was restarted",
            text="Open the tab `Why` of `ledger`. It shows the causes of the restart, from the first one.",
            page="/supervisors?process=ledger",
            done=Visited("/supervisors", {"process": "ledger", "tab": "why"}),
            hint="Select ledger; the tabs are at the top of its details.",
            seen="Every restart has a cause, with its time.",
            concept="restart-intensity",
        ),
    ),
    learned="A supervisor is notified when a child ends, and restarts it with its initial state.",
    docs="behaviours/supervisor",
)

LINKS: Final = Tour(
    id="links",
    title="Links and monitors",
    why="Some processes end with the one that fails, others continue. What makes the difference?",
    minutes=5,
    needs=("checkout_sup", "mailer", "robot", "shelves", "orders"),
    steps=(
        Step(
            id="see",
            title="See the links of a supervisor",
            text="Open the tab `Relations` of `checkout_sup`: it lists the processes that it is linked to.",
            page="/supervisors?process=checkout_sup",
            done=Visited("/supervisors", {"process": "checkout_sup", "tab": "relations"}),
            hint="Select checkout_sup; the tabs are at the top of its details.",
            seen="A supervisor links to each child it starts. Beside each link you see the effect of its end.",
            concept="link",
        ),
        Step(
            id="together",
            title="End one side of the links",
            text="Kill `checkout_sup`, and watch its three children.",
            page="/supervisors?process=checkout_sup",
            done=Event("exited", name="checkout_sup", data={"reason": "killed"}),
            hint="The button Kill is at the top of its details and at the end of its line in the tree.",
            seen="It could not stop its children: the exit signal over the links ended all three.",
            concept="exit-signal",
        ),
        Step(
            id="cause",
            title="Find the first cause",
            text="The tree runs again. Open the tab `Why` of `mailer`: what ended the previous one?",
            page="/supervisors?process=mailer",
            done=Visited("/supervisors", {"process": "mailer", "tab": "why"}),
            hint="Select mailer; the tabs are at the top of its details.",
            seen="The chain begins with your kill of its supervisor; the signal carried the reason.",
            concept="exit-reason",
        ),
        Step(
            id="wait",
            title="Let an order wait for the robot",
            text="Suspend `robot` with the operation `process.suspend`. The next order calls it and gets no answer.",
            page="/arsenal?operation=process.suspend",
            done=Operation(("process.suspend",)),
            hint="Type robot into the field Process and press “Suspend a server”.",
            seen="An order has no link to the robot. While its call waits, it monitors the robot.",
            concept="monitor",
        ),
        Step(
            id="notice",
            title="Kill what they wait for",
            text="After some seconds, waiting orders are “not answering” in the tree. Then kill `robot`.",
            page="/supervisors?process=robot&tab=relations",
            done=Event("child_terminated", name="robot", data={"by": "exit"}),
            hint="The tab Relations of robot shows which processes wait for it. Kill is at the top of its details.",
            seen="Each waiting order got the reason instead of an answer and continued. No order ended.",
            concept="monitor",
        ),
        Step(
            id="alive",
            title="See which processes survived",
            text="Select `orders`. Which pids are new: those of the orders, of `robot`, of `shelves`?",
            page="/supervisors",
            done=Visited("/supervisors", {"process": "orders"}),
            hint="It is below shop, after warehouse_sup.",
            seen="`robot` and `shelves`: the strategy restarted both. The orders kept theirs and ask again.",
            concept="monitor",
        ),
    ),
    learned="A link ends both processes. A monitor notifies the watcher, which continues.",
    docs="links",
)

STRATEGY: Final = Tour(
    id="strategy",
    title="What a supervisor restarts",
    why="One child ends. Which of its siblings restart with it?",
    minutes=4,
    needs=("ledger", "cart", "robot", "shelves"),
    steps=(
        Step(
            id="predict",
            title="Predict what will happen",
            text="`Predict a restart` of `ledger`. Its supervisor is `rest_for_one`. What restarts with it?",
            page="/supervisors?process=ledger",
            done=Visited("/supervisors", {"process": "ledger", "tab": "predict"}),
            hint="Select ledger. Predict a restart is in the tab Relations.",
            seen="The page knows the answer and keeps it until you have marked yours.",
            concept="strategy",
        ),
        Step(
            id="rest",
            title="Test your prediction",
            text="Mark the children you expect to restart, then end the ledger.",
            page="/supervisors?process=ledger&tab=predict",
            done=Event("child_terminated", name="ledger", data={"by": "exit"}),
            hint="Predict a restart, in the tab Relations, ends the ledger after you mark the children. Or press Kill.",
            seen="`rest_for_one`: the child that ended, and those started after it. cart used an account of ledger.",
            concept="strategy",
        ),
        Step(
            id="all",
            title="Compare with the warehouse",
            text="`warehouse_sup` is `one_for_all`. Kill `robot`, and watch `shelves`.",
            page="/supervisors?process=robot",
            done=Event("child_terminated", name="robot", data={"by": "exit"}),
            hint="robot is below warehouse_sup. Its button Kill is at the top of its details.",
            seen="`one_for_all`: robot and shelves depend on each other, so both restart.",
            concept="strategy",
        ),
    ),
    learned=("The strategy expresses dependencies: children that depend on the process that ended restart with it."),
    docs="behaviours/supervisor#strategies",
)

LIFECYCLE: Final = (KILL, LINKS, STRATEGY)
