"""The page /processes on a real platform, as a person uses it: with names that are HTML, and a server that restarts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from axe import broken_rules
from page_variants import VARIANTS
from page_width import SIDEWAYS

CROWD = """
import otp
from otp import Children, DynamicSupervisor, GenServer, NoReply, Ok, Supervisor, impl

HOSTILE = ["<img src=x onerror=alert(1)>", 'a "quoted" name', "two\\nlines", "\\u202eright to left", "long " * 2000]

class Worker(GenServer[int]):
    @impl
    def init(self, arg):
        return Ok(0)
    @impl
    def handle_cast(self, message, state):
        return NoReply(state + 1)

class Filler(GenServer[None]):
    @impl
    def init(self, arg):
        return Ok(None, then=otp.Continue("fill"))
    @impl
    async def handle_continue(self, term, state):
        for number in range(3000):
            await DynamicSupervisor.start_child("swarm", Worker.child_spec(None))
        return NoReply(state)

class Crowd(Supervisor):
    @impl
    def init(self, arg):
        workers = [Worker.child_spec(None, name=name, id=f"odd {number}") for number, name in enumerate(HOSTILE)]
        return Children([
            *workers,
            *(Worker.child_spec(None, name=name, id=name) for name in ("favourite", "victim")),
            DynamicSupervisor.child_spec(None, name="swarm"), Filler.child_spec(None),
        ])
"""


@pytest.fixture(scope="module")
def crowd(start_for_all: Callable[..., Any]) -> Any:
    """A platform with three thousand processes, of which some have odd names."""
    return start_for_all("crowd.py:Crowd", files={"crowd.py": CROWD})


@pytest.fixture(scope="module")
def served(crowd: Any) -> str:
    return crowd.url.rstrip("/")


def row(page: Page, name: str) -> Locator:
    """Return a row of the list itself, not of the pinned ones above."""
    return page.locator(".grid-body").get_by_role("row").filter(has=page.get_by_text(name, exact=True))


def pick(rows: Locator) -> None:
    """Click the names: the rest of a row may contain links."""
    rows.first.locator(".id").click()


def all_there(page: Page) -> None:
    expect(page.locator("#count")).to_have_text(re.compile("^3,0"), timeout=30_000)


def test_three_thousand_rows_are_scrolled_by_keyboard_and_few_are_in_the_page(
    open_page: Callable[..., Page], served: str
) -> None:
    page = open_page(f"{served}/supervisors?view=table", ready=False)
    all_there(page)
    grid = page.get_by_role("grid", name="Processes")
    expect(grid).to_have_attribute("aria-rowcount", re.compile(r"^30\d\d$"))
    pick(page.locator(".grid-body .grid-row"))
    page.keyboard.press("End")
    last = page.locator(".grid-row:focus")
    expect(last).to_have_attribute("aria-rowindex", re.compile(r"^30\d\d$"))
    expect(last).not_to_have_attribute("aria-busy", "true")
    assert page.locator(".grid-row").count() < 130
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".grid-row:focus")).to_be_in_viewport()
    page.keyboard.press("Home")
    expect(page.locator(".grid-row:focus")).to_have_attribute("aria-rowindex", "2")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name="Pid")).to_have_attribute("aria-sort", "descending")


def test_the_address_holds_search_filters_order_and_columns(open_page: Callable[..., Page], served: str) -> None:
    page = open_page(f"{served}/supervisors?view=table", ready=False)
    all_there(page)
    page.keyboard.press("/")
    page.keyboard.type("favour")
    expect(page.locator("#count")).to_have_text(re.compile("^1 of "))
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("Links", exact=True).check()
    page.keyboard.press("Escape")
    page.get_by_role("columnheader", name="Mailbox").get_by_role("button").click()
    expect(page).to_have_url(re.compile(r"search=favour&columns=.*links.*&sort=-mailbox"))
    page.reload()
    expect(page.locator("#count")).to_have_text(re.compile("^1 of "))
    expect(page.get_by_role("columnheader", name="Links")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Mailbox")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Class or function").fill("Nobody")
    expect(page.get_by_text("No process matches.")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Show all processes").click()
    all_there(page)


def test_a_space_that_is_typed_slowly_stays_and_no_filter_takes_the_search_away(
    open_page: Callable[..., Page], served: str
) -> None:
    page = open_page(f"{served}/supervisors?view=table", ready=False)
    all_there(page)
    find = page.locator("#find")
    find.press_sequentially("two ")
    expect(page).to_have_url(re.compile("search=two"))
    find.press_sequentially("lines")
    expect(find).to_have_value("two lines")
    page.evaluate(
        """() => {
            const find = document.getElementById("find"), type = document.querySelector("#filters [name=type]");
            find.value = "favourite";
            find.dispatchEvent(new Event("input", {bubbles: true}));
            type.value = "genserver";
            type.dispatchEvent(new Event("input", {bubbles: true}));
        }"""
    )
    expect(page).to_have_url(re.compile("type=genserver"))
    expect(page).to_have_url(re.compile("search=favourite"))
    expect(find).to_have_value("favourite")


def test_names_are_text_whatever_is_in_them(open_page: Callable[..., Page], served: str) -> None:
    page = open_page(f"{served}/supervisors?view=table&below=Crowd&supervised=yes&sort=name", ready=False)
    page.goto(f"{served}/supervisors?view=table&search=onerror")
    expect(row(page, "<img src=x onerror=alert(1)>")).to_be_visible()
    assert page.locator(".grid img").count() == 0
    page.goto(f"{served}/supervisors?view=table&search=long long")
    name = page.locator(".grid-body .id").first
    expect(name).to_have_text(re.compile("^long long"))
    assert page.evaluate(SIDEWAYS) == 0


def test_a_pinned_process_stays_on_top_over_its_restart_and_the_menu_says_what_can_be_done(
    open_page: Callable[..., Page], served: str
) -> None:
    page = open_page(f"{served}/supervisors?view=table&search=favourite", ready=False)
    pick(row(page, "favourite"))
    page.keyboard.press("p")
    pinned = page.locator(".grid-pins .grid-row")
    expect(pinned).to_contain_text("favourite")
    expect(page).to_have_url(re.compile("[?&]pin="))
    before = pinned.get_attribute("data-key") or ""
    page.goto(f"{served}/supervisors?view=table&search=victim")
    expect(pinned).to_contain_text("favourite")
    httpx.request("DELETE", f"{served}/api/v1/processes/favourite")
    expect(pinned).not_to_have_attribute("data-key", before)
    expect(pinned).to_contain_text("favourite")
    pinned.locator(".id").click(button="right")
    menu = page.get_by_role("menu", name="favourite")
    expect(menu.get_by_role("menuitem", name="Show in the tree")).to_be_focused()
    expect(menu.get_by_role("menuitem", name="Trace its messages")).to_have_attribute(
        "href", re.compile(r"/timeline\?view=messages&process=0")
    )
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(menu.get_by_role("menuitem", name="Unpin")).to_be_focused()
    page.keyboard.press("Enter")
    expect(pinned).to_have_count(0)


@pytest.mark.page("/supervisors?view=table")
def test_a_process_is_killed_by_key_and_several_after_a_question(
    open_page: Callable[..., Page], served: str, crowd: Any
) -> None:
    page = open_page(f"{served}/supervisors?view=table&search=victim", ready=False)
    before = row(page, "victim").get_attribute("data-key") or ""
    pick(row(page, "victim"))
    page.keyboard.press("Delete")
    expect(page.get_by_text("victim was killed.")).to_be_visible()
    page.mouse.move(0, 0)
    expect(row(page, "victim")).not_to_have_attribute("data-key", before)
    page.goto(f"{served}/supervisors?view=table&what=Worker&below=swarm&sort=-pid")
    pick(page.locator(".grid-body .grid-row[data-key]"))
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    page.get_by_role("button", name="Kill 3 selected").click()
    dialog = page.get_by_role("dialog", name="Kill 3 processes?")
    dialog.get_by_role("button", name="Kill 3 processes").click()
    expect(page.get_by_text("3 of 3 were killed.")).to_be_visible()
    page.goto(
        f"{served}/supervisors?view=table&whose=platform&search=superlearner&type=supervisor&node=superlearner@127.0.0.1"
    )
    pick(page.locator(".grid-body .grid-row[data-key]"))
    page.keyboard.press("Delete")
    expect(page.get_by_text("Only the owner can end a process of the platform itself.")).to_be_visible()
    page.set_extra_http_headers(crowd.owner)
    page.reload()
    pick(page.locator(".grid-body .grid-row[data-key]"))
    page.keyboard.press("Delete")
    page.get_by_role("dialog", name="Kill superlearner?").get_by_role("button", name="Cancel").click()


def test_the_order_is_held_while_one_points_at_it_and_while_it_is_paused(
    open_page: Callable[..., Page], served: str
) -> None:
    page = open_page(f"{served}/supervisors?view=table&sort=-mailbox", ready=False)
    all_there(page)
    said = page.locator("#order")
    page.locator(".grid-body .grid-row").nth(2).locator(".id").hover()
    expect(said).to_have_text("Order held while you point at it")
    page.mouse.move(0, 0)
    expect(said).to_have_text("")
    page.get_by_role("button", name="Pause order").click()
    expect(said).to_have_text("Order paused")


def test_the_memory_of_a_process_is_measured_when_it_is_asked_for(open_page: Callable[..., Page], served: str) -> None:
    page = open_page(f"{served}/supervisors?view=table&search=favourite", ready=False)
    pick(row(page, "favourite"))
    page.keyboard.press("m")
    page.get_by_role("menuitem", name="Measure memory").click()
    expect(row(page, "favourite").locator("[data-column=memory]")).to_have_text(re.compile("B$"))


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_everybody_can_read_it(open_page: Callable[..., Page], served: str, theme: str, width: int) -> None:
    page = open_page(f"{served}/supervisors?view=table", theme=theme, width=width, ready=False)
    all_there(page)
    pick(page.locator(".grid-body .grid-row"))
    assert broken_rules(page) == []
    assert page.evaluate(SIDEWAYS) == 0
    if width == 390:
        box = page.locator(".grid-body .grid-row").nth(1).bounding_box()
        assert box is not None
        assert box["height"] >= 44
        page.locator("#find").fill("counter_1")
        expect(page.locator("#clear")).to_be_visible()
        shown = page.locator("#clear").bounding_box()
        box = page.locator("#processes .search").bounding_box()
        assert shown is not None and box is not None
        assert box["width"] >= 120 and box["x"] + box["width"] <= shown["x"]


def test_the_list_comes_back_after_a_restart_of_the_server(
    open_page: Callable[..., Page], served: str, crowd: Any
) -> None:
    page = open_page(f"{served}/supervisors?view=table&search=favourite", ready=False)
    expect(row(page, "favourite")).to_be_visible()
    httpx.request("DELETE", f"{served}/api/v1/processes/web", json={"force": True}, headers=crowd.owner)
    expect(page.locator("#live")).to_have_attribute("data-status", "live", timeout=20_000)
    expect(row(page, "favourite")).to_be_visible()
    httpx.request("DELETE", f"{served}/api/v1/processes/favourite")
    expect(row(page, "favourite").locator("[data-column=restarts]")).not_to_have_text("")
