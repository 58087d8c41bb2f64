"""The tabs about restarts with names that are no names, with answers that refuse, and with a feed that says little."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from page_width import SIDEWAYS

SHOP = "app/shop_sup"
HTML = '<img src=x onerror="document.title=1">'


def predicting(page: Page, supervisor: str = SHOP) -> Locator:
    page.locator(f'[role=treeitem][data-key="{supervisor}"] .id').click()
    page.get_by_role("tab", name="Relations").click()
    page.get_by_role("button", name="Predict a restart").click()
    return page.locator("sl-predict")


def test_names_are_text_however_long_they_are(open_page: Callable[..., Page], platform: Any) -> None:
    platform.nodes[3] = platform.nodes[3] | {"name": HTML}
    platform.nodes[4] = platform.nodes[4] | {"name": "x" * 10_000}
    page = open_page(f"{platform.url}/supervisors", width=390)
    asked = predicting(page)
    expect(asked.get_by_role("checkbox", name=HTML)).to_be_visible()
    page.get_by_role("tab", name="Relations").click()
    page.get_by_role("button", name="Compare strategies").click()
    expect(page.get_by_role("table").get_by_role("rowheader", name=HTML)).to_be_visible()
    expect(page.get_by_role("group", name="Child that is killed").get_by_role("button", name=HTML)).to_be_visible()
    assert page.evaluate(SIDEWAYS) == 0
    assert page.title() != "1"


def test_a_refused_kill_is_reported_and_can_be_retried(page: Page, platform: Any, failure: Callable[..., Any]) -> None:
    platform.on_command = lambda *_: failure("missing_scope", "process.kill needs the scope operate", 403, "ask")
    asked = predicting(page)
    asked.get_by_role("radio", name="cart").check()
    asked.get_by_role("checkbox", name="cart").check()
    asked.get_by_role("button", name="Kill it and see").click()
    expect(asked.get_by_role("status")).to_have_text("process.kill needs the scope operate ask")
    expect(asked.get_by_role("checkbox", name="cart")).to_be_checked()
    expect(asked.get_by_role("button", name="Kill it and see")).to_be_enabled()


def test_the_outcome_is_read_from_the_feed_alone(page: Page, platform: Any) -> None:
    asked = predicting(page)
    asked.get_by_role("radio", name="cart").check()
    asked.get_by_role("checkbox", name="cart").check()
    asked.get_by_role("button", name="Kill it and see").click()
    expect(asked.get_by_role("button", name="Watching…")).to_be_disabled()
    old = next(one["pid"] for one in platform.nodes if one["key"] == f"{SHOP}/cart")
    signals = {
        "who": ["/cart", "", "/mailer"],
        "list": [["e", 0, 1, 0], ["s", 1, 0, 90, "0.70.0"], ["s", 1, 2, 99, "0.71.0"]],
    }
    entry = {"id": 9, "at": 1.0, "kind": "restarted", "level": "warn", "text": "cart was killed", "key": f"{SHOP}/cart"}
    told = entry | {"pid": old, "sup": SHOP, "parts": {"who": "cart", "reason": "killed", "signals": signals}}
    platform.delta(
        p=[[f"{SHOP}/cart", {"pid": None, "state": "restarting"}]],
        e=[told | {"parts": {**told["parts"], "open": True}}],
    )
    expect(asked.get_by_role("button", name="Watching…")).to_be_disabled()
    platform.delta(
        p=[
            [f"{SHOP}/cart", {"pid": "0.70.0", "state": "running", "restarts": 1}],
            [f"{SHOP}/mailer", {"pid": "0.71.0", "restarts": 1}],
        ],
        e=[told],
    )
    expect(asked.get_by_role("heading", name="1 mistake")).to_be_focused()
    assert [one.get_attribute("data-verdict") for one in asked.locator(".verdicts li").all()] == [
        "left",
        "right",
        "missed",
    ]
    expect(asked).not_to_contain_text("SuperLearner's prediction")  # it was not asked with success
    page.get_by_role("button", name="Show in the tree").click()
    expect(page.locator("sl-signals")).to_contain_text("3 signals in 99 µs")
    page.reload()
    expect(predicting(page)).to_contain_text("1 round, 0 without a mistake; 2 of 3 children right")
