"""The map of /supervisors: where cells stand, what they show, and what a hand on it does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page, expect

SHOP = "app/shop_sup"
LEDGER = f"{SHOP}/ledger"

LAYOUT = """async ([nodes, width, level, folded]) => {
    const { reduce, EMPTY } = await import("/static/live/model.js");
    const { branches, layout, LEVELS } = await import("/static/map/map-layout.js");
    const model = reduce(EMPTY, {k: "s", epoch: "e", seq: 0, now: 0, feed: [], health: null, nodes});
    const found = layout(branches(model), width, LEVELS[level], new Set(folded), (text) => 7 * text.length);
    const size = LEVELS[level];
    return {
        cells: Object.fromEntries([...found.places].map(([key, {x, y, box}]) => [key, [x, y, box.key]])),
        boxes: found.boxes.map(({key, x, y, w, h, depth}) => [key, x, y, w, h, depth]),
        height: found.height, w: size.w, h: size.h,
    };
}"""


@pytest.fixture
def modules(blank: Page, platform: Any) -> Page:
    """The modules, from a platform that serves them."""
    blank.goto(f"{platform.url}/static/icon.svg")
    return blank


def place(page: Page, key: str) -> dict[str, float]:
    """Where a cell is in the window."""
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


def test_the_pointer_on_a_cell_tells_name_state_and_reason_as_text(
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
    image = page.get_by_role("img", name="Map of 9 processes, 9 running")
    equal = page.locator(f"#{image.get_attribute('aria-details')}")
    expect(equal.get_by_role("tree")).to_be_visible()


def test_list_map_or_both_is_kept_and_the_line_between_them_moves(page: Page, open_page: Callable[..., Page]) -> None:
    tree, sheet = page.get_by_role("tree"), page.locator("#map canvas").first
    expect(sheet).to_be_visible()
    page.get_by_role("button", name="Map", exact=True).click()
    expect(tree).to_be_hidden()
    page.get_by_role("button", name="List", exact=True).click()
    expect(sheet).to_be_hidden()
    page.reload()
    expect(tree).to_be_visible()
    expect(sheet).to_be_hidden()
    page.get_by_role("button", name="List and map").click()
    width = tree.evaluate("(one) => one.clientWidth")
    page.get_by_role("separator").press("ArrowLeft")
    page.get_by_role("separator").press("ArrowLeft")
    assert tree.evaluate("(one) => one.clientWidth") < width
    expect(page.get_by_role("separator")).to_have_attribute("aria-valuenow", "62")


def test_what_others_say_of_a_process_stands_in_its_line_and_on_the_map(page: Page) -> None:
    page.evaluate(
        """(key) => { for (const id of ["tree", "map"])
            document.getElementById(id).annotate(key, {mark: "expected", text: "will restart"}); }""",
        LEDGER,
    )
    line = page.locator(f'[role=treeitem][data-key="{LEDGER}"]')
    expect(line.locator(".mark")).to_have_text("will restart")
    assert "will restart" in (line.get_attribute("aria-label") or "")
    at = place(page, LEDGER)
    page.mouse.move(at["x"], at["y"])
    expect(page.locator("#map .tip")).to_contain_text("will restart")
    page.evaluate("document.getElementById('tree').annotate(null)")
    expect(line.locator(".mark")).to_be_hidden()


def test_closer_and_farther_and_back_to_what_shows_all(page: Page) -> None:
    sheet, scroll = page.locator("#map"), page.locator(".map-scroll")
    expect(sheet).to_have_attribute("data-cells", "8")
    fitting = sheet.get_attribute("data-level") or ""
    page.get_by_role("button", name="Farther").click()
    expect(sheet).to_have_attribute("data-level", str(int(fitting) + 1))
    page.get_by_role("button", name="Fit").click()
    expect(sheet).to_have_attribute("data-level", fitting)
    assert scroll.evaluate("(one) => one.scrollHeight - one.clientHeight") == 0


NAME_ROOM = """async ([nodes, width, height]) => {
    const { reduce, EMPTY } = await import("/static/live/model.js");
    const { branches, fitting, LEVELS } = await import("/static/map/map-layout.js");
    const model = reduce(EMPTY, {k: "s", epoch: "e", seq: 0, now: 0, feed: [], health: null, nodes});
    const level = fitting(branches(model), width, height, new Set(), (text) => 6.2 * text.length);
    const { w, glyph, names } = LEVELS[level];
    return names ? w - glyph - 16 : 0;
}"""


@pytest.mark.parametrize("height", [700, 160])
def test_where_there_is_room_a_name_of_fifteen_letters_is_not_cut(modules: Page, height: int) -> None:
    root = {"key": "top", "parent": None, "id": "top", "name": None, "kind": "supervisor", "strategy": "one_for_one",
            "children": None, "budget": None}  # fmt: skip
    workers = [
        {"key": f"top/{n}", "parent": "top", "id": f"w{n}", "name": "sandbox_manager", "kind": "worker"}
        for n in range(12)
    ]
    assert modules.evaluate(NAME_ROOM, [[root, *workers], 380, height]) >= 6.2 * len("sandbox_manager")


@st.composite
def trees(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows of a tree with up to six supervisors, parents first."""
    rows: list[dict[str, Any]] = []
    parents: list[str | None] = [None]
    for number in range(draw(st.integers(1, 6))):
        parent = draw(st.sampled_from(parents)) if rows else None
        key = f"s{number}" if parent is None else f"{parent}/s{number}"
        rows.append({"key": key, "parent": parent, "id": f"s{number}", "name": None, "kind": "supervisor",
                     "strategy": "one_for_one", "children": None, "budget": None})  # fmt: skip
        parents = [*[one for one in parents if one], key]
        rows.extend(
            {"key": f"{key}/w{child}", "parent": key, "id": f"w{child}", "name": None, "kind": "worker"}
            for child in range(draw(st.integers(0, 40)))
        )
    return rows


@given(trees(), st.integers(150, 1200), st.integers(0, 15))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_two_things_of_the_map_lie_on_each_other(
    modules: Page, nodes: list[dict[str, Any]], width: int, level: int
) -> None:
    found = modules.evaluate(LAYOUT, [nodes, width, level, []])
    cells, w, h = found["cells"], found["w"], found["h"]
    assert set(cells) == {row["key"] for row in nodes}
    spots = {(round(x / w, 3), round(y / h, 3)) for x, y, _ in cells.values()}
    assert len(spots) == len(cells)
    boxes = {key: (x, y, x + bw, y + bh, depth) for key, x, y, bw, bh, depth in found["boxes"]}
    parents = {row["key"]: row["parent"] for row in nodes}
    for key, (x, y, _) in cells.items():
        left, top, right, bottom, _ = boxes[cells[key][2]]
        assert left <= x, key
        assert x + min(w, right - left) <= right + 0.01, key
        assert top <= y + h / 2 <= bottom, key
    names = list(boxes)
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            if parents[one] != parents[other]:
                continue
            a, b = boxes[one], boxes[other]
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (one, other)


def test_a_folded_box_is_one_line_that_tells_its_sum(modules: Page) -> None:
    nodes = [
        {"key": "s", "parent": None, "id": "s", "name": None, "kind": "supervisor", "strategy": None},
        *({"key": f"s/{n}", "parent": "s", "id": str(n), "name": None, "kind": "worker"} for n in range(500)),
    ]
    open_, shut = (modules.evaluate(LAYOUT, [nodes, 400, 4, folded]) for folded in ([], ["s"]))
    assert len(open_["cells"]) == 501
    assert list(shut["cells"]) == ["s"]
    assert shut["height"] < 50 < open_["height"]
