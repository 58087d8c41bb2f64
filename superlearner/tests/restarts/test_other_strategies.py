"""Comparisons of a restart with other strategies agree with real supervisors."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

import otp
from restart_trees import (
    end,
    run,
    worker,
)
from superlearner.restarts.moments import Moment

STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one"]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from(["permanent", "transient", "temporary"]), min_size=1, max_size=5),
    st.sampled_from(STRATEGIES), st.sampled_from(["kill", "shutdown"]), st.data(),
)  # fmt: skip
def test_ghosts_are_what_the_runtime_does_under_the_other_strategy(
    restarts: list[str], strategy: str, reason: str, data: st.DataObject
) -> None:
    victim = f"w{data.draw(st.integers(0, len(restarts) - 1))}"

    def under(chosen: str) -> Moment:
        async def test(node: otp.Node) -> Moment:
            return await end(victim, reason)

        children = [worker(f"w{n}", restart=restart) for n, restart in enumerate(restarts)]
        return run(test, *children, strategy=chosen)

    def started(moment: Moment) -> set[str]:
        return {one.id for one in moment.events if one.kind == "start"}

    moment = under(strategy)
    for other in STRATEGIES:
        ghost = moment.ghosts[other]
        assert started(under(other)) == (started(moment) | set(ghost.also)) - set(ghost.no)
