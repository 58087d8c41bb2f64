"""Predictions agree with the runtime's supervisors."""

from __future__ import annotations

import itertools
from typing import Any, cast

import pytest

import otp
from otp import Agent, Children, ChildSpec, Supervisor, impl
from otp.observer.prediction import Flags, Sibling, predict
from superlearner.control.supervising import flags_of, predict_all

RESTARTS = ("permanent", "transient", "temporary")


async def start_agent() -> Any:
    return await Agent.start_link(lambda: 0)


class Three(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        strategy, restarts = arg
        specs = [ChildSpec(id, (start_agent,), restart=restart) for id, restart in zip("abc", restarts, strict=True)]
        return Children(specs, strategy=strategy)


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
@pytest.mark.parametrize("reason", ["boom", "shutdown"])
def test_predictions_for_every_mixture_of_children_agree_with_the_runtime(strategy: str, reason: str) -> None:
    async def check(restarts: tuple[str, ...], child: str) -> None:
        sup: Any = await Supervisor.start_child("top", (Three, (strategy, restarts)))
        before = {one.id: one.pid for one in await Supervisor.which_children(sup)}
        (step,) = predict_all(sup, child, reason)
        otp.exit(cast("otp.Pid", before[child]), reason)
        after = {cast("str", one.id): one.pid for one in reversed(await Supervisor.which_children(sup))}
        changed = [id for id, pid in after.items() if pid != before[id]]
        renewed = [id for id in changed if after[id] is not None]
        gone = [id for id in before if id not in after]
        found = step.found
        assert (renewed, sorted(cast("list[str]", gone))) == (list(found.started), sorted(found.gone))
        assert (changed != renewed) == (found.outcome == "stays_down")
        flags = flags_of(sup)
        assert flags is not None
        assert flags.used == found.used
        await Supervisor.terminate_child("top", Three)
        await Supervisor.delete_child("top", Three)

    async def main() -> None:
        await Supervisor.start_link_children([], name="top")
        for restarts in itertools.product(RESTARTS, repeat=3):
            for child in "abc":
                await check(restarts, child)

    otp.run(main)


@pytest.mark.parametrize(
    ("auto_shutdown", "other_runs", "outcome"),
    [
        ("never", False, "gone"),
        ("any_significant", True, "stops"),
        ("all_significant", True, "gone"),
        ("all_significant", False, "stops"),
    ],
)
def test_the_end_of_a_significant_child_may_end_the_supervisor(
    auto_shutdown: str, other_runs: bool, outcome: str
) -> None:
    flags = Flags("one_for_one", 3, 5, auto_shutdown)
    siblings = [
        Sibling("a", "temporary", significant=True),
        Sibling("b", "temporary", running=other_runs, significant=True),
    ]
    assert predict(flags, siblings, "a", "normal").outcome == outcome
