"""Mistakes that Python runs, in the Playground: Run says each in a sentence at its line, until it is corrected."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from playground_page import OWNER, TYPED, accessible, beside, cast, made, opened, typed

FORGOTTEN = TYPED.replace(
    "        return NoReply(n + 1)", '        GenServer.call("left", "x")\n        return NoReply(n + 1)'
)
SAYS = "`await` is missing before the call of GenServer.call, which does nothing without it"


@pytest.mark.parametrize("width", [pytest.param(1440, marks=pytest.mark.slow), 390])
def test_a_forgotten_await_is_marked_at_run_and_its_message_goes_with_it(
    open_page: Callable[..., Page], at_work: Any, width: int
) -> None:
    """Run said that the new code runs, and the call did nothing."""
    page = opened(open_page, at_work, "/sandboxes?new=", width=width, **OWNER)
    made(page, "forgets")
    said, step, mark = page.locator("#said"), page.locator("#next-step"), page.locator(".cm-lintRange-error")
    run = page.get_by_role("button", name="Run", exact=True)
    beside(page, "Code")
    typed(page, FORGOTTEN)
    run.click()
    expect(said).to_contain_text("Version 2 runs, and it has 1 mistake.")
    expect(said).to_contain_text(SAYS)
    expect(mark).to_have_text('GenServer.call("left", "x")')
    expect(step).to_contain_text("Next: correct line 9 first")
    accessible(page)
    page.reload()
    beside(page, "Code")
    expect(said).to_contain_text(SAYS)
    typed(page, TYPED.replace("        return Ok(start)", "        Ok(start)"))
    run.click()
    expect(said).to_contain_text("Version 3 runs, and it has 1 mistake.")
    expect(said).to_contain_text("Line 5: a `return` is missing before Ok(…).")
    expect(mark).to_have_text("Ok(start)")
    typed(page, f"{TYPED}\n")
    run.click()
    expect(said).to_contain_text("Hot-reloaded: version 4 runs")
    expect(said).to_contain_text("The new init was not tried")
    expect(mark).to_have_count(0)
    expect(step).to_contain_text("Next: press Restart to try the new init: it runs when a process starts.")
    beside(page, "Code")
    typed(page, TYPED.replace("n + 1", "n + 2"))
    run.click()
    expect(said).to_contain_text("Hot-reloaded: version 5 runs")
    expect(said).not_to_contain_text("init")
    expect(step).to_contain_text("Next: the new code is running")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("def handle_cast", "def handel_cast", "handel_cast"),
        ("return NoReply(n + 1)", 'GenServer.call("left", "x")\n        return NoReply(n + 1)', SAYS),
        ('while request == "spin":', 'while request == "spin"', "Expected ':'"),
    ],
    ids=["callback", "await", "syntax"],
)
def test_a_sentence_goes_when_its_line_is_corrected(
    open_page: Callable[..., Page], at_work: Any, old: str, new: str, says: str
) -> None:
    """Regression: it stayed beside the corrected text until Run, and the next step was to correct that line first."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    page.route("**/sandboxes?dry_run=true", lambda route: route.abort())  # the check of the syntax is not needed for it
    source = TYPED.replace("    def handle_cast", "    @impl\n    def handle_cast").replace(
        "Supervisor\n", "Supervisor, impl\n"
    )
    made(page, f"corrects{len(says)}", source)
    said, step = page.locator("#said"), page.locator("#next-step")
    assert old in source
    typed(page, source.replace(old, new))
    page.get_by_role("button", name="Run", exact=True).click()
    expect(said).to_contain_text(says)
    typed(page, source.replace("n + 1", "n + 2"))
    expect(said).to_be_empty()
    expect(page.locator(".cm-lintRange-error")).to_have_count(0)
    expect(step).to_contain_text("Next: press Run")


def test_a_first_run_with_a_mistake_says_it(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "forgets", FORGOTTEN)
    expect(page.locator("#said")).to_contain_text(SAYS)
    expect(page.locator(".cm-lintRange-error")).to_have_text('GenServer.call("left", "x")')


def test_the_step_after_a_corrected_run_names_the_state_that_was_kept(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    """The corrected code crashed again: its state was still the None of the wrong code."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    wrong = TYPED.replace("child_spec(n, ", "child_spec(")
    made(page, "none", wrong)
    cast(page, at_work, "none", "left", "tick")
    expect(page.locator("#crashed")).to_contain_text(
        "left crashed because of line 13: Counter gets no start argument, so start is None in its init"
    )
    typed(page, TYPED)
    page.get_by_role("button", name="Run", exact=True).click()
    step = page.locator("#next-step")
    expect(step).to_contain_text("the new code is running, and left kept its state, None: Restart gives it a new one.")
    cast(page, at_work, "none", "left", "tick")
    expect(step).to_contain_text("Next: press Restart: left still starts with the old argument.")
    expect(page.locator("#crashed")).to_contain_text("supervisor still uses the start argument from the earlier code")


def test_a_callback_that_returns_none_is_to_be_fixed(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: the step said that the process still starts with the old argument, and there was no other."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "nothing", TYPED.replace("NoReply(n + 1)", "NoReply(print(n + 1))"))
    for _ in range(2):
        cast(page, at_work, "nothing", "left", "tick")
    expect(page.locator("#next-step")).to_contain_text(re.compile(r"Next: line \d+, where left crashed, is marked\."))


def test_a_crash_on_purpose_is_not_to_be_fixed(open_page: Callable[..., Page], at_work: Any) -> None:
    """A learner who sent the template's `crash`, as the page had asked, was told to fix it."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "raises", TYPED.replace("            pass", '            raise RuntimeError("asked")'))
    cast(page, at_work, "raises", "left", "spin")
    step = page.locator("#next-step")
    expect(step).to_contain_text("Next: line 8 raises this error on purpose. Read under What happened")


def test_after_a_reload_that_took_too_long_the_step_says_to_press_run_again(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    """Regression: the step called the code wrong, and said that it does not run, when only the sandbox was busy."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "late")
    error = {"code": "sandbox_busy", "message": "late is busy"}
    page.route("**/hot-reload", lambda route: route.fulfill(status=409, json={"error": error}), times=1)
    typed(page, TYPED.replace("n + 1", "n + 2"))
    run, step = page.get_by_role("button", name="Run", exact=True), page.locator("#next-step")
    run.click()
    expect(page.locator("#said")).to_contain_text("late is busy")
    expect(step).to_contain_text("Next: press Run")
    run.click()
    expect(page.locator("#said")).to_contain_text("Hot-reloaded: version 2 runs")
