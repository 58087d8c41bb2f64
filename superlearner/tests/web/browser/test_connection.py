"""The feed: lost and recovered, with missing frames, over a new run of the server, in a hidden tab."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

LEDGER = '[role=treeitem][data-key="app/shop_sup/ledger"]'


def test_a_lost_connection_is_said_and_found_again(page: Page, platform: Any) -> None:
    live = page.locator("#live")
    expect(live).to_have_attribute("data-status", "live")
    platform.drop(refuse=True)
    expect(live).to_have_attribute("data-status", "lost")
    expect(page.locator("#lost-text")).to_contain_text("The connection is lost; trying again. What you see is as of")
    expect(page.locator(LEDGER)).to_be_visible()
    platform.nodes[2]["restarts"] = 7
    platform.accept()
    expect(live).to_have_attribute("data-status", "live")
    expect(page.locator("#lost")).to_be_hidden()
    expect(page.locator(LEDGER)).to_have_attribute("data-restarts", "7")


def test_missed_events_are_not_played_as_a_crash(page: Page, platform: Any, looks: Callable[..., Any]) -> None:
    seen = looks(page, "app/shop_sup/ledger")
    platform.nodes[2] |= {"restarts": 7, "last": {"at": 1.0, "reason": "killed", "crash": True}}
    platform.drop()
    expect(page.locator(LEDGER)).to_have_attribute("data-restarts", "7")
    assert seen() == []


def test_a_gap_asks_for_a_snapshot_and_shows_nothing_half(page: Page, platform: Any) -> None:
    platform.nodes[2]["restarts"] = 4  # the server has it, but its frame gets lost
    platform.seq += 1
    platform.delta(p=[["app/shop_sup/cart", {"restarts": 1}]])
    expect(page.locator(LEDGER)).to_have_attribute("data-restarts", "4")
    expect(page.locator('[data-key="app/shop_sup/cart"][role=treeitem]')).to_have_attribute("data-restarts", "1")
    assert (platform.syncs, platform.connections) == (1, 1)


def test_frames_the_snapshot_has_already_are_left_out(page: Page, platform: Any) -> None:
    platform.delta(p=[["app/shop_sup/ledger", {"restarts": 3}]])
    platform.delta(seq=platform.seq, p=[["app/shop_sup/cart", {"restarts": 9}]])
    platform.delta(p=[["app/shop_sup/mailer", {"restarts": 1}]])
    expect(page.locator('[data-key="app/shop_sup/mailer"][role=treeitem]')).to_have_attribute("data-restarts", "1")
    expect(page.locator('[data-key="app/shop_sup/cart"][role=treeitem]')).to_have_attribute("data-restarts", "0")
    assert platform.syncs == 0


def test_another_run_of_the_server_starts_from_its_snapshot(page: Page, platform: Any, row: Callable[..., Any]) -> None:
    platform.epoch, platform.seq = "e2", 0
    platform.nodes = [row("app", strategy="one_for_one"), row("app/other")]
    platform.drop()
    expect(page.locator("[role=treeitem] .id")).to_have_text(["app", "other"])
    platform.delta(p=[["app/other", {"restarts": 1}]])
    expect(page.locator('[data-key="app/other"]')).to_have_attribute("data-restarts", "1")


def test_selection_and_closed_branches_outlive_a_reconnect(page: Page, platform: Any) -> None:
    page.locator(LEDGER).click()
    page.locator('[role=treeitem][data-key="app/pool"] .twist').click()
    platform.drop()
    expect(page.locator("#live")).to_have_attribute("data-status", "live")
    expect(page.locator(LEDGER)).to_have_attribute("aria-selected", "true")
    expect(page.locator('[role=treeitem][data-key="app/pool"]')).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#process-title")).to_have_text("ledger")


def test_a_hidden_tab_lets_frames_go_and_comes_back_with_a_snapshot(page: Page, platform: Any) -> None:
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    tell = """() => {
        const parse = JSON.parse;
        JSON.parse = (text) => {
            if (text.includes('"p"')) console.log("frame");
            return parse(text);
        };
    }"""
    page.evaluate(hide, True)
    with page.expect_event("console", lambda message: message.text == "frame"):
        page.evaluate(tell)
        platform.delta(p=[["app/shop_sup/ledger", {"restarts": 5}]])
    assert page.locator(LEDGER).get_attribute("data-restarts") == "0"
    page.evaluate(hide, False)
    expect(page.locator(LEDGER)).to_have_attribute("data-restarts", "5")
    assert platform.syncs == 1


def test_an_empty_platform_says_how_to_start_something(
    open_page: Callable[..., Page], platform: Any, row: Callable[..., Any]
) -> None:
    platform.nodes = []
    page = open_page(f"{platform.url}/supervisors", ready=False)
    expect(page.locator("#supervisors")).to_have_attribute("data-ready", "empty")
    expect(page.get_by_text("No supervisor is running here.")).to_be_visible()
    platform.delta(n=[row("app", strategy="one_for_one", after=None)])
    expect(page.locator("[role=treeitem]")).to_have_count(1)
    expect(page.get_by_text("No supervisor is running here.")).to_be_hidden()
    gave_up = {"id": 1, "at": 1.0, "kind": "gave_up", "level": "bad", "text": "", "event": 9, "parts": {"who": "app"}}
    platform.delta(x=["app"], e=[gave_up])
    expect(page.locator("#empty")).to_contain_text(re.compile("app gave up at .*\\. No supervisor restarts it\\."))
    expect(page.get_by_role("link", name="Why?")).to_have_attribute("href", "/why/9")
    platform.delta(n=[row("app", strategy="one_for_one", after=None)])
    expect(page.locator("#empty")).to_be_hidden()


def test_the_page_waits_visibly_for_its_first_picture(open_page: Callable[..., Page], platform: Any) -> None:
    platform.drop(refuse=True)
    page = open_page(f"{platform.url}/supervisors", ready=False)
    expect(page.get_by_text("Waiting for the first picture of the tree.")).to_be_visible()
    expect(page.locator("#lost-text")).to_contain_text("The server does not answer; trying again.")
    expect(page.locator("#events > .hint")).to_have_text("Events are shown with the first picture of the tree.")
    platform.accept()
    expect(page.locator("#supervisors")).to_have_attribute("data-ready", "tree")
    expect(page.locator("#events > .hint")).to_contain_text("Nothing has happened yet.")


def test_a_lost_connection_moves_no_line_and_its_notes_go_when_it_is_back(page: Page, platform: Any) -> None:
    top = "(one) => one.getBoundingClientRect().top"
    before = page.locator(LEDGER).evaluate(top)
    page.route("**/api/v1/**", lambda route: route.abort())
    platform.drop(refuse=True)
    expect(page.locator("#lost")).to_be_visible()
    assert page.locator(LEDGER).evaluate(top) == before
    page.locator(LEDGER).locator(".kill").click()
    expect(page.locator(".toast")).to_contain_text("The server does not answer.")
    platform.accept()
    expect(page.locator("#live")).to_have_attribute("data-status", "live")
    expect(page.locator(".toast")).to_have_count(0)


def test_a_page_whose_session_has_ended_leads_to_the_sign_in_page(page: Page, platform: Any) -> None:
    platform.signed_out = True
    platform.drop(refuse=True)
    expect(page).to_have_title("Sign in")
