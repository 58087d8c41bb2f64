"""How the palette finds and orders, as pure functions, run where they live."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page


@pytest.fixture
def modules(blank: Page, platform: Any) -> Page:
    blank.goto(f"{platform.url}/static/icon.svg")
    blank.evaluate(
        """Promise.all(["shell/fuzzy", "shell/palette-items"].map((name) => import(`/static/${name}.js`)))
            .then((all) => Object.assign(window, ...all) && null)"""
    )
    return blank


def order(page: Page, question: str, *texts: str) -> list[str]:
    """The texts that fit, the best first."""
    return page.evaluate(
        """([question, texts]) => texts.map((text) => [text, fit(question, text)]).filter(([, found]) => found)
            .sort(([, one], [, other]) => other.score - one.score).map(([text]) => text)""",
        [question, list(texts)],
    )


def item(text: str, group: str = "Processes", **more: Any) -> dict[str, Any]:
    return {"id": f"{group}:{text}", "group": group, "icon": "run", "text": text, "more": "", "href": "/x"} | more


def ranked(page: Page, items: list[dict[str, Any]], question: str, recent: list[dict[str, str]] | None = None) -> Any:
    found = page.evaluate(
        "([items, question, recent]) => rank(items, question, recent)", [items, question, recent or []]
    )
    return [(group["name"], [one["item"]["text"] for one in group["found"]]) for group in found]


def test_a_name_that_begins_so_comes_first_then_beginnings_of_words_then_letters(modules: Page) -> None:
    found = order(modules, "led", "tiled_edges", "my_ledger", "ledger", "led", "zebra")
    assert found == ["led", "ledger", "my_ledger", "tiled_edges"]
    assert order(modules, "cs", "orders", "checkout_sup", "cart_cache") == ["checkout_sup"]
    assert order(modules, "DoFO", "demo_one_for_one", "DemoOneForOne") == ["DemoOneForOne", "demo_one_for_one"]


def test_letters_that_lie_far_apart_are_no_find_and_every_word_is_needed(modules: Page) -> None:
    assert order(modules, "ledg", "all events that led nowhere, a long way off gone") == []
    assert order(modules, "shop led", "ledger", "shop/ledger") == ["shop/ledger"]
    assert order(modules, "", "anything") == ["anything"]


def test_the_letters_that_were_meant_are_marked_also_in_odd_texts(modules: Page) -> None:
    marked = modules.evaluate("pieces('checkout_sup', fit('cs', 'checkout_sup').places)")
    assert marked == [["c", True], ["heckout_", False], ["s", True], ["up", False]]
    assert modules.evaluate("fit('i', 'İstanbul') !== null || true")
    assert modules.evaluate("fit('a'.repeat(500), 'b'.repeat(20000))") is None


def test_without_a_question_recent_ones_come_first_and_are_not_said_twice(modules: Page) -> None:
    items = [item("Supervisors", "Pages"), item("Docs", "Pages"), item("ledger")]
    assert ranked(modules, items, "", [item("Docs", "Pages"), item("cart")]) == [
        ("Recent", ["Docs", "cart"]),
        ("Pages", ["Supervisors"]),
    ]


def test_the_group_with_the_best_find_is_first_and_what_was_chosen_before_is_better(modules: Page) -> None:
    items = [item("process.kill", "Operations"), item("killer"), item("kilo"), item("Kill it", "Documentation")]
    assert ranked(modules, items, "kil")[0][0] in ("Processes", "Documentation")
    assert ranked(modules, items, "kil", [item("kilo")])[0] == ("Processes", ["kilo", "killer"])
    assert ranked(modules, [item("x", more="of the shop")], "shop") == [("Processes", ["x"])]


def test_what_storage_holds_is_trusted_only_as_far_as_it_leads_here(modules: Page) -> None:
    good = item("ledger", href="http://here/supervisors")
    bad = [good, item("a", href="javascript:alert(1)"), item("b", href="https://there/"), {"id": 1}, None, "x"]
    found = modules.evaluate("(stored) => trusted(stored, 'http://here')", bad)
    assert [one["text"] for one in found] == ["ledger"]
    assert modules.evaluate("trusted({}, 'http://here')") == []
    assert [one["text"] for one in modules.evaluate("([a, b]) => remembered([a, b], b)", [good, item("cart")])] == [
        "cart",
        "ledger",
    ]


def test_a_verb_and_a_process_offer_the_act_before_all_else(modules: Page) -> None:
    robot, page_of = item("robot", line={"pid": "0.7.0"}), item("Killers", "Pages")
    found = ranked(modules, [page_of, robot, item("process.kill", "Operations"), item("rob")], "kill rob")
    assert found[0] == ("Acts", ["Kill robot"])
    assert [group for group, _ in ranked(modules, [page_of, robot], "kill")] == ["Pages"]
    assert modules.evaluate("['kill robot', 'End 0.7.0', 'killer', 'kill'].map(subject)") == [
        "robot", "0.7.0", "killer", "kill",
    ]  # fmt: skip
