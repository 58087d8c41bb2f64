"""A session of the course as a learner works through it: predict, reflect, write, fail, take hints, pass."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from lesson_page import OWNER, RIGHT, exercise, write
from superlearner.store.learning import Learned

# Returns the elements of a task that reach beyond its column
WIDER_THAN_ITS_COLUMN = """(bench) => {
  const task = bench.querySelector(".bench-task"), edge = task.getBoundingClientRect().right + 0.5;
  const wide = [...task.querySelectorAll(":not(pre *)")].filter((one) => one.getBoundingClientRect().right > edge);
  return wide.map((one) => one.className);
}"""


@pytest.mark.page("/learn/12")
def test_an_answer_is_checked_and_its_verdict_is_a_sentence(lesson: Callable[..., Page]) -> None:
    page = lesson()
    expect(page.get_by_role("heading", level=1)).to_have_text("What is OTP?")
    done = page.get_by_role("progressbar", name="Progress in this session")
    expect(done).to_have_attribute("aria-valuetext", "0 of 8 done")
    expect(page.get_by_role("link", name="Begin with “Why OTP”")).to_have_attribute("href", "#section-why-otp")
    levels = page.evaluate(
        "() => [...document.querySelectorAll('main :is(h1, h2, h3, h4, h5, h6)')].map((one) => +one.tagName[1])"
    )
    assert (1, [], {1, 2, 3}) == (levels[0], [b for a, b in pairwise(levels) if b > a + 1], set(levels))
    one = exercise(page)
    expect(one.locator(".which")).to_have_text("Exercise · 8 min core")
    expect(one.get_by_role("link", name="Next:")).to_have_count(0)
    one.get_by_role("button", name="Check").click()
    expect(one.get_by_role("group", name="Verdict")).to_contain_text("Expected MinimalServer.get(…), got none")
    expect(one.get_by_role("status")).to_contain_text("Not passed: expected MinimalServer.get(…), got none")
    expect(one).to_contain_text("Not passed yet")
    expect(one).not_to_contain_text("Unchanged since the last check.")
    page.keyboard.press("Control+Enter")
    expect(one.get_by_role("group", name="Verdict")).to_contain_text("Unchanged since the last check.")
    expect(one.get_by_role("status")).to_contain_text("Unchanged since the last check. Not passed: expected")
    write(page, RIGHT.read_text())
    expect(one.get_by_role("group", name="Verdict")).to_contain_text("before your last change")
    page.keyboard.press("Control+Enter")
    expect(one.get_by_role("group", name="Verdict")).to_contain_text("Passed: all steps hold")
    steps = one.get_by_role("list", name="Steps").get_by_role("listitem")
    expect(steps.first).to_contain_text("A server starts with 0")
    assert all(step.get_attribute("data-ok") == "yes" for step in steps.all())
    one.get_by_role("link", name="Next: watch a run").click()
    expect(exercise(page, "s12-w1")).to_be_focused()
    expect(done).to_have_attribute("aria-valuetext", "1 of 8 done")
    link = page.get_by_role("navigation", name="Sections").get_by_role("link", name="Write a server")
    expect(link).to_have_accessible_name("Write a server core , done")


def test_a_wrong_prediction_is_explained_by_the_run_and_stays_after_a_reload(lesson: Callable[..., Page]) -> None:
    page = lesson()
    one = exercise(page, "s12-p2")
    lock = one.get_by_role("button", name="Lock in")
    expect(lock).to_be_disabled()
    one.get_by_role("radio", name="The caller waits 5 seconds").check()
    lock.click()
    result = one.get_by_role("group", name="Result")
    expect(result).to_contain_text("Nobody waits here: the monitor of the call tells the caller at once")
    expect(result).to_contain_text("The run: the server ends, and the caller gets ServerDown at once")
    expect(result).to_contain_text("its supervisor would start it again")
    expect(result.get_by_role("img")).to_have_accessible_name(re.compile("0 s: caller calls server with 'hello'"))
    expect(one.get_by_role("status")).to_contain_text("Not what happens. The run: the server ends")
    expect(result).to_be_focused()
    expect(result.get_by_role("link", name="Next: a reflection")).to_be_visible()
    page.reload()
    expect(one.get_by_role("radio", name="The caller waits 5 seconds")).to_be_checked()
    expect(one.get_by_role("radio", name="The caller waits 5 seconds")).to_be_disabled()
    expect(one.locator("label", has_text="The server ends")).to_contain_text("what happens")
    expect(result).to_contain_text("Nobody waits here")
    one.get_by_role("button", name="Run it again").click()
    expect(result).to_contain_text("The run: the server ends, and the caller gets ServerDown at once")


def test_a_reflection_is_compared_once_it_is_long_enough_and_can_be_changed(lesson: Callable[..., Page]) -> None:
    page = lesson()
    one = exercise(page, "s12-r1")
    field = one.get_by_role("textbox", name="How many lines of your own AgentMonitor")
    compare = one.get_by_role("button", name="Compare with a model answer")
    field.fill("The loop.")
    expect(one).to_contain_text("31 more characters, then you can compare.")
    expect(compare).to_be_disabled()
    field.fill("The loop, the monitors, and the restarts would be.")
    compare.click()
    expect(one.get_by_role("group", name="A model answer")).to_contain_text("Nearly all of them")
    one.get_by_role("link", name="Next: “Write a server”").click()
    expect(page.get_by_role("heading", name="Write a server")).to_be_focused()
    page.reload()
    expect(field).to_have_value("The loop, the monitors, and the restarts would be.")
    expect(one.get_by_role("group", name="A model answer")).to_contain_text("Nearly all of them")
    field.fill("The loop, the monitors, and the restarts would be. And more.")
    one.get_by_role("button", name="Keep the change").click()
    expect(one).to_contain_text("Your words are kept, and private.")


def test_hints_open_one_by_one_and_the_solution_after_the_last(lesson: Callable[..., Page], served: Any) -> None:
    page = lesson()
    one = exercise(page)
    one.get_by_role("button", name="Hint 1 of 4").click()
    expect(one.get_by_role("listitem").filter(has_text="Hint 1")).to_contain_text("What does get have to wait for?")
    one.get_by_role("button", name="Hint 2 of 4").click()
    expect(one.get_by_role("listitem").filter(has_text="Hint 2")).to_contain_text("set is a cast.")
    expect(one.get_by_role("alert")).to_have_count(0)
    for at, level in enumerate((3, 4)):
        done = Learned("hint", "s12.minimal", 1.0 + at, {"level": level})
        served.do(lambda done=done: served.platform.store.learning.add("owner", done))
    page.reload()
    expect(one.locator(".hints > li")).to_have_count(4)
    one.get_by_role("button", name="Show the solution").click()
    expect(one.get_by_text("def handle_cast")).to_be_visible()
    size = page.viewport_size
    for width in (390, 1280, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert one.locator(".bench").evaluate(WIDER_THAN_ITS_COLUMN) == []
    assert size
    page.set_viewport_size(size)
    write(page, RIGHT.read_text())
    page.keyboard.press("Control+Enter")
    tag = one.locator(".block-head .tag")
    expect(tag).to_have_text("Passed with help")
    one.get_by_role("button", name="Start over").click()
    expect(tag).to_have_text("Passed earlier")
    one.get_by_role("button", name="Bring my answer back").click()
    expect(tag).to_have_text("Passed with help")


def test_a_later_wrong_answer_is_not_shown_as_passed_and_the_one_that_passed_is_kept(
    lesson: Callable[..., Page], served: Any
) -> None:
    page, wrong = lesson(), "answer = 'wrong'\n"
    one = exercise(page)
    tag, verdict = one.locator(".block-head .tag"), one.get_by_role("group", name="Verdict")
    write(page, RIGHT.read_text())
    page.keyboard.press("Control+Enter")
    expect(tag).to_have_text("Passed")
    write(page, wrong)
    page.keyboard.press("Control+Enter")
    expect(verdict).to_contain_text("This step fails")
    hint = Learned("hint", "s12.minimal", 2.0, {"level": 1})
    served.do(lambda: served.platform.store.learning.add("owner", hint))
    page.reload()
    expect(one.get_by_role("textbox")).to_have_value(wrong)
    expect(tag).to_have_text("Passed earlier")
    expect(one).to_contain_text("This answer has not passed, but an earlier one has.")
    expect(one).not_to_contain_text("Your answer has passed.")
    expect(one.get_by_role("button", name="Show the solution")).to_be_enabled()  # a hint after a pass closes nothing
    one.get_by_role("button", name="Bring it back").click()
    expect(tag).to_have_text("Passed")
    assert one.locator("sl-code").evaluate("(code) => code.value") == RIGHT.read_text()
    expect(one).to_contain_text("Your answer has passed.")


def test_a_line_of_the_answer_is_marked(lesson: Callable[..., Page]) -> None:
    page = lesson()
    write(page, "from otp import GenServer\n\nclass MinimalServer(GenServer)\n    pass\n")
    page.keyboard.press("Control+Enter")
    one = exercise(page)
    expect(one.get_by_role("group", name="Verdict")).to_contain_text("Line 3: expected ':'")
    expect(one).to_contain_text("The line is marked in your answer.")
    expect(one.locator("sl-code .cm-lintRange-error, sl-code .cm-lint-marker-error").first).to_be_attached()
    long = f"from otp import GenServer\n{'# more' * 30}\n" + "\n" * 60
    write(page, f"{long}class MinimalServer(GenServer)\n    pass\n")
    page.keyboard.press("Control+Home")
    page.keyboard.press("Control+Enter")
    expect(one.get_by_role("group", name="Verdict")).to_contain_text("Line 63: expected ':'")
    expect(one.locator(".cm-activeLine")).not_to_be_in_viewport()  # the editor shows the line, not the cursor
    expect(one.locator("sl-code .cm-lintRange-error").first).to_be_in_viewport()
    wide = one.locator(".cm-scroller").evaluate("(one) => one.scrollWidth > one.clientWidth")
    assert wide  # it scrolls, rather than being cut at the edge


def test_nothing_that_was_typed_is_lost_when_the_server_does_not_answer(lesson: Callable[..., Page]) -> None:
    page = lesson()
    one, asked = exercise(page), "**/api/v1/course/exercises/s12.minimal/check"
    page.route(asked, lambda route: route.abort())
    write(page, "answer = 'mine'\n")
    page.keyboard.press("Control+Enter")
    expect(one.get_by_role("alert")).to_have_text(
        "The server does not answer. Your answer is kept. Try again when the server is back."
    )
    page.reload()
    expect(one.get_by_role("textbox")).to_have_value("answer = 'mine'\n")
    exercise(page, "s12-p2").get_by_role("radio", name="It answers").check()
    page.route("**/api/v1/course/predictions/*", lambda route: route.abort())
    exercise(page, "s12-p2").get_by_role("button", name="Lock in").click()
    expect(exercise(page, "s12-p2").get_by_role("alert")).to_contain_text("Your prediction is kept.")
    page.unroute(asked)
    one.get_by_role("button", name="Check").click()
    expect(one.get_by_role("group", name="Verdict")).to_contain_text("MinimalServer")
    one.get_by_role("button", name="Start over").click()
    expect(one.get_by_role("textbox")).to_have_value(re.compile("class MinimalServer"))
    one.get_by_role("button", name="Bring my answer back").click()
    expect(one.get_by_role("textbox")).to_have_value("answer = 'mine'\n")


def test_who_is_not_signed_in_reads_and_predicts_and_is_told_what_a_check_takes(lesson: Callable[..., Page]) -> None:
    page = lesson(signed_in=False)
    check = exercise(page).get_by_role("button", name="Check")
    expect(check).to_be_disabled()
    expect(check).to_have_accessible_description(re.compile("Checking an answer runs your code, so it takes a sign-in"))
    expect(exercise(page).get_by_role("link", name="Sign in")).to_have_attribute("href", "/sign-in?next=%2Flearn%2F12")
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/check"):
            asked.append(request.url)

    page.on("request", note)
    write(page, "answer = 'before the sign-in'\n")
    page.keyboard.press("Control+Enter")
    exercise(page, "s12-p2").get_by_role("radio", name="The server ends").check()
    exercise(page, "s12-p2").get_by_role("button", name="Lock in").click()
    expect(exercise(page, "s12-p2").get_by_role("group", name="Result")).to_contain_text("Right, that is what happens")
    assert asked == []
    page.context.set_extra_http_headers(OWNER)
    page.reload()
    expect(exercise(page).get_by_role("textbox")).to_have_value("answer = 'before the sign-in'\n")
    expect(exercise(page).get_by_role("button", name="Check")).to_be_enabled()
