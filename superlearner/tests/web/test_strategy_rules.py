"""Rules of strategies, layout of signals: pure functions of the pages, run by Node."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from js_modules import JsModules, run_modules
from otp.observer.prediction import Flags, Sibling, predict
from superlearner.live.signals import Burst

HURRY = settings(max_examples=40, deadline=None)


@pytest.fixture(scope="module")
def rules() -> Iterator[JsModules]:
    with run_modules("live/bursts", "teaching/strategy-rules", "teaching/signal-lanes") as modules:
        yield modules


restarts = st.sampled_from(["permanent", "transient", "temporary"])
strategies = st.sampled_from(["one_for_one", "rest_for_one", "one_for_all"])


@given(st.lists(restarts, min_size=1, max_size=5), strategies, st.data(), st.sampled_from(["killed", "shutdown"]))
@HURRY
def test_the_picture_of_a_strategy_says_what_the_platform_predicts(
    rules: JsModules, kinds: list[Any], strategy: str, data: Any, reason: str
) -> None:
    siblings = [Sibling(f"c{place}", kind) for place, kind in enumerate(kinds)]
    victim = data.draw(st.sampled_from([one.id for one in siblings]))
    found = predict(Flags(strategy, "infinity", 5), siblings, victim, reason)
    children = [{"key": one.id, "restart": one.restart} for one in siblings]
    fates = rules.evaluate("(asked) => Object.fromEntries(fates(...asked))", [strategy, children, victim, reason])
    assert {key for key, fate in fates.items() if fate == "restarts"} == set(found.started)
    assert {key for key, fate in fates.items() if fate == "stays"} == set(found.untouched)


kinds_of_signals = st.sampled_from(["kill", "exit", "stop", "start", "gave_up"])
signals = st.tuples(kinds_of_signals, st.integers(-1, 3), st.integers(0, 3), st.integers(0, 9999), st.just("x"))
lines = st.lists(st.none() | st.integers(0, 900), min_size=4, max_size=4)


@given(st.lists(signals, min_size=1, max_size=40), lines.filter(lambda heights: heights != [None] * 4))
@HURRY
def test_arrows_stand_in_the_order_of_the_signals_between_their_lines(
    rules: JsModules, told: list[Any], heights: list[int | None]
) -> None:
    burst = {"who": [[f"k{n}", f"n{n}"] for n in range(4)], "list": told, "more": 0}
    plan = rules.evaluate("(asked) => drawing(...asked)", [burst, heights, {"left": 0, "right": 500, "row": 30}])
    xs = [arrow["x"] for arrow in plan["arrows"]]
    assert xs == sorted(xs)
    assert all(0 <= x <= 500 for x in xs)
    for arrow in plan["arrows"]:
        kind, source, target, _, _ = told[arrow["n"] - 1]
        assert (arrow["kind"], arrow["to"], arrow["outside"]) == (kind, heights[target], source < 0)
        assert plan["top"] <= min(arrow["from"], arrow["to"]) <= max(arrow["from"], arrow["to"]) <= plan["bottom"]
    assert len(plan["arrows"]) == sum(heights[signal[2]] is not None for signal in told)


def test_a_burst_is_replayed_in_a_second_and_a_half_one_arrow_after_the_other(rules: JsModules) -> None:
    times = rules.evaluate("schedule(6)")
    assert times[0][0] == 0
    assert times[-1][1] == 1500
    assert all(times[place][1] == times[place + 1][0] for place in range(5))
    assert rules.evaluate("[850, 1234, 36_000, 2_500_000].map(offset)") == ["+850 µs", "+1.2 ms", "+36 ms", "+2.5 s"]


def test_signals_are_read_as_they_were_before_they_were_made_short(rules: JsModules) -> None:
    burst = Burst()
    burst.add("kill", None, ("top/s/a", "a"), 1_000_000)
    burst.add("exit", ("top/s/a", "a"), ("top/s", "shop"), 1_200_000, "killed")
    burst.add("stop", ("top/s", "shop"), ("top/s/b%2F1", "b/1"), 1_300_000, "shutdown")
    burst.add("start", ("top/s", "shop"), ("top/s/a", "a"), 1_900_000, "0.9.0")
    burst.add("link", ("other/x", "x"), ("top/s", "shop"), 2_000_000, "killed")
    event = {"sup": "top/s", "parts": {"reason": "killed", "signals": burst.encode("top/s", "killed")}}
    who = [["top/s/a", "a"], ["top/s", "shop"], ["top/s/b%2F1", "b/1"], ["other/x", "x"]]
    found = rules.evaluate("(event) => burstOf(event)", event)
    assert (found["who"], found["more"]) == (who, 0)
    assert [signal[0] for signal in found["list"]] == ["kill", "exit", "stop", "start", "link"]
    assert [signal[3] for signal in found["list"]] == [0, 200, 300, 900, 1000]
    assert [signal[4] for signal in found["list"]] == ["", "killed", "shutdown", "0.9.0", "killed"]
    assert rules.evaluate("isSettled", event) is True


spots = st.fixed_dictionaries({"x": st.integers(0, 900), "y": st.integers(0, 900), "size": st.integers(3, 20)})


@given(st.none() | spots, spots, st.integers(0, 39))
@HURRY
def test_an_arrow_of_the_map_ends_at_the_edge_of_its_cell(
    rules: JsModules, begin: dict[str, int] | None, target: dict[str, int], place: int
) -> None:
    found = rules.evaluate("(asked) => bow(...asked)", [begin, target, place])
    assert "NaN" not in found["path"]
    away = math.dist(found["end"], (target["x"], target["y"]))
    assert abs(away - target["size"] / 2 - 3) < 1
