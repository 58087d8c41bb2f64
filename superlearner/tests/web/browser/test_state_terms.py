"""What the tabs of the detail pane work out without a page: changed places, edits, what is wrong with JSON, lives."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page

RUN = """async ([module, name, args]) => (await import(`/static/${module}.js`))[name](...args)"""


@pytest.fixture
def modules(browser: Browser, platform: Any) -> Any:
    """A page that has the modules and nothing else."""
    page = browser.new_page()
    page.goto(f"{platform.url}/static/icon.svg")
    yield page
    page.close()


def run(page: Page, module: str, name: str, *args: Any) -> Any:
    return page.evaluate(RUN, [module, name, list(args)])


def term(label: str, text: str, *members: Any, size: int | None = None, start: int = 0, kind: str = "") -> Any:
    of = kind or ("dict" if members else "int")
    size = len(members) or None if size is None else size
    return {
        "label": label, "type": of, "text": text, "size": size, "start": start, "members": list(members),
        "hidden": False, "cut": False,
    }  # fmt: skip


def test_a_change_is_told_at_the_innermost_place_that_is_known(modules: Page) -> None:
    def changed(before: Any, now: Any) -> list[str]:
        return run(modules, "process/state-terms", "changedPlaces", before, now)

    before = term("", "", term("a", "1"), term("b", "{…}", term("x", "1"), term("y", "2")))
    assert changed(before, before) == []
    assert changed(before, term("", "", term("a", "1"), term("b", "{…}", term("x", "1"), term("y", "3")))) == ["1.1"]
    assert changed(before, term("", "", term("b", "{…}", term("x", "1"), term("y", "2")), term("a", "1"))) == []
    assert changed(before, term("", "", term("a", "1", kind="str"), before["members"][1])) == ["0"]
    assert changed(before, term("", "", *before["members"], term("c", "4"))) == ["2"]
    assert changed(before, term("", "", before["members"][0])) == [""]
    assert changed(None, before) == []
    part = [term(str(n), str(n)) for n in range(3)]
    assert changed(term("", "", *part, size=100), term("", "", *part, size=101)) == [""]


def test_an_edit_becomes_the_keys_that_it_changes(modules: Page) -> None:
    before = {"user": "ada", "cart": [{"price": 1}, 2], "n": 1}
    after = {"user": "ada", "cart": [{"price": 2}], "n": 1, "new": None}
    found = run(modules, "process/state-terms", "differences", before, after)
    assert [(one["path"], one["kind"]) for one in found] == [
        ("cart[0].price", "changed"), ("cart[1]", "removed"), ("new", "added"),
    ]  # fmt: skip
    update = run(modules, "process/state-terms", "updateOf", before, after)
    assert update == {"changes": {"cart": [{"price": 2}], "new": None}, "removed": []}
    assert run(modules, "process/state-terms", "updateOf", before, {"user": "ada"})["removed"] == ["cart", "n"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Expected JSON, got nothing."),
        ("{\n  'user': 1\n}", "Texts stand in double quotes."),
        ('{"a": 1,\n "b" 2}', "Line 2"),
    ],
)
def test_what_is_no_json_is_told_with_its_place(modules: Page, text: str, said: str) -> None:
    found = run(modules, "process/state-terms", "parsed", text)
    assert said in found["wrong"]
    assert run(modules, "process/state-terms", "parsed", "[1]") == {"value": [1], "wrong": None}


def test_lives_follow_each_other_and_each_can_be_seen(modules: Page) -> None:
    exits = [
        {"at": 110.0, "reason": "killed", "pid": "0.3.0", "crash": True},
        {"at": 100.0, "reason": "normal", "pid": "0.2.0", "crash": False},
    ]
    lives = run(modules, "process/lives", "livesOf", exits, {"pid": "0.4.0", "startedAt": 110.5})
    assert [(one["pid"], one["from"], one["to"]) for one in lives] == [
        ("0.2.0", None, 100), ("0.3.0", 100, 110), ("0.4.0", 110.5, None),
    ]  # fmt: skip
    bars = run(modules, "process/lives", "timeline", lives, 100_000)
    assert min(one["width"] for one in bars) > 0.01
    assert bars[-1]["left"] + bars[-1]["width"] <= 1.0001
    assert [one["left"] for one in bars] == sorted(one["left"] for one in bars)
    assert [
        one["pid"] for one in run(modules, "process/lives", "livesOf", exits, {"pid": None, "startedAt": None})
    ] == [
        "0.2.0",
        "0.3.0",
    ]
