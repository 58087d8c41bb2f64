"""The tabs about restarts with names that are no names, with answers that refuse, and with a feed that says little."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from page_width import SIDEWAYS

SHOP = "app/shop_sup"
HTML = '<img src=x onerror="document.title=1">'


def predicting(page: Page, victim: str = f"{SHOP}/cart") -> Locator:
    page.locator(f'[role=treeitem][data-key="{victim}"] .id').click()
    page.get_by_role("tab", name="Relations").click()
    page.get_by_role("button", name="Predict a restart").click()
    asked = page.get_by_role("region", name="Predict a restart")
    asked.locator(f'.pick[data-id="{victim}"]').click()
    return asked


def test_names_are_text_however_long_they_are(open_page: Callable[..., Page], platform: Any) -> None:
    platform.nodes[3] = platform.nodes[3] | {"name": HTML}
    platform.nodes[4] = platform.nodes[4] | {"name": "x" * 10_000}
    page = open_page(f"{platform.url}/supervisors", width=390)
    asked = predicting(page)
    expect(asked.get_by_role("button", name=HTML)).to_be_visible()
    assert page.evaluate(SIDEWAYS) == 0
    page.get_by_role("tab", name="Relations").click()
    page.locator(f'[role=treeitem][data-key="{SHOP}"] .id').click()
    page.get_by_role("button", name="Compare strategies").click()
    expect(page.get_by_role("table").get_by_role("rowheader", name=HTML)).to_be_visible()
    expect(page.get_by_role("group", name="Child that is killed").get_by_role("button", name=HTML)).to_be_visible()
    assert page.evaluate(SIDEWAYS) == 0
    assert page.title() != "1"


def test_a_refused_kill_is_reported_and_can_be_retried(page: Page, platform: Any, failure: Callable[..., Any]) -> None:
    platform.on_command = lambda *_: failure("missing_scope", "process.kill needs the scope operate", 403, "ask")
    asked = predicting(page)
    asked.get_by_role("button", name="Lock in and kill").click()
    expect(asked.get_by_role("alert")).to_have_text(
        "process.kill needs the scope operate. Your prediction is kept. ask"
    )
    expect(asked.locator(f'.pick[data-id="{SHOP}/cart"]')).to_have_attribute("aria-pressed", "true")
    expect(asked.get_by_role("button", name="Lock in and kill")).to_be_enabled()


def test_the_tree_may_change_while_the_reader_thinks(page: Page, platform: Any) -> None:
    asked = predicting(page)
    platform.delta(p=[[f"{SHOP}/mailer", {"pid": "0.71.0", "restart": "temporary"}]])
    expect(asked.locator(f'.pick[data-id="{SHOP}/mailer"]')).to_contain_text("temporary")
    expect(asked.locator(f'.pick[data-id="{SHOP}/cart"]')).to_have_attribute("aria-pressed", "true")
    platform.delta(p=[[f"{SHOP}/cart", {"pid": None, "state": "stopped"}]])
    expect(asked.get_by_role("heading", level=2)).to_have_text("cart is not running.")
    platform.delta(p=[[f"{SHOP}/cart", {"pid": "0.72.0", "state": "running"}]])
    expect(asked.get_by_role("heading", level=2)).to_contain_text("cart is killed.")


def test_the_answer_is_that_of_the_restart_the_feed_reports(page: Page, platform: Any) -> None:
    asked = predicting(page)
    asks: list[str] = []
    node = {"kind": "worker", "pid": "0.9.0", "strategy": None, "limit": None, "used": 0, "restart": "permanent"}
    root = {"id": SHOP, "name": "shop_sup", "more": 0, "state": None} | node | {"kind": "supervisor"}
    cart = {"id": f"{SHOP}/cart", "name": "cart", "more": 0, "state": None, "children": []} | node
    events = [
        {"kind": "crash", "at": 0, "id": f"{SHOP}/cart", "reason": "killed", "crash": True},
        {"kind": "start", "at": 0.1, "id": f"{SHOP}/cart", "by": SHOP, "pid": "0.70.0", "state": None},
    ]
    verdict = {"id": f"{SHOP}/cart", "verdict": "right", "restarted": True, "text": "cart was killed."}
    moment = {
        "id": 4, "ref": "abc.4", "at": 0, "took": 0.1, "complete": True, "going_on": False, "summary": "", "line": None,
        "root": root | {"children": [cart]}, "events": events, "ghosts": {}, "storm": 0,
    }  # fmt: skip
    answer = {"right": True, "rule": "", "restarted": [f"{SHOP}/cart"], "nodes": [verdict], "moment": moment}

    def compare(route: Route) -> None:
        asks.append(route.request.url)
        route.fulfill(json={"success": True, "data": answer | {"moment": moment | {"going_on": len(asks) == 1}}})

    page.route("**/restarts/abc.4/compare?*", compare)
    asked.get_by_role("button", name="Lock in and kill").click()
    expect(asked.get_by_role("button", name="Lock in and kill")).to_be_disabled()
    entry = {"id": 9, "at": 1.0, "kind": "killed", "level": "warn", "text": "x was killed", "event": 4, "ref": "abc.4"}
    platform.delta(e=[entry | {"id": 8, "key": f"{SHOP}/mailer", "pid": "0.99.0", "ref": "abc.3", "event": 3}])
    old = next(one["pid"] for one in platform.nodes if one["key"] == f"{SHOP}/cart")
    platform.delta(e=[entry | {"key": f"{SHOP}/cart", "pid": old}])
    expect(asked.get_by_role("heading", name="Right: cart")).to_be_visible()
    assert len(asks) == 2  # it had not ended at first
    assert f"picked={SHOP}%2Fcart".replace("/", "%2F") in asks[0]
