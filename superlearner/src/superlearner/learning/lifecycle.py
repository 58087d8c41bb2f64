"""Process lifecycle."""

from __future__ import annotations

from typing import Final

from superlearner.learning.tour import Event, Step, Tour, Visited

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
    docs="behaviours/supervisor#who-falls-with-whom",
)

LIFECYCLE: Final = (KILL, STRATEGY)
