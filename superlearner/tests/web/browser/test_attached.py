"""A Python service that runs elsewhere is chosen in the header; its tree is on the page until it ends, to be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from axe import broken_rules
from observed_service import service

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("own_sockets")]
NODE = "shop@127.0.0.1"
REFUSED = re.compile("^The service lets you read and change nothing.")

WITHOUT_TREE = """(start) => {
    const ready = start.dataset.ready;
    start.dataset.ready = "none";
    const { display } = getComputedStyle(start.querySelector(".scene"));
    start.dataset.ready = ready;
    return display;
}"""


def test_start_shows_an_attached_service_before_the_demo_as_soon_as_it_is_attached_until_it_is_detached(
    open_page: Callable[..., Page], real_platform: Any, tmp_path: Path
) -> None:
    def detach_it(route: Route) -> None:
        """Detach the service between the page and its first message."""
        real_platform.do(lambda: real_platform.platform.attachments.detach(NODE))
        route.continue_()

    page = open_page(f"{real_platform.url}/", ready=False)
    expect(page.locator("#start")).to_have_attribute("data-ready", "scene")
    expect(page.locator(".scene + .below")).to_be_visible()
    stack = AsyncExitStack()
    shop = real_platform.do(lambda: stack.enter_async_context(service(tmp_path)))
    try:
        real_platform.do(lambda: real_platform.platform.attachments.attach(NODE, None))
        mine = page.get_by_role("region", name="Your service")
        expect(mine.get_by_role("link", name="tree")).to_have_attribute("href", "/supervisors?node=shop%40127.0.0.1")
        expect(page.locator(".start > .below:first-child + .bar + .scene")).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_have_text("Your service")
        expect(page.get_by_role("link", name="of all nodes")).to_have_count(0)
        assert broken_rules(page) == []
        assert page.locator("#start").evaluate(WITHOUT_TREE) == "none"  # a platform without a tree shows its services
        place = page.locator(".picture").bounding_box()
        page.locator("#wrong").evaluate(
            "(list) => list.append(...Array.from({ length: 20 }, () => 'a problem '.repeat(20)))"
        )
        assert page.locator(".picture").bounding_box() == place  # it jumped when a problem appeared above it
        mine.get_by_role("link", name=NODE).click()
        expect(page.get_by_role("link", name="of all nodes")).to_have_attribute("href", "/")
        expect(mine).to_have_count(0)
        page.go_back()
        expect(mine).to_be_visible()
        real_platform.do(shop.process.kill)
        expect(mine).to_contain_text("shop@127.0.0.1 is not connected")
        page.route("**/start/start.js*", detach_it, times=1)
        page.reload()
        expect(page.locator(".scene + .below")).to_be_visible()
    finally:
        real_platform.do(stack.aclose)


def test_the_tree_of_a_service_is_on_the_page_through_the_switcher_and_its_end_is_said(
    open_page: Callable[..., Page], real_platform: Any, tmp_path: Path
) -> None:
    page = open_page(f"{real_platform.url}/supervisors")
    stack = AsyncExitStack()
    shop = real_platform.do(lambda: stack.enter_async_context(service(tmp_path)))
    try:
        real_platform.do(lambda: real_platform.platform.attachments.attach(NODE, None))
        page.get_by_label("Node").select_option(NODE)
        expect(page.locator("#supervisors")).to_have_attribute("data-ready", "tree")
        till = page.get_by_role("treeitem", name="till")
        expect(till).to_be_visible()
        expect(page.get_by_role("note")).to_contain_text("lets you read and change nothing")
        kill = page.get_by_role("button", name="Kill till", include_hidden=True).first
        expect(kill).to_be_disabled()
        expect(kill).to_have_attribute("title", REFUSED)
        till.click()
        expect(page.locator("sl-process").get_by_role("button", name="Kill till")).to_be_disabled()
        till.press("Delete")
        expect(page.locator("#toasts")).to_contain_text("Nothing can be changed here.")
        assert broken_rules(page) == []
        page.goto(f"{real_platform.url}/timeline?view=messages&node={NODE}")
        start = page.get_by_role("button", name="Start the trace")
        expect(start).to_be_disabled()
        expect(start).to_have_attribute("title", REFUSED)
        assert broken_rules(page) == []
        page.goto(f"{real_platform.url}/arsenal?node={NODE}&operation=process.suspend")
        work = page.locator(".operation")
        expect(work.get_by_role("button", name="Dry run")).to_be_disabled()
        expect(work.get_by_role("button", name="Dry run")).to_have_attribute("title", REFUSED)
        expect(work.locator(".note")).to_have_text(REFUSED)
        assert broken_rules(page) == []
        page.goto(f"{real_platform.url}/arsenal?node={NODE}&operation=process.list")
        expect(work.get_by_role("button", name="Run")).to_be_enabled()
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 390, "height": 844})
        real_platform.do(shop.process.kill)
        expect(page.get_by_text(f"The node {NODE} is gone")).to_be_visible()
        assert broken_rules(page) == []
    finally:
        real_platform.do(stack.aclose)


def test_a_service_that_does_not_answer_is_not_said_to_have_ended(
    open_page: Callable[..., Page], real_platform: Any, tmp_path: Path
) -> None:
    """Regression: it was gone, and nothing had happened in its tree."""
    why = "it has been busy for 15 s: its process 7 runs and does not answer"
    stack = AsyncExitStack()
    real_platform.do(lambda: stack.enter_async_context(service(tmp_path)))
    try:
        real_platform.do(lambda: real_platform.platform.attachments.attach(NODE, None))
        page = open_page(f"{real_platform.url}/supervisors?node={NODE}")
        expect(page.get_by_role("treeitem", name="till")).to_be_visible()
        real_platform.do(lambda: real_platform.platform.nodes.detach(NODE, why))
        expect(page.locator("#gone")).to_contain_text(f"The node {NODE} is not answering: {why}")
        expect(page.locator("sl-feed .hint:visible")).to_contain_text("The node is not connected")
    finally:
        real_platform.do(stack.aclose)
