"""Filters of /supervisors: what is shown, what is counted, and that the address holds all of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from axe import broken_rules
from page_tree import line, names
from page_variants import VARIANTS

SHOP = "app/shop_sup"
LEDGER = f"{SHOP}/ledger"


@pytest.fixture
def page(open_page: Callable[..., Page], platform: Any) -> Page:
    """The tree with its filters, which are behind a button."""
    page = open_page(f"{platform.url}/supervisors")
    page.get_by_role("button", name="Filters").click()
    return page


def trouble(platform: Any) -> None:
    """A crash, a restart a moment ago, and a full mailbox."""
    now = time.time()
    platform.delta(
        p=[
            [LEDGER, {"state": "crashed", "pid": None, "last": {"at": now - 600, "reason": "x", "crash": True}}],
            [f"{SHOP}/cart", {"restarts": 2, "last": {"at": now - 5, "reason": "shutdown", "crash": False}}],
            [
                f"{SHOP}/mailer",
                {"mailbox": 212, "restarts": 1, "last": {"at": now - 600, "reason": "x", "crash": True}},
            ],
        ]
    )


def test_only_what_is_wrong_in_one_click_and_everything_again(page: Page, platform: Any) -> None:
    wrong = page.get_by_role("button", name="Only what is wrong")
    trouble(platform)
    expect(wrong).to_have_text("Only what is wrong1")
    wrong.click()
    expect(page.locator("[role=treeitem]")).to_have_count(3)
    assert names(page) == ["app", "shop_sup", "ledger"]
    expect(page.locator(".found")).to_have_text("1 of 6")
    platform.delta(p=[[LEDGER, {"state": "running", "pid": "0.99.0"}], [f"{SHOP}/mailer", {"state": "stuck"}]])
    expect(line(page, LEDGER)).to_have_count(0)
    expect(line(page, f"{SHOP}/mailer")).to_be_visible()
    platform.delta(p=[[f"{SHOP}/mailer", {"state": "running"}]])
    expect(page.get_by_text("No process fits these filters.")).to_be_visible()
    page.get_by_role("button", name="Show all processes").click()
    expect(page.locator("[role=treeitem]")).to_have_count(8)
    expect(wrong).to_have_attribute("aria-pressed", "false")


def test_states_kinds_strategies_and_classes_are_chosen_from_what_there_is(page: Page, platform: Any) -> None:
    trouble(platform)
    page.get_by_role("button", name="State").click()
    menu = page.get_by_role("group", name="State")
    expect(menu.get_by_label("crashed")).to_be_visible()
    expect(menu.locator("label", has_text="running")).to_have_text("running5")
    menu.get_by_label("crashed").check()
    assert names(page) == ["app", "shop_sup", "ledger"]
    menu.get_by_label("running").check()
    expect(page.locator("[role=treeitem]")).to_have_count(8)
    page.keyboard.press("Escape")
    page.get_by_role("button", name=re.compile("^State")).click()
    menu.get_by_label("running").uncheck()
    menu.get_by_label("crashed").uncheck()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Strategy").click()
    page.get_by_role("group", name="Strategy").get_by_label("dynamic").check()
    assert names(page) == ["app", "pool"]
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Clear", exact=True).click()
    page.get_by_role("button", name="Class").click()
    page.get_by_role("group", name="Class").get_by_label("Order").check()
    assert names(page) == ["app", "pool", "order 81"]


def test_restarted_in_the_last_minute_and_a_mailbox_above_a_number(page: Page, platform: Any) -> None:
    trouble(platform)
    recent = page.get_by_role("button", name="Restarted in the last minute")
    expect(recent).to_contain_text("1")
    recent.click()
    assert names(page) == ["app", "shop_sup", "cart"]
    recent.click()
    page.get_by_role("button", name="Mailbox above").click()
    assert names(page) == ["app", "shop_sup", "mailer"]
    page.get_by_label("Messages in the mailbox").fill("300")
    expect(page.get_by_text("No process fits these filters.")).to_be_visible()
    page.locator("#find").fill("mail")
    expect(page.get_by_text("No process fits “mail” and these filters.")).to_be_visible()
    page.get_by_label("Messages in the mailbox").fill("-5")
    expect(page.get_by_text("Expected a number of messages from 0")).to_be_visible()
    expect(page.get_by_label("Messages in the mailbox")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Messages in the mailbox").fill("200")
    expect(page.get_by_label("Messages in the mailbox")).not_to_have_attribute("aria-invalid", "true")
    assert names(page) == ["app", "shop_sup", "mailer"]


def test_a_link_shows_the_same(page: Page, platform: Any, open_page: Callable[..., Page]) -> None:
    trouble(platform)
    line(page, "app/pool").locator(".twist").click()
    page.locator("#find").fill("er")
    page.get_by_role("button", name="Kind").click()
    page.get_by_role("group", name="Kind").get_by_label("worker").check()
    page.keyboard.press("Escape")
    expect(page.locator("[role=treeitem]")).to_have_count(6)
    line(page, f"{SHOP}/mailer").locator(".id").click()
    expect(page).to_have_url(re.compile(r"\?q=er&kind=worker&process=app%2Fshop_sup%2Fmailer&closed=app%2Fpool$"))
    other = open_page(page.url)
    assert names(other) == names(page)
    expect(other.locator("#find")).to_have_value("er")
    expect(other.locator("#process")).to_have_attribute("data-key", f"{SHOP}/mailer")
    expect(other.get_by_role("button", name="Kind: worker")).to_be_visible()
    other.get_by_role("button", name="Clear", exact=True).click()
    expect(line(other, "app/pool")).to_have_attribute("aria-expanded", "false")
    expect(other).to_have_url(re.compile(r"\?process=[^&]*&closed=[^&]*$"))


def test_back_goes_to_the_process_that_was_looked_at_before_and_then_to_none(page: Page) -> None:
    pane = page.locator("sl-process")
    line(page, f"{SHOP}/cart").click()
    expect(page).to_have_url(re.compile("process=app%2Fshop_sup%2Fcart"))
    line(page, f"{SHOP}/mailer").click()
    expect(page).to_have_url(re.compile("process=app%2Fshop_sup%2Fmailer"))
    page.go_back()
    expect(pane.get_by_role("heading", level=2)).to_have_text("cart")
    page.go_back()
    expect(page).not_to_have_url(re.compile("process="))
    expect(pane.get_by_role("heading", level=2)).not_to_be_visible()
    page.go_forward()
    expect(pane.get_by_role("heading", level=2)).to_have_text("cart")
    expect(line(page, f"{SHOP}/cart")).to_have_attribute("aria-selected", "true")


def test_a_link_to_one_that_is_gone_says_so_and_shows_the_rest(open_page: Callable[..., Page], platform: Any) -> None:
    page = open_page(f"{platform.url}/supervisors?process=0.9999.0&state=nonsense&mailbox=x&node=here")
    expect(page.locator(".toast")).to_contain_text("0.9999.0 is not in the tree.")
    expect(page.locator("[role=treeitem]")).to_have_count(8)
    line(page, LEDGER).locator(".id").click()
    expect(page).to_have_url(re.compile(r"node=here&process="))


def test_all_that_fit_are_selected_and_what_does_not_is_faint_on_the_map(page: Page, platform: Any) -> None:
    page.locator("#find").fill("er")
    page.get_by_role("button", name="Select all 4").click()
    expect(page.get_by_role("button", name="Kill 4 selected")).to_be_visible()
    expect(page.locator("[role=treeitem][aria-selected=true]")).to_have_count(4)
    expect(page.locator("#process .pane")).to_be_hidden()


@pytest.mark.parametrize("width", [1440, 390])
def test_the_filters_are_behind_a_button_that_tells_whether_there_is_one(
    open_page: Callable[..., Page], platform: Any, width: int
) -> None:
    page = open_page(f"{platform.url}/supervisors", width=width)
    wrong, button = page.get_by_role("button", name="Only what is wrong"), page.get_by_role("button", name="Filters")
    expect(wrong).to_be_hidden()
    button.click()
    wrong.click()
    expect(button).to_have_attribute("data-on", "")
    expect(button).to_have_attribute("aria-expanded", "true")
    assert broken_rules(page) == []
    button.click()
    expect(wrong).to_be_hidden()


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_no_rule_of_axe_is_broken_with_filters_a_menu_and_the_question(
    open_page: Callable[..., Page], platform: Any, theme: str, width: int
) -> None:
    page = open_page(f"{platform.url}/supervisors?q=er&kind=worker", theme=theme, width=width)
    page.get_by_role("button", name="Class").click()
    expect(page.get_by_role("group", name="Class").get_by_label("Order")).to_be_visible()
    broken = broken_rules(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Select all 3").click()
    page.get_by_role("button", name="Kill 3 selected").click()
    expect(page.get_by_role("dialog").get_by_role("button", name="Kill 3 processes")).to_be_enabled()
    broken += broken_rules(page)
    assert broken == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_classes_with_html_for_names_are_text(page: Page, platform: Any, row: Callable[..., Any]) -> None:
    evil = "<img src=x onerror=alert(1)>"
    platform.delta(n=[row(f"{SHOP}/evil", what=evil, after=LEDGER)])
    expect(line(page, f"{SHOP}/evil")).to_be_visible()
    page.get_by_role("button", name="Class").click()
    page.get_by_role("group", name="Class").get_by_label(evil).check()
    assert names(page) == ["app", "shop_sup", "evil"]
    assert page.locator("main img").count() == 0
