"""Sessions from their first block to their last, as a learner works through them: each block does what it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from lesson_page import OWNER, exercise, write
from superlearner.course.course import Course
from superlearner.course.lesson import Block, Cell, Exercise, Measure, Picture, Predict, Reflect, Text

COURSE = Course()
LONG = [pytest.param(number, marks=pytest.mark.slow) for number in (9, 13, 15)]
WORDS = "One process owns it, the others send messages, and an answer says that it was done."


@pytest.fixture
def session(open_page: Callable[..., Page], stored_platform: Any, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page of a session in which nothing was done yet; its workbench ends with the test."""
    page = open_page(f"{stored_platform.url}/learn/{request.param}", ready=False, extra_http_headers=OWNER)
    yield page
    page.request.delete(f"{stored_platform.url}/api/v1/sandboxes/workbench-{request.param}-owner", headers=OWNER)
    stored_platform.do(lambda: stored_platform.platform.store.learning.forget("owner"))


def predict(page: Page, asked: Predict, *, right: bool) -> None:
    """Lock in an option, and read the result of the run."""
    one = exercise(page, asked.id.replace(".", "-"))
    chosen = next(place for place, option in enumerate(asked.options) if option.right is right)
    one.get_by_role("radio").nth(chosen).check()
    one.get_by_role("button", name="Lock in").click()
    result = one.get_by_role("group", name="Result")
    expect(result).to_contain_text("Right, that is what happens." if right else "That is not what happens.")
    expect(result).to_contain_text("The run: ")


def answer(page: Page, asked: Exercise) -> None:
    """Check what is there, and then the reference solution."""
    id, right = asked.id.replace(".", "-"), COURSE.solution(asked.id)
    one = exercise(page, id)
    verdict = one.get_by_role("group", name="Verdict")
    one.get_by_role("button", name="Check").click()
    expect(one).to_contain_text("Not passed yet")
    if asked.choice is None:
        write(page, right, id)
    for key, value in re.findall(r'"(.+)": "(.+)"', right) if asked.choice else ():
        for _ in range(asked.choice.values.index(value) + 1):
            one.get_by_role("button", name=f"Line {asked.choice.keys.index(key) + 1}: ").click()
    one.get_by_role("button", name="Check").click()
    expect(verdict).to_contain_text("Passed")


def work_through(page: Page, block: Block, *, right: bool) -> None:
    """Do what a block asks for."""
    one = exercise(page, getattr(block, "id", "").replace(".", "-"))
    match block:
        case Text():
            return
        case Predict():
            predict(page, block, right=right)
        case Exercise():
            answer(page, block)
        case Cell():
            one.get_by_role("button", name="Run", exact=False).click()
            expect(one.get_by_role("group", name="Output")).to_contain_text(re.compile(r"\S"))
            expect(one.get_by_role("alert")).to_have_count(0)
        case Reflect():
            one.get_by_role("textbox").fill(WORDS)
            one.get_by_role("button", name="Compare with a model answer").click()
            expect(one.get_by_role("group", name="A model answer")).to_be_visible()
        case Picture():
            one.scroll_into_view_if_needed()
            one.get_by_role("slider", name="Step").press("End")
            expect(one.get_by_role("button", name="Step forward")).to_be_disabled()
        case Measure():
            one.get_by_role("button", name="Measure it").click()
            expect(one.get_by_role("group", name="Result")).to_contain_text("The run: ")


@pytest.mark.parametrize("session", [3, *LONG], indirect=True)
def test_a_session_is_done_from_its_first_block_to_its_last(session: Page, request: pytest.FixtureRequest) -> None:
    lesson = COURSE.lesson(request.node.callspec.params["session"])
    end = session.locator("#lesson-end")
    expect(session.get_by_role("heading", level=1)).to_have_text(lesson.title)
    expect(end).to_contain_text(re.compile(r"(\d+) of \1 parts are left"))
    first = lesson.blocks(Predict)[0]
    for section in lesson.sections:
        if not section.core:
            expect(end).to_contain_text("The core path is done")
            expect(end).to_contain_text("These parts were difficult for you")
            for place in (end, session.locator("#facts")):
                expect(place.get_by_role("link", name=f"Go on with session {lesson.number + 1}, ")).to_be_visible()
        for block in section.blocks:
            work_through(session, block, right=block is not first)
    done = session.get_by_role("progressbar", name="Progress in this session")
    expect(done).to_have_attribute("aria-valuetext", re.compile(r"^(\d+) of \1 done$"))
