"""The page /class as a teacher uses it: links for a class, and who is stuck, without a reload."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from axe import broken_rules
from page_width import SIDEWAYS

FAILED = [
    {
        "kind": "attempt",
        "item": "s12.minimal",
        "at": at,
        "data": {
            "source": f"class MinimalServer: ...\n\n\n\n\n\n    # the seventh, attempt {at}\n",
            "misconceptions": ["M12"],
            "held": 1,
            "steps": ["Set keeps a value.", "A restart starts from the beginning."],
            "said": "line 7: expected 0, got 3",
        },
    }
    for at in range(1, 5)
]


def sort_by(page: Page, column: str, direction: str, first: str) -> None:
    """Sort the class with the keyboard, and check the header and the first learner."""
    head = page.get_by_role("columnheader", name=column)
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", direction)
    expect(head.get_by_role("button")).to_be_in_viewport()
    expect(page.locator("#class-table thead [aria-sort]:not([aria-sort=none])")).to_have_count(1)
    expect(page.locator("#class-rows").get_by_role("row").first).to_contain_text(first)


@pytest.mark.page("/class")
@pytest.mark.parametrize(("theme", "width"), [("light", 1440), pytest.param("dark", 390, marks=pytest.mark.slow)])
def test_a_teacher_gives_links_to_a_class_and_sees_who_is_stuck(
    start: Callable[..., Any], open_page: Callable[..., Page], theme: str, width: int
) -> None:
    program = start("--auth", "all", "--weak-walls")
    with program.client() as client:
        client.headers.update(program.owner)
        client.post("/api/v1/users", json={"name": "tina", "role": "teacher"}).raise_for_status()
        code = client.post("/api/v1/users/tina/link", json={}).json()["data"]["url"].rpartition("/")[2]
    page = open_page(f"{program.url}/sign-in/{code}?next=/class", theme=theme, width=width, ready=False)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#live-word")).to_have_text("Live")
    page.goto(f"{program.url}/class")
    page.get_by_role("button", name="Sign-in links…").click()
    expect(page.locator("#links-reach")).to_have_text(re.compile("^Only this machine can open it; .*0.0.0.0"))
    page.get_by_label("Names: one a line").fill("Name\nMüller, Jörg")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("alert").filter(has_text="has 2 columns, and the table has 1")).to_be_visible()
    names = ["Jörg Müller", "ben", "Ben", *(f"Pupil {at}" for at in range(28))]
    page.get_by_label("Names: one a line").fill("\n".join(names))
    page.get_by_label("The links work for").select_option("a week")
    page.get_by_role("button", name="Preview").click()
    preview = page.locator("#links-preview")
    expect(preview).to_contain_text(
        "links for 30 learners, and add those who are new; left out: line 3: 'Ben' is the same"
    )
    expect(preview.get_by_role("paragraph")).to_have_text(re.compile(r"^Make sign-in links .*[^.]\.$"))
    expect(preview.get_by_role("listitem").first).to_have_text("Jörg Müller (Jorg.Muller)")
    expect(page.locator("#class-rows").get_by_role("row")).to_have_count(0)  # nothing is made yet
    assert broken_rules(page) == []
    page.get_by_role("button", name="Change the names").click()
    expect(page.get_by_label("Names: one a line")).to_be_focused()
    page.get_by_role("button", name="Preview").click()
    with page.expect_response("**/users/links") as made:
        page.get_by_role("button", name="Make the links").click()
    assert 6.9 < (made.value.json()["data"]["expires_at"] - time.time()) / 86_400 < 7.1
    sheet = page.locator("#links-sheet")
    expect(sheet.locator("tbody tr")).to_have_count(30)
    expect(sheet.get_by_role("alert")).to_contain_text("Line 3, Ben: it is the same user as line 2, Ben")
    assert broken_rules(page) == []
    names_of = sheet.locator("tbody tr td:first-child")
    sheet.get_by_role("button", name="Name", exact=True).click()
    expect(names_of.first).to_contain_text("ben")
    expect(names_of.nth(1)).to_contain_text("Jörg Müller")
    assert broken_rules(page) == []
    sheet.get_by_role("button", name="Name", exact=True).click()
    expect(names_of.first).to_contain_text("Jörg Müller")  # as in the list
    page.emulate_media(media="print")  # on white paper, also from a dark page
    colours = sheet.locator("tbody code").first.evaluate("(code) => getComputedStyle(code).color")
    assert max(map(int, re.findall(r"\d+", colours)[:3])) < 100
    page.emulate_media(media="screen")
    path = sheet.locator("tbody code").nth(1).inner_text().partition("/sign-in/")[2]
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#class-rows").get_by_role("row")).to_have_count(30)
    with program.client() as ben:
        ben.post(f"/sign-in/{path}", headers={"sec-fetch-site": "same-origin"})
        ben.post("/api/v1/course/import", json={"done": FAILED}).raise_for_status()
        ben.get("/api/v1/course/sessions/13").raise_for_status()  # opened later, but no work was done in it
    expect(page.locator("#class-rows").get_by_role("button", name="Jörg Müller")).to_be_visible()
    first = page.locator("#class-rows").get_by_role("row").first
    expect(first).to_contain_text("ben")
    expect(first).to_contain_text("MinimalServer (12), 4 attempts. Line 7: expected 0, got 3.")
    expect(first).to_contain_text(re.compile(r"0 of \d+ \(12\)"))  # of the session in which they are stuck
    word = first.get_by_text("Stuck:").bounding_box()
    assert word is not None
    assert word["width"] > 20  # it was for screen readers only
    assert page.evaluate(SIDEWAYS) == 0
    assert broken_rules(page) == []
    if width == 1440:
        page.set_viewport_size({"width": 853, "height": 480})  # large text on a projector
        rows = page.locator("#class-rows").get_by_role("row")
        assert max(row.evaluate("row => row.clientHeight") for row in rows.all()) < 30
        assert page.evaluate(SIDEWAYS) == 0
        page.set_viewport_size({"width": 1440, "height": 900})
        assert (
            page.evaluate(
                "(({scrollHeight, clientHeight}) => scrollHeight - clientHeight)(document.getElementById('class'))"
            )
            == 0
        )
    sort_by(page, "Learner", "ascending", "ben")
    second = page.locator("#class-rows").get_by_role("row").nth(1)
    expect(second).to_contain_text("Jörg Müller")
    sort_by(page, "Learner", "descending", "ben")  # the others never came
    expect(second).to_contain_text("Pupil 27")
    sort_by(page, "Parts done", "ascending", "ben")
    expect(second).to_contain_text("Jörg Müller")
    sort_by(page, "Last activity", "descending", "ben")
    assert broken_rules(page) == []
    sort_by(page, "Working on", "descending", "ben")
    held: list[Route] = []
    others = re.compile(r"/course/learners$|learner-answer")
    page.route(others, lambda route: held.append(route))
    first.get_by_role("button", name="ben").click()
    work = page.get_by_role("dialog", name="ben", exact=True)
    expect(work).to_contain_text("Line 7: expected 0, got 3.")  # it waits neither for the class nor for the editor
    for route in held:
        route.continue_()
    page.unroute(others)
    expect(work.get_by_role("listitem")).to_have_text(
        ["passed: Set keeps a value.", "failed: A restart starts from the beginning."]
    )
    expect(work).to_contain_text("4 attempts, no hints opened")
    expect(work).to_contain_text("Shown with the verdict: A restarted process begins with the result of init")
    expect(work.get_by_role("link", name="MinimalServer")).to_have_attribute("href", "/learn/12#s12-minimal")
    work.get_by_text("Newest answer").click()
    answer = work.get_by_label("Newest answer to MinimalServer")
    expect(answer.locator(".cm-line", has_text="class MinimalServer: ...")).to_be_visible()
    expect(answer.locator(".cm-line").nth(6).locator(".cm-lintRange-error")).to_be_in_viewport()
    work.get_by_label("for").select_option("3 days")
    with page.expect_response("**/users/ben/link") as again:
        work.get_by_role("button", name="New sign-in link").click()
    assert 2.9 < (again.value.json()["data"]["expires_at"] - time.time()) / 86_400 < 3.1
    expect(work.locator("#learner-acts")).to_contain_text("/sign-in/")
    expect(work.get_by_role("img", name="Link of ben as a QR code")).to_be_in_viewport()
    work.get_by_role("button", name="Reset…").click()
    question = page.get_by_role("dialog", name="Reset ben?")
    expect(question.get_by_label("Delete the work in")).to_have_value("12")  # not all sessions
    assert broken_rules(page) == []
    question.get_by_role("button", name="Reset", exact=True).click()
    expect(work).to_contain_text("ben has not begun an exercise yet.")
    expect(page.get_by_text("Session 12 of ben: 4 entries deleted.")).to_be_visible()
    work.get_by_role("button", name="Reset…").click()
    expect(question.get_by_label("Delete the work in")).to_have_value("")  # nothing is chosen for the teacher
    question.get_by_role("button", name="Reset", exact=True).click()
    expect(question).to_be_visible()
    question.get_by_role("button", name="Cancel").click()
    assert page.evaluate(SIDEWAYS) == 0
    assert broken_rules(page) == []
    work.get_by_role("button", name="Close").click()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Results as CSV").click()
    assert saved.value.suggested_filename.startswith("superlearner-class-")
    expect(page.get_by_role("link", name="By exercise")).to_have_attribute("href", re.compile("format=exercises$"))
    page.get_by_role("button", name="End lesson…").click()
    question = page.get_by_role("dialog", name="End the lesson?")
    expect(question).to_contain_text("All 30 learners are signed out and their sandboxes stop. Code and progress stay")
    expect(question).to_contain_text("Tokens, such as those for terminals, stay valid")
    assert broken_rules(page) == []
    question.get_by_role("button", name="End the lesson").click()
    expect(page.get_by_text("The lesson is over: no learner is signed in, and 0 sandboxes stopped.")).to_be_visible()
    expect(page.locator("#class-rows").get_by_role("row")).to_have_count(30)  # the teacher stays
