"""Rules of strategies, grading of answers, layout of signals: pure functions of the pages, run by Node."""

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
    with run_modules("live/model", "live/bursts", "teaching/strategy-rules", "teaching/signal-lanes") as modules:
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


def tree(**pids: str | None) -> list[dict[str, Any]]:
    base = {"kind": "worker", "name": None, "restart": "permanent", "state": "running", "strategy": None}
    top = base | {
        "key": "s",
        "id": "s",
        "parent": None,
        "pid": "0.1.0",
        "kind": "supervisor",
        "strategy": "rest_for_one",
    }
    return [top, *(base | {"key": f"s/{id}", "id": id, "parent": "s", "pid": pid} for id, pid in pids.items())]


def snapshot(nodes: list[dict[str, Any]], feed: list[dict[str, Any]]) -> dict[str, Any]:
    return {"k": "s", "epoch": "e", "seq": 0, "now": 0, "nodes": nodes, "feed": feed, "health": None}


def started(*keys: str) -> dict[str, Any]:
    """Signals of an entry whose supervisor started these, as they travel."""
    return {"who": ["", *keys], "list": [["s", 0, place, place, "0.9.0"] for place in range(1, len(keys) + 1)]}


PLAY = """([then, now, expected]) => {
    const was = before(reduce(EMPTY, then), "s", "s/b", "killed");
    const seen = observe(was, reduce(EMPTY, now));
    return {settled: seen.settled, gaveUp: seen.gaveUp, started: [...seen.started].sort(),
        graded: grade(new Set(expected), was, seen).map(({label, verdict, words}) => [label, verdict, words]),
        score: counting(NO_SCORE, grade(new Set(expected), was, seen), !seen.gaveUp)};
}"""


def test_an_answer_is_compared_with_the_feed_child_by_child_and_each_gets_its_reason(rules: JsModules) -> None:
    told = {
        "id": 1,
        "key": "s/b",
        "pid": "0.3.0",
        "kind": "restarted",
        "sup": "s",
        "parts": {"signals": started("/b", "/c")},
    }
    then = snapshot(tree(a="0.2.0", b="0.3.0", c="0.4.0"), [])
    now = snapshot(tree(a="0.2.0", b="0.5.0", c="0.6.0"), [told])
    found = rules.evaluate(PLAY, [then, now, ["s/a", "s/b"]])
    assert (found["settled"], found["gaveUp"], found["started"]) == (True, False, ["s/b", "s/c"])
    assert found["graded"] == [
        ["a", "wrong", "It was started before b: rest_for_one leaves it alone."],
        ["b", "right", "It died; a permanent child is always started again."],
        ["c", "missed", "rest_for_one restarts it too, because it was started after b."],
    ]
    assert found["score"] == {"rounds": 1, "clean": 0, "right": 1, "of": 3}


def test_nothing_is_shown_before_the_feed_reports_the_end(rules: JsModules) -> None:
    then = snapshot(tree(a="0.2.0", b="0.3.0"), [])
    open_entry = {
        "id": 1,
        "key": "s/b",
        "pid": "0.3.0",
        "kind": "restarted",
        "sup": "s",
        "parts": {"signals": started("/b"), "open": True},
    }
    assert not rules.evaluate(PLAY, [then, then, []])["settled"]
    assert not rules.evaluate(PLAY, [then, snapshot(tree(a="0.2.0", b=None), [open_entry]), []])["settled"]
    other = open_entry | {"key": "s/a", "pid": "0.2.0", "parts": {"signals": started("/a")}}
    assert not rules.evaluate(PLAY, [then, snapshot(tree(a="0.9.0", b="0.3.0"), [other]), []])["settled"]


def test_a_give_up_is_shown_as_one(rules: JsModules) -> None:
    then = snapshot(tree(a="0.2.0", b="0.3.0"), [])
    end = {"id": 1, "key": "s/b", "pid": "0.3.0", "kind": "killed", "parts": {"signals": started()}}
    up = {"id": 2, "key": "s", "pid": "0.1.0", "kind": "gave_up", "parts": {"signals": started("s")}}
    found = rules.evaluate(PLAY, [then, snapshot(tree(a="0.8.0", b="0.9.0"), [end, up]), []])
    assert (found["gaveUp"], found["started"]) == (True, ["s/a", "s/b"])
    assert found["graded"][0] == [
        "a", "missed", "s had no restart left, gave up and was started again, with all its children.",
    ]  # fmt: skip


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
    assert rules.evaluate("(event) => [isSettled(event), startedIn(event)]", event) == [True, ["top/s/a"]]


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
