"""The frame of every page: palette, keys, choice of the node, lost nodes, errors, phones."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import otp
from axe import broken_rules
from page_variants import VARIANTS
from page_width import SIDEWAYS
from superlearner.cluster.members import ENDS

SECOND = "shop@127.0.0.1"
COLOURS = """() => [["#gone", "color"], ["#gone", "backgroundColor"], ["#live", "color"]].map(
    ([where, what]) => getComputedStyle(document.querySelector(where))[what])"""
"""The colours of the note about a node that is gone, and of the status in the header."""
LEDGER = '[role=treeitem][data-key="shop/checkout_sup/ledger"]'


def opened(page: Page) -> Any:
    """The palette, when it has asked the server."""
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Go to")
    expect(field).to_be_focused()
    return field


def test_the_page_of_another_node_shows_its_trees_and_kills_there(
    open_page: Callable[..., Page], two_nodes: Any
) -> None:
    page = open_page(f"{two_nodes.url}/supervisors?node={SECOND}")
    ours = two_nodes.do(lambda: two_nodes.platform.node.whereis("ledger"))
    line = page.locator(LEDGER)
    expect(line).to_be_visible()
    expect(page.get_by_role("treeitem", name=re.compile("^superlearner,"))).to_have_count(0)
    line.hover()
    line.get_by_role("button", name="Kill ledger").click()
    expect(line).to_have_attribute("data-restarts", "1")
    expect(page.locator("#events")).to_contain_text("ledger was killed; checkout_sup (rest_for_one) restarted ledger")
    assert two_nodes.do(lambda: two_nodes.platform.node.whereis("ledger")) == ours


def test_system_processes_and_details_are_those_of_the_node_that_is_shown(
    open_page: Callable[..., Page], two_nodes: Any
) -> None:
    page = open_page(f"{two_nodes.url}/supervisors?view=table&node={SECOND}", ready=False)
    expect(page.get_by_role("row", name=re.compile("stocktaking"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("counter_1"))).to_have_count(0)
    page.goto(f"{two_nodes.url}/system?node={SECOND}")
    bar = page.locator(".bar").first
    expect(bar).to_contain_text(re.compile(r"\d+\s*processes"))
    told = re.search(r"(\d+)\s*processes", bar.inner_text())
    assert told is not None
    assert int(told[1]) < two_nodes.do(lambda: len(two_nodes.platform.node.processes())) / 2
    page.goto(f"{two_nodes.url}/supervisors?node={SECOND}&process=ledger&tab=state")
    pane = page.get_by_role("region", name="Process details")
    expect(pane.get_by_role("heading", name="State", exact=True)).to_be_visible()
    expect(pane).to_contain_text(two_nodes.do(lambda: str(two_nodes.node.whereis("ledger")).strip("<>")))
    pane.get_by_role("tab", name="Relations").click()
    expect(pane).to_contain_text("checkout_sup")


def test_the_palette_finds_a_process_of_the_node_that_is_shown_and_leads_to_it(
    open_page: Callable[..., Page], two_nodes: Any
) -> None:
    page = open_page(f"{two_nodes.url}/settings?node={SECOND}", ready=False)
    field = opened(page)
    field.fill("mlr")
    first = page.get_by_role("listbox", name="Found").get_by_role("option").first
    expect(first).to_contain_text("mailer")
    expect(first).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", "palette-0")
    field.press("Enter")
    expect(page).to_have_url(re.compile(r"/supervisors\?process=mailer&node=shop%40127\.0\.0\.1$"))
    expect(page.get_by_role("treeitem", name=re.compile("^mailer,"))).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("region", name="Process details")).to_contain_text("mailer")
    opened(page)
    expect(page.get_by_role("group", name="Recent").get_by_role("option").first).to_contain_text("mailer")


def test_the_palette_finds_operations_words_of_the_documentation_and_pages(
    open_page: Callable[..., Page], two_nodes: Any
) -> None:
    page = open_page(f"{two_nodes.url}/settings", ready=False)
    field = opened(page)
    field.fill("tree")
    expect(page.get_by_role("group", name="Pages").get_by_role("option", name=re.compile("^Tree"))).to_be_visible()
    field.fill("process.kill")
    expect(page.get_by_role("group", name="Operations").get_by_role("option").first).to_contain_text("process.kill")
    field.fill("intensity")
    sections = page.get_by_role("group", name="Documentation").get_by_role("option")
    expect(sections.first).to_be_visible(timeout=60_000)  # the first question makes the index
    field.press("ArrowDown")
    field.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_palette_has_the_pages_when_the_server_is_gone_and_says_what_is_missing(
    open_page: Callable[..., Page], platform: Any
) -> None:
    page = open_page(f"{platform.url}/supervisors")
    page.route("**/api/v1/**", lambda route: route.abort())
    field = opened(page)
    expect(page.get_by_role("listbox", name="Found").get_by_role("option", name=re.compile("^Tree"))).to_be_visible()
    expect(page.locator("#palette .said")).to_contain_text("missing: The server does not answer.")
    field.fill("nobody has this name")
    expect(page.locator("#palette")).to_contain_text("Nothing matches “nobody has this name”.")


def test_a_name_that_is_html_is_text_in_the_palette(open_page: Callable[..., Page], two_nodes: Any) -> None:
    name = "<img src=x onerror=alert(1)>"
    two_nodes.do(lambda: in_node(two_nodes, name))
    page = open_page(f"{two_nodes.url}/settings?node={SECOND}", ready=False)
    field = opened(page)
    field.fill("onerror")
    expect(page.get_by_role("listbox", name="Found").get_by_role("option").first).to_contain_text(name)
    assert page.locator("#palette img").count() == 0


async def in_node(two_nodes: Any, name: str) -> None:
    """A process with this name."""

    async def life() -> None:
        otp.register(name, otp.self())
        await otp.receive(otp.Is("end"))

    two_nodes.node.spawn(life)
    await two_nodes.node.wait_registered(name)


def test_keys_lead_to_pages_except_in_text_fields(open_page: Callable[..., Page], two_nodes: Any) -> None:
    page = open_page(f"{two_nodes.url}/settings", ready=False)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Help")
    expect(keys).to_contain_text("g then sGo to Tree")
    expect(keys).to_contain_text("Ctrl K")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page).to_have_url(f"{two_nodes.url}/supervisors")
    page.get_by_role("searchbox", name="Find a process").press_sequentially("gd")
    expect(page.get_by_role("searchbox", name="Find a process")).to_have_value("gd")
    expect(page).to_have_url(f"{two_nodes.url}/supervisors")


def test_a_node_that_ends_while_its_page_is_open_is_reported_and_comes_back(
    open_page: Callable[..., Page], two_nodes: Any
) -> None:
    page = open_page(f"{two_nodes.url}/supervisors?node={SECOND}")
    other = open_page(f"{two_nodes.url}/settings", ready=False)
    expect(other.get_by_role("combobox", name="Node")).to_be_visible()
    learn = open_page(f"{two_nodes.url}/learn?node={SECOND}", ready=False)
    expect(learn.locator("#node option")).to_have_count(3)  # the feed has told of both, and the choice of all is there
    expect(learn.get_by_role("combobox", name="Node")).to_be_hidden()  # a node means nothing there
    two_nodes.do(lambda: two_nodes.platform.nodes.detach(SECOND))
    said = page.get_by_role("alert").filter(has_text="The node shop@127.0.0.1 is gone")
    expect(said.get_by_role("link")).to_have_text("superlearner@127.0.0.1")
    expect(page.locator("#live")).to_have_text("Not connected")
    failed = page.evaluate(COLOURS)
    expect(learn.locator("#node option")).to_have_count(1)
    expect(learn.locator("#gone")).to_be_hidden()
    expect(other.get_by_role("combobox", name="Node")).to_be_hidden()
    there_is_none = open_page(f"{two_nodes.url}/supervisors?node={SECOND}", ready=False)
    expect(there_is_none.get_by_role("link", name="superlearner@127.0.0.1")).to_be_visible()
    two_nodes.do(lambda: two_nodes.platform.nodes.attach(two_nodes.node))
    expect(said).to_be_hidden()
    expect(page.locator("#live")).to_have_text("Live")
    expect(other.get_by_role("combobox", name="Node")).to_be_visible()
    other.get_by_role("combobox", name="Node").select_option(SECOND)
    expect(other).to_have_url(re.compile("node=shop%40127.0.0.1"))
    two_nodes.do(lambda: two_nodes.platform.nodes.left.update({SECOND: ENDS["left"]}))
    two_nodes.do(lambda: two_nodes.platform.nodes.detach(SECOND, ENDS["left"]))
    expect(said).to_contain_text("it left the cluster")
    assert [] == [colour for colour in page.evaluate(COLOURS) if colour in failed], "red, although it ended in order"


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_no_rule_of_axe_is_broken_in_palette_and_errors_and_nothing_scrolls_sideways(
    open_page: Callable[..., Page], two_nodes: Any, theme: str, width: int
) -> None:
    page = open_page(f"{two_nodes.url}/supervisor/ledger", ready=False, theme=theme, width=width)
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    expect(page.get_by_text("Did you mean").get_by_role("link", name="Tree")).to_be_visible()
    assert broken_rules(page) == []
    page.get_by_role("button", name="Find a page, process or operation").click()
    page.get_by_role("combobox", name="Go to").fill("ledger")
    expect(page.get_by_role("listbox", name="Found").get_by_role("option").first).to_contain_text("ledger")
    assert broken_rules(page) == []
    assert page.evaluate(SIDEWAYS) == 0


CUT = """() => [...document.querySelectorAll("#nav a:not([hidden])")].filter((link) => {
    const box = link.getBoundingClientRect();
    return box.left < 0 || box.right > innerWidth || link.scrollWidth > link.clientWidth;
}).map((link) => link.textContent)"""


TOP = """[...document.querySelectorAll('.top, .bar, .docs-bar')]
    .filter((one) => getComputedStyle(one).position !== "absolute").map((one) => one.getBoundingClientRect())
    .filter(({ top }) => top < 400).map(({ bottom }) => bottom)"""
"""The lower edges of header and toolbar; a toolbar may also stand at the lower edge of the window."""


@pytest.mark.parametrize(
    "path", ["/", "/supervisors", "/processes", "/timeline", "/why/1", "/sandboxes", "/system", "/docs"]
)
def test_header_and_toolbar_leave_most_of_a_phone_to_the_page(
    open_page: Callable[..., Page], two_nodes: Any, path: str
) -> None:
    page = open_page(f"{two_nodes.url}{path}", ready=False, width=390)
    expect(page.locator(".bar, .docs-bar").first).to_be_attached()
    expect(page.locator("main[data-ready='loading']")).to_have_count(0)
    assert max(page.evaluate(TOP)) <= 96
    expect(page.get_by_role("heading", level=1)).to_have_count(1)


def test_a_phone_shows_all_pages_and_a_navigation_that_is_too_wide_scrolls_and_shows_that_it_goes_on(
    open_page: Callable[..., Page], two_nodes: Any
) -> None:
    page = open_page(f"{two_nodes.url}/settings", ready=False, width=390)
    for width in (420, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate(CUT) == []
    page.set_viewport_size({"width": 700, "height": 844})
    page.evaluate(
        """() => { const nav = document.getElementById("nav");
        for (let n = 0; n < 14; n += 1) nav.append(nav.firstElementChild.cloneNode(true));
        nav.style.paddingLeft = "3px"; }"""
    )
    nav = page.get_by_role("navigation", name="Main")
    nav.evaluate("(one) => (one.scrollLeft = 1)")
    nav.evaluate("(one) => (one.scrollLeft = 0)")
    expect(nav).to_have_attribute("data-more", "right")
    nav.evaluate("(one) => (one.scrollLeft = 9999)")
    expect(nav).to_have_attribute("data-more", "left")
    assert page.evaluate(SIDEWAYS) == 0


OVERLAPS = """() => {
    const parts = ".top > .brand, .top > nav, .top > select, .tools :is(i, span:not(.live), kbd, button, a, svg)";
    const seen = [...document.querySelectorAll(parts)]
        .filter((one) => one.checkVisibility() && getComputedStyle(one).clipPath === "none");
    const called = (one) => one.id || one.outerHTML;
    const found = [];
    for (const one of seen) {
        const here = one.getBoundingClientRect();
        if (here.right > innerWidth) found.push(`${called(one)} goes beyond the window`);
        const button = one.parentElement.closest("button, a")?.getBoundingClientRect();
        const out = button && (here.left < button.left - 0.5 || here.right > button.right + 0.5);
        if (out) found.push(`${called(one)} sticks out`);
        for (const other of seen) {
            if (one === other || one.contains(other) || other.contains(one)) continue;
            const there = other.getBoundingClientRect();
            const wide = Math.min(here.right, there.right) - Math.max(here.left, there.left);
            const high = Math.min(here.bottom, there.bottom) - Math.max(here.top, there.top);
            if (wide > 0.5 && high > 0.5) found.push(`${called(one)} lies on ${called(other)}`);
        }
    }
    return found;
}"""


@pytest.mark.parametrize("path", ["/supervisors", "/", "/docs"])
def test_nothing_in_the_header_lies_on_anything_else_in_a_narrow_window_with_a_mouse(
    open_page: Callable[..., Page], two_nodes: Any, path: str
) -> None:
    page = open_page(f"{two_nodes.url}{path}", ready=False, has_touch=False, is_mobile=False)
    live = path != "/docs"
    for width in (390, 640, 820, 1024, 1321):
        page.set_viewport_size({"width": width, "height": 800})
        if live:
            expect(page.locator("#live")).to_have_text("Live")
        for hidden in (False, True):
            page.evaluate("(hidden) => document.getElementById('node')?.toggleAttribute('hidden', hidden)", hidden)
            assert page.evaluate(OVERLAPS) == [], (width, hidden)
    page.set_viewport_size({"width": 390, "height": 800})
    expect(page.locator("#palette-open kbd")).to_be_hidden()
    if live:
        expect(page.get_by_role("status").filter(has_text="Live")).to_have_count(1)  # for screen readers


def test_large_text_on_a_projector_shows_all_places_and_the_node_to_those_who_are_signed_in(
    open_page: Callable[..., Page], guarded_nodes: Any
) -> None:
    """Regression: the name of the user took the room of Learn and System, and the chooser of nodes was a sliver."""
    code = guarded_nodes.do(lambda: guarded_nodes.platform.credentials.new_code())
    page = open_page(f"{guarded_nodes.url}/?token={code}", ready=False)
    places = page.get_by_role("navigation", name="Main")
    expect(page.get_by_label("Node", exact=True)).to_be_visible()
    for width, height in ((1024, 576), (853, 480), (731, 411), (640, 360)):
        page.set_viewport_size({"width": width, "height": height})
        expect(places).not_to_have_attribute("data-more", re.compile(".*"))
        for place in places.get_by_role("link").all():
            expect(place).to_be_in_viewport(ratio=1)
        node = page.get_by_label("Node", exact=True).bounding_box()
        assert node is not None
        assert node["width"] >= 130, width  # of shop@127.0.0.1 and its arrow
        assert page.evaluate(OVERLAPS) == []
        page.get_by_role("button", name="Menu").click()
        for entry in page.get_by_role("navigation", name="More pages").locator("a, button").all():
            expect(entry).to_be_in_viewport(ratio=0.99)
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in"))


def test_notes_stack_and_are_dismissed_one_by_one(open_page: Callable[..., Page], platform: Any) -> None:
    page = open_page(f"{platform.url}/supervisors")
    page.evaluate(
        """import("/static/base/toast.js").then(({ toast }) => { for (const n of [1, 2, 3, 4]) toast(`note ${n}`); })"""
    )
    notes = page.get_by_role("status", name="Notes")
    expect(notes.locator(".toast")).to_have_count(3)
    expect(notes).not_to_contain_text("note 1")
    notes.get_by_role("button", name="Dismiss").first.focus()
    page.keyboard.press("Enter")
    expect(notes.locator(".toast")).to_have_count(2)
    expect(notes.get_by_role("button", name="Dismiss").first).to_be_focused()
