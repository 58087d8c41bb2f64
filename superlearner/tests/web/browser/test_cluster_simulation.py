"""Three simulated members on the page: one is cut off, both sides decide, the heal resolves the conflict."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from axe import broken_rules
from page_width import SIDEWAYS

WITHOUT_LONG_TIMERS = """
const { setTimeout } = window;
window.setTimeout = (act, ms, ...more) => (ms >= 1000 ? 0 : setTimeout(act, ms, ...more));
"""
"""Without these, no page asks again by itself."""


def test_a_member_is_cut_off_both_sides_are_seen_and_a_heal_resolves_the_conflict(
    start: Callable[..., Any], open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{start().url}/cluster", ready=False)
    page.get_by_role("button", name="Simulate three members").press("Enter")
    members = page.get_by_role("list", name="Simulated members").locator("> li")
    expect(members).to_have_count(3)
    for number in (1, 2, 3):
        expect(members.nth(number - 1)).to_contain_text("SIMULATION")
        expect(page.get_by_role("list", name=f"Children on n{number}").get_by_role("listitem")).to_have_count(2)

    page.get_by_role("button", name="Cut off n1").click()
    expect(page.get_by_text("6 children run on more than one of them")).to_be_visible()
    expect(members.nth(0)).to_contain_text("sees no other member")
    expect(members.nth(1)).to_contain_text("sees n3, not n1")
    expect(page.get_by_role("list", name="Children on n1").get_by_text("also on")).to_have_count(6)
    picture = page.get_by_role("group", name="Lines")
    expect(picture.get_by_role("img", name="cut both ways")).to_have_count(2)
    assert broken_rules(page) == []

    with page.expect_download() as saved:
        page.get_by_role("button", name="Export", exact=True).press("Enter")
    assert saved.value.suggested_filename.endswith(".json")
    state = json.loads(saved.value.path().read_text("utf-8"))
    assert [len(side) for side in state["simulation"]["sides"]] == [1, 2]
    assert {one["name"] for one in state["topology"]["nodes"]} >= {f"n{number}@simulated" for number in (1, 2, 3)}

    page.get_by_role("button", name="Heal all lines").click()
    conflict = page.get_by_role("list").locator("[data-what=conflict]")
    expect(conflict.filter(has_text=re.compile(r"ran on both n\d@simulated and n\d@simulated"))).to_have_count(6)
    expect(page.get_by_text("also on")).to_have_count(0)
    expect(members.nth(0)).to_contain_text("sees n2 and n3")

    picture.get_by_role("button", name="Cut n1 from n2").press("Enter")
    expect(picture.get_by_role("img", name="n1 — n2, cut both ways")).to_have_count(1)
    picture.scroll_into_view_if_needed()
    place = picture.get_by_role("button", name="Cut n2 from n3").bounding_box()
    assert place is not None
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.mouse.move(x, y - 60)
    page.mouse.down()
    page.mouse.move(x, y + 60, steps=12)
    page.mouse.up()
    expect(picture.get_by_role("img", name="n2 — n3, cut both ways")).to_have_count(1)
    expect(picture.get_by_role("button", name="Cut n1 from n3")).to_be_visible()
    page.get_by_role("button", name="Heal all lines").click()
    expect(picture.get_by_role("button")).to_have_count(3)

    counts = page.locator("#cluster-counts")
    expect(counts).to_have_text(re.compile(r"^\s*3\s+simulated members\s*$"))  # the platform is no member of them
    page.get_by_role("button", name="Fail n2").click()
    expect(members.nth(1)).to_contain_text("failed")
    expect(counts).to_have_text(re.compile(r"^\s*2\s+simulated members\s*1 lost\s*$"))
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate(SIDEWAYS) == 0
    page.get_by_role("button", name="Restart n2").click()
    expect(page.get_by_role("button", name="Fail n2")).to_be_visible()
    page.get_by_role("button", name="End the simulation").click()
    expect(page.get_by_role("button", name="Simulate three members")).to_be_visible()


def test_members_that_come_and_go_are_shown_without_waiting_for_the_next_look(
    start: Callable[..., Any], open_page: Callable[..., Page]
) -> None:
    program = start()
    page = open_page("about:blank", ready=False)
    page.add_init_script(WITHOUT_LONG_TIMERS)
    page.goto(f"{program.url}/cluster")
    expect(page.get_by_role("button", name="Simulate three members")).to_be_visible()
    members = page.get_by_role("list", name="Simulated members").locator("> li")
    with program.client() as client:
        for path, body in (("", {"nodes": 2}), ("/fail", {"node": "n2"})):
            assert client.post(f"/api/v1/cluster/simulation{path}", json=body).status_code == 200
            expect(members).to_have_count(2)
    expect(members.nth(1)).to_contain_text("failed")
