"""The page /timeline as a person uses it, on a platform that is real."""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from axe import broken_rules
from page_variants import VARIANTS
from page_width import SIDEWAYS
from superlearner.control.terms import plain_pid
from superlearner.observing.monitoring.facts import Incident
from superlearner.operations.builtin.restart_loops import INCIDENT
from superlearner.store import MomentRow

Open = Callable[..., Page]
EVERY_KIND = "?kind=crashes,restarts,changes,starts"
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


def kill(platform: Any, name: str) -> None:
    answer = httpx.request("DELETE", f"{platform.url}/api/v1/processes/{name}", json={"reason": "kill"})
    assert answer.status_code == 200
    platform.do(lambda: platform.platform.node.wait_registered(name))


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
    page = timeline(open_page, real_platform, "?kind=crashes,restarts,changes,starts")
    expect(moment(page)).to_have_attribute("aria-valuetext", "Live")
    expect(in_tree(page, "counter_1")).to_contain_text(before)
    kill(real_platform, "counter_1")
    after = pid(real_platform, "counter_1")
    expect(in_tree(page, "counter_1")).to_contain_text(after)
    happened = page.get_by_role("list", name="What happened")
    ended = happened.get_by_role("button", name=re.compile(f"counter_1 <{before}> was killed$"))
    expect(happened.locator("[aria-current]")).to_have_count(0)
    ended.click()
    expect(ended).to_have_attribute("aria-current", "step")
    expect(moment(page)).to_have_attribute("aria-valuetext", re.compile(f": counter_1 <{before}> was killed$"))
    expect(in_tree(page, "counter_1")).to_contain_text("restarting")
    moment(page).focus()
    page.keyboard.press("ArrowLeft")
    expect(in_tree(page, "counter_1")).to_contain_text(before)
    in_tree(page, "counter_1").get_by_role("button").click()
    card = page.get_by_role("group", name="The chosen process")
    expect(card.get_by_role("heading")).to_have_text(f"counter_1 {before}")
    expect(card).to_contain_text(re.compile(r"Ended at [\d:.]+: killed\."))
    expect(card).to_contain_text(f"Another process runs in its place now: <{after}>.")
    expect(card.get_by_role("link")).to_have_count(0)
    page.get_by_role("button", name="Live", exact=True).click()
    expect(card.get_by_role("link", name="Open it")).to_have_attribute("href", re.compile(f"process={after}$"))
    expect(page.locator("#axis")).to_be_focused()  # the button is disabled now
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


def test_an_event_in_the_address_leads_to_its_restart_or_is_said_not_to_be_stored(
    open_page: Open, real_platform: Any
) -> None:
    page = timeline(open_page, real_platform, "?event=99999999")
    expect(page.locator("#note-text")).to_have_text(
        "The event in the address, “99999999”, is not stored. Now is shown instead."
    )
    kill(real_platform, "counter_1")
    ref = httpx.get(f"{real_platform.url}/api/v1/restarts").json()["data"][0]["ref"]
    page = timeline(open_page, real_platform, f"?event={ref}")
    expect(moment(page)).to_have_attribute("aria-valuetext", re.compile("counter_1"))
    expect(page).to_have_url(re.compile(r"/timeline\?at=\d+\.\d+$"))


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
    moment(page).press("PageUp")
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
    page = timeline(open_page, real_platform, EVERY_KIND)
    happened = page.get_by_role("list", name="What happened")
    happened.hover()
    first = happened.get_by_role("listitem").first.inner_text()
    kill(real_platform, "counter_2")
    expect(page.get_by_text(re.compile("new, held while you read"))).to_be_visible()
    assert happened.get_by_role("listitem").first.inner_text() == first
    page.get_by_role("heading", name="Timeline").hover()
    expect(happened).to_contain_text("restarted counter_2")


def test_the_platforms_own_processes_and_events_are_shown_on_request(open_page: Open, real_platform: Any) -> None:
    page = timeline(open_page, real_platform, "?kind=crashes,restarts,changes,starts")
    own = page.get_by_role("button", name="Platform's own")
    happened, services = page.get_by_role("list", name="What happened"), in_tree(page, "services")
    expect(in_tree(page, "counter_1")).to_be_visible()
    expect(services).to_have_count(0)
    expect(happened).not_to_contain_text("services")
    assert own.inner_text().split()[-1] == str(
        httpx.get(f"{real_platform.url}/api/v1/processes?whose=platform").json()["meta"]["total"]
    )
    own.click()
    expect(services).to_be_visible()
    expect(happened).to_contain_text("services")
    assert "platform=open" in page.url
    own.click()
    expect(services).to_have_count(0)
    assert "platform" not in page.url


def test_a_process_of_the_tree_filters_what_happened(open_page: Open, real_platform: Any) -> None:
    kill(real_platform, "counter_1")
    page = timeline(open_page, real_platform, EVERY_KIND)
    in_tree(page, "counter_1").get_by_role("button").click()
    expect(page.get_by_role("button", name="Only counter_1: show all")).to_be_visible()
    rows = page.get_by_role("list", name="What happened").get_by_role("listitem")
    expect(rows.first).to_contain_text("restarted counter_1")
    assert {"counter_1" in text for text in rows.all_inner_texts()} == {True}
    page.get_by_role("button", name="Only counter_1: show all").click()
    expect(page.get_by_role("list", name="What happened")).to_contain_text("counter_2")


def test_before_the_oldest_event_no_tree_is_shown(open_page: Open, real_platform: Any) -> None:
    page = timeline(open_page, real_platform, "?at=1000.5")
    expect(page.get_by_text(re.compile("The server has no events in memory before"))).to_be_visible()
    expect(page.get_by_text("What ran at this moment is not known.")).to_be_visible()
    expect(page.locator("sl-reel-tree")).to_be_hidden()
    page.get_by_role("button", name=re.compile(r"^Go to [\d:.]+$")).click()
    expect(page.locator("#axis")).to_be_focused()
    expect(page.get_by_text("What ran at this moment is not known.")).to_be_hidden()
    expect(in_tree(page, "superlearner")).to_be_visible()
    expect(in_tree(page, "counter_1")).to_have_count(0)


def test_the_steps_skip_hidden_events_and_are_disabled_without_another_one(open_page: Open, real_platform: Any) -> None:
    """Regression: before the first event of the list, *Previous event* went to those that the filter hides."""
    page = timeline(open_page, real_platform)
    back, forward = (page.get_by_role("button", name=f"{way} event") for way in ("Previous", "Next"))
    expect(back).to_be_disabled()  # the starts of the demo are hidden
    kill(real_platform, "counter_1")
    back.click()
    expect(forward).to_be_disabled()
    back.click()
    expect(moment(page)).to_have_attribute("aria-valuetext", re.compile("was killed$"))
    expect(back).to_be_disabled()
    expect(moment(page)).to_be_focused()
    forward.click()
    expect(moment(page)).to_have_attribute("aria-valuetext", re.compile("restarted counter_1"))


def test_until_the_events_of_a_moment_are_there_no_tree_stands_for_it(open_page: Open, real_platform: Any) -> None:
    before = pid(real_platform, "counter_1")
    kill(real_platform, "counter_1")
    page = timeline(open_page, real_platform, "?kind=crashes,restarts,changes,starts")
    page.get_by_role("button", name=re.compile(f"counter_1 <{before}> was killed$")).click()
    page.get_by_role("button", name="Previous event").click()
    expect(in_tree(page, "counter_1")).to_contain_text(before)
    held: list[Route] = []
    page.route("**/api/v1/events?*", lambda route: held.append(route))
    page.reload()
    tree, retry = page.locator("sl-reel-tree"), page.get_by_role("button", name="Try again")
    expect(page.get_by_text("Loading the tree of this moment…")).to_be_visible()
    expect(tree).to_be_hidden()
    held.pop().abort()
    expect(page.get_by_text("The server does not answer.")).to_be_visible()
    expect(page.get_by_text("The tree of this moment cannot be shown: the events could not be read.")).to_be_visible()
    expect(tree).to_be_hidden()
    page.unroute("**/api/v1/events?*")
    retry.click()
    expect(in_tree(page, "counter_1")).to_contain_text(before)
    expect(retry).to_be_hidden()


@pytest.mark.parametrize("path", ["/timeline", "/supervisors"])
def test_the_line_of_a_hang_that_ended_arrives_in_an_open_page(
    open_page: Open, stored_platform: Any, path: str
) -> None:
    """Regression: it was listed after a reload only, though restarts arrive by themselves."""
    page = open_page(f"{stored_platform.url}{path}", ready=path != "/timeline")
    happened = page.get_by_role("list", name="What happened")
    with page.expect_response(re.compile(r"/restarts\?")):  # it has read what was stored before
        page.reload()
    page.wait_for_load_state("networkidle")
    now = time.time()  # it begins in memory, which may be younger than 5 s: the next test looks where that begins
    hang = Incident("till was in handle_cast at till.py:7 for 5 s", now, now)
    platform = stored_platform.platform
    stored_platform.do(lambda: platform.moments.add_incident(platform.nodes.find(None), hang))
    expect(happened).to_contain_text(hang.text)  # nothing else has happened that would make the page read
    kill(stored_platform, "counter_1")
    expect(happened).to_contain_text("counter_1")
    expect(happened).to_contain_text(hang.text)


def test_a_restart_from_before_the_start_of_the_platform_is_listed_and_plays(
    open_page: Open, stored_platform: Any
) -> None:
    kept: Future[MomentRow] = Future()
    stored_platform.platform.moments.on_moment = lambda row: kept.done() or kept.set_result(row)
    kill(stored_platform, "counter_1")
    row = kept.result(20)
    assert row.data is not None
    run, at = "0123456789ab", row.at - 3600
    moment = json.loads(zlib.decompress(row.data)) | {"at": at - 4e-6, "ref": f"{run}.{row.number}"}
    old = replace(row, run=run, at=at, until=at + 1, data=zlib.compress(json.dumps(moment).encode()))
    stored_platform.platform.store.append_moment(old)
    for later in range(1, 31):  # its row is not in view at the top of the list
        then = at + 100 * later
        stored_platform.platform.store.append_moment(replace(old, run=f"{later:012x}", at=then, until=then))
    held = replace(
        old, number=INCIDENT, last=INCIDENT, at=time.time(), until=time.time(), line="till held the event loop"
    )
    stored_platform.platform.store.append_moment(replace(held, run="fedcba987654", data=None))
    before = replace(held, run="fedcba987653", at=row.at - 300, until=row.at - 300, line="cart held the event loop")
    stored_platform.platform.store.append_moment(replace(before, data=None))
    stored_platform.do(stored_platform.platform.store.sync)
    page = timeline(open_page, stored_platform)
    happened = page.get_by_role("list", name="What happened")
    expect(happened.get_by_role("listitem").last).to_contain_text("counter_1 was killed by your request over HTTP")
    expect(happened).to_contain_text("Before the events in memory, only restarts and problems are kept.")
    border = happened.get_by_role("listitem").filter(has_text="Before the events in memory")
    expect(border).to_have_count(1)
    expect(border).to_contain_text("cart held the event loop")  # the newest one from before them, which is no restart
    newest = happened.get_by_role("listitem").first
    expect(newest).to_contain_text("till held the event loop")
    expect(newest).not_to_contain_text("Before the events")  # it is no restart, and what is below it is in memory
    happened.get_by_role("link", name="Why").last.click()
    expect(page.locator("#why")).to_have_attribute("data-ready", "moment")
    expect(page).to_have_url(re.compile(rf"/why/{run}\.{row.number}"))
    expect(page.get_by_role("link", name="Open counter_1")).to_be_visible()
    number = stored_platform.do(lambda: plain_pid(stored_platform.platform.node.whereis("counter_1")))
    links = page.locator('a[href*="process="]').evaluate_all("links => links.map((link) => link.search)")
    assert {parse_qs(link[1:])["process"][0] for link in links} == {number}  # that of now, not of its earlier program
    page.get_by_role("link", name="Show in the timeline").first.click()
    expect(in_tree(page, "counter_1")).to_contain_text("restarting: killed")
    expect(page.get_by_text("What ran at this moment is not known.")).to_be_hidden()
    chips = page.get_by_role("group", name="Filters")
    expect(chips.get_by_role("button", name="Restarts")).to_have_text(re.compile(r"3\d"))
    current = happened.locator("li", has=page.locator("[aria-current]"))
    expect(current).to_contain_text("and restarted")
    expect(current.locator("button")).to_have_attribute("data-at", re.compile(rf"^{int(at)}\."))
    expect(current).to_be_in_viewport(ratio=0.9)
    page.goto(f"{stored_platform.url}/timeline?at={at - 4e-6:.6f}")  # as a restart that was not stored yet gave it
    expect(happened.locator("li", has=page.locator("[aria-current]"))).to_contain_text("and restarted")


def test_the_filter_hides_starts_and_ends_until_they_are_wanted_and_is_in_the_address(
    open_page: Open, real_platform: Any
) -> None:
    kill(real_platform, "counter_1")
    page = timeline(open_page, real_platform)
    happened = page.get_by_role("list", name="What happened")
    filters = page.get_by_role("group", name="Filters")
    expect(happened.get_by_role("listitem")).to_have_count(2)
    expect(filters.get_by_role("button", pressed=True)).to_have_text(["Failures 1", "Restarts 1", "Changes 0"])
    lanes = height(page)
    filters.get_by_role("button", name=re.compile(r"^Starts and ends \d\d")).click()
    expect(page).to_have_url(f"{real_platform.url}/timeline{EVERY_KIND}")
    expect(happened).to_contain_text("demo_one_for_one started counter_2")
    assert height(page) > lanes
    filters.get_by_role("button", name="Failures").click()
    expect(happened).not_to_contain_text(re.compile(r"<[\d.]+> was killed\n"))
    again = timeline(open_page, real_platform, page.url.partition("/timeline")[2])
    expect(again.get_by_role("group", name="Filters").get_by_role("button", pressed=False)).to_have_text("Failures 1")


def height(page: Page) -> float:
    box = moment(page).bounding_box()
    assert box is not None
    return box["height"]


def test_a_list_without_events_of_its_kinds_shows_the_hidden_ones_on_request(
    open_page: Open, real_platform: Any
) -> None:
    page = timeline(open_page, real_platform)
    page.get_by_role("button", name=re.compile(r"^Show \d+ hidden events$")).click()
    expect(page.get_by_role("list", name="What happened")).to_contain_text("demo_one_for_one started counter_2")


def test_buttons_and_keys_go_from_crash_to_crash(open_page: Open, real_platform: Any) -> None:
    for name in ("counter_1", "counter_2"):
        kill(real_platform, name)
    page = timeline(open_page, real_platform, EVERY_KIND)
    earlier, later = (page.get_by_role("button", name=f"{which} failure") for which in ("Previous", "Next"))
    expect(later).to_be_disabled()
    earlier.click()
    expect(moment(page)).to_have_attribute("aria-valuetext", re.compile(r"counter_2 <[\d.]+> was killed$"))
    page.keyboard.press("p")
    expect(moment(page)).to_have_attribute("aria-valuetext", re.compile(r"counter_1 <[\d.]+> was killed$"))
    expect(earlier).to_be_disabled()
    later.click()
    expect(moment(page)).to_have_attribute("aria-valuetext", re.compile(r"counter_2 <[\d.]+> was killed$"))
    page.keyboard.press("p")
    page.keyboard.press("n")
    expect(moment(page)).to_have_attribute("aria-valuetext", re.compile(r"counter_2 <[\d.]+> was killed$"))


def test_the_longest_range_is_what_is_recorded(open_page: Open, real_platform: Any) -> None:
    page = timeline(open_page, real_platform)
    longer = page.get_by_role("button", name="Longer range")
    page.get_by_role("button", name="Shorter range").click()
    expect(longer).to_be_enabled()
    moment(page).focus()
    for _ in range(9):
        page.keyboard.press("-")
    expect(longer).to_be_disabled()
    begin, first, now = moment(page).evaluate(
        "one => [one.begin, ...['min', 'max'].map((end) => Number(one.getAttribute(`aria-value${end}`)))]"
    )
    assert now - begin <= max(12, (now - first) * 1.05)


def test_the_row_of_the_moment_is_in_view(open_page: Open, real_platform: Any) -> None:
    page = timeline(open_page, real_platform, f"{EVERY_KIND}&platform=open")
    current = page.get_by_role("list", name="What happened").locator("[aria-current=step]")
    moment(page).focus()
    page.keyboard.press("Home")
    expect(current).to_contain_text("superlearner started guardian")
    expect(current).to_be_in_viewport(ratio=1)
    other = timeline(open_page, real_platform, page.url.partition("/timeline")[2])
    there = other.get_by_role("list", name="What happened").locator("[aria-current=step]")
    expect(there).to_contain_text("superlearner started guardian")
    expect(there).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize(
    ("at", "words"),
    [("hello", "“hello”, cannot be read"), ("-5", "“-5”, cannot be read"), ("99999999999", "is still to come")],
)
def test_a_moment_in_the_address_that_cannot_be_shown_says_so(
    open_page: Open, real_platform: Any, at: str, words: str
) -> None:
    page = timeline(open_page, real_platform, f"?at={at}")
    said = page.get_by_role("status").filter(has_text="The moment in the address")
    expect(said).to_contain_text(words)
    expect(said).to_contain_text("Now is shown instead.")
    moment(page).press("PageUp")
    expect(said).to_be_hidden()


def test_an_earlier_tree_tells_how_long_each_process_had_run_then(open_page: Open, real_platform: Any) -> None:
    kill(real_platform, "counter_1")
    page = timeline(open_page, real_platform, "?platform=open")
    restarted = page.get_by_role("button", name=re.compile("demo_one_for_one .* restarted counter_1"))
    restarted.click()
    expect(in_tree(page, "counter_1").get_by_title("Time since its start, at this moment")).to_have_text("0.1\u00a0s")
    kill(real_platform, "counter_1")
    expect(restarted.first).to_contain_text("1 of 3 restarts left")
    expect(in_tree(page, "counter_1")).to_contain_text("1 restart")
    expect(in_tree(page, "superlearner").get_by_title("Its start is no longer in memory.")).to_have_text("–")


def test_a_phone_has_the_list_first_and_copies_the_moment(open_page: Open, real_platform: Any) -> None:
    kill(real_platform, "counter_1")
    page = timeline(open_page, real_platform, width=390)
    for height in (560, 844):  # on the small one, the page is longer than the screen
        page.set_viewport_size({"width": 390, "height": height})
        expect(page.get_by_role("button", name="Copy link to this moment")).to_be_in_viewport(ratio=1)
        expect(page.get_by_role("button", name="Previous event")).to_be_in_viewport(ratio=1)
        expect(page.get_by_role("list", name="What happened").get_by_role("listitem").first).to_be_in_viewport()
    show = page.get_by_role("group", name="Show")
    page.get_by_role("button", name="Recordings").click()
    tabs, kept = show.bounding_box(), page.locator("#kept").bounding_box()
    assert tabs is not None and kept is not None and tabs["y"] + tabs["height"] <= kept["y"]
    page.keyboard.press("Escape")
    show.get_by_role("button", name="Tree").click()
    expect(in_tree(page, "counter_1")).to_be_in_viewport()
    expect(page).to_have_url(f"{real_platform.url}/timeline?pane=tree")
    show.get_by_role("button", name="Events").click()
    expect(in_tree(page, "counter_1")).to_be_hidden()
    for width in (800, 700):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate(SIDEWAYS) == 0


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_a_moment_is_accessible_and_fits(open_page: Open, real_platform: Any, theme: str, width: int) -> None:
    kill(real_platform, "counter_1")
    page = timeline(open_page, real_platform, theme=theme, width=width)
    page.get_by_role("button", name="Previous event").click()
    page.get_by_role("button", name="Recordings").click()
    expect(page.get_by_role("button", name="Record now")).to_be_visible()
    assert page.evaluate(SIDEWAYS) == 0
    assert broken_rules(page) == []
