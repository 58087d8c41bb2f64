"""The detail pane: what is known of one process, and what can be done to it."""

from __future__ import annotations

import re
import time
from typing import Any

from playwright.sync_api import Page, expect
from starlette.responses import JSONResponse

from layout_shifts import layout_shift

SHOP = "app/shop_sup"
LEDGER = f'[role=treeitem][data-key="{SHOP}/ledger"]'


def test_the_pane_shows_what_is_known_of_a_process(page: Page, platform: Any) -> None:
    shop, app = {"pid": "0.40.0", "name": "shop_sup"}, {"pid": "0.30.0", "name": "app"}
    crash = {"at": time.time() - 80, "reason": "ValueError('negative amount')", "pid": "0.44.0", "crash": True}
    platform.info = {
        "parent": shop,
        "ancestors": [shop, app],
        "links": [shop],
        "monitors": ["0.77.0"],
        "monitored_by": [],
        "memory": 2134,
        "state": "{'balance': 90}",
        "started_at": time.time() - 80,
        "messages": ["('add', 3)"],
        "exits": [crash | {"message": "('withdraw', -5)", "where": "shop.py:58 in handle_call"}],
    }
    platform.parts["ties"]["ties"] = [
        {"kind": "link", "fate": "dies", "effect": "dies with it", **shop},
        {"kind": "monitors", "fate": "nothing", "effect": "does not notice it", "pid": "0.77.0", "name": None},
    ]
    page.locator(LEDGER).click()
    pane = page.locator("#process")
    contents = {
        "Why": (
            "0.44.0",
            "ValueError('negative amount')",
            "while handling ('withdraw', -5), shop.py:58 in handle_call",
        ),
        "Relations": ("shop_sup ‹ app", "shop_sup linked", "0.77.0 is watched by it"),
        "Now": ("{'balance': 90}", "2.1 kB", "('add', 3)", "permanent: always restarted"),
    }
    for tab, texts in contents.items():
        pane.get_by_role("tab", name=tab).click()
        for text in texts:
            expect(pane.get_by_role("tabpanel")).to_contain_text(text)
        expect(pane).not_to_contain_text("watches it")
    started = pane.locator("dt:text-is('Started') + dd")
    expect(started).to_have_text(re.compile(r"\d\d:\d\d:\d\d$"))  # the age must not stop


def test_the_pane_reloads_when_its_process_was_replaced(page: Page, platform: Any) -> None:
    page.locator(LEDGER).click()
    expect(page.locator("#process")).to_have_attribute(
        "data-loaded", page.locator(LEDGER).get_attribute("data-pid") or ""
    )
    platform.info = {"state": "{'balance': 0}"}
    platform.delta(p=[[f"{SHOP}/ledger", {"pid": "0.99.0", "restarts": 1}]])
    expect(page.locator("#process")).to_have_attribute("data-loaded", "0.99.0")
    expect(page.locator("#process pre")).to_have_text("{'balance': 0}")


def test_nothing_in_the_pane_moves_while_its_supervisor_gives_up_and_starts_again(page: Page, platform: Any) -> None:
    """Tabs and sections jumped up and down: buttons and the state left for some milliseconds."""
    platform.info = {"state": "{'balance': 90}"}
    page.locator(LEDGER).click()
    pane, row = page.locator("#process"), page.locator(LEDGER)
    expect(pane.get_by_role("heading", name="State")).to_be_visible()
    expect(pane).to_have_attribute("data-loaded", row.get_attribute("data-pid") or "")
    since, now = page.evaluate("performance.now()"), time.time()
    platform.delta(p=[
        [SHOP, {"state": "restarting", "pid": None, "since": now}],
        [f"{SHOP}/ledger", {"state": "stopped", "pid": None, "since": now}],
    ])  # fmt: skip
    expect(pane.locator(".tag")).to_have_text("stopped")
    expect(pane.get_by_role("button", name="Kill ledger")).to_be_disabled()
    expect(pane.get_by_role("heading", name="State")).to_be_visible()
    moved, what = layout_shift(page, since, after_input=True)
    assert moved < 0.005, what


def test_links_in_the_pane_lead_to_the_process(page: Page, platform: Any) -> None:
    supervisor = page.locator(f'[role=treeitem][data-key="{SHOP}"]')
    platform.info = {"parent": {"pid": supervisor.get_attribute("data-pid"), "name": "shop_sup"}}
    page.locator(LEDGER).click()
    page.locator("#process dd").get_by_role("button", name="shop_sup").click()
    expect(page.locator("#process-title")).to_have_text("shop_sup")
    expect(supervisor).to_have_attribute("aria-selected", "true")


def test_a_supervisor_explains_its_strategy_and_what_is_left(page: Page, platform: Any) -> None:
    page.locator(f'[role=treeitem][data-key="{SHOP}"]').click()
    pane = page.locator("#process")
    expect(pane).to_contain_text("When a child dies, it and the children started after it are restarted.")
    expect(pane).to_contain_text("It gives up when more than 3 restarts are needed in 5 s.")
    now = time.time()
    spent = {"used": 3, "max": 3, "window_s": 5.0, "resets_at": now + 90, "expires": [now + 70, now + 80, now + 90]}
    platform.delta(p=[[SHOP, {"budget": spent}]])
    expect(pane).to_contain_text("One more crash within")


def test_a_kill_from_the_pane_carries_the_reason(page: Page, platform: Any) -> None:
    page.locator(LEDGER).click()
    page.get_by_label("Exit reason").select_option("shutdown")
    platform.on_command = lambda *_: JSONResponse({"data": {"terminated": False}, "success": True})
    page.locator("#process").get_by_role("button", name="Kill ledger").click()
    expect(page.locator(".toast")).to_contain_text("ledger traps exits and lives on.")
    assert platform.asked[0][2] == {"reason": "shutdown", "force": False}


def test_a_call_shows_its_answer(page: Page, platform: Any) -> None:
    page.locator(LEDGER).click()
    platform.on_command = lambda *_: JSONResponse({"data": {"reply": {"balance": 90}}, "success": True})
    page.get_by_label("Kind of message").select_option("call")
    page.get_by_label("Message as JSON").fill("get_value")
    page.get_by_label("Message as JSON").press("Enter")
    sent = page.get_by_role("group", name="Sent before")
    expect(sent).to_have_css("gap", "4px 6px")
    expect(sent.get_by_role("button", name="call get_value")).to_be_visible()
    expect(page.locator(".answer")).to_have_text('Answer: {"balance":90}')
    assert platform.asked[0][2] == {"message": "get_value", "message_type": "call", "timeout_ms": 5000}


def test_an_invalid_message_is_refused_with_the_accepted_forms(page: Page, platform: Any) -> None:
    page.locator(LEDGER).click()
    page.get_by_label("Message as JSON").fill("{not json")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".answer")).to_contain_text("Expected JSON")
    assert platform.asked == []


def test_an_empty_message_is_not_sent_and_the_field_says_what_it_expects(page: Page, platform: Any) -> None:
    page.locator(LEDGER).click()
    for nothing in ("", "  "):
        page.get_by_label("Message as JSON").fill(nothing)
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.locator(".answer")).to_have_text("Type a message first.")
        expect(page.get_by_label("Message as JSON")).to_be_focused()
    assert platform.asked == []


def test_a_process_outside_the_tree_is_labelled_and_has_no_link(page: Page, platform: Any) -> None:
    shop = page.locator(f'[role=treeitem][data-key="{SHOP}"]').get_attribute("data-pid")
    platform.info = {
        "ancestors": [{"pid": shop, "name": None}, {"pid": "0.3.0", "name": None, "what": "ApplicationMaster"}],
        "links": ["0.3.0"],
    }
    page.locator(LEDGER).click()
    page.get_by_role("tab", name="Relations").click()
    chain = page.locator("#process .chain")
    expect(chain).to_have_text("shop_sup ‹ ApplicationMaster 0.3.0")
    expect(chain.get_by_role("button")).to_have_text(["shop_sup"])


def test_a_message_can_be_sent_without_scrolling_and_its_rules_stand_beside_it(page: Page, platform: Any) -> None:
    exits = [{"at": time.time(), "reason": "killed", "pid": "0.1.0", "crash": True}] * 9
    platform.info = {"state": "x" * 4000, "exits": exits, "links": ["0.3.0"] * 9}
    platform.delta(e=[{"id": 1, "at": 1.0, "kind": "note", "level": "info", "key": None, "text": "long " * 300}])
    page.locator(LEDGER).click()
    page.get_by_role("tab", name="Why").click()
    expect(page.locator("#process .lives-table tbody tr")).to_have_count(10)
    page.get_by_role("tab", name="Now").click()
    expect(page.locator("#process pre")).to_be_visible()
    box = page.get_by_role("button", name="Send", exact=True).bounding_box()
    pane = page.locator("#process").bounding_box()
    assert box is not None
    assert pane is not None
    assert box["y"] + box["height"] < pane["y"] + pane["height"]
    expect(page.get_by_label("Message as JSON")).to_have_accessible_description(
        'A bare word is sent as a text; all else is JSON: 3, "two words", ["add", 3]. A list arrives as a tuple.'
    )
