"""The editor of the Playground: errors, keys, and what is typed while it loads or reloads."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from playground_page import (
    OWNER,
    TYPED,
    made,
    opened,
    typed,
)


def test_an_error_is_marked_at_its_line_while_it_is_typed_and_nothing_starts(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, **OWNER)
    expect(page.locator("#source .numbers")).to_have_text(re.compile(r"^1\n2\n3\n[\d\n]*$"))
    typed(page, TYPED.replace("class Main(Supervisor)", "class Main(Supervisor"))
    expect(page.locator("#said")).to_contain_text(re.compile(r"Invalid syntax\.\s*Line 11$"))
    expect(page.locator(".cm-lintRange-error").first).to_be_visible()
    page.keyboard.type("# the cursor has stayed where it was")
    expect(page.locator(".cm-line").last).to_have_text("# the cursor has stayed where it was")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#said")).to_contain_text("Invalid syntax")
    typed(page, TYPED)
    expect(page.locator(".cm-lintRange-error")).to_have_count(0)
    assert {} == dict(at_work.platform.sandboxes.fleet.sandboxes)


def test_the_message_of_a_refused_syntax_goes_with_its_mark(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: after Run, the message stayed in red below the corrected code."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "colon")
    said = page.locator("#said")
    for wrong, message in (
        (TYPED.replace("class Main(Supervisor):", "class Main(Supervisor)"), "Expected ':'"),
        (TYPED.replace("return Ok(start)", "return Ok(await start)"), "'await' outside async function"),
    ):
        typed(page, wrong)
        page.get_by_role("button", name="Run", exact=True).click()
        expect(said).to_contain_text(message)
        expect(page.locator("#next-step")).to_contain_text("this code does not run")
        typed(page, f"{TYPED}# {message}\n")
        expect(page.locator(".cm-lintRange-error")).to_have_count(0)
        expect(said).to_be_empty()
        expect(page.locator("#next-step")).to_contain_text("the tree switches to this code")


def test_tab_indents_and_escape_leads_out_of_the_editor(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, **OWNER)
    typed(page, "class A: pass")
    page.keyboard.press("Control+a")
    page.keyboard.type("x")  # over a selection: what the browser would say of its styles fails the test
    page.keyboard.press("Control+Home")
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox", name="Source")).to_have_text("    x")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()


def test_typing_over_everything_while_the_editor_loads_replaces_it_without_shortcuts(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, **OWNER)
    held: list[Any] = []
    page.route("**/codemirror.js", lambda route: held.append(route))
    with page.expect_request("**/codemirror.js"):
        page.get_by_role("textbox", name="Source").focus()
    page.keyboard.press("Control+a")
    held.pop().continue_()
    expect(page.locator("sl-code#source")).to_have_attribute("data-ready", "editor")
    page.keyboard.type("g s?n")
    expect(page.get_by_role("textbox", name="Source")).to_have_text("g s?n")
    expect(page.locator("dialog#keys")).to_be_hidden()
    assert page.url.endswith("/sandboxes")


def test_letters_typed_into_the_code_that_runs_stay_there_and_are_looked_at(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, **OWNER)
    made(page, "letters")
    typed(page, "")
    page.keyboard.type("one two")
    expect(page.get_by_role("textbox", name="Source")).to_have_text("one two")
    expect(page.locator("#said")).to_contain_text(re.compile(r"Invalid syntax\.\s*Line 1$"))
    typed(page, TYPED)
    expect(page.locator("#said")).to_be_empty()
    reloads: list[Any] = []
    page.route("**/hot-reload", lambda route: reloads.append(route))
    typed(page, f"{TYPED}# more\n")
    with page.expect_request("**/hot-reload"):
        page.get_by_role("button", name="Run", exact=True).click()
    typed(page, f"{TYPED}# while it reloads")
    reloads.pop().continue_()
    expect(page.locator("#said")).to_contain_text("version 2 runs")
    expect(page.locator(".cm-line:visible").last).to_have_text("# while it reloads")
    page.get_by_role("link", name="New sandbox").click()
    expect(page.get_by_label("Start from")).to_have_value("counter")


def test_the_hint_of_a_template_goes_with_its_code(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    hint = page.locator("#template-about")
    expect(hint).to_have_text("The comment at the top of the code says what to try.")
    typed(page, TYPED)
    expect(hint).to_be_hidden()
    page.get_by_role("textbox", name="Source").press("Control+z")
    expect(hint).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#next-step")).to_contain_text("select a process in the tree and send it the cast crash")
    typed(page, TYPED)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#said")).to_contain_text("version 2 runs")
    page.reload()
    expect(page.locator("#next-step")).to_contain_text("raise an error in a callback, and press Run (Ctrl-Enter)")
