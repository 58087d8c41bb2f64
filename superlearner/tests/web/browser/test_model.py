"""The reducer of the page, a pure function, run where it lives."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page


@pytest.fixture
def modules(blank: Page, platform: Any) -> Page:
    """The modules, from a platform that serves them."""
    blank.goto(f"{platform.url}/static/icon.svg")
    blank.evaluate(
        """Promise.all(["live/model", "tree/outline"].map((name) => import(`/static/${name}.js`)))
            .then(([model, outline]) => Object.assign(window, model, outline) && null)"""
    )
    return blank


# A tree as nested dicts: name -> (value, children). Deltas are made from two of them, as a server would.
trees = st.recursive(
    st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.integers(0, 3), st.just({})), max_size=3),
    lambda deeper: st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.integers(0, 3), deeper), max_size=4),
    max_leaves=12,
)


def rows(tree: dict[str, Any], parent: str | None = None) -> list[dict[str, Any]]:
    """The rows of a tree in preorder, each with the sibling before it."""
    found: list[dict[str, Any]] = []
    after: str | None = None
    for name, (value, children) in tree.items():
        key = f"{parent}/{name}" if parent else name
        found += [{"key": key, "parent": parent, "id": name, "restarts": value, "after": after}, *rows(children, key)]
        after = key
    return found


def delta(old: dict[str, Any], new: dict[str, Any], seq: int) -> dict[str, Any]:
    """What turns one tree into the other: rows whose place changed go and come again."""
    before, after = ({row["key"]: row for row in rows(tree)} for tree in (old, new))
    gone = [key for key, row in before.items() if key not in after or after[key]["after"] != row["after"]]
    out = {key for key in before if any(key == top or key.startswith(f"{top}/") for top in gone)}
    return {
        "k": "d", "seq": seq, "x": gone, "n": [row for key, row in after.items() if key not in before or key in out],
        "p": [[key, {"restarts": row["restarts"]}] for key, row in after.items()
              if key in before and key not in out and row["restarts"] != before[key]["restarts"]],
    }  # fmt: skip


def snapshot(tree: dict[str, Any], seq: int) -> dict[str, Any]:
    return {"k": "s", "epoch": "e", "seq": seq, "now": 0, "nodes": rows(tree), "feed": [], "health": None}


@given(st.lists(trees, min_size=1, max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_snapshot_and_its_deltas_make_what_the_last_snapshot_makes(
    modules: Page, history: list[dict[str, Any]]
) -> None:
    frames = [snapshot(history[0], 0)]
    frames += [delta(old, new, seq) for seq, (old, new) in enumerate(itertools.pairwise(history), 1)]
    text = """(frames) => outline(frames.reduce(reduce, EMPTY), new Set(), "")
        .map(({row, depth, place, siblings, open}) => [row.key, row.restarts, depth, place, siblings, open])"""
    assert modules.evaluate(text, frames) == modules.evaluate(text, [snapshot(history[-1], 0)])


def test_the_reducer_leaves_the_old_model_as_it_was(modules: Page) -> None:
    frames = [
        snapshot({"a": (0, {"b": (1, {}), "c": (2, {})})}, 0),
        delta({"a": (0, {"b": (1, {}), "c": (2, {})})}, {"a": (5, {"c": (2, {})})}, 1),
    ]
    same = """(frames) => {
        const before = reduce(EMPTY, frames[0]), copy = JSON.stringify([[...before.rows], [...before.kids]]);
        const after = reduce(before, frames[1]);
        const untouched = copy === JSON.stringify([[...before.rows], [...before.kids]]);
        return [untouched, after === before, before.rows.get("a/c") === after.rows.get("a/c"), EMPTY.rows.size];
    }"""
    frames[1]["x"], frames[1]["n"] = ["a/b"], []  # c keeps its place
    assert modules.evaluate(same, frames) == [True, False, True, 0]


def test_nothing_is_applied_after_a_gap_until_a_snapshot_comes(modules: Page) -> None:
    tree = {"a": (0, {})}
    frames = [
        snapshot(tree, 4),
        {"k": "d", "seq": 6, "p": [["a", {"restarts": 1}]]},
        {"k": "d", "seq": 5, "p": [["a", {"restarts": 2}]]},
    ]
    text = """(frames) => {
        const model = frames.reduce(reduce, EMPTY);
        return [model.gap, model.seq, model.rows.get("a").restarts];
    }"""
    assert modules.evaluate(text, frames) == [True, 4, 0]
    assert modules.evaluate(text, [*frames, snapshot({"a": (9, {})}, 6)]) == [False, 6, 9]
    assert modules.evaluate("(delta) => reduce(EMPTY, delta) === EMPTY", frames[1])


@pytest.mark.parametrize(
    ("budget", "now", "left", "next_back"),
    [
        ({"used": 0, "max": 3, "window_s": 5, "resets_at": None, "expires": []}, 10, 3, None),
        ({"used": 2, "max": 3, "window_s": 5, "resets_at": 14, "expires": [12, 14]}, 10, 1, 12),
        ({"used": 2, "max": 3, "window_s": 5, "resets_at": 14, "expires": [12, 14]}, 12, 2, 14),
        ({"used": 2, "max": 3, "window_s": 5, "resets_at": 14, "expires": [12, 14]}, 99, 3, None),
        ({"used": 2, "max": 3, "window_s": 5, "resets_at": 14}, 13, 1, 14),
        ({"used": 20, "max": 30, "window_s": 5, "resets_at": 14, "expires": [13, 14]}, 12, 10, 13),
        ({"used": 20, "max": 30, "window_s": 5, "resets_at": 14, "expires": [13, 14]}, 13.5, 29, 14),
        ({"used": 5, "max": 3, "window_s": 5, "resets_at": 14, "expires": [14, 14, 14, 14, 14]}, 12, 0, 14),
    ],
)
def test_the_budget_at_a_moment(
    modules: Page, budget: dict[str, Any], now: float, left: int, next_back: float | None
) -> None:
    assert modules.evaluate("([budget, now]) => budgetAt(budget, now)", [budget, now]) == {
        "left": left,
        "next": next_back,
    }


def test_the_feed_keeps_its_newest(modules: Page) -> None:
    frames = [snapshot({}, 0), {"k": "d", "seq": 1, "e": [{"id": number} for number in range(250)]}]
    ids = "(frames) => frames.reduce(reduce, EMPTY).feed.map((event) => event.id)"
    assert modules.evaluate(ids, frames) == list(range(50, 250))
