"""A session as a whole: where one was, the database, the way to it, and its review."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from axe import broken_rules
from layout_shifts import layout_shift
from lesson_page import OWNER, exercise
from page_variants import VARIANTS
from page_width import SIDEWAYS
from superlearner.course.course import FOLDER, Course
from superlearner.store.learning import Learned


def test_keys_go_from_section_to_section_and_a_reload_goes_on_where_one_was(lesson: Callable[..., Page]) -> None:
    page = lesson()
    sections = page.get_by_role("navigation", name="Sections")
    expect(sections.locator("[aria-current]")).to_contain_text("Why OTP")
    page.keyboard.press("]")
    expect(page.get_by_role("heading", name="Write a server")).to_be_focused()
    expect(sections.locator("[aria-current]")).to_contain_text("Write a server")
    page.keyboard.press("]")
    expect(sections.locator("[aria-current]")).to_contain_text("Choose")
    page.keyboard.press("[")
    expect(sections.locator("[aria-current]")).to_contain_text("Write a server")
    top = exercise(page).evaluate("(one) => one.getBoundingClientRect().top")
    page.reload()
    expect(sections.locator("[aria-current]")).to_contain_text("Write a server")
    assert abs(exercise(page).evaluate("(one) => one.getBoundingClientRect().top") - top) <= 2
    sections.get_by_role("link", name="Choose").click()
    expect(page.get_by_role("heading", name="Choose", exact=True)).to_be_focused()
    assert page.url.endswith("#section-choose")


def test_the_page_waits_for_a_database_that_is_being_opened(lesson: Callable[..., Page]) -> None:
    page = lesson()
    answers: list[Route] = []
    error = {"code": "store_unavailable", "message": "the store is just being opened", "status": 503}

    def once(route: Route) -> None:
        answers.append(route)
        if len(answers) == 1:
            route.fulfill(json={"success": False, "error": error})
        else:
            route.continue_()

    page.route("**/api/v1/course/sessions/12", once)
    page.reload()
    expect(page.get_by_role("alert").filter(has_text="could not be loaded")).to_contain_text("just being opened")
    expect(page.get_by_role("heading", name="Why OTP", exact=True)).to_be_visible()
    assert len(answers) == 2


def test_without_a_database_the_page_says_that_an_answer_is_forgotten(
    open_page: Callable[..., Page], real_platform: Any, course: Course
) -> None:
    real_platform.platform.course = course
    page = open_page(f"{real_platform.url}/learn/12", ready=False)
    one = exercise(page, "s12-p2")
    one.get_by_role("radio", name="The server ends").check()
    one.get_by_role("button", name="Lock in").click()
    expect(one).to_contain_text("This platform has no database, so it forgets this when the page is closed.")


def test_the_learning_path_leads_to_the_session_and_knows_how_far_it_is(
    lesson: Callable[..., Page], served: Any
) -> None:
    page = lesson()
    page.goto(f"{served.url}/learn")
    line = page.locator("[data-session='12']")
    expect(line).to_contain_text("35 min")
    expect(line).to_contain_text("6 exercises")
    expect(page.get_by_role("listitem").filter(has_text="Distribution")).to_contain_text("to come")
    line.get_by_role("link", name="Start: Session 12, What is OTP?").click()
    exercise(page, "s12-remember").get_by_role("checkbox", name="confirmation").check()
    for name in ("back-pressure", "other reader"):
        exercise(page, "s12-remember").get_by_role("checkbox", name=name).check()
    exercise(page, "s12-remember").get_by_role("button", name="Check").click()
    expect(exercise(page, "s12-remember").get_by_role("group", name="Verdict")).to_contain_text("Passed:")
    page.get_by_role("link", name="Learn", exact=True).last.click()
    expect(line).to_contain_text("1 of 6 exercises")
    expect(line.get_by_role("link", name="Go on: Session 12, What is OTP?")).to_be_visible()
    expect(page.locator("#course-next-what")).to_have_text("Session 12: What is OTP?")
    page.get_by_role("link", name="Continue").click()
    expect(page).to_have_url(re.compile(r"/learn/12#s12-"))


def test_an_exercise_goes_on_with_earlier_code(lesson: Callable[..., Page]) -> None:
    page = lesson()
    one = exercise(page)
    editor = one.get_by_role("textbox", name="Your answer to MinimalServer")
    before = editor.input_value()
    expect(one.get_by_role("button", name="Use my answer")).to_have_count(0)
    one.get_by_role("button", name="Use ours").click()
    expect(editor).to_have_value(f"{Course().solution('s12.limits').rstrip()}\n\n\n{before}")
    one.get_by_role("button", name="Bring my answer back").click()
    expect(editor).to_have_value(before)
    exercise(page, "s12-limits").get_by_role("button", name="Check").click()
    expect(exercise(page, "s12-limits").get_by_role("group", name="Verdict")).to_be_visible()
    page.reload()
    one.get_by_role("button", name="Use my answer").click()
    expect(editor).to_have_value(re.compile("^times = "))


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_no_rule_of_axe_is_broken_and_little_moves_while_it_loads(
    lesson: Callable[..., Page], theme: str, width: int
) -> None:
    page = lesson(theme=theme, width=width)
    moved, what = layout_shift(page)
    assert moved < 0.02, what
    exercise(page, "s12-p2").get_by_role("radio", name="It answers").check()
    exercise(page, "s12-p2").get_by_role("button", name="Lock in").click()
    expect(exercise(page, "s12-p2").get_by_role("group", name="Result")).to_be_visible()
    exercise(page).get_by_role("button", name="Check").click()
    expect(exercise(page).get_by_role("group", name="Verdict")).to_be_visible()
    exercise(page).get_by_role("button", name="Hint 1 of 4").click()
    expect(exercise(page).locator(".hints > li")).to_have_count(1)
    assert broken_rules(page) == []
    assert page.evaluate(SIDEWAYS) == 0
    lines = (
        "(one) => one.textContent.length / Math.round(one.clientHeight / parseFloat(getComputedStyle(one).lineHeight))"
    )
    assert page.locator(".lesson-section > .prose p").first.evaluate(lines) <= 74


def test_a_review_asks_once_more_and_leads_to_the_next_question(
    open_page: Callable[..., Page], stored_platform: Any
) -> None:
    learning = stored_platform.platform.store.learning
    right = (FOLDER / "solutions" / "s12_remember.py").read_text()
    for done in (
        Learned("prediction", "s12.p1", 1.0, {"choice": 1, "right": False}),
        Learned("hint", "s12.remember", 2.0, {"level": 1}),
        Learned("attempt", "s12.remember", 3.0, {"source": right, "ok": True}),
    ):
        stored_platform.do(lambda done=done: learning.add("owner", done))
    try:
        page = open_page(f"{stored_platform.url}/learn", ready=False, extra_http_headers=OWNER)
        card = page.locator("#review")
        expect(card).to_contain_text("2 questions due today")
        card.get_by_role("link", name="Start the review").click()
        predict = page.locator("#s12-p1")
        expect(predict).to_contain_text("Review · Predict")
        expect(predict.get_by_role("button", name="Lock in")).to_be_disabled()
        predict.get_by_text("one_for_one: B; rest_for_one: B, C; one_for_all: A, B, C").click()
        predict.get_by_role("button", name="Lock in").click()
        expect(predict).to_contain_text("Right, that is what happens.")
        assert [] == broken_rules(page)
        predict.get_by_role("link", name="Next in your review").click()
        asked = page.locator("#s12-remember")
        expect(asked).to_contain_text("It counts if it passes without a hint.")
        expect(asked.get_by_role("button", name="Hint 1 of 4")).to_be_visible()
        expect(asked.get_by_role("checkbox", checked=True)).to_have_count(0)
        for words in ("the sender has to know", "very many facts", "another process reads"):
            asked.get_by_role("checkbox", name=re.compile(words)).check()
        asked.get_by_role("button", name="Check").click()
        expect(asked).to_contain_text("Your review is done for now.")
        asked.get_by_role("link", name="Back to Learn").click()
        expect(card).to_contain_text("Nothing due. Next in")
    finally:
        stored_platform.do(lambda: learning.forget("owner"))
