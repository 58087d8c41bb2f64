"""The page /sandboxes on a real platform: type, start, kill, break, repair."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from page_variants import VARIANTS, first_of
from page_width import SIDEWAYS
from playground_page import (
    OWNER,
    TYPED,
    accessible,
    beside,
    cast,
    destroy,
    made,
    opened,
    state,
    text,
    typed,
)


@pytest.mark.page("/sandboxes")
def test_typed_started_killed_broken_by_an_endless_loop_and_mended_with_the_state_kept(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "mine")
    assert page.url.endswith("/sandboxes?sandbox=mine")  # reloading the page keeps the state
    page.get_by_role("link", name="Open its tree").click()
    expect(page.get_by_role("treeitem", name=re.compile("^left, "))).to_be_visible()
    page.get_by_role("button", name="Kill Main").click()
    asked = page.get_by_role("dialog", name="End the whole tree of Main?")
    expect(asked).to_contain_text("Main and the 2 processes below it end. Main has no supervisor")
    expect(asked).to_contain_text("The sandbox ends with its tree; it can be started again.")
    asked.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Kill left").click()
    expect(page.get_by_role("treeitem", name=re.compile("^left, .*, 1 restart"))).to_be_visible()
    page.goto(f"{at_work.url}/supervisors?view=table&node=sandbox-mine@127.0.0.1&type=supervisor")
    page.locator(".grid-body .grid-row .id").first.click()
    page.keyboard.press("Delete")
    expect(asked).to_contain_text("All below Main end with it. It has no supervisor, so nothing starts them again.")
    asked.get_by_role("button", name="Cancel").click()
    page.goto(f"{at_work.url}/sandboxes?sandbox=mine")
    expect(page.locator("#one-status")).to_have_text("running")
    cast(page, at_work, "mine", "right", "tick")
    cast(page, at_work, "mine", "left", "spin")
    page.get_by_role("tab", name="What happened").click()
    expect(page.get_by_role("tabpanel", name="What happened")).to_contain_text(
        re.compile(r"left held the loop for 2 s: line [78]; it was ended there")
    )
    typed(page, TYPED.replace("while request", "if request").replace("n + 1", "n + 100"))
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#said")).to_contain_text("Hot-reloaded: version 2 runs, and 3 processes kept pid")
    page.get_by_role("button", name="What became of the states").click()
    report = page.get_by_role("tabpanel", name="Versions")
    expect(report.get_by_role("row", name=re.compile("^right Counter .* 41 kept"))).to_be_visible()
    cast(page, at_work, "mine", "left", "spin")
    cast(page, at_work, "mine", "right", "tick")
    assert ("100", "141") == (state(page, at_work, "mine", "left"), state(page, at_work, "mine", "right"))


def test_without_a_credential_built_in_code_starts_and_is_shown(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work)
    template = text(page)
    expect(page.locator("#source .paint .k", has_text="class").first).to_be_visible()  # coloured before it is touched
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#one-status")).to_have_text("running")
    expect(page.locator("#source")).to_contain_text("class Counter")
    assert template == text(page)
    cast(page, at_work, "counter", "counter", "crash")
    expect(page.locator("#crashed")).to_contain_text("counter crashed at line 36: RuntimeError")
    expect(page.locator(".cm-lintRange-error")).to_be_in_viewport()  # the full editor was not loaded before
    destroy(page)
    typed(page, TYPED)
    told = page.locator("#said")
    expect(told).to_contain_text("takes the scope code, which the owner's credential has")
    expect(told.get_by_role("link", name="sign in with it")).to_have_attribute(
        "href", "/sign-in?next=%2Fsandboxes%3Fnew"
    )
    page.get_by_label("Start from").select_option("Demo: two counters and a printer")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#one-status")).to_have_text("running")
    expect(page.locator("#source")).to_contain_text("class DemoOneForOne")
    expect(page.locator("#said")).to_be_empty()
    destroy(page)


@pytest.mark.parametrize("width", first_of([390, 1440]))
def test_a_next_step_is_shown_after_a_run_a_kill_a_crash_and_its_repair_and_the_editor_stays(
    open_page: Callable[..., Page], at_work: Any, width: int
) -> None:
    """The guidance was part of the form of a new sandbox, so that it was gone after the first run."""
    page = opened(open_page, at_work, "/sandboxes?new=", width=width, **OWNER)
    step = page.locator("#next-step")
    expect(step).to_be_hidden()
    editor = page.locator("#source")
    place = editor.bounding_box()
    made(page, "steps", TYPED.replace("pass", "1 / 0"))
    expect(step).to_contain_text("Next: kill a process in the tree; its supervisor starts it again. Or make one crash")
    beside(page)
    page.get_by_role("button", name="Kill right").click()
    beside(page, "Code")
    expect(step).to_contain_text("Next: read under What happened which processes were restarted. Or make one crash")
    cast(page, at_work, "steps", "left", "spin")
    expect(step).to_have_text("Next: line 8, where left crashed, is marked. Fix it and press Run (Ctrl-Enter).")
    typed(page, "print('no supervisor in here')\n")
    page.get_by_role("textbox", name="Source").press("Control+Enter")
    expect(step).to_contain_text("Next: this code does not run: the message below it says why. The tree still runs the")
    typed(page, TYPED.replace("while request", "if request"))
    page.get_by_role("textbox", name="Source").press("Control+Enter")
    expect(step).to_contain_text("Next: the new code is running.")
    beside(page, "Code")
    assert place == editor.bounding_box()
    page.get_by_role("link", name="New sandbox").click()
    expect(step).to_be_hidden()


def test_ctrl_enter_starts_changes_and_restarts_and_a_crash_leads_to_its_line(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    broken = TYPED.replace("pass", "1 / 0") + "# a long tail\n" * 80
    typed(page, broken)
    page.get_by_label("Name", exact=True).fill("quick")
    page.get_by_role("textbox", name="Source").focus()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#one-status")).to_have_text("running")
    expect(page.get_by_role("textbox", name="Source")).to_be_focused()
    assert broken == text(page)
    page.get_by_role("button", name="Kill right").click()
    expect(page.get_by_role("treeitem", name=re.compile("^right, .*, 1 restart"))).to_be_visible()
    expect(page.locator("#crashed")).to_be_empty()  # a kill has no line
    cast(page, at_work, "quick", "left", "spin")
    expect(page.locator("#crashed")).to_contain_text("left crashed at line 8: ZeroDivisionError")
    expect(page.locator(".cm-lintRange-error")).to_be_in_viewport()
    happened = page.get_by_role("tabpanel", name="What happened")
    expect(happened.get_by_role("button", name="line 8")).to_be_visible()
    typed(page, broken.replace("1 / 0", "pass").replace("while", "if") + "# typed\n")
    cast(page, at_work, "quick", "left", "spin")
    expect(happened.get_by_role("button", name="line 8")).to_have_count(2)
    expect(page.locator(".cm-line", has_text="# typed")).to_be_in_viewport()  # it does not move what is being typed
    expect(page.locator("#crashed")).to_contain_text("left crashed at line 8 of version 1 (this text differs there)")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#said")).to_contain_text("Hot-reloaded: version 2 runs")
    expect(page.locator("#crashed")).to_be_empty()
    cast(page, at_work, "quick", "left", "spin")
    expect(page.get_by_role("treeitem", name=re.compile("^left, .*, 2 restarts"))).to_be_visible()
    page.get_by_role("button", name="Restart", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    expect(page.locator("#said")).to_have_text("Restarted: all states are new.")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#one-reason")).to_contain_text("it was stopped. Run starts it again")
    expect(page.locator("#one")).to_have_attribute("data-state", "stopped")
    expect(page.get_by_role("treeitem", name=re.compile("^left, .*stopped"))).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#said")).to_have_text("It runs again.")
    expect(page.get_by_role("button", name="Kill left")).to_be_visible()
    page.goto(f"{at_work.url}/sandboxes")
    expect(page).to_have_url(re.compile(r"\?sandbox=quick$"))  # the newest of one's own opens by itself
    expect(page.get_by_label("Sandbox", exact=True)).to_have_value("quick")


def test_on_a_phone_run_is_always_in_view_and_stop_is_in_a_menu(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: the bar was 440 pixels wide, with Run beyond the edge of the screen."""
    page = opened(open_page, at_work, "/sandboxes?new=", width=390, **OWNER)
    made(page, "a_name_that_is_rather_long")
    expect(page.get_by_role("treeitem", name=re.compile("^left, "))).to_be_in_viewport()  # Run switches to it
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_in_viewport(ratio=1)
    expect(page.locator("#next-step")).not_to_contain_text("Ctrl-Enter", use_inner_text=True)
    assert 0 == page.evaluate(SIDEWAYS)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_hidden()
    menu = page.get_by_role("button", name="Restart or stop")
    menu.click()
    expect(page.get_by_role("button", name="Restart", exact=True)).to_be_in_viewport(ratio=1)
    accessible(page)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#one-status")).to_have_text("ended")
    expect(menu).to_have_attribute("aria-expanded", "false")


PLAYED = """() => {
    const box = (one) => one.getBoundingClientRect(), find = (what) => document.querySelector(what);
    const pane = find("#replay"), said = pane.querySelector(".said"), end = box(said).bottom;
    return {
        covered: box(find("[role=treeitem][data-key$='/right']")).bottom > box(pane).top + 1,
        cut: said.scrollHeight > said.clientHeight + 1 || box(said.querySelector("p")).bottom > end,
        strip: box(pane).bottom - end > 1,
        acts: box(said.querySelector(".acts")).bottom > end + 1,
        share: box(find("#replay .share")).right > box(find("#replay > .btn")).left + 1,
    };
}"""
"""Faults in the layout of a replay: what it hides, what is cut off, and empty strips."""


def test_on_a_phone_a_replay_covers_no_row_and_its_sentence_and_buttons_are_whole(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", width=390, **OWNER)
    made(page, "on_a_phone")
    page.get_by_role("button", name="Kill right").tap()
    pane = page.get_by_role("region", name="The newest restart")
    expect(pane.get_by_role("button", name="Save as a file")).to_be_visible()
    expect(pane.locator("p[data-done=yes]")).to_be_visible()
    assert page.evaluate(PLAYED) == dict.fromkeys(("covered", "cut", "strip", "acts", "share"), False)


def test_with_large_text_on_a_projector_code_and_processes_are_in_view_and_the_panes_are_reached(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    """Regression: at 200 % of 1280x720 the editor was 8 pixels high, and rows lay over the button Code."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    page.locator("#source").hover()  # loads the editor
    for width, height, lines in ((853, 480, 12), (640, 360, 5)):
        page.set_viewport_size({"width": width, "height": height})
        for number in (1, lines):
            numbers = page.locator(".cm-lineNumbers .cm-gutterElement").and_(page.get_by_text(f"{number}", exact=True))
            expect(numbers.last).to_be_in_viewport(ratio=0.99)  # before is one that only gives the width
    made(page, "projected")
    panes = page.get_by_role("group", name="What is shown")
    panes.get_by_role("button", name="Processes").click()
    page.get_by_role("button", name="Kill right").click()
    happened = page.get_by_role("tabpanel", name="What happened")
    expect(happened).to_contain_text("right was killed")
    happened.evaluate("one => one.scrollIntoView({ block: 'center' })")
    expect(happened).to_be_in_viewport(ratio=0.9)
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_in_viewport(ratio=1)
    panes.get_by_role("button", name="Code").click()  # nothing lies over it
    expect(page.locator("#source")).to_be_visible()


def test_the_page_shows_no_node_of_the_platform(open_page: Callable[..., Page], at_work: Any) -> None:
    page = open_page("about:blank", ready=False, **OWNER)
    with page.expect_websocket(lambda socket: "/live/platform" in socket.url) as socket:
        page.goto(f"{at_work.url}/sandboxes?new=")
    with socket.value.expect_event("framereceived"):
        made(page, "runs")
    expect(page.locator("#node")).to_be_hidden()


def test_a_kill_is_played_and_leads_to_its_restart(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "played")
    page.get_by_role("button", name="Kill left").click()
    pane = page.get_by_role("region", name="The newest restart")
    expect(pane).to_contain_text("left restarted")
    moment = re.compile(r"^/why/[0-9a-f]{12}\.\d+\?node=sandbox-played%40127\.0\.0\.1$")
    expect(pane.get_by_role("link", name="Watch it again")).to_have_attribute("href", moment)
    happened = page.get_by_role("tabpanel", name="What happened")
    why = happened.get_by_role("link", name="Why? left")
    expect(why).to_have_attribute("href", moment)
    accessible(page)
    page.get_by_role("tab", name="What happened").focus()
    expect(pane).to_be_hidden()
    why.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("left")


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_the_page_is_for_everybody(width: int, theme: str, open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, width=width, theme=theme, **OWNER)
    accessible(page)
    beside(page)
    page.locator("#walls summary").click()
    page.locator("#options summary").click()
    accessible(page)
    made(page, "shown")
    accessible(page)
    beside(page)
    for tab in ("Output", "What happened", "Versions", "Limits"):
        page.get_by_role("tab", name=tab).click()
        accessible(page)
    expect(page.get_by_role("tabpanel", name="Limits")).to_contain_text("access only to its own folder")
    page.get_by_role("link", name="All sandboxes").click()
    expect(page.get_by_role("row", name=re.compile(r"^shown running owner .* MB"))).to_be_visible()
    accessible(page)


def test_a_selected_process_answers_beside_the_code(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    answers = "    def handle_call(self, request, caller, n):\n        return Reply(n, n)\n"
    made(page, "talks", TYPED.replace("    def handle_cast", f"{answers}    def handle_cast"))
    page.get_by_role("treeitem", name=re.compile("^left, ")).click()
    panel = page.get_by_role("tabpanel", name="Process")
    expect(panel.get_by_label("State", exact=True)).to_have_text("0")
    before = page.url
    in_code = panel.get_by_role("group", name="In the code")
    expect(in_code).to_contain_text("cast spin")
    panel.get_by_label("Message as JSON").fill("tick")
    panel.get_by_role("button", name="Send", exact=True).click()
    expect(panel.get_by_label("State", exact=True)).to_have_text("1")
    panel.get_by_label("Kind of message").select_option("call")
    panel.get_by_label("Message as JSON").fill("value")
    panel.get_by_role("button", name="Send", exact=True).click()
    expect(panel.get_by_role("status")).to_have_text("Answer: 1")
    panel.get_by_role("group", name="Sent before").get_by_role("button", name="cast tick").click()
    expect(panel.get_by_label("State", exact=True)).to_have_text("2")
    hint = "set a longer timeout_ms, or see process.backtrace"
    error = {"code": "timeout", "message": "left did not answer within 5 s", "hint": hint}
    page.route("**/message*", lambda route: route.fulfill(status=504, json={"error": error}), times=1)
    panel.get_by_role("group", name="Sent before").get_by_role("button", name="call value").click()
    expect(panel.get_by_role("status")).to_have_text(
        "left did not answer within 5 s. Either its callback returned NoReply, which sends no answer, "
        "or a callback is still running."
    )
    page.get_by_role("button", name="Kill left").click()
    expect(panel.get_by_label("State", exact=True)).to_have_text("0")
    expect(panel.locator(".answer")).to_be_empty()
    expect(panel.get_by_role("group", name="Sent before").get_by_role("button")).to_have_count(2)
    expect(in_code).to_contain_text("cast spin")  # what was sent does not take its place
    warning = {"warning": "the message was delivered; then its node has not answered for 1 s"}
    page.route("**/message*", lambda route: route.fulfill(json={"data": warning}), times=1)
    panel.get_by_role("group", name="Sent before").get_by_role("button", name="cast tick").click()
    expect(panel.get_by_role("status")).to_have_text("Sent.")  # the node answers again
    assert before == page.url
    destroy(page)
