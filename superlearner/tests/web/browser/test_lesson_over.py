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


AWAY = ("#run", "#next-step", ".top .who")
"""Elements that no longer apply after the lesson."""


@pytest.mark.parametrize(
    ("path", "width"), first_of([("/sandboxes?new=", 390), ("/learn/12", 390), ("/sandboxes?new=", 1440)], 2)
)
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
        code = page.locator("sl-code:visible").first
        code.get_by_role("textbox").focus()
        editor = code.locator(".cm-content")
        expect(editor).to_be_focused()
        page.keyboard.press("ControlOrMeta+End")
        page.keyboard.type("# of Ada")
        before = [away for away in AWAY if page.locator(away).is_visible()]
        assert ("#run" in before) == path.startswith("/sandboxes")
        client.post("/api/v1/course/end-lesson", json={}).raise_for_status()
    expect(note).to_contain_text("The lesson is over. You are signed out. Your code and your progress are kept")
    assert page.url == f"{program.url}{path}"
    expect(page.get_by_role("button", name="Sign out", include_hidden=False)).to_have_count(0)
    expect(page.locator(", ".join(f"{away}:visible" for away in AWAY))).to_have_count(0)
    page.keyboard.type(" and more")
    expect(editor).to_contain_text("# of Ada and more")
    assert 0 == page.evaluate(SIDEWAYS)
    assert broken_rules(page) == []
