"""The page /timeline as a person uses it, on a platform that is real."""

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

Open = Callable[..., Page]
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


def kill(platform: Any, name: str) -> None:
    answer = httpx.request("DELETE", f"{platform.url}/api/v1/processes/{name}", json={"reason": "kill"})
    assert answer.status_code == 200
    platform.do(lambda: platform.platform.running_node().wait_registered(name))


def pid(platform: Any, name: str) -> str:
    found = httpx.get(f"{platform.url}/api/v1/processes/{name}/info").json()["data"]["pid"]
    return re.sub(r"[^0-9.]", "", found)


def timeline(open_page: Open, platform: Any, query: str = "", **more: Any) -> Page:
    page = open_page(f"{platform.url}/timeline{query}", ready=False, **more)
    expect(page.locator("#timeline")).to_have_attribute("data-ready", "yes")
    return page


def moment(page: Page) -> Locator:
    return page.get_by_role("slider", name="Moment")


def in_tree(page: Page, name: str) -> Locator:
    return page.locator("sl-reel-tree li").filter(has=page.get_by_text(name, exact=True))


@pytest.mark.page("/timeline")
def test_going_back_shows_the_tree_before_a_restart_and_live_the_one_after_it(
    open_page: Open, real_platform: Any
) -> None:
    before = pid(real_platform, "counter_1")
    page = timeline(open_page, real_platform)
    expect(moment(page)).to_have_attribute("aria-valuetext", "Live")
    expect(in_tree(page, "counter_1")).to_contain_text(before)
    kill(real_platform, "counter_1")
    after = pid(real_platform, "counter_1")
    expect(in_tree(page, "counter_1")).to_contain_text(after)
    happened = page.get_by_role("list", name="What happened")
    ended = happened.get_by_role("button", name=re.compile(f"counter_1 <{before}> was killed$"))
    ended.click()
    expect(ended).to_have_attribute("aria-current", "step")
    expect(moment(page)).to_have_attribute("aria-valuetext", re.compile(f": counter_1 <{before}> was killed$"))
    expect(in_tree(page, "counter_1")).to_contain_text("restarting")
    moment(page).focus()
    page.keyboard.press("ArrowLeft")
    expect(in_tree(page, "counter_1")).to_contain_text(before)
    page.get_by_role("button", name="Live", exact=True).click()
    expect(in_tree(page, "counter_1")).to_contain_text(after)
    expect(in_tree(page, "counter_1")).to_contain_text("1 restart")


def test_the_moment_is_in_the_address_and_opens_there(open_page: Open, real_platform: Any) -> None:
    before = pid(real_platform, "counter_1")
    kill(real_platform, "counter_1")
    page = timeline(open_page, real_platform)
    page.get_by_role("button", name=re.compile("demo_one_for_one .* restarted counter_1")).click()
    page.get_by_role("button", name="Previous event").click()
    expect(page).to_have_url(re.compile(r"/timeline\?at=\d+\.\d+$"))
    said = moment(page).get_attribute("aria-valuetext") or ""
    assert said.endswith("was killed")
    other = timeline(open_page, real_platform, page.url.partition("/timeline")[2])
    expect(moment(other)).to_have_attribute("aria-valuetext", said)
    expect(in_tree(other, "counter_1")).not_to_contain_text(before)
    other.get_by_role("button", name="Live", exact=True).click()
    expect(other).to_have_url(f"{real_platform.url}/timeline")


def test_a_dynamic_child_that_ends_while_the_past_is_shown_keeps_its_name_and_place(
    open_page: Open, real_platform: Any
) -> None:
    for name in ("visitor_1", "visitor_2"):
        body = {"start": "superlearner.demo.one_for_one:Counter", "arg": 0, "registered_name": name}
        path = f"{real_platform.url}/api/v1/supervisors/orders/children"
        answer = httpx.post(path, json=body | {"restart": "temporary"}, headers=OWNER)
        assert answer.status_code == 200, answer.text
    first = pid(real_platform, "visitor_1")
    page = timeline(open_page, real_platform)
    kill(real_platform, "counter_1")
    happened = page.get_by_role("list", name="What happened")
    happened.get_by_role("button", name=re.compile("restarted counter_1")).click()
    visitors = page.locator("sl-reel-tree li .name").filter(has_text="visitor_")
    expect(visitors).to_have_text(["visitor_1", "visitor_2"])
    gone = httpx.request("DELETE", f"{real_platform.url}/api/v1/processes/visitor_1", json={"reason": "kill"})
    assert gone.status_code == 200
    expect(happened.locator("[data-later]").filter(has_text=f"<{first}> was killed")).to_be_visible()
    moment(page).focus()
    for key in ("ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
        expect(visitors).to_have_text(["visitor_1", "visitor_2"])
    page.get_by_role("button", name="Live", exact=True).click()
    expect(visitors).to_have_text(["visitor_2"])


def test_keys_wheel_and_dragging_go_back_and_to_now(open_page: Open, real_platform: Any) -> None:
    page = timeline(open_page, real_platform)
    live = page.locator("#timeline")
    axis = moment(page)
    axis.focus()
    page.keyboard.press("Home")
    expect(live).to_have_attribute("data-live", "false")
    page.keyboard.press("End")
    expect(live).to_have_attribute("data-live", "true")
    axis.hover()
    page.mouse.wheel(0, -120)
    expect(live).to_have_attribute("data-live", "false")
    page.mouse.wheel(0, 5000)
    expect(live).to_have_attribute("data-live", "true")
    page.mouse.down()
    page.mouse.move(1000, 150, steps=4)
    page.mouse.up()
    expect(live).to_have_attribute("data-live", "false")


def test_only_its_buttons_start_a_recording_and_nothing_starts_a_trace(
    open_page: Open, start_for_all: Callable[..., Any]
) -> None:
    kept = start_for_all()
    page = timeline(open_page, kept)
    page.get_by_role("button", name="Previous event").click()
    with kept.client() as client:
        for path in ("traces", "recordings"):
            assert client.get(f"/api/v1/{path}").json()["data"] == []
        page.get_by_role("button", name="Recordings").click()
        page.get_by_role("button", name="Record now").click()
        page.get_by_role("button", name=re.compile("^Stop run-")).click()
        expect(page.get_by_role("button", name=re.compile("^Download run-"))).to_be_visible()
        (one,) = client.get("/api/v1/recordings").json()["data"]
        assert client.get("/api/v1/traces").json()["data"] == []
    page.goto(f"{kept.url}/timeline?recording={one['name']}")
    expect(page.get_by_role("heading", name=one["name"])).to_be_visible()
    expect(page.get_by_role("slider", name="Playhead")).to_be_visible()


def test_events_wait_while_the_list_is_read(open_page: Open, real_platform: Any) -> None:
    page = timeline(open_page, real_platform)
    happened = page.get_by_role("list", name="What happened")
    happened.hover()
    first = happened.get_by_role("listitem").first.inner_text()
    kill(real_platform, "counter_2")
    expect(page.get_by_text(re.compile("new, held while you read"))).to_be_visible()
    assert happened.get_by_role("listitem").first.inner_text() == first
    page.get_by_role("heading", name="Timeline").hover()
    expect(happened).to_contain_text("restarted counter_2")


def test_a_process_of_the_tree_filters_what_happened(open_page: Open, real_platform: Any) -> None:
    kill(real_platform, "counter_1")
    page = timeline(open_page, real_platform)
    in_tree(page, "counter_1").get_by_role("button").click()
    expect(page.get_by_role("button", name="Only counter_1: show all")).to_be_visible()
    rows = page.get_by_role("list", name="What happened").get_by_role("listitem")
    expect(rows.first).to_contain_text("restarted counter_1")
    assert {"counter_1" in text for text in rows.all_inner_texts()} == {True}
    page.get_by_role("button", name="Only counter_1: show all").click()
    expect(page.get_by_role("list", name="What happened")).to_contain_text("counter_2")


def test_a_moment_that_is_no_longer_in_memory_says_so(open_page: Open, real_platform: Any) -> None:
    page = timeline(open_page, real_platform, "?at=1000.5")
    expect(page.get_by_text(re.compile("The server has no events in memory before"))).to_be_visible()
    page.get_by_role("button", name="Live", exact=True).click()
    expect(page.get_by_text(re.compile("The server has no events in memory before"))).to_be_hidden()


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_a_moment_is_accessible_and_fits(open_page: Open, real_platform: Any, theme: str, width: int) -> None:
    kill(real_platform, "counter_1")
    page = timeline(open_page, real_platform, theme=theme, width=width)
    page.get_by_role("button", name="Previous event").click()
    page.get_by_role("button", name="Recordings").click()
    expect(page.get_by_role("button", name="Record now")).to_be_visible()
    assert page.evaluate(SIDEWAYS) == 0
    assert broken_rules(page) == []
