"""The documentation in a browser: looks, keys, search while typing, copying; on a laptop and on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from axe import broken_rules
from page_variants import VARIANTS, in_turns
from page_width import SIDEWAYS

PATHS = ("/docs/recordings", "/docs/search?q=restart", "/api/docs/store")
LONG = ("/api/docs", "/docs/library", "/api/docs/process")
"""Pages that only `make full` checks, since axe takes time by length."""


@pytest.mark.parametrize(("path", "theme", "width"), in_turns(PATHS, LONG))
def test_no_rule_of_axe_is_broken_and_nothing_scrolls_sideways(
    open_page: Callable[..., Page], untouched: Any, path: str, theme: str, width: int
) -> None:
    page = open_page(f"{untouched.url}{path}", theme=theme, width=width, ready=False)
    assert broken_rules(page) == []
    assert page.evaluate(SIDEWAYS) == 0


def test_on_a_phone_the_pages_are_behind_a_button_and_gone_when_one_is_chosen(
    open_page: Callable[..., Page], untouched: Any
) -> None:
    page = open_page(f"{untouched.url}/docs", width=390, ready=False)
    page.get_by_role("button", name="Pages").click()
    pages = page.get_by_role("navigation", name="Documentation")
    expect(pages).to_be_visible()
    assert [] == broken_rules(page)
    pages.get_by_role("link", name="DynamicSupervisor", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("DynamicSupervisor")
    expect(page.get_by_role("navigation", name="Documentation")).to_be_hidden()


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_a_recorded_restart_is_played_in_place_of_its_picture(
    open_page: Callable[..., Page], untouched: Any, theme: str, width: int
) -> None:
    page = open_page(f"{untouched.url}/docs/links", theme=theme, width=width, ready=False)
    clip = page.get_by_role("group", name="stock crashes, cart is linked to it")
    expect(clip).to_contain_text("3 of 3 restarts left in 5 s")
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.locator("restart-dock .say")).to_contain_text("cart, linked to it, ended too.")
    expect(clip).to_contain_text("{'handled': 0}")
    assert broken_rules(page) == []
    assert page.evaluate(SIDEWAYS) == 0


PLAYED = """() => {
  window.played = [];
  document.addEventListener("restart-play", ({ target }) => {
    if (!target.playing) return;
    document.documentElement.dataset.played = window.played.push(target.ariaLabel.split(":")[0]);
    window.both ||= [...document.querySelectorAll("restart-stage")].filter((one) => one.playing).length > 1;
  }, true);
}"""
"""Counts clips that begin; none begins where motion is reduced."""


def open_first_two_clips(page: Page, url: str) -> None:
    """Open a page with both clips in view.

    A picture is replaced when its recording has arrived, so the second clip may be any of them until all are there.
    """
    page.set_viewport_size({"width": 1440, "height": 2000})
    page.goto(f"{url}/docs/behaviours/supervisor")
    expect(page.locator("img[src*='/restarts/']")).to_have_count(0)
    page.locator("restart-clip").nth(1).scroll_into_view_if_needed()


def test_one_recorded_restart_plays_at_a_time(open_page: Callable[..., Page], untouched: Any) -> None:
    """Two neighbours played at once, so that neither could be followed."""
    page = open_page(f"{untouched.url}/docs", ready=False, reduced_motion="no-preference")
    slowly = PLAYED.replace(
        "if (!target.playing)", "target.speed = 0.02;\n    if (!target.playing)"
    )  # none ends meanwhile
    page.add_init_script(f"({slowly})()")
    open_first_two_clips(page, untouched.url)
    first, second = page.locator("restart-clip").nth(0), page.locator("restart-clip").nth(1)
    playing = "(one) => one.querySelector('restart-stage').playing"
    expect(page.locator("html")).to_have_attribute("data-played", "1")
    other = second if first.evaluate(playing) else first
    other.get_by_role("button", name="Play", exact=True).click()
    assert [first.evaluate(playing), second.evaluate(playing)].count(True) == 1
    assert other.evaluate(playing)
    other.get_by_role("button", name="Pause").click()
    waiting = first if other is second else second
    waiting.get_by_role("button", name="Play", exact=True).click()
    before, after, again = page.evaluate("window.played")
    assert before == again != after


def test_clips_in_view_play_one_after_the_other(open_page: Callable[..., Page], untouched: Any) -> None:
    page = open_page(f"{untouched.url}/docs", ready=False, reduced_motion="no-preference")
    page.add_init_script(f"({PLAYED})()")
    open_first_two_clips(page, untouched.url)
    expect(page.locator("html")).to_have_attribute("data-played", "2", timeout=30_000)
    assert not page.evaluate("window.both")
    assert page.locator("restart-stage").first.evaluate("(stage) => stage.duration") > 5_000  # time to read them


def test_without_its_recording_the_picture_stays(open_page: Callable[..., Page], untouched: Any) -> None:
    page = open_page(f"{untouched.url}/docs", ready=False)
    page.route("**/restarts/*.json", lambda route: route.fulfill(status=404))
    page.goto(f"{untouched.url}/docs/links")
    expect(page.get_by_role("img", name="stock crashes, cart is linked to it")).to_be_visible()
    expect(page.locator("restart-clip")).to_have_count(0)


@pytest.mark.page("/docs")
def test_a_section_is_found_while_typing_and_opened_with_keys(open_page: Callable[..., Page], untouched: Any) -> None:
    url = untouched.url
    page = open_page(f"{url}/docs/library", ready=False, permissions=["clipboard-read", "clipboard-write"])
    field = page.get_by_role("combobox", name="Search the documentation")
    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.keyboard.type("when to giv up")
    option = page.get_by_role("option").filter(has_text="When to give up")
    expect(option).to_be_visible()
    assert [] == broken_rules(page)
    page.keyboard.press("Escape")
    expect(option).to_be_hidden()
    page.keyboard.type(" ")
    expect(option).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", selected=True)).to_have_count(1)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("when to giv up")
    page.get_by_role("link", name="When to give up").first.click()
    expect(page.get_by_role("heading", name="When to give up")).to_be_in_viewport()
    expect(page.locator(".docs-toc [aria-current]")).to_have_text("When to give up")
    page.locator(".code").first.hover()
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("import logging\n")


def test_text_typed_before_the_script_ran_is_searched(open_page: Callable[..., Page], untouched: Any) -> None:
    """Regression: nothing was found until one typed on."""
    url = untouched.url
    page = open_page(f"{url}/docs", ready=False)
    waiting: list[Route] = []
    page.route("**/docs/docs.js", lambda route: waiting.append(route))
    page.goto(f"{url}/docs/library", wait_until="commit")
    page.locator("#docs-q").press_sequentially("when to give up")
    expect(page.get_by_role("combobox")).to_have_count(0)
    waiting[0].continue_()
    expect(page.get_by_role("option").filter(has_text="When to give up")).to_be_visible()


def test_the_list_of_operations_is_filtered_while_typing(open_page: Callable[..., Page], untouched: Any) -> None:
    page = open_page(f"{untouched.url}/api/docs", ready=False)
    page.get_by_role("searchbox", name="Filter operations").fill("supervisor.delete_child")
    expect(page.locator(".api-list li:visible")).to_have_count(1)
    expect(page.locator("#api-count")).to_have_text("1 operation for “supervisor.delete_child”")
    page.get_by_role("link", name="Delete a child").click()
    expect(page.get_by_role("heading", name="Delete a child")).to_be_in_viewport()
    command = re.compile(r"superlearner --data-dir \S+ supervisor delete-child demo_one_for_one counter_1")
    expect(page.get_by_text(command)).to_be_visible()


@pytest.mark.page("/docs", "/api/docs")
def test_commands_of_the_manual_name_the_data_directory(open_page: Callable[..., Page], untouched: Any) -> None:
    """The pages on disk are for every platform."""
    codes = "() => [...document.querySelectorAll('code')].map((one) => one.textContent)"
    for path, said in (("/docs/command-line", "process list"), ("/api/docs/store", "store info")):
        page = open_page(f"{untouched.url}{path}", ready=False)
        beside = re.compile(rf"superlearner --data-dir \S+ {said}")
        expect(page.locator("code").filter(has_text=beside).first).to_be_visible()
        alone = re.compile(r"^superlearner (?!run|doctor)[a-z]", re.MULTILINE)
        assert [code for code in page.evaluate(codes) if alone.search(code)] == []
