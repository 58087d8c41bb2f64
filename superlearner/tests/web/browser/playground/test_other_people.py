"""The Playground when somebody else, such as a teacher, changes the code of the sandbox on the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from owned_things import call, user
from playground_page import MINE, OWNER, TYPED, accessible, cast, made, opened, text, typed

WRONG = TYPED.replace("return NoReply(n + 1)", 'return NoReply(n + "1")')
TINA = user("tina", "teacher", 3)


def run_as_tina(at_work: Any, operation: str, **more: Any) -> None:
    at_work.do(lambda: call(at_work.platform, operation, TINA, sandbox_id="mine", **more))


def test_a_learner_sees_who_changed_the_code_and_the_earlier_crash_is_cleared(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    """Regression: the text changed silently, and the page still showed the earlier crash."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "mine", WRONG)
    cast(page, at_work, "mine", "left", "add")
    expect(page.locator("#crashed")).to_contain_text("left crashed at line ")
    run_as_tina(at_work, "sandbox.hot_reload", source=TYPED, version=None)
    expect(page.locator("#said")).to_contain_text("Tina changed the code and ran it (version 2).")
    expect(page.locator("#crashed")).to_be_empty()
    expect(page.locator("#next-step")).to_contain_text("the new code is running")
    expect(page.locator("#happened")).to_contain_text("sandbox mine runs version 2, by tina")
    expect(page.locator("#draft")).to_be_hidden()
    assert TYPED == text(page)
    run_as_tina(at_work, "sandbox.restart", source=None)
    expect(page.locator("#said")).to_contain_text("Tina restarted the sandbox.")
    run_as_tina(at_work, "sandbox.restart", source=MINE)
    expect(page.locator("#said")).to_contain_text("Tina changed the code and ran it (version 3).")


def test_edits_of_a_learner_stay_when_a_teacher_runs_other_code(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "mine", TYPED)
    typed(page, MINE)
    theirs = TYPED.replace("n + 1", "n + 2")
    run_as_tina(at_work, "sandbox.hot_reload", source=theirs, version=None)
    expect(page.locator("#draft")).to_contain_text(
        "Tina changed the code and ran it (version 2). Your edits are still here"
    )
    assert MINE == text(page)
    accessible(page)
    page.get_by_role("button", name="Show the running code").click()
    assert theirs == text(page)
    page.get_by_role("button", name="Back to your edits").click()
    assert MINE == text(page)
