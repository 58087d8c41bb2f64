"""Session 12 from its beginning, as a learner who knows Python works through its core path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from axe import broken_rules
from lesson_page import OWNER, exercise


@pytest.fixture
def session(open_page: Callable[..., Page], stored_platform: Any) -> Iterator[Page]:
    """The page of session 12, in which nothing was done yet."""
    page = open_page(f"{stored_platform.url}/learn/12", ready=False, extra_http_headers=OWNER)
    expect(page.get_by_role("heading", name="A server by hand")).to_be_attached()
    yield page
    stored_platform.do(lambda: stored_platform.platform.store.learning.forget("owner"))


def run(page: Page, cell: str) -> Locator:
    """Run a cell as it stands; return its output."""
    exercise(page, cell).get_by_role("button", name="Run", exact=False).click()
    return exercise(page, cell).get_by_role("group", name="Output")


def follow(block: Locator, name: str) -> None:
    """Go to what follows a block."""
    block.get_by_role("link", name=f"Next: {name}", exact=True).click()


def test_a_server_by_hand_answers_hangs_and_is_killed_before_the_word_otp(session: Page) -> None:
    assert "OTP" not in session.locator("#section-a-server-by-hand").inner_text()
    expect(run(session, "s12-c5")).to_have_text("colour: blue\n")
    expect(run(session, "s12-c6")).to_have_text("weather: no answer within 2 s\ncolour: no answer within 2 s\n")
    beside = exercise(session, "s12-c6").get_by_role("group", name="What runs in the workbench")
    beside.get_by_role("button", name=re.compile("^Kill agent")).click()
    expect(beside.get_by_role("treeitem", name=re.compile("^agent"))).to_have_count(0)
    expect(run(session, "s12-c7")).to_have_text("alive: False\ncolour: no answer within 2 s\n")
    assert broken_rules(session) == []
    asked = exercise(session, "s12-r1")
    asked.get_by_role("textbox").fill("A limit for the wait, a notice of the end, and somebody who starts it again.")
    asked.get_by_role("button", name="Compare with a model answer").click()
    follow(asked, "“What OTP is”")
    expect(session.get_by_role("heading", name="What OTP is")).to_be_focused()
    lines = exercise(session, "s12-generic")
    for line in range(1, 11):
        mark = lines.get_by_role("button", name=re.compile(f"^Line {line}: "))
        mark.click()
        if line in (3, 4, 6, 7, 8):
            mark.click()
    lines.get_by_role("button", name="Check").click()
    expect(lines.get_by_role("group", name="Verdict")).to_contain_text("Passed")
    follow(lines, "“A GenServer”")
    expect(session.get_by_role("heading", name="A GenServer", exact=True)).to_be_focused()


def test_a_supervisor_restarts_what_the_learner_kills(session: Page) -> None:
    run(session, "s12-c5")
    expect(run(session, "s12-c5")).to_have_text("colour: blue\n")
    beside = exercise(session, "s12-c5").get_by_role("group", name="What runs in the workbench")
    expect(beside.get_by_role("treeitem", name=re.compile("^agent"))).to_have_count(1)
    expect(run(session, "s12-c1")).to_contain_text("state: {'colour': 'blue'}")
    expect(run(session, "s12-c6")).to_contain_text("colour: no answer within 2 s")
    expect(run(session, "s12-c10")).to_contain_text("colour: green\nweather: ServerDown after 1 s\n")
    expect(run(session, "s12-c8")).to_contain_text("colour: red\npid: <")
    beside = exercise(session, "s12-c8").get_by_role("group", name="What runs in the workbench")
    team = beside.get_by_role("treeitem", name=re.compile("^team, "))
    expect(team.locator(".pips i[data-left]:visible")).to_have_count(3)
    beside.get_by_role("button", name="Kill bob").click()
    expect(beside.get_by_role("treeitem", name=re.compile("^bob, .*, 1 restart$"))).to_be_visible()
    expect(team.locator(".pips i:visible")).to_have_count(3)
    expect(beside).to_contain_text("bob was killed; team restarted it.")
    expect(run(session, "s12-c9")).to_contain_text("colour: None\nmemory: {}\npid: <")
