"""Drafts of the Playground outlive reloads, other pages and lost connections."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from playground_page import (
    MINE,
    OWNER,
    TOKEN,
    accessible,
    made,
    opened,
    restored,
    text,
    typed,
)


def test_a_draft_outlives_the_sign_in_and_can_be_discarded(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=")
    template = text(page)
    typed(page, MINE)
    page.get_by_role("link", name="sign in with it").click()
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    restored(page)
    assert MINE == text(page)
    page.get_by_role("button", name="Discard").click()
    assert template == text(page)
    page.get_by_role("button", name="Undo").click()
    restored(page)
    assert MINE == text(page)
    page.get_by_role("button", name="Discard").click()
    page.reload()
    expect(page.locator("#said")).to_be_empty()
    expect(page.locator("#template-about")).not_to_be_empty()
    expect(page.locator("#draft")).to_be_hidden()
    assert template == text(page)


def test_a_draft_is_there_again_after_another_page(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    typed(page, MINE)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Learn").click()
    expect(page).to_have_url(re.compile("/learn$"))
    page.go_back()
    restored(page)
    assert MINE == text(page)


def test_a_draft_of_a_running_sandbox_outlives_a_reload_until_it_runs(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "mine")
    typed(page, MINE)
    page.reload()
    restored(page)
    assert MINE == text(page)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#said")).to_contain_text("version 2 runs")
    expect(page.locator("#draft")).to_be_hidden()
    page.reload()
    expect(page.locator("#one-status")).to_have_text("running")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#said")).to_have_text(
        "This source runs already. Restart starts its tree again, with new states."
    )
    assert "[]" == page.evaluate("localStorage.getItem('superlearner.drafts')")


def test_a_change_of_template_keeps_the_draft(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    typed(page, MINE)
    page.get_by_label("Start from").select_option("An empty page")
    assert MINE != text(page)
    expect(page.locator("#draft")).to_have_text(re.compile("^Your changes to “.+” are kept. Go back to them$"))
    accessible(page)
    page.get_by_role("button", name="Go back to them").click()
    restored(page)
    assert MINE == text(page)
    expect(page.get_by_label("Start from")).to_have_value("counter")
    page.get_by_label("Start from").select_option("Demo: the shop")
    page.get_by_label("Start from").select_option(index=0)
    assert MINE == text(page)


def test_a_draft_stays_while_the_connection_is_lost(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: the source that was read after a failed request replaced what was typed."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "mine")
    typed(page, MINE)
    sources = re.compile(r"/sandboxes/mine/source")
    page.route(sources, lambda route: route.abort())
    page.evaluate("window.dispatchEvent(new Event('sl-sandboxes'))")
    expect(page.locator("#said")).to_contain_text("The server does not answer.")
    page.get_by_role("textbox", name="Source").press("Control+End")
    page.keyboard.type("# while it is lost")
    page.unroute(sources)
    with page.expect_response(sources):
        page.evaluate("window.dispatchEvent(new Event('sl-sandboxes'))")
    expect(page.locator("#said")).not_to_contain_text("The server does not answer.")
    assert f"{MINE}# while it is lost" == text(page)


def test_run_without_a_server_says_so(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: unchanged code was said to run already, whether the server answered or not."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "mine")
    said = page.locator("#said")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(said).to_have_text("This source runs already. Restart starts its tree again, with new states.")
    page.route(re.compile(r"/sandboxes/mine$"), lambda route: route.abort())
    page.get_by_role("button", name="Run", exact=True).click()
    expect(said).to_contain_text("The server does not answer.")
