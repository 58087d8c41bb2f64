"""Looks and access: both themes, a laptop and a phone, no rule of axe broken, nothing loaded from elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from axe import broken_rules
from page_variants import VARIANTS, first_of
from page_width import SIDEWAYS

SHOP = "app/shop_sup"


def trouble(platform: Any) -> None:
    """Produce a row in every state, a supervisor near its limit, and some log lines."""
    now = time.time()
    spent = {"used": 3, "max": 3, "window_s": 5.0, "resets_at": now + 600, "expires": [now + 600] * 3}
    failed = {"at": now, "reason": "KeyError('sku-117')", "crash": True}
    told = {
        "id": 1,
        "at": now,
        "kind": "restarted",
        "level": "bad",
        "key": f"{SHOP}/ledger",
        "text": "ledger crashed: x",
    }
    platform.delta(
        p=[
            [f"{SHOP}/ledger", {"state": "stuck", "since": now, "doing": "handle_call at shop.py:41", "mailbox": 212}],
            [f"{SHOP}/cart", {"state": "crashed", "pid": None, "last": failed}],
            [f"{SHOP}/mailer", {"state": "restarting", "pid": None, "restarts": 12}],
            [SHOP, {"budget": spent}],
            ["app/pool", {"state": "gave_up", "pid": None, "again_at": now + 600}],
            ["app/pool/0.81.0", {"state": "stopped", "pid": None}],
        ],
        e=[
            told | {"parts": {"who": "ledger", "reason": "x"}},
            {"id": 2, "at": now, "kind": "started", "level": "ok", "key": None, "text": "shop_sup was started"},
        ],
    )
    exits = [{"at": now, "reason": "x", "pid": "0.1.0", "crash": True}]
    platform.info = {"state": "{'balance': 90}", "links": ["0.40.0"], "exits": exits}


def select(page: Page, key: str) -> None:
    line = page.locator(f'[role=treeitem][data-key="{key}"]')
    line.locator(".id").click()
    pid = line.get_attribute("data-pid")
    if pid:
        expect(page.locator("#process")).to_have_attribute("data-loaded", pid)


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_no_rule_of_axe_is_broken(open_page: Callable[..., Page], platform: Any, theme: str, width: int) -> None:
    page = open_page(f"{platform.url}/supervisors", theme=theme, width=width)
    trouble(platform)
    expect(page.locator(f'[role=treeitem][data-key="{SHOP}/ledger"]')).to_have_attribute("data-look", "stuck")
    assert broken_rules(page) == []
    select(page, f"{SHOP}/ledger")
    assert broken_rules(page) == []
    page.locator("#process").get_by_role("button", name="Close the details").click()
    page.evaluate("document.getElementById('keys').showModal()")
    assert broken_rules(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_scrolls_only_up_and_down_and_has_lines_for_fingers(
    open_page: Callable[..., Page], platform: Any, theme: str
) -> None:
    page = open_page(f"{platform.url}/supervisors", theme=theme, width=390)
    trouble(platform)
    lines = page.locator("[role=treeitem]")
    expect(lines.nth(2)).to_have_attribute("data-look", "stuck")
    assert page.evaluate(SIDEWAYS) == 0
    assert page.locator(".tree-scroll").evaluate("(one) => one.scrollWidth - one.clientWidth") == 0
    for place in range(lines.count()):
        box = lines.nth(place).bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["width"] <= 390
    select(page, f"{SHOP}/ledger")
    sheet = page.locator("#process").bounding_box()
    assert sheet is not None
    assert (sheet["x"], sheet["width"], sheet["y"] + sheet["height"]) == (0, 390, 844)
    assert page.evaluate(SIDEWAYS) == 0
    chosen = page.locator("[role=treeitem][aria-selected=true]").bounding_box()
    assert chosen is not None
    assert chosen["y"] + chosen["height"] <= sheet["y"]
    page.get_by_role("button", name="Close the details").click()
    page.get_by_role("button", name="What happened").click()
    expect(page.locator("#events li")).to_have_count(2)
    expect(page.locator("#events li").first).to_be_visible()


@pytest.mark.parametrize("width", first_of([640, 1081, 900, 1280, 1920], 2))
def test_no_width_scrolls_sideways(open_page: Callable[..., Page], platform: Any, width: int) -> None:
    page = open_page(f"{platform.url}/supervisors", width=width)
    trouble(platform)
    expect(page.locator("[role=treeitem]").nth(2)).to_have_attribute("data-look", "stuck")
    assert page.evaluate(SIDEWAYS) == 0
    cut = """[...document.querySelectorAll(".tree-scroll, .bar, .top, .side")]
        .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.className)"""
    assert page.evaluate(cut) == []


def test_a_strategy_stands_whole_beside_its_supervisor_or_not_at_all(
    page: Page, platform: Any, row: Callable[..., Any]
) -> None:
    below = [row(f"{SHOP}/demo_supervisor", what="DynamicSupervisor", strategy="rest_for_one", after=f"{SHOP}/ledger")]
    platform.delta(n=[*below, row(f"{SHOP}/clock", what="AClassWhoseNameIsLongerThanAnyLine", after=f"{SHOP}/ledger")])
    expect(page.locator("[role=treeitem]")).to_have_count(10)
    seen = """() => [...document.querySelectorAll(".nm > :is(.strategy, .what)")].filter((one) => one.textContent
        && one.getBoundingClientRect().top < one.parentElement.getBoundingClientRect().bottom)
        .map((one) => [one.textContent, one.scrollWidth <= one.clientWidth + 1])"""
    for width, told in ((1440, 3), (1081, 1), (390, 3)):
        page.set_viewport_size({"width": width, "height": 900})
        parts = page.evaluate(seen)
        assert all(whole for _, whole in parts), width
        assert sum(text.endswith("_for_one") for text, _ in parts) >= told, width
    page.set_viewport_size({"width": 1440, "height": 900})
    failed = {"at": time.time(), "reason": "ValueError('negative amount')", "crash": True}
    platform.delta(p=[[f"{SHOP}/ledger", {"state": "crashed", "pid": None, "last": failed}]])
    crashed = page.get_by_role("treeitem", name="ledger")
    expect(crashed.locator(".why")).to_have_text(failed["reason"])
    assert crashed.locator(".why").evaluate("(one) => one.scrollWidth - one.clientWidth") <= 1
    start = crashed.get_by_role("button", name="Start ledger").bounding_box()
    line = crashed.bounding_box()
    assert start is not None
    assert line is not None
    assert start["y"] + start["height"] <= line["y"] + line["height"]


@pytest.mark.parametrize("width", first_of([1081, 1280, 1440]))
def test_restarts_left_are_never_cut_in_the_middle_of_a_word(
    open_page: Callable[..., Page], platform: Any, width: int
) -> None:
    page = open_page(f"{platform.url}/supervisors", width=width)
    select(page, f"{SHOP}/ledger")
    cell = page.locator(f'[role=treeitem][data-key="{SHOP}"] .bu')
    budget = {"used": 0, "window_s": 5.0, "resets_at": None, "expires": []}
    # each part is visible in the cell as a whole, or wraps onto a hidden line
    seen = """(cell) => { const box = cell.getBoundingClientRect();
        return [...cell.querySelectorAll(".fit span")]
            .filter((one) => one.offsetParent && one.getBoundingClientRect().top < box.bottom - 2)
            .map((one) => [one.textContent.trim(), one.scrollWidth <= one.clientWidth + 1
                && one.getBoundingClientRect().right <= box.right + 0.5]) }"""
    for most in (3, 6, 20, 100, 900):
        platform.delta(p=[[SHOP, {"budget": budget | {"max": most}}]])
        expect(cell).to_have_text(f"{most} of {most} restarts left in 5 s")
        parts = cell.evaluate(seen)
        if not parts:  # there is room for a mark for each of them only
            expect(cell.locator(".pips > *")).to_have_count(most)
            continue
        assert parts[0] == [f"{most} of {most}", True]
        assert all(whole for _, whole in parts)
        assert len(parts) >= 2 or most not in (3, 20) or cell.evaluate("(one) => one.clientWidth") < 100


def test_the_theme_follows_the_system_until_the_switch_is_used(open_page: Callable[..., Page], platform: Any) -> None:
    page = open_page(f"{platform.url}/supervisors", theme="dark")
    background = "getComputedStyle(document.body.parentElement).backgroundColor"
    dark = page.evaluate(background)
    page.get_by_role("button", name="Switch to the light theme").click()
    light = page.evaluate(background)
    assert light != dark
    page.reload()
    assert page.evaluate(background) == light
    page.get_by_role("button", name="Switch to the dark theme").click()
    assert page.evaluate("localStorage.length") == 0
    page.emulate_media(color_scheme="light")
    assert page.evaluate(background) == light


def test_with_reduced_motion_nothing_moves(page: Page) -> None:
    moving = """[...document.querySelectorAll("*")].map((one) => getComputedStyle(one)).filter((style) =>
        style.animationName !== "none" || style.transitionDuration.split(", ").some((time) => time !== "0s")).length"""
    assert page.evaluate(moving) == 0


def test_everything_comes_from_the_platform_itself(open_page: Callable[..., Page], platform: Any) -> None:
    page = open_page("about:blank", ready=False)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{platform.url}/supervisors")
    expect(page.locator("#supervisors")).to_have_attribute("data-ready", "tree")
    page.evaluate("document.fonts.ready.then(() => true)")
    assert [url for url in asked if not url.startswith(platform.url)] == []
    assert any(url.endswith("inter-latin.woff2") for url in asked)


def test_the_help_lists_shortcuts_shapes_and_numbers(page: Page) -> None:
    page.keyboard.press("?")
    for text in ("stopped or ended", "children start on demand", "loop lag"):
        expect(page.get_by_role("dialog", name="Help")).to_contain_text(text)
    expect(page.get_by_role("dialog", name="Help")).to_contain_text("Kill the process, or all that are selected")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
