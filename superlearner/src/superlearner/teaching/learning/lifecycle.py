"""Process lifecycle."""

from __future__ import annotations

from typing import Final

from superlearner.teaching.learning.tour import Event, Operation, Step, Tour, Visited

__all__ = ["LIFECYCLE"]

KILL: Final = Tour(
    id="kill",
    title="Kill it and see it come back",
    why="Who starts a process again is not the process, and not you: it is its supervisor.",
    minutes=3,
    needs=("ledger", "cart", "mailer"),
    steps=(
        Step(
            id="kill",
            title="Kill the ledger",
            text="Pick `ledger` and kill it. Keep its pid in mind.",
            page="/supervisors?process=ledger",
            done=Event("child_terminated", name="ledger", data={"by": "exit"}),
            hint="The button Kill stands at the top of its details and at the end of its line in the tree.",
            seen="Killed means: at once, without a last word. No code of the ledger ran any more.",
            concept="exit-signal",
        ),
        Step(
            id="again",
            title="Again, and watch the pid",
            text="It is back already. Kill it once more, and see that each new `ledger` has another pid.",
            page="/supervisors?process=ledger",
            done=Event("child_restarted", name="ledger"),
            hint="Kill ledger again. The name stays, the pid beside the name is a new one.",
            seen="It is a new process of the same name, with a fresh state. Who had the old pid has nothing.",
            concept="supervisor",
        ),
        Step(
            id="why",
            title="Ask why it was restarted",
            text="Open the tab `Why` of `ledger`: the chain from the first cause to the restart.",
            page="/supervisors?process=ledger",
            done=Visited("/supervisors", {"process": "ledger", "tab": "why"}),
            hint="Pick ledger; the tabs are at the top of its details.",
            seen="Every restart has a cause, and the cause has a time: nothing comes back by magic.",
            concept="restart-intensity",
        ),
    ),
    learned="A supervisor links itself to its children, hears of every end, and starts them again with a fresh state.",
    docs="behaviours/supervisor",
)

LINKS: Final = Tour(
    id="links",
    title="Links and monitors",
    why="When a process ends, some others end with it and some are only informed. See both, and what decides it.",
    minutes=5,
    needs=("checkout_sup", "mailer", "robot", "shelves", "orders"),
    steps=(
        Step(
            id="see",
            title="See the links of a supervisor",
            text="Open the tab `Links` of `checkout_sup`: it lists the processes that it is linked to.",
            page="/supervisors?process=checkout_sup",
            done=Visited("/supervisors", {"process": "checkout_sup", "tab": "links"}),
            hint="Pick checkout_sup; the tabs are at the top of its details.",
            seen="A supervisor links to each child it starts. Beside each link you read what its death would do.",
            concept="link",
        ),
        Step(
            id="together",
            title="End one side of the links",
            text="Kill `checkout_sup`, and watch its three children.",
            page="/supervisors?process=checkout_sup",
            done=Event("exited", name="checkout_sup", data={"reason": "killed"}),
            hint="The button Kill is at the top of its details and at the end of its line in the tree.",
            seen="It could not stop its children any more: the exit signal over the links ended all three.",
            concept="exit-signal",
        ),
        Step(
            id="cause",
            title="Find the first cause",
            text="The tree is back. Open the tab `Why` of `mailer`: what ended the one before it?",
            page="/supervisors?process=mailer",
            done=Visited("/supervisors", {"process": "mailer", "tab": "why"}),
            hint="Pick mailer; the tabs are at the top of its details.",
            seen="The chain begins with your kill of its supervisor: the signal passes the reason on.",
            concept="exit-reason",
        ),
        Step(
            id="wait",
            title="Let an order wait for the robot",
            text="Suspend `robot` with the operation `process.suspend`. The next order calls it and gets no answer.",
            page="/arsenal?operation=process.suspend",
            done=Operation(("process.suspend",)),
            hint="Write robot into the field Process and press “Suspend a server”.",
            seen="An order has no link to the robot. While its call waits, it monitors the robot.",
            concept="monitor",
        ),
        Step(
            id="notice",
            title="Kill what they wait for",
            text="Orders that wait turn to “not answering” in the tree, after some seconds. Then kill `robot`.",
            page="/supervisors?process=robot&tab=links",
            done=Event("child_terminated", name="robot", data={"by": "exit"}),
            hint="“Read again” in the tab Links of robot shows who waits for it. Kill is at the top of its details.",
            seen="Each waiting order got the reason in place of an answer, and went on. No order ended.",
            concept="monitor",
        ),
        Step(
            id="alive",
            title="See who is still there",
            text="Pick `orders` and compare: `robot` and `shelves` are new, the orders kept their pids.",
            page="/supervisors",
            done=Visited("/supervisors", {"process": "orders"}),
            hint="It is below shop, after warehouse_sup.",
            seen="`shelves` was stopped by the strategy of its supervisor. An order asks again two seconds later.",
            concept="monitor",
        ),
    ),
    learned="A link ends both processes together. A monitor tells the watcher about the end, and the watcher goes on.",
    docs="links",
)

STRATEGY: Final = Tour(
    id="strategy",
    title="What a supervisor restarts",
    why="Children that hold numbers of each other must start again together. The strategy says who.",
    minutes=4,
    needs=("ledger", "cart", "robot", "shelves"),
    steps=(
        Step(
            id="predict",
            title="Say what will happen",
            text="Open the tab `Predict` of `ledger`. Its supervisor is `rest_for_one`: who starts again with it?",
            page="/supervisors?process=ledger",
            done=Visited("/supervisors", {"process": "ledger", "tab": "predict"}),
            hint="Pick ledger; the tabs are at the top of its details.",
            seen="`rest_for_one`: the one that ended, and all that were started after it.",
            concept="strategy",
        ),
        Step(
            id="rest",
            title="Let it happen",
            text="Mark whom you expect, and let it end. Were you right about `mailer`?",
            page="/supervisors?process=ledger&tab=predict",
            done=Event("child_terminated", name="ledger", data={"by": "exit"}),
            hint="The tab Predict ends the ledger when you have marked the children. Or press Kill.",
            seen="cart held an account of the old ledger, mailer a list of the old cart: both began anew.",
            concept="strategy",
        ),
        Step(
            id="all",
            title="And in the warehouse?",
            text="`warehouse_sup` is `one_for_all`. Kill `robot`, and look at `shelves`.",
            page="/supervisors?process=robot",
            done=Event("child_terminated", name="robot", data={"by": "exit"}),
            hint="robot is below warehouse_sup. Its button Kill is at the top of its details.",
            seen="`one_for_all`: robot and shelves know each other, so neither goes on without the other.",
            concept="strategy",
        ),
    ),
    learned=(
        "The strategy tells who depends on whom: only what holds something of the dead process starts again with it."
    ),
    docs="behaviours/supervisor#strategies",
)

LIFECYCLE: Final = (KILL, LINKS, STRATEGY)
