"""The pages as a learner sees them: nothing that is refused to them, and a home that comes back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from axe import broken_rules

LEARNER = {"name": "ada", "role": "learner"}


@pytest.fixture
def ada(start: Callable[..., Any], open_page: Callable[..., Page]) -> tuple[Any, Page]:
    """A platform with a learner, and the learner's browser on the first page."""
    program = start("--auth", "all", "--weak-walls")
    with program.client() as client:
        client.headers.update(program.owner)
        assert client.post("/api/v1/users", json=LEARNER).status_code == 200
        code = client.post("/api/v1/users/ada/link", json={}).json()["data"]["url"].rpartition("/")[2]
    page = open_page(f"{program.url}/sign-in/{code}", ready=False)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{program.url}/learn")  # a learner begins in the course
    expect(page.locator(".who")).to_have_text("Signed in as ada")
    page.goto(program.url)
    expect(page.locator("#live-word")).to_have_text("Live")
    return program, page


@pytest.mark.operation("arsenal.operations")
def test_a_learner_sees_no_control_that_is_refused(ada: tuple[Any, Page]) -> None:
    program, page = ada
    expect(page.get_by_role("link", name="Settings")).to_have_count(0)
    for path, ready in (("/system?view=thresholds", "Figures"), ("/arsenal?view=audit", "Operations")):
        page.goto(f"{program.url}{path}")
        expect(page.get_by_role("tab", name=ready)).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("tab", name=re.compile("Thresholds|Audit log"))).to_have_count(0)
        assert broken_rules(page) == []
    expect(page.locator("#arsenal")).to_have_attribute("data-ready", "operations", timeout=20_000)
    search = page.get_by_role("searchbox", name="Search operations")
    search.fill("process.kill")
    expect(page.locator("#groups").get_by_text("process.kill").first).to_be_visible()
    search.fill("settings.set")
    expect(page.locator("#groups")).to_contain_text('No operation fits "settings.set"')
    with program.client() as client:
        audit = client.get("/api/v1/audit?user=ada", headers=program.owner).json()["data"]
    assert [line["operation"] for line in audit if line["outcome"] != "ok"] == []


def test_the_page_of_a_home_that_ended_says_so_and_starts_it(ada: tuple[Any, Page]) -> None:
    program, page = ada
    page.goto(f"{program.url}/supervisors")
    expect(page.locator("#live-word")).to_have_text("Live")
    with program.client() as client:
        assert client.delete("/api/v1/sandboxes/home-ada-1?force=true", headers=program.owner).status_code == 200
    expect(page.locator("#live-word")).to_have_text("Not connected")
    note = page.get_by_role("alert").filter(has_text="Your home, the sandbox with the demo, does not run.")
    expect(note).to_be_visible()
    assert broken_rules(page) == []
    note.get_by_role("button", name="Start it").click()
    expect(page.locator("#live-word")).to_have_text("Live")
    expect(page.get_by_role("treeitem", name=re.compile("checkout_sup")).first).to_be_visible()
