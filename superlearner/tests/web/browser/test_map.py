"""The map of /supervisors: the places of its cells, their content, and pointer actions."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

SHOP = "app/shop_sup"
LEDGER = f"{SHOP}/ledger"


@pytest.fixture
def page(open_page: Callable[..., Page], platform: Any) -> Page:
    """The tree with the map beside it, which so few processes do not open."""
    return open_page(f"{platform.url}/supervisors?view=both")


def place(page: Page, key: str) -> dict[str, float]:
    """Return the place of a cell in the window."""
    return page.locator("#map").evaluate(
        """(map, key) => {
            const {x, y} = map.placeOf(key), {left, top} = map.querySelector(".space").getBoundingClientRect();
            return {x: left + x, y: top + y};
        }""",
        key,
    )


def test_every_process_has_a_cell_and_a_state_moves_none(page: Page, platform: Any) -> None:
    keys = [row["key"] for row in platform.nodes]
    before = {key: place(page, key) for key in keys}
    assert len({(one["x"], one["y"]) for one in before.values()}) == len(keys)
    platform.delta(p=[[LEDGER, {"state": "crashed", "pid": None}], [SHOP, {"state": "gave_up", "pid": None}]])
    expect(page.locator(f'[role=treeitem][data-key="{LEDGER}"]')).to_have_attribute("data-state", "crashed")
    assert {key: place(page, key) for key in keys} == before


def test_dynamic_children_take_the_cells_of_those_that_ended(
    page: Page, platform: Any, row: Callable[..., Any]
) -> None:
    first, web = place(page, "app/pool/0.81.0"), place(page, "app/web")
    platform.delta(x=["app/pool/0.81.0"], n=[row("app/pool/0.82.0", id="order 82", after=None)])
    expect(page.locator('[data-key="app/pool/0.82.0"]')).to_be_visible()
    assert place(page, "app/pool/0.82.0") == first
    assert place(page, "app/web") == web


def test_a_click_selects_in_the_list_and_the_list_selects_on_the_map(page: Page, platform: Any) -> None:
    at = place(page, LEDGER)
    page.mouse.click(at["x"], at["y"])
    expect(page.locator("#process")).to_have_attribute("data-key", LEDGER)
    expect(page.locator(":focus")).to_have_attribute("data-key", LEDGER)
    page.keyboard.down("Control")
    at = place(page, f"{SHOP}/cart")
    page.mouse.click(at["x"], at["y"])
    page.keyboard.up("Control")
    expect(page.locator("[role=treeitem][aria-selected=true]")).to_have_count(2)


def test_the_pointer_on_a_cell_shows_name_state_and_reason_as_text(
    page: Page, platform: Any, row: Callable[..., Any]
) -> None:
    evil = "<img src=x onerror=alert(1)>"
    key = f"{SHOP}/evil"
    last = {"at": time.time(), "reason": "KeyError('<b>')", "crash": True}
    platform.delta(n=[row(key, id=evil, name=evil, state="crashed", pid=None, last=last, after=LEDGER)])
    expect(page.locator(f'[data-key="{key}"]')).to_be_visible()
    at = place(page, key)
    page.mouse.move(at["x"], at["y"])
    tip = page.locator("#map .tip")
    expect(tip).to_contain_text(evil)
    expect(tip).to_contain_text("crashed KeyError('<b>')")
    platform.delta(p=[[key, {"state": "running", "pid": "0.99.0", "restarts": 1}]])
    expect(tip).to_contain_text("1 restart")
    assert page.locator("#map img").count() == 0
    page.mouse.move(0, 0)
    expect(tip).to_be_hidden()


def test_the_map_is_an_image_whose_equal_is_the_tree(page: Page, platform: Any, row: Callable[..., Any]) -> None:
    alone = row("alone", kind="group", pid=None, children=1, after=None)
    platform.delta(n=[alone, row("alone/main", after=None)])
    image = page.get_by_role("img", name="Map of 7 processes, 7 running")
    equal = page.locator(f"#{image.get_attribute('aria-details')}")
    expect(equal.get_by_role("tree")).to_be_visible()


def test_the_map_is_folded_when_the_page_opens_with_fewer_than_twenty_processes(
    open_page: Callable[..., Page], platform: Any, row: Callable[..., Any]
) -> None:
    page = open_page(f"{platform.url}/supervisors")
    sheet, running = page.locator("#map canvas").first, page.locator("#count-running b")
    expect(page.get_by_role("button", name="Tree", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(sheet).to_be_hidden()
    platform.delta(n=[row(f"app/pool/0.{90 + i}.0", id=f"order {i}", critical=True, after=None) for i in range(12)])
    expect(running).to_have_text("6")
    page.reload()
    expect(running).to_have_text("6")
    expect(sheet).to_be_hidden()
    platform.delta(n=[row(f"app/pool/0.{170 + i}.0", id=f"job {i}", after=None) for i in range(16)])
    expect(running).to_have_text("22")
    expect(sheet).to_be_hidden()
    page.reload()
    expect(sheet).to_be_visible()


def test_list_map_or_both_is_kept_and_the_line_between_them_moves(page: Page, open_page: Callable[..., Page]) -> None:
    tree, sheet = page.get_by_role("tree"), page.locator("#map canvas").first
    expect(sheet).to_be_visible()
    page.get_by_role("button", name="Map", exact=True).click()
    expect(tree).to_be_hidden()
    page.get_by_role("button", name="Tree", exact=True).click()
    expect(sheet).to_be_hidden()
    page.reload()
    expect(tree).to_be_visible()
    expect(sheet).to_be_hidden()
    page.get_by_role("button", name="Tree and map").click()
    width = tree.evaluate("(one) => one.clientWidth")
    page.get_by_role("separator").press("ArrowLeft")
    page.get_by_role("separator").press("ArrowLeft")
    assert tree.evaluate("(one) => one.clientWidth") < width
    expect(page.get_by_role("separator")).to_have_attribute("aria-valuenow", "62")


def test_closer_and_farther_and_back_to_what_shows_all(page: Page) -> None:
    sheet, scroll = page.locator("#map"), page.locator(".map-scroll")
    expect(sheet).to_have_attribute("data-cells", "8")
    fitting = sheet.get_attribute("data-level") or ""
    page.get_by_role("button", name="Farther").click()
    expect(sheet).to_have_attribute("data-level", str(int(fitting) + 1))
    page.get_by_role("button", name="Fit").click()
    expect(sheet).to_have_attribute("data-level", fitting)
    assert scroll.evaluate("(one) => one.scrollHeight - one.clientHeight") == 0
