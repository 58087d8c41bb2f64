"""The end of a lesson on the page that a learner has open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from axe import broken_rules
from page_variants import first_of
from page_width import SIDEWAYS

HEARD = """
const Socket = WebSocket;
WebSocket = class extends Socket {
    constructor(url) {
        super(url);
        if (url.includes("/live/platform"))
            this.addEventListener("message", () => document.documentElement.setAttribute("data-heard", "yes"));
    }
};
"""
"""Marks a page whose connection to the platform is open."""


@pytest.mark.parametrize(("path", "width"), first_of([("/learn/12", 390), ("/sandboxes?new=", 1440)]))
def test_an_open_page_says_that_the_lesson_is_over_and_keeps_its_text(
    start: Callable[..., Any], open_page: Callable[..., Page], path: str, width: int
) -> None:
    """It looked as before, and what the learner went on typing was lost."""
    program = start("--auth", "all", "--weak-walls")
    with program.client() as client:
        client.headers.update(program.owner)
        client.post("/api/v1/users", json={"name": "ada"}).raise_for_status()
        code = client.post("/api/v1/users/ada/link", json={}).json()["data"]["url"].rpartition("/")[2]
        page = open_page(f"{program.url}/sign-in/{code}", width=width, ready=False)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_load_state()
        page.add_init_script(HEARD)
        page.goto(f"{program.url}{path}")
        expect(page.locator("html")).to_have_attribute("data-heard", "yes")
        note = page.locator("#gone")
        expect(note).to_be_hidden()
        client.post("/api/v1/course/end-lesson", json={}).raise_for_status()
    expect(note).to_contain_text("The lesson is over. You are signed out. Your code and your progress are kept")
    assert page.url == f"{program.url}{path}"
    expect(page.get_by_role("button", name="Sign out", include_hidden=False)).to_have_count(0)
    for away in ("#run", "#next-step", ".who"):  # none of them works or holds any more
        expect(page.locator(f"{away}:visible")).to_have_count(0)
    assert 0 == page.evaluate(SIDEWAYS)
    assert broken_rules(page) == []
