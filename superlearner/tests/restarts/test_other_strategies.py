"""Comparisons of a restart with other strategies agree with real supervisors."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

import otp
from otp.testing import wait_all_idle
from restart_trees import (
    end,
    newest,
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


def test_a_sibling_that_crashed_as_well_is_restarted_under_each_strategy() -> None:
    """Regression: under one_for_one it "would keep running", although it had ended by itself."""

    async def test(node: otp.Node) -> Moment:
        otp.exit("w0", "kill")
        otp.exit("w1", "kill")
        await wait_all_idle()
        return newest(node)

    moment = run(test, worker("w0"), worker("w1"), worker("w2"), strategy="rest_for_one")
    assert moment.ghosts["one_for_one"].no == ("top/w2",)
