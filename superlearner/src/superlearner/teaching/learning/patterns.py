"""Advanced patterns."""

from __future__ import annotations

from typing import Final

from superlearner.teaching.learning.tour import Event, Step, Tour, Visited

__all__ = ["PATTERNS"]

GIVE_UP: Final = Tour(
    id="give-up",
    title="When a supervisor gives up",
    why="Some faults survive a restart. What does a supervisor do then?",
    minutes=4,
    needs=("counter_1",),
    steps=(
        Step(
            id="spend",
            title="Use a restart",
            text="Kill `counter_1`. Its supervisor allows 3 restarts within 5 seconds; see how many are left.",
            page="/supervisors?process=counter_1",
            done=Event("child_restarted", name="counter_1"),
            hint="The column Left in the tree, at demo_one_for_one, has a mark for each remaining restart.",
            seen="One is used. After 5 seconds without a crash it is available again.",
            concept="restart-intensity",
        ),
        Step(
            id="give-up",
            title="Use all restarts",
            text="Kill `counter_1` four times within 5 seconds. What does `demo_one_for_one` do at the fourth?",
            page="/supervisors?process=counter_1",
            done=Event("gave_up", supervisor="demo_one_for_one"),
            hint=(
                "Click Kill four times quickly, each time as soon as it runs again. In a terminal: `superlearner "
                "process kill counter_1`."
            ),
            seen="It gave up: it stopped its children and ended. The supervisor above it got the exit signal.",
            concept="restart-intensity",
        ),
        Step(
            id="chain",
            title="Read the chain",
            text="A second later the tree runs again. Open the tab `Why` of `counter_1`: what restarted it?",
            page="/supervisors?process=counter_1",
            done=Visited("/supervisors", {"process": "counter_1", "tab": "why"}),
            hint="Select counter_1; the tabs are at the top of its details.",
            seen="The chain begins at your first kill and ends above the supervisor that gave up.",
            concept="supervisor",
        ),
    ),
    learned="A fault that a restart does not fix moves up the tree, where a larger part is restarted.",
    docs="behaviours/supervisor#when-to-give-up",
)

CHANGE: Final = Tour(
    id="change",
    title="Change a strategy while it runs",
    why="Must a tree stop before its strategy can change?",
    minutes=4,
    needs=("counter_1", "counter_2", "printer_1"),
    steps=(
        Step(
            id="open",
            title="Open the strategy",
            text="Select the supervisor `demo_one_for_one` and press `Compare strategies`.",
            page="/supervisors?process=demo_one_for_one",
            done=Visited("/supervisors", {"process": "demo_one_for_one", "tab": "strategy"}),
            hint="Supervisors have a square mark in the tree. Compare strategies is in the tab Relations.",
            seen="It compares which children would restart under each strategy.",
            concept="strategy",
        ),
        Step(
            id="all",
            title="Make it one_for_all",
            text="Choose `one_for_all`, and press “Change to one_for_all”.",
            page="/supervisors?process=demo_one_for_one&tab=strategy",
            done=Event("strategy_changed", data={"strategy": "one_for_all"}),
            hint="In Relations of demo_one_for_one, Compare strategies. If it is one_for_all, choose another first.",
            seen="No child was restarted. The change applies to the next exit.",
            concept="strategy",
        ),
        Step(
            id="kill",
            title="See the difference",
            text="Kill `counter_1`, and watch `counter_2` and `printer_1`.",
            page="/supervisors?process=counter_1",
            done=Event("child_restarted", supervisor="demo_one_for_one", data={"strategy": "one_for_all"}),
            hint="The button Kill is at the top of the details of counter_1.",
            seen="All three restarted. A strategy that is too broad loses states without need.",
            concept="strategy",
        ),
        Step(
            id="back",
            title="Change it back",
            text="Choose `one_for_one` again for `demo_one_for_one`.",
            page="/supervisors?process=demo_one_for_one&tab=strategy",
            done=Event("strategy_changed", data={"strategy": "one_for_one"}),
            hint="In Relations of demo_one_for_one, Compare strategies, as before.",
            seen="A change lasts as long as the supervisor process. A new one uses the strategy in its code.",
            concept="strategy",
        ),
    ),
    learned="You can change supervision live; the next start uses the code again.",
    docs="restarts#change-the-strategy-while-it-runs",
)

PATTERNS: Final = (GIVE_UP, CHANGE)
