"""Rules for every page, on a real platform: accessibility, screens, many tabs, slow links, a restart."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from axe import broken_rules
from page_variants import first_of, in_turns
from page_width import SIDEWAYS
from superlearner.web.pages import PAGES

ELSEWHERE = {"/", "/timeline?view=replay", "/sandboxes", "/learn"}
"""Pages that axe checks in their own tests, with everything on them; it checks all others as they open."""

AS_THEY_OPEN = (
    *(page.href for page in PAGES if page.href not in ELSEWHERE and not page.below),
    "/why/1",
    "/docs/concepts",
)

LIVE = ("/", "/supervisors", "/system", "/processes", "/traces")
"""Elements that show whether the page is up to date."""

ALSO = ("/replay", "/learn", "/settings")


@pytest.mark.parametrize(("path", "theme", "width"), in_turns(AS_THEY_OPEN))
def test_no_rule_of_axe_is_broken_and_nothing_scrolls_sideways(
    open_page: Callable[..., Page], untouched: Any, path: str, theme: str, width: int
) -> None:
    page = open_page(f"{untouched.url.rstrip('/')}{path}", theme=theme, width=width, ready=False)
    expect(page.locator("h1").first).to_be_visible()
    if any(one.live for one in PAGES if one.href == path):
        expect(page.locator("#live")).to_have_attribute("data-status", "live")
    assert page.evaluate(SIDEWAYS) == 0
    assert broken_rules(page) == []


def test_eight_tabs_on_a_slow_connection_all_show_their_page_and_are_live_again_after_a_restart(
    browser: Browser, start: Callable[..., Any]
) -> None:
    """A browser that keeps six connections to a host would leave two of them waiting for ever."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    platform = start("--port", str(port))
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    tabs: dict[str, Page] = {}
    for path in LIVE + ALSO:
        tabs[path] = context.new_page()
        slow = context.new_cdp_session(tabs[path])
        slow.send("Network.enable")
        rate = {"downloadThroughput": 100_000, "uploadThroughput": 50_000}
        slow.send("Network.emulateNetworkConditions", {"offline": False, "latency": 300, **rate})
        tabs[path].goto(f"http://127.0.0.1:{port}{path}", wait_until="commit")
    assert len(tabs) == 8
    for path, page in tabs.items():
        expect(page.locator("h1").first).to_be_visible(timeout=60_000)
        if path in LIVE:
            expect(page.locator("#live")).to_have_attribute("data-status", "live", timeout=60_000)
    expect(tabs["/settings"].locator("#settings")).to_have_attribute("data-ready", "appearance", timeout=60_000)
    platform.end(signal.SIGTERM)
    for path in LIVE:
        expect(tabs[path].locator("#live")).to_have_attribute("data-status", "lost", timeout=30_000)
        expect(tabs[path].locator("main").first).to_have_css("filter", "grayscale(1)")
    for path in ("/", "/system", "/processes"):
        expect(tabs[path].get_by_role("alert")).to_contain_text(
            "The connection is lost; trying again. What you see is as of"
        )
    expect(tabs["/"].get_by_role("region", name="Problems")).not_to_contain_text("Nothing")
    start("--port", str(port))
    for path in LIVE:
        tabs[path].bring_to_front()  # a hidden tab may take its time
        expect(tabs[path].locator("#live")).to_have_attribute("data-status", "live", timeout=30_000)
        expect(tabs[path].locator("main").first).to_have_css("filter", "none")
    tabs["/settings"].bring_to_front()
    tabs["/settings"].get_by_role("tab", name="Configuration").click()
    expect(tabs["/settings"].locator("#settings")).to_have_attribute("data-ready", "configuration", timeout=30_000)
    context.close()


@pytest.mark.parametrize("path", first_of(["/", "/why/1", *(page.href for page in PAGES if not page.below)], 4))
def test_the_content_is_at_most_eight_tab_stops_away_and_a_link_skips_them(
    open_page: Callable[..., Page], untouched: Any, path: str
) -> None:
    page = open_page(f"{untouched.url.rstrip('/')}{path}", ready=False, width=1024)
    expect(page.locator("header nav a[tabindex='-1']").first).to_be_attached()
    assert page.locator("#nav").evaluate("nav => nav.scrollWidth - nav.clientWidth") == 0
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    outside = "() => document.activeElement.matches('.skip, header *')"
    stops = 1
    while page.evaluate(outside):
        stops += 1
        assert stops <= 9
        page.keyboard.press("Tab")
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert not page.evaluate(outside)


def test_arrow_keys_move_among_the_pages(open_page: Callable[..., Page], untouched: Any) -> None:
    page = open_page(f"{untouched.url}/system", ready=False)
    pages = page.get_by_role("navigation", name="Main")
    expect(pages.get_by_role("link", name="Learn")).to_have_attribute("tabindex", "-1")
    pages.get_by_role("link", name="System").focus()
    page.keyboard.press("ArrowLeft")
    expect(pages.get_by_role("link", name="Learn")).to_be_focused()
    page.keyboard.press("End")
    expect(pages.get_by_role("link", name="System")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{untouched.url}/learn")


@pytest.mark.parametrize("width", first_of([390, 1440]))
def test_the_gear_leads_to_the_pages_beside_the_five_places(
    open_page: Callable[..., Page], untouched: Any, width: int
) -> None:
    page = open_page(f"{untouched.url}/learn", ready=False, width=width)
    menu = page.get_by_role("navigation", name="More pages")
    expect(menu).not_to_be_visible()
    page.get_by_role("button", name="Menu").click()
    assert broken_rules(page) == []
    page.keyboard.press("Escape")
    expect(menu).not_to_be_visible()
    page.get_by_role("button", name="Menu").press("Enter")
    menu.get_by_role("link", name="Operations").click()
    expect(page).to_have_url(f"{untouched.url}/arsenal")
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="System")).to_have_attribute(
        "aria-current", "true"
    )
