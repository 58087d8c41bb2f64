"""The layout of sequence diagrams, a pure function, run where it lives."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page


@pytest.fixture
def modules(blank: Page, platform: Any) -> Page:
    """The modules, from a platform that serves them."""
    blank.goto(f"{platform.url}/static/icon.svg")
    blank.evaluate(
        "import('/static/traces/sequence-layout.js').then((layout) => Object.assign(window, layout) && null)"
    )
    return blank


def message(seq: int, kind: str, sender: str | None, to: str, **more: Any) -> dict[str, Any]:
    return {"seq": seq, "at": 100 + seq / 1000, "kind": kind, "from": sender, "to": to, "text": f"m{seq}"} | more


def mark(seq: int, kind: str, who: str) -> dict[str, Any]:
    return {"seq": seq, "at": 100 + seq / 1000, "kind": kind, "who": who, "text": ""}


def arranged(page: Page, items: list[Any], people: list[Any] = [], opened: list[str] = []) -> Any:
    return page.evaluate(
        """([items, people, opened]) => {
            const layout = arrange(items, new Map(people.map((one) => [one.pid, one])), {opened: new Set(opened)});
            return {...layout, places: [...layout.places]};
        }""",
        [items, people, opened],
    )


def test_a_call_and_its_answer_are_a_pair_with_a_latency_and_a_bar(modules: Page) -> None:
    items = [
        message(1, "call", "0.1.0", "0.2.0", answer=4),
        message(2, "cast", "0.2.0", "0.3.0"),
        message(4, "reply", "0.2.0", "0.1.0", answers=1),
        message(5, "call", "0.1.0", "0.2.0"),
    ]
    found = arranged(modules, items)
    assert [(row["lane"], row["to"]) for row in found["rows"]] == [(0, 1), (1, 2), (1, 0), (0, 1)]
    assert [row["latency"] and round(row["latency"], 6) for row in found["rows"]] == [0.003, None, 0.003, None]
    assert found["spans"] == [{"lane": 1, "first": 0, "last": 2, "open": False}]


def test_a_process_that_is_started_again_goes_on_in_the_lane_of_its_name(modules: Page) -> None:
    people = [{"pid": pid, "name": "ledger", "label": "ledger"} for pid in ("0.2.0", "0.9.0")]
    items = [
        message(1, "cast", "0.1.0", "0.2.0"),
        mark(2, "crashed", "0.2.0"),
        message(3, "info", None, "0.1.0"),
        mark(4, "started", "0.9.0"),
        message(5, "cast", "0.1.0", "0.9.0"),
    ]
    found = arranged(modules, items, people)
    assert [lane["label"] for lane in found["lanes"]] == ["0.1.0", "ledger", "outside"]
    lives = modules.evaluate("(layout) => lifeIn(layout, 1, 0, 5)", found)
    assert lives == [
        {"from": 0, "to": 1.5, "alive": True},
        {"from": 1.5, "to": 3.5, "alive": False},
        {"from": 3.5, "to": 5, "alive": True},
    ]
    assert modules.evaluate("(layout) => lifeIn(layout, 1, 2, 3)", found) == [{"from": 2, "to": 3, "alive": False}]


def test_more_than_a_dozen_lanes_are_folded_by_supervisor_and_unfold_one_by_one(modules: Page) -> None:
    people = [
        {"pid": f"0.{number}.0", "label": f"w{number}", "supervisor": "pool" if number < 11 else "other"}
        for number in range(1, 21)
    ]
    items = [message(number, "info", None, f"0.{number}.0") for number in range(1, 21)]
    folded = arranged(modules, items, people)
    assert [lane["label"] for lane in folded["lanes"]][:3] == ["outside", "10 below pool", "w11"]
    assert len(folded["lanes"]) == 12
    opened = arranged(modules, items, people, ["pool"])
    assert len(opened["lanes"]) == 21
    assert [lane["group"] for lane in opened["lanes"]][:3] == [None, "pool", "pool"]
    few = arranged(modules, items[:5], people)
    assert not any(lane["folded"] for lane in few["lanes"])


def test_a_window_has_the_bars_that_began_long_before_it(modules: Page) -> None:
    items = [message(1, "call", "0.1.0", "0.2.0", answer=5000)]
    items += [message(number, "cast", "0.3.0", "0.4.0") for number in range(2, 5000)]
    items.append(message(5000, "reply", "0.2.0", "0.1.0", answers=1))
    found = arranged(modules, items)
    assert modules.evaluate("(layout) => spansIn(layout, 2000, 2040).length", found) == 1
    assert modules.evaluate("(layout) => spansIn(layout, 0, 0).length", found) == 0


def test_no_more_lanes_than_can_be_read_and_the_rest_share_the_last(modules: Page) -> None:
    items = [message(number, "info", None, f"0.{number}.0") for number in range(1, 200)]
    people = [{"pid": f"0.{number}.0", "name": f"w{number}", "label": f"w{number}"} for number in range(1, 200)]
    found = arranged(modules, items, people)
    assert len(found["lanes"]) == 40
    assert (found["lanes"][-1]["label"], found["rows"][-1]["to"]) == ("others", 39)
    nameless = arranged(modules, items)
    assert [lane["label"] for lane in nameless["lanes"]] == ["outside", "199 without a name"]


def test_a_row_is_a_sentence_with_what_became_of_the_message(modules: Page) -> None:
    items = [
        message(1, "call", "0.1.0", "0.2.0", answer=2),
        message(2, "reply", "0.2.0", "0.1.0", answers=1),
        message(3, "cast", "0.1.0", "0.2.0", dropped=True),
    ]
    said = modules.evaluate(
        """(items) => {
            const layout = arrange(items, new Map());
            return items.map((_, at) => describe(layout, at, new Map()));
        }""",
        items,
    )
    assert said[0] == "0.000 s: 0.1.0 calls 0.2.0: m1, answered in 1.00 ms"
    assert said[1] == "0.001 s: 0.2.0 replies to 0.1.0: m2, after 1.00 ms"
    assert said[2] == "0.002 s: 0.1.0 casts to 0.2.0: m3, dropped: the receiver had ended"


def test_filters_take_answers_with_their_calls_and_ends_with_signals(modules: Page) -> None:
    items = [
        message(1, "call", "0.1.0", "0.2.0"),
        message(2, "reply", "0.2.0", "0.1.0"),
        message(3, "system", "0.2.0", "0.1.0", text="Down(ref)", tag="Down"),
        mark(4, "crashed", "0.2.0"),
    ]
    seen = "([items, filter]) => items.filter((item) => fits(item, filter, new Map())).map((item) => item.seq)"
    assert modules.evaluate(seen, [items, {"kind": "call"}]) == [1, 2]
    assert modules.evaluate(seen, [items, {"kind": "ends"}]) == [3, 4]
    assert modules.evaluate(seen, [items, {"text": "DOWN"}]) == [3]
    assert modules.evaluate(seen, [items, {"who": "0.2.0", "kind": "crashed"}]) == [4]


def test_latencies_of_those_without_a_name_are_one_line_for_their_class(modules: Page) -> None:
    people = [
        {"pid": "0.1.0", "name": "shop", "what": "Shop", "label": "shop"},
        *({"pid": f"0.{n}.0", "name": None, "what": "Order", "label": f"Order 0.{n}.0"} for n in (5, 6, 7)),
        {"pid": "0.9.0", "name": None, "what": "outside", "label": "outside"},
    ]
    items = [
        *(message(n, "call", f"0.{n}.0", "0.1.0", tag="pay") for n in (5, 6, 7)),
        *(message(10 + n, "reply", "0.1.0", f"0.{n}.0", answers=n) for n in (5, 6)),
        message(20, "call", None, "0.5.0", tag="ask"),
        message(21, "reply", "0.5.0", "0.9.0", answers=20),
    ]
    found = modules.evaluate(
        """async ([items, people]) => {
            const { latencies } = await import("/static/traces/traces-model.js");
            return latencies(items, new Map(people.map((one) => [one.pid, one])))
                .map(({ from, to, tag, count, open }) => [from, to, tag, count, open]);
        }""",
        [items, people],
    )
    assert found == [["Order (3)", "shop", "pay", 3, 1], ["outside", "Order 0.5.0", "ask", 1, 0]]
    lanes = arranged(modules, items[-2:], people)["lanes"]
    assert [(lane["label"], lane["pids"]) for lane in lanes] == [("outside", ["0.9.0"]), ("Order 0.5.0", ["0.5.0"])]
