"""Advanced patterns."""

from __future__ import annotations

from typing import Final

from superlearner.teaching.learning.tour import Event, Step, Tour, Visited

__all__ = ["PATTERNS"]

GIVE_UP: Final = Tour(
    id="give-up",
    title="Give up, and the level above",
    why="What a restart does not mend must not be restarted for ever. So a supervisor has a limit.",
    minutes=4,
    needs=("counter_1",),
    steps=(
        Step(
            id="spend",
            title="Spend a restart",
            text="Kill `counter_1`. Its supervisor may restart 3 times in 5 seconds; see how many are left.",
            page="/supervisors?process=counter_1",
            done=Event("child_restarted", name="counter_1"),
            hint="The column Left in the tree, at demo_one_for_one, has a mark for each restart that is left.",
            seen="One is spent. After 5 quiet seconds it is there again.",
            concept="restart-intensity",
        ),
        Step(
            id="give-up",
            title="Spend all of them",
            text="Kill `counter_1` four times within 5 seconds. Then `demo_one_for_one` gives up.",
            page="/supervisors?process=counter_1",
            done=Event("gave_up", supervisor="demo_one_for_one"),
            hint=(
                "Click Kill four times quickly, each time as soon as it runs again. In a terminal: `superlearner "
                "process kill counter_1`."
            ),
            seen="It ended itself and all its children. Its own supervisor, one level up, got the exit signal.",
            concept="restart-intensity",
        ),
        Step(
            id="chain",
            title="Read the chain",
            text="A second later the tree is back: a level up restarts can go on. Open the tab `Why` of `counter_1`.",
            page="/supervisors?process=counter_1",
            done=Visited("/supervisors", {"process": "counter_1", "tab": "why"}),
            hint="Pick counter_1; the tabs are at the top of its details.",
            seen="The chain begins at your first kill and ends above the supervisor that gave up.",
            concept="supervisor",
        ),
    ),
    learned="A failure that does not go away climbs the tree, until it comes to somebody who can begin afresh.",
    docs="behaviours/supervisor#when-to-give-up",
)

CHANGE: Final = Tour(
    id="change",
    title="Change a strategy while it runs",
    why="The tree is data that the supervisor holds: it can be changed without stopping one process.",
    minutes=4,
    needs=("counter_1", "counter_2", "printer_1"),
    steps=(
        Step(
            id="open",
            title="Open the strategy",
            text="Pick the supervisor `demo_one_for_one` and open its tab `Strategy`.",
            page="/supervisors?process=demo_one_for_one",
            done=Visited("/supervisors", {"process": "demo_one_for_one", "tab": "strategy"}),
            hint="Supervisors have a square mark in the tree. Strategy is a tab in the details.",
            seen="It compares who would start again, for each strategy, before you change anything.",
            concept="strategy",
        ),
        Step(
            id="all",
            title="Make it one_for_all",
            text="Choose `one_for_all`, and press “Change to one_for_all”.",
            page="/supervisors?process=demo_one_for_one&tab=strategy",
            done=Event("strategy_changed", data={"strategy": "one_for_all"}),
            hint="In the tab Strategy of demo_one_for_one. If it is one_for_all already, choose another and then this.",
            seen="No child was restarted for it: only the next end is answered in another way.",
            concept="strategy",
        ),
        Step(
            id="kill",
            title="See the difference",
            text="Kill `counter_1`, and watch `counter_2` and `printer_1`.",
            page="/supervisors?process=counter_1",
            done=Event("child_restarted", supervisor="demo_one_for_one", data={"strategy": "one_for_all"}),
            hint="The button Kill is at the top of the details of counter_1.",
            seen="All three started again. So a strategy that is too wide costs states that nobody had to lose.",
            concept="strategy",
        ),
        Step(
            id="back",
            title="Put it back",
            text="Make `demo_one_for_one` what its name says: choose `one_for_one` again.",
            page="/supervisors?process=demo_one_for_one&tab=strategy",
            done=Event("strategy_changed", data={"strategy": "one_for_one"}),
            hint="In the tab Strategy of demo_one_for_one, as before.",
            seen="It lasts as long as the supervisor: a new one has what its code says.",
            concept="strategy",
        ),
    ),
    learned="Supervision is changed live, as an experiment; what the code says comes back with the next start.",
    docs="restarts#change-the-strategy-while-it-runs",
)

PATTERNS: Final = (GIVE_UP, CHANGE)
